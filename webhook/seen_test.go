package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go/webhook"
)

func TestMemorySeenForgets(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		seen       *webhook.MemorySeen
		count      int           // events handled, one a minute
		wait       time.Duration // after the last
		remembered int           // of the newest
	}{
		"by count":         {&webhook.MemorySeen{MaxCount: 10}, 25, 0, 10},
		"by age":           {&webhook.MemorySeen{MaxAge: 10 * time.Minute}, 25, 0, 10},
		"by both":          {&webhook.MemorySeen{MaxCount: 5, MaxAge: 10 * time.Minute}, 25, 7 * time.Minute, 3},
		"one":              {&webhook.MemorySeen{MaxCount: 1}, 25, 0, 1},
		"by default":       {new(webhook.MemorySeen), 25, 0, 25},
		"by default count": {new(webhook.MemorySeen), webhook.DefaultSeenCount + 5, -1, webhook.DefaultSeenCount},
		"by default age":   {new(webhook.MemorySeen), 25, 24*time.Hour - 10*time.Minute, 10},
		"negative":         {&webhook.MemorySeen{MaxCount: -1, MaxAge: -1}, 25, 0, 25},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				for i := range test.count {
					if i > 0 && test.wait >= 0 {
						time.Sleep(time.Minute)
					}
					claim(t, test.seen, fmt.Sprint(i), true)
					if err := test.seen.Done(t.Context(), fmt.Sprint(i)); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(max(test.wait, 0))
				oldest := test.count - test.remembered
				if oldest > 0 {
					claim(t, test.seen, fmt.Sprint(oldest-1), true)
				}
				claim(t, test.seen, fmt.Sprint(oldest), false)
				claim(t, test.seen, fmt.Sprint(test.count-1), false)
			})
		})
	}
}

func claim(t *testing.T, seen webhook.Seen, fingerprint string, want bool) {
	t.Helper()
	if got, err := seen.Claim(t.Context(), fingerprint); got != want || err != nil {
		t.Errorf("claim of %s: got %v, %v, want %v", fingerprint, got, err, want)
	}
}

// A claim is waited for until it ends or the context does.
func TestMemorySeenWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		seen := new(webhook.MemorySeen)
		claim(t, seen, "a", true)
		claim(t, seen, "b", true)

		gone := errors.New("the service hung up")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, gone)
		defer cancel()
		if got, err := seen.Claim(ctx, "a"); got || !errors.Is(err, gone) {
			t.Errorf("got %v, %v, want %v", got, err, gone)
		}

		for fingerprint, end := range map[string]func(context.Context, string) error{"a": seen.Forget, "b": seen.Done} {
			time.AfterFunc(time.Second, func() {
				if err := end(context.Background(), fingerprint); err != nil {
					t.Error(err)
				}
			})
		}
		start := time.Now()
		claim(t, seen, "a", true)
		claim(t, seen, "b", false)
		if took := time.Since(start); took != time.Second {
			t.Errorf("waited %v, want 1s", took)
		}

		// What was not claimed, or ended twice, does no harm.
		for _, err := range []error{seen.Forget(t.Context(), "c"), seen.Done(t.Context(), "b"), seen.Forget(t.Context(), "b")} {
			if err != nil {
				t.Error(err)
			}
		}
		claim(t, seen, "b", false)
		claim(t, seen, "c", true)
	})
}

// What MemorySeen says of its size.
func TestMemorySeenSize(t *testing.T) {
	seen := &webhook.MemorySeen{MaxCount: 50_000}
	before := heap()
	for i := range 200_000 { // four times over
		fingerprint := (&webhook.Event{Timestamp: time.Unix(int64(i), 0)}).Fingerprint()
		claim(t, seen, fingerprint, true)
		seen.Done(t.Context(), fingerprint)
	}
	if got := (heap() - before) / 50_000; got > 300 {
		t.Errorf("%d bytes an event, want 300 at most", got)
	}
	runtime.KeepAlive(seen)
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
