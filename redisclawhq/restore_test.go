package redisclawhq_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/redisclawhq"
)

// If Redis comes back with old data, the machines add the calls that it lacks.
func TestOldDataIsCompleted(t *testing.T) {
	t.Parallel()
	inFleet(t, 2, func(t *testing.T, fl *fleet) {
		a, b := fl.limiter(redisclawhq.WithRateLimit(2)), fl.limiter(redisclawhq.WithRateLimit(2))
		take(t, a, 2)
		fl.stop()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		fl.group.Go(func() { a.Wait(ctx) }) // finds Redis away
		time.Sleep(ms)
		for _, key := range fl.redis.Keys() {
			if calls, err := fl.redis.ZMembers(key); err == nil {
				fl.redis.ZRem(key, calls[1])
			}
		}
		fl.down.Store(false)
		time.Sleep(3 * time.Second) // until a has probed
		if got, want := wait(t, b), 57*time.Second; got < want || got > want+time.Second {
			t.Errorf("waited %v for the first call to leave the window, want %v", got, want)
		}
	})
}

// If a machine holds a slot when Redis goes away, its callers wait until that slot
// is due, since the slots before it belong to other machines.
func TestNoRoomBeforeTheSlot(t *testing.T) {
	t.Parallel()
	inFleet(t, 2, func(t *testing.T, fl *fleet) {
		full, other := fl.limiter(redisclawhq.WithRateLimit(2)), fl.limiter(redisclawhq.WithRateLimit(2))
		take(t, full, 2)
		start := time.Now()
		fallsBack := func(name string, l *redisclawhq.Limiter, want time.Duration) {
			fl.group.Go(func() {
				err := l.Wait(t.Context())
				if got := time.Since(start); !errors.Is(err, redisclawhq.ErrUnavailable) || got < want || got > want+time.Second {
					t.Errorf("%s: %v after %v, want ErrUnavailable after %v", name, err, got, want)
				}
			})
			synctest.Wait()
		}
		fallsBack("with the slot", full, time.Minute+redisclawhq.DefaultMargin)
		fallsBack("behind it", full, time.Minute+redisclawhq.DefaultMargin)
		time.Sleep(10 * time.Second)
		fl.stop()
		time.Sleep(10 * time.Second)
		fallsBack("new", full, time.Minute+redisclawhq.DefaultMargin)
		fallsBack("without a slot", other, 20*time.Second)
		fl.group.Wait()
		fl.down.Store(false) // otherwise the Redis client goes on dialling
		time.Sleep(2 * time.Second)
	})
}

// The turn of a machine that waited for a slot an hour ago says nothing of the
// window now.
func TestOldTurn(t *testing.T) {
	t.Parallel()
	inFleet(t, 2, func(t *testing.T, fl *fleet) {
		l := fl.limiter(redisclawhq.WithRateLimit(2))
		take(t, l, 2)
		wait(t, l)
		time.Sleep(20 * time.Minute)
		fl.slow.Store(int64(time.Second))
		start := time.Now()
		err := l.Wait(t.Context())
		if got := time.Since(start); !errors.Is(err, redisclawhq.ErrUnavailable) || got != redisclawhq.DefaultTimeout {
			t.Errorf("got %v after %v, want ErrUnavailable after %v", err, got, redisclawhq.DefaultTimeout)
		}
		fl.slow.Store(0)
		time.Sleep(2 * time.Second)
	})
}

// A Redis that is always slower than the timeout is left alone once no caller
// comes.
func TestSlowRedisRests(t *testing.T) {
	t.Parallel()
	inFleet(t, 60, func(t *testing.T, fl *fleet) {
		l := fl.limiter(redisclawhq.WithRateLimit(60))
		take(t, l, 1)
		fl.slow.Store(int64(150 * ms))
		isAway(t, l)
		time.Sleep(5 * time.Minute)
		before := fl.trips.Load()
		time.Sleep(time.Minute)
		if n := fl.trips.Load() - before; n > 0 {
			t.Errorf("%d trips in a minute, five minutes after the last caller, want none", n)
		}
		fl.slow.Store(0)
		time.Sleep(time.Second)
	})
}

// A machine that gets a 429 before it has ever reached Redis reports it as soon as
// it does, also in a window in which it does not probe.
func TestEarly429(t *testing.T) {
	t.Parallel()
	for _, window := range []string{"key", "GET /v1/agents"} {
		inFleet(t, 60, func(t *testing.T, fl *fleet) {
			late, other := fl.limiter(redisclawhq.WithRateLimit(60)), fl.limiter(redisclawhq.WithRateLimit(60))
			fl.stop()
			isAway(t, late)
			late.ObserveReply(clawhq.LimitReply{Window: window, Sent: time.Now(), StatusCode: 429, RetryAfter: 20 * time.Second})
			fl.down.Store(false)
			time.Sleep(time.Second)
			start := time.Now()
			if err := other.WaitWindow(t.Context(), clawhq.LimitRequest{Window: window}); err != nil {
				t.Error(err)
			}
			if got := time.Since(start); got < 18*time.Second || got > 19*time.Second {
				t.Errorf("window %s: another machine waited %v, want what was left of the 429's 20s", window, got)
			}
		})
	}
}

// A 429 that is reported to Redis late does not end the slow start that follows
// the absence of Redis.
func TestLate429(t *testing.T) {
	t.Parallel()
	inFleet(t, 60, func(t *testing.T, fl *fleet) {
		l := fl.limiter(redisclawhq.WithRateLimit(60))
		take(t, l, 1)
		fl.stop()
		isAway(t, l)
		l.ObserveReply(clawhq.LimitReply{Window: "key", Sent: time.Now(), StatusCode: 429, RetryAfter: time.Second})
		time.Sleep(10 * time.Second)
		fl.down.Store(false)
		time.Sleep(4 * time.Second) // until it has probed
		wait(t, l)
		if got := wait(t, l); got != time.Second {
			t.Errorf("the second call waited %v, want 1s: calls are let out one by one", got)
		}
	})
}

// A machine restores the calls of all its windows when Redis is back empty, not only
// of the window in which it probes.
func TestAllWindowsAreRestored(t *testing.T) {
	t.Parallel()
	inFleet(t, 2, func(t *testing.T, fl *fleet) {
		a, b := fl.limiter(redisclawhq.WithRateLimit(2)), fl.limiter(redisclawhq.WithRateLimit(2))
		agents := clawhq.LimitRequest{Window: "GET /v1/agents"}
		start := time.Now()
		for range 2 {
			if err := a.WaitWindow(t.Context(), agents); err != nil {
				t.Fatal(err)
			}
		}
		fl.stop()
		isAway(t, a)
		fl.redis.FlushAll()
		fl.down.Store(false)
		time.Sleep(time.Second) // until a has probed
		if err := b.WaitWindow(t.Context(), agents); err != nil {
			t.Fatal(err)
		}
		if got, want := time.Since(start), time.Minute; got < want {
			t.Errorf("another machine's call was admitted %v after the window was used up, want after %v", got, want)
		}
	})
}

// A trip of one window that succeeds late, after a trip of another one has
// failed, has both windows restored: the Redis that answers may hold old data.
func TestLateSuccessRestoresAllWindows(t *testing.T) {
	t.Parallel()
	inFleet(t, 1, func(t *testing.T, fl *fleet) {
		a, b := fl.limiter(redisclawhq.WithRateLimit(1)), fl.limiter(redisclawhq.WithRateLimit(1))
		agents := clawhq.LimitRequest{Window: "GET /v1/agents"}
		fl.slow.Store(int64(10 * ms))
		fl.group.Go(func() { a.Wait(t.Context()) })
		if err := a.WaitWindow(t.Context(), agents); err != nil { // at the same time: there are two connections
			t.Fatal(err)
		}
		fl.group.Wait()
		a.ObserveReply(clawhq.LimitReply{Window: agents.Window})
		synctest.Wait()
		fl.slow.Store(int64(150 * ms))
		fl.group.Go(func() { a.Wait(t.Context()) })
		time.Sleep(80 * ms)
		fl.slow.Store(int64(60 * ms)) // this trip is answered after the first has been given up
		fl.redis.FlushAll()
		if err := a.WaitWindow(t.Context(), agents); err != nil && !errors.Is(err, redisclawhq.ErrUnavailable) {
			t.Error(err)
		}
		fl.slow.Store(0)
		fl.group.Wait()
		time.Sleep(time.Second)
		if got := wait(t, b); got < 58*time.Second {
			t.Errorf("another machine's call was admitted %v after the window was used up, want a window", got)
		}
	})
}
