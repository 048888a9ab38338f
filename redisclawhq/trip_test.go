package redisclawhq

import (
	"testing"
	"testing/synctest"
	"time"

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
			w := l.window(keyWindow)
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
