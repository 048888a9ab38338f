package redisclawhq

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
)

// TestParseAnswer reads a good answer, and gets an error for anything else.
func TestParseAnswer(t *testing.T) {
	t.Parallel()
	good := []any{"epoch", int64(1), int64(2), int64(60), int64(4), int64(5), int64(1), int64(7), int64(8)}
	got, err := parseAnswer(good)
	want := answer{epoch: "epoch", version: 1, now: 2, limit: 60, earliest: 4, slowUntil: 5, lost: true, slots: []int64{7, 8}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(answer{})); diff != "" || err != nil {
		t.Errorf("got error %v and (-want +got):\n%s", err, diff)
	}
	for name, v := range map[string]any{
		"nothing":       nil,
		"another type":  "OK",
		"too short":     good[:6],
		"no epoch":      append([]any{nil}, good[1:]...),
		"not a number":  append(good[:7:7], "7"),
		"a nil in it":   append(good[:7:7], nil),
		"an empty list": []any{},
	} {
		if got, err := parseAnswer(v); err == nil || !strings.Contains(err.Error(), "unexpected") {
			t.Errorf("%s: got %+v, %v, want an error", name, got, err)
		}
	}
}

// Machines with the same key use the same name in Redis, and the name does not
// reveal the key.
func TestFingerprint(t *testing.T) {
	t.Parallel()
	const key = "clw_0123456789abcdefghijABCDEFGHIJ01"
	a, b := fingerprint(key), fingerprint(key+"2")
	if a != fingerprint(key) || a == b || len(a) != 32 || strings.Contains(a, key[4:12]) {
		t.Errorf("got %q and %q", a, b)
	}
}

// If the process did not run for a while, the Limiter does not take Redis for slow.
func TestStalledProcess(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		late time.Duration // of the timer
		over bool          // the trip is given up at once
	}{{0, true}, {5 * time.Millisecond, true}, {50 * time.Millisecond, false}} {
		synctest.Test(t, func(t *testing.T) {
			rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
			defer rdb.Close()
			l, err := NewLimiter(rdb, "key")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			w := l.window(keyWindow)
			w.trips = 1
			trip := &trip{w: w, begun: time.Now().Add(-DefaultTimeout - tt.late)}
			over := func() bool {
				l.mu.Lock()
				defer l.mu.Unlock()
				return trip.over
			}
			trip.timer = time.AfterFunc(time.Hour, trip.giveUp)
			trip.giveUp()
			if got := over(); got != tt.over {
				t.Errorf("late by %v: given up is %v, want %v", tt.late, got, tt.over)
			}
			time.Sleep(DefaultTimeout)
			synctest.Wait()
			if !over() {
				t.Errorf("late by %v: not given up after its time, twice", tt.late)
			}
		})
	}
}

// Slots in the future are dropped if the plan has changed since the script ran.
func TestStaleAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
		defer rdb.Close()
		l, err := NewLimiter(rdb, "key")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		now := time.Now()
		for version, want := range map[int64]int{1: 0, 2: 1} {
			w := newWindow(l, keyWindow)
			w.epoch, w.version = "epoch", 2
			w.trips = maxTrips + 1 // no other starts
			w.queue.push(&caller{settled: make(chan struct{})}, false)
			trip := &trip{w: w, ids: []string{"a"}, begun: now, timer: time.NewTimer(time.Hour)}
			l.mu.Lock()
			trip.succeeded(answer{epoch: "epoch", version: version, now: 1, slots: []int64{1e6}}, now)
			if got := len(w.slots); got != want {
				t.Errorf("version %d: %d slots are held, want %d", version, got, want)
			}
			if w.timer != nil {
				w.timer.Stop()
			}
			l.mu.Unlock()
		}
	})
}
