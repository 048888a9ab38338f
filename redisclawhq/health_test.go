package redisclawhq_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go/redisclawhq"
)

// Connecting and loading the script do not count as a slow answer, up to a second.
func TestColdStart(t *testing.T) {
	t.Parallel()
	inFleet(t, 60, func(t *testing.T, fl *fleet) {
		fl.far.Store(int64(3 * time.Second))
		for most, l := range map[time.Duration]*redisclawhq.Limiter{1100 * ms: fl.limiter(redisclawhq.WithRateLimit(60)), 1850 * ms: fl.limiter()} {
			start := time.Now()
			err := l.Wait(t.Context())
			if took := time.Since(start); !errors.Is(err, redisclawhq.ErrUnavailable) || took < 1100*ms || took > most {
				t.Errorf("a connection that takes too long: got %v after %v, want ErrUnavailable after 1.1 s, and %v at most", err, took, most)
			}
		}
		time.Sleep(10 * time.Second)
	})
	inFleet(t, 60, func(t *testing.T, fl *fleet) {
		fl.far.Store(int64(400 * ms))
		fl.slow.Store(int64(80 * ms)) // twice, as long as Redis does not know the script
		for range 20 {
			l := fl.limiter()
			fl.group.Go(func() {
				if err := l.Wait(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		fl.group.Wait()
	})
}

// Without Redis, a machine that knows no limit sends one call, and the next after its
// reply or after ten seconds.
func TestColdFallback(t *testing.T) {
	t.Parallel()
	inFleet(t, 60, func(t *testing.T, fl *fleet) {
		fl.stop()
		fl.agent.Store(int64(14 * time.Second))
		for range 20 {
			client := fl.machine()
			for range 20 {
				fl.group.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
					defer cancel()
					if _, err := client.Chat(ctx, hi); err != nil && !errors.Is(err, context.DeadlineExceeded) {
						t.Error(err)
					}
				})
			}
		}
		time.Sleep(5 * time.Second)
		if n := len(fl.Requests()); n < 15 || n > 20 {
			t.Errorf("%d requests before the first reply, want one of each machine", n)
		}
		time.Sleep(7 * time.Second)
		if n := len(fl.Requests()); n < 30 || n > 40 {
			t.Errorf("%d requests after 12 s without a reply, want two of each machine", n)
		}
		fl.group.Wait()
		fl.down.Store(false)
		time.Sleep(5 * time.Second)
	})
}

// An answer that comes too late returns its slots by itself.
func TestLateAnswerTakesNothing(t *testing.T) {
	t.Parallel()
	inFleet(t, 60, func(t *testing.T, fl *fleet) {
		l := fl.limiter(redisclawhq.WithRateLimit(60))
		take(t, l, 1)
		fl.slow.Store(int64(300 * ms))
		for range 5 {
			fl.group.Go(func() { isAway(t, l) })
		}
		fl.group.Wait()
		fl.slow.Store(0)
		time.Sleep(2 * time.Second)
		if n := fl.logged(); n != 1 {
			t.Errorf("the log has %d calls, want the one that was sent", n)
		}
	})
}

// A caller that comes while a round trip probes for Redis keeps nobody from falling back.
func TestCallerDuringAProbe(t *testing.T) {
	t.Parallel()
	inFleet(t, 2, func(t *testing.T, fl *fleet) {
		l := fl.limiter(redisclawhq.WithRateLimit(2))
		take(t, l, 2)
		start := time.Now()
		time.Sleep(30 * time.Second)
		fl.slow.Store(int64(time.Hour))
		for range 40 { // one of them comes during a probe
			fl.group.Go(func() {
				if err := l.Wait(t.Context()); !errors.Is(err, redisclawhq.ErrUnavailable) || time.Since(start) > 61*time.Second {
					t.Errorf("got %v after %v, want ErrUnavailable when the turn would have come", err, time.Since(start))
				}
			})
			time.Sleep(300 * ms)
		}
		time.Sleep(time.Minute)
		if n := l.Stats().Waiting; n > 0 {
			t.Errorf("%d callers still wait", n)
			l.Close()
		}
		fl.slow.Store(0)
		fl.group.Wait()
		time.Sleep(2 * time.Hour) // until Redis has answered all
	})
}

// A clock of Redis that jumps ahead, as after a failover, costs no fallback.
func TestClockJumpsAhead(t *testing.T) {
	t.Parallel()
	inFleet(t, 60, func(t *testing.T, fl *fleet) {
		l := fl.limiter(redisclawhq.WithRateLimit(60))
		take(t, l, 1)
		fl.redis.SetTime(time.Now().Add(30 * time.Second))
		take(t, l, 2)
		if s := l.Stats(); s.Fallbacks > 0 || !s.Available {
			t.Errorf("got %+v, want no fallback", s)
		}
		if n := fl.logged(); n != 3 {
			t.Errorf("the log has %d calls, want 3", n)
		}
	})
}

// Machines look for a Redis that hangs less and less often, and not all at once.
func TestProbes(t *testing.T) {
	t.Parallel()
	inFleet(t, 60, func(t *testing.T, fl *fleet) {
		var ls []*redisclawhq.Limiter
		for range 20 {
			l := fl.limiter(redisclawhq.WithRateLimit(60))
			take(t, l, 1)
			ls = append(ls, l)
		}
		fl.slow.Store(int64(2 * time.Second))
		for _, l := range ls {
			fl.group.Go(func() { isAway(t, l) })
		}
		fl.group.Wait()
		time.Sleep(10 * time.Second)
		most, all, before := int64(0), fl.trips.Load(), fl.trips.Load()
		for range 400 {
			time.Sleep(100 * ms)
			now := fl.trips.Load()
			most, before = max(most, now-before), now
		}
		all = before - all
		t.Logf("20 machines: %d probes in 40s, at most %d in a tenth of a second", all, most)
		if all < 20*10 || all > 20*40 || most > 8 {
			t.Errorf("%d probes in 40s, at most %d in a tenth of a second, want one or two in two seconds of each machine", all, most)
		}
		fl.slow.Store(0)
		time.Sleep(6 * time.Second)
		for _, l := range ls {
			if !l.Stats().Available {
				t.Error("not available 6s after Redis has answered again")
			}
		}
	})
}
