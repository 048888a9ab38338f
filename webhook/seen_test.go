package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
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

// An event that is delivered, and delivered again, is handled once; one whose
// handling failed is handled again.
func TestHandlerRepeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		opts, _ := quiet(new(webhook.MemorySeen))
		var failing bool
		var calls int
		h := webhook.Handler(opts, func(context.Context, *webhook.Event) error {
			if calls++; failing {
				return errors.New("not now")
			}
			return nil
		})
		happened := time.Now()
		for i, step := range []struct {
			happened time.Time
			failing  bool
			status   int
			answer   string
			calls    int
		}{
			{happened, true, 500, "the receiver failed to handle the event", 1},
			{happened, true, 500, "the receiver failed to handle the event", 2},
			{happened, false, 200, "ok", 3},
			{happened, false, 200, "handled before", 3},
			{happened.Add(time.Millisecond), false, 200, "ok", 4},
			{happened, true, 200, "handled before", 4},
		} {
			time.Sleep(time.Minute)
			failing = step.failing
			status, answer := send(h, signed(step.happened))
			if status != step.status || answer != step.answer || calls != step.calls {
				t.Errorf("step %d: got %d %q after %d calls, want %+v", i, status, answer, calls, step)
			}
		}
	})
}

// Repeats that come while the event is being handled wait for how that ends.
func TestHandlerConcurrentRepeats(t *testing.T) {
	t.Parallel()
	for name, failures := range map[string]int32{"succeeds": 0, "fails twice": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				opts, _ := quiet(new(webhook.MemorySeen))
				opts.Logger = slog.New(slog.DiscardHandler)
				var calls, running atomic.Int32
				h := webhook.Handler(opts, func(context.Context, *webhook.Event) error {
					if running.Add(1) > 1 {
						t.Error("the event is handled twice at a time")
					}
					defer running.Add(-1)
					time.Sleep(time.Second)
					if calls.Add(1) <= failures {
						return errors.New("not now")
					}
					return nil
				})
				var statuses [600]atomic.Int32
				var all sync.WaitGroup
				happened := time.Now()
				for range 20 {
					all.Go(func() {
						status, _ := send(h, signed(happened))
						statuses[status].Add(1)
					})
				}
				all.Wait()
				if got := calls.Load(); got != failures+1 {
					t.Errorf("%d calls, want %d", got, failures+1)
				}
				if ok, failed := statuses[200].Load(), statuses[500].Load(); failed != failures || ok != 20-failures {
					t.Errorf("%d answers of 200 and %d of 500, want %d and %d", ok, failed, 20-failures, failures)
				}
			})
		})
	}
}

// A repeat does not wait for longer than the service does, and an event that
// was handled too late is not handled again.
func TestHandlerSlowThenRepeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		opts, _ := quiet(new(webhook.MemorySeen))
		opts.Logger = slog.New(slog.DiscardHandler)
		calls := 0
		h := webhook.Handler(opts, func(context.Context, *webhook.Event) error {
			calls++
			time.Sleep(time.Minute)
			return nil
		})
		happened := time.Now()
		var first sync.WaitGroup
		first.Go(func() {
			if status, _ := send(h, signed(happened)); status != 500 {
				t.Errorf("the first delivery: got %d, want 500", status)
			}
		})
		time.Sleep(30 * time.Second)
		if status, _ := send(h, signed(happened)); status != 500 || time.Since(happened) != 39*time.Second {
			t.Errorf("the repeat: got %d after %v, want 500 after 39s", status, time.Since(happened))
		}
		first.Wait()
		if status, answer := send(h, signed(happened)); status != 200 || answer != "handled before" || calls != 1 {
			t.Errorf("the next repeat: got %d %q after %d calls", status, answer, calls)
		}
	})
}

// What a store cannot do is answered so that the event comes again, unless it
// was handled.
func TestHandlerSeenFails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		seen   brokenSeen
		status int
		calls  int
	}{
		"Claim":  {brokenSeen{claim: errors.New("broken pipe")}, 500, 0},
		"Done":   {brokenSeen{done: errors.New("broken pipe")}, 200, 1},
		"Forget": {brokenSeen{handle: errors.New("not now"), forget: errors.New("broken pipe")}, 500, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts, logged := quiet(&test.seen)
			calls := 0
			status, _ := send(webhook.Handler(opts, func(context.Context, *webhook.Event) error { calls++; return test.seen.handle }), signed(time.Now()))
			if status != test.status || calls != test.calls {
				t.Errorf("got %d after %d calls, want %d after %d", status, calls, test.status, test.calls)
			}
			if !strings.Contains(logged.String(), "broken pipe") {
				t.Errorf("logged %q", logged)
			}
		})
	}
}

type brokenSeen struct{ claim, done, forget, handle error }

func (s *brokenSeen) Claim(context.Context, string) (bool, error) { return s.claim == nil, s.claim }
func (s *brokenSeen) Done(ctx context.Context, _ string) error    { return settled(ctx, s.done) }
func (s *brokenSeen) Forget(ctx context.Context, _ string) error  { return settled(ctx, s.forget) }

// settled returns err, unless there is no time to settle anything, or more than
// Seen says.
func settled(ctx context.Context, err error) error {
	if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > 5*time.Second {
		return errors.New("without a deadline 5 seconds away")
	}
	return errors.Join(ctx.Err(), err)
}
