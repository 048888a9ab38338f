package redisclawhq

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/redis/go-redis/v9"
)

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
			w := l.share(keyWindow)
			trip := &roundTrip{share: w, begun: time.Now().Add(-DefaultTimeout - tt.late)}
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

// A process that was frozen for more than the lease does not use what it was
// granted before; it returns the slot and asks again.
func TestFrozenProcess(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		frozen time.Duration
		used   bool
	}{{time.Second, true}, {70 * time.Second, false}} {
		synctest.Test(t, func(t *testing.T) {
			rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
			defer rdb.Close()
			l, err := NewLimiter(rdb, "key")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			now := time.Now()
			l.mu.Lock()
			w := l.share(keyWindow)
			c := newCaller(clawhq.LimitRequest{})
			w.join(c)
			trip := &roundTrip{share: w, request: request{Want: 1}, begun: now.Add(-tt.frozen), timer: time.NewTimer(time.Hour)}
			w.roundTrip = trip
			trip.succeeded(answer{epoch: "epoch", version: 1, limit: 60, granted: 1}, now)
			if c.isSettled() != tt.used || tt.used == (w.roundTrip != nil) {
				t.Errorf("frozen for %v: the slot was used is %v, want %v; another trip is %v", tt.frozen, c.isSettled(), tt.used, w.roundTrip != nil)
			}
			l.mu.Unlock()
			time.Sleep(10 * time.Second) // until that trip has found no Redis
		})
	}
}
