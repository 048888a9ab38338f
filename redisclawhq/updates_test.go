package redisclawhq_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/redisclawhq"
)

var agentsWindow = clawhq.LimitRequest{Window: "GET /v1/agents"}

// The next round trip reports what a failed one was to report.
func TestFailedTrip(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		reply    clawhq.LimitReply
		from, to time.Duration // that another machine waits afterwards
	}{
		"a slot that was not used": {clawhq.LimitReply{Window: "key"}, 0, 4 * time.Second},
		"a 429":                    {clawhq.LimitReply{Window: "key", Sent: time.Unix(1, 0), StatusCode: 429, RetryAfter: 20 * time.Second}, 15 * time.Second, 17 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inFleet(t, 1, func(t *testing.T, fl *fleet) {
				a, b := fl.limiter(redisclawhq.WithRateLimit(1)), fl.limiter(redisclawhq.WithRateLimit(1))
				take(t, a, 1)
				fl.redis.SetError("LOADING Redis is loading the dataset in memory")
				if !tt.reply.Sent.IsZero() {
					tt.reply.Sent = time.Now()
				}
				a.ObserveReply(tt.reply)
				time.Sleep(time.Second) // the Redis client tries more than once
				fl.redis.SetError("")
				time.Sleep(3 * time.Second)
				if got := wait(t, b); got < tt.from || got > tt.to {
					t.Errorf("another machine waited %v, want %v to %v", got, tt.from, tt.to)
				}
			})
		})
	}
}

// A 429 in a window whose round trip fails while another window probes is reported as soon
// as Redis is back.
func TestFailedTripOfAnotherWindow(t *testing.T) {
	t.Parallel()
	inFleet(t, 60, func(t *testing.T, fl *fleet) {
		a, b := fl.limiter(redisclawhq.WithRateLimit(60)), fl.limiter(redisclawhq.WithRateLimit(60))
		take(t, a, 1)
		if err := a.WaitWindow(t.Context(), agentsWindow); err != nil {
			t.Fatal(err)
		}
		a.ObserveReply(clawhq.LimitReply{Window: agentsWindow.Window}) // it was not sent
		synctest.Wait()
		fl.slow.Store(int64(10 * time.Second))
		fl.group.Go(func() { isAway(t, a) })
		time.Sleep(50 * ms)
		a.ObserveReply(clawhq.LimitReply{Window: agentsWindow.Window, Sent: time.Now(), StatusCode: 429, RetryAfter: 20 * time.Second})
		fl.group.Wait()
		time.Sleep(100 * ms) // until that round trip has failed, too
		fl.slow.Store(0)
		time.Sleep(time.Second)
		start := time.Now()
		if err := b.WaitWindow(t.Context(), agentsWindow); err != nil {
			t.Error(err)
		}
		if got := time.Since(start); got < 17*time.Second || got > 19*time.Second {
			t.Errorf("another machine waited %v, want what was left of the 429's 20s", got)
		}
	})
}

// After a long absence every window starts slowly, not only the one that probes.
func TestAllWindowsStartSlowly(t *testing.T) {
	t.Parallel()
	inFleet(t, 60, func(t *testing.T, fl *fleet) {
		l := fl.limiter(redisclawhq.WithRateLimit(60))
		call := func() {
			t.Helper()
			if err := l.WaitWindow(t.Context(), agentsWindow); err != nil {
				t.Error(err)
			}
		}
		call()
		fl.stop()
		isAway(t, l)
		time.Sleep(10 * time.Second)
		fl.down.Store(false)
		time.Sleep(4 * time.Second) // until it has probed
		call()
		start := time.Now()
		call()
		if got := time.Since(start); got != time.Second {
			t.Errorf("the second call waited %v, want 1s: calls are let out one by one", got)
		}
	})
}

// A call that the client has admitted by itself takes the room of slots that were
// handed out without it.
func TestUnloggedCallChangesThePlan(t *testing.T) {
	t.Parallel()
	inFleet(t, 1, func(t *testing.T, fl *fleet) {
		a, b := fl.limiter(redisclawhq.WithRateLimit(1)), fl.limiter(redisclawhq.WithRateLimit(1))
		take(t, b, 1)
		fl.group.Go(func() {
			if got := wait(t, a); got < 90*time.Second {
				t.Errorf("waited %v, want 90s at least: until the other machine's second call has left the window", got)
			}
		})
		synctest.Wait()
		answer(b, 1, 0)
		time.Sleep(30 * time.Second)
		answer(b, 1, 0) // to a call that no slot was asked for
		fl.group.Go(func() { wait(t, b) })
		fl.group.Wait()
	})
}

// Foreign calls are a guess: those that turn out to be another machine's are not
// counted twice.
func TestForeignCallsAreForgotten(t *testing.T) {
	t.Parallel()
	inFleet(t, 10, func(t *testing.T, fl *fleet) {
		a, b := fl.limiter(redisclawhq.WithRateLimit(10)), fl.limiter(redisclawhq.WithRateLimit(10))
		take(t, a, 5)
		take(t, b, 1)
		fl.redis.FlushAll()
		answer(b, 10, 4) // 6 were counted, and the log has 1
		synctest.Wait()
		time.Sleep(10 * time.Second)
		if got := wait(t, b); got > 10*time.Second { // the guess leaves room for 4
			t.Errorf("the first call waited %v", got)
		}
		if got := wait(t, a); got > 10*time.Second { // a restores its calls
			t.Errorf("the second call waited %v, want none of the guess to be left", got)
		}
		if got := wait(t, a); got > 10*time.Second {
			t.Errorf("the third call waited %v, want none of the guess to be left", got)
		}
	})
}
