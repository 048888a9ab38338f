package redisclawhq_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/redisclawhq"
)

// plan, costs neither a call nor a flood of trips.
func TestRedisGoesBack(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(fl *fleet, l *redisclawhq.Limiter){
		"loses calls": func(fl *fleet, l *redisclawhq.Limiter) {
			restore := fl.snapshot()
			time.Sleep(5 * time.Second)
			restore()
		},
		"loses a plan": func(fl *fleet, l *redisclawhq.Limiter) {
			restore := fl.snapshot()
			time.Sleep(100 * ms)
			l.ObserveReply(clawhq.LimitReply{Window: "key", Sent: time.Now(), StatusCode: 429, RetryAfter: 2 * time.Second})
			time.Sleep(100 * ms)
			restore()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inFleet(t, 60, func(t *testing.T, fl *fleet) {
				fl.slow.Store(int64(ms))
				var ls []*redisclawhq.Limiter
				for i := range 4 {
					l := fl.limiter()
					ls = append(ls, l)
					fl.evenly(fl.client(l), i, 4, 8, 4*time.Minute)
				}
				time.Sleep(90 * time.Second)
				fault(fl, ls[0])
				before := fl.trips.Load()
				time.Sleep(12 * time.Second)
				if n := fl.trips.Load() - before; n > 200 {
					t.Errorf("%d trips in 12 s, want a few a call", n)
					fl.redis.FlushAll()
				}
				fl.group.Wait()
				if served, rejected := fl.seen(2*time.Minute, 4*time.Minute); rejected > 0 || served < 114 {
					t.Errorf("afterwards: %d served, %d rejected in two minutes, want 120 and 0", served, rejected)
				}
			})
		})
	}
}

// The clock of a Redis that is 20 s behind after its promotion costs nothing.
func TestClockBehind(t *testing.T) {
	t.Parallel()
	inFleet(t, 60, func(t *testing.T, fl *fleet) {
		for i := range 4 {
			fl.evenly(fl.machine(), i, 4, 8, 3*time.Minute)
		}
		var behind atomic.Int64
		done := make(chan struct{})
		go func() {
			for {
				select {
				case <-done:
					return
				case <-time.After(5 * ms):
					fl.redis.SetTime(time.Now().Add(-time.Duration(behind.Load())))
				}
			}
		}()
		time.Sleep(90 * time.Second)
		behind.Store(int64(20 * time.Second))
		fl.group.Wait()
		close(done)
		last := fl.start
		for _, r := range fl.Requests() {
			if gap := r.Time.Sub(last); gap > 3*time.Second {
				t.Errorf("%v of silence after %v", gap, last.Sub(fl.start))

			}
			last = r.Time
		}
		if _, rejected := fl.seen(0, 3*time.Minute); rejected > 0 {
			t.Errorf("%d rejected", rejected)
		}
	})
}

// A log that was lost took the line with it. Machines that wait hear of it all the
// same, and add their calls within seconds.
func TestLostLogIsAnnounced(t *testing.T) {
	t.Parallel()
	inFleet(t, 20, func(t *testing.T, fl *fleet) {
		ctx, cancel := context.WithCancel(t.Context())
		var ls []*redisclawhq.Limiter
		for range 5 {
			l := fl.limiter(redisclawhq.WithRateLimit(20))
			take(t, l, 4)
			ls = append(ls, l)
		}
		for _, l := range ls {
			fl.group.Go(func() { l.Wait(ctx) })
		}
		time.Sleep(10 * time.Second)
		fl.redis.FlushAll()
		stranger := fl.limiter(redisclawhq.WithRateLimit(20)) // a machine that knew nothing of the log
		stranger.ObserveReply(clawhq.LimitReply{Window: "key", Sent: time.Now(), StatusCode: 429, RetryAfter: 500 * ms})
		time.Sleep(3500 * ms)
		if n := fl.logged(); n != 20 {
			t.Errorf("3.5s after the log was found lost, it has %d calls, want the 20 that were sent before", n)
		}
		cancel()
	})
}
