package redisclawhq_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/redisclawhq"
)

var keyWindow = clawhq.LimitRequest{Window: "key"}

// take fails the test unless l admits n calls at once.
func take(t *testing.T, l *redisclawhq.Limiter, n int) {
	t.Helper()
	start := time.Now()
	for range n {
		if err := l.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(start); took != 0 {
		t.Fatalf("%d calls were admitted in %v, want at once", n, took)
	}
}

// answer reports to l a reply to a call that was sent just now.
func answer(l *redisclawhq.Limiter, limit, remaining int) {
	l.ObserveReply(clawhq.LimitReply{Window: "key", Sent: time.Now(), StatusCode: 200, RateLimit: clawhq.RateLimit{Limit: limit, Remaining: remaining}})
}

// wait has one call admitted and returns how long that took.
func wait(t *testing.T, l *redisclawhq.Limiter) time.Duration {
	t.Helper()
	start := time.Now()
	if err := l.Wait(t.Context()); err != nil {
		t.Error(err)
	}
	return time.Since(start)
}

// isAway makes a call that finds Redis away.
func isAway(t *testing.T, l *redisclawhq.Limiter) {
	t.Helper()
	if err := l.Wait(t.Context()); !errors.Is(err, redisclawhq.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
}

// The slot of a call is free again a window and a margin after the call.
func TestWaitsForTheWindow(t *testing.T) {
	t.Parallel()
	inFleet(t, 2, func(t *testing.T, fl *fleet) {
		a, b := fl.limiter(redisclawhq.WithRateLimit(2)), fl.limiter(redisclawhq.WithRateLimit(2))
		take(t, a, 1)
		time.Sleep(10 * time.Second)
		take(t, b, 1)
		if got, want := wait(t, a), 50*time.Second+redisclawhq.DefaultMargin; got != want {
			t.Errorf("the third call waited %v, want %v", got, want)
		}
		if got, want := wait(t, b), 10*time.Second; got != want {
			t.Errorf("the fourth call waited %v, want %v", got, want)
		}
	})
}

// The callers of a machine are served in order, retries first.
func TestOrder(t *testing.T) {
	t.Parallel()
	inFleet(t, 1, func(t *testing.T, fl *fleet) {
		l := fl.limiter(redisclawhq.WithRateLimit(1))
		take(t, l, 1)
		var mu sync.Mutex
		var order []string
		for _, c := range []struct {
			name  string
			retry bool
		}{{"first", false}, {"second", false}, {"retry", true}, {"third", false}, {"later retry", true}} {
			fl.group.Go(func() {
				if err := l.WaitWindow(t.Context(), clawhq.LimitRequest{Window: "key", Retry: c.retry}); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				order = append(order, c.name)
			})
			synctest.Wait()
		}
		fl.group.Wait()
		if want := []string{"retry", "later retry", "first", "second", "third"}; !slices.Equal(order, want) {
			t.Errorf("served %q, want %q", order, want)
		}
	})
}

// A machine with one caller does not wait for all callers of another machine.
func TestMachinesTakeTurns(t *testing.T) {
	t.Parallel()
	inFleet(t, 60, func(t *testing.T, fl *fleet) {
		busy, quiet := fl.limiter(redisclawhq.WithRateLimit(60)), fl.limiter(redisclawhq.WithRateLimit(60))
		for range 60 { // one a second
			take(t, busy, 1)
			time.Sleep(time.Second)
		}
		ctx, cancel := context.WithCancel(t.Context())
		for range 300 {
			fl.group.Go(func() { busy.Wait(ctx) })
		}
		time.Sleep(5 * time.Second) // until busy can ask for many slots at once
		if got := wait(t, quiet); got > 5*time.Second {
			t.Errorf("waited %v behind the 300 of another machine, want a few turns at most", got)
		}
		cancel()
	})
}

// The slot of a caller that has left goes to the next caller, on any machine.
func TestSlotsAreGivenBack(t *testing.T) {
	t.Parallel()
	inFleet(t, 2, func(t *testing.T, fl *fleet) {
		a, b := fl.limiter(redisclawhq.WithRateLimit(2)), fl.limiter(redisclawhq.WithRateLimit(2))
		take(t, a, 2)
		why := errors.New("user left")
		ctx, cancel := context.WithCancelCause(t.Context())
		fl.group.Go(func() {
			if err := a.Wait(ctx); !errors.Is(err, why) {
				t.Errorf("got %v, want that the user left", err)
			}
		})
		synctest.Wait()
		time.Sleep(10 * time.Second)
		cancel(why)
		synctest.Wait()
		if got, want := wait(t, b), 50*time.Second+redisclawhq.DefaultMargin; got != want {
			t.Errorf("waited %v, want %v", got, want)
		}
		take(t, b, 1) // the other slot
	})
}

// A call that was never sent leaves its slot free.
func TestUnsentCallsUseNoSlot(t *testing.T) {
	t.Parallel()
	inFleet(t, 1, func(t *testing.T, fl *fleet) {
		a, b := fl.limiter(redisclawhq.WithRateLimit(1)), fl.limiter(redisclawhq.WithRateLimit(1))
		take(t, a, 1)
		a.ObserveReply(clawhq.LimitReply{Window: "key"})
		synctest.Wait()
		take(t, b, 1)
	})
}

// A call counts from when it was sent, not from when it was admitted.
func TestLateCallsMoveTheirSlot(t *testing.T) {
	t.Parallel()
	inFleet(t, 1, func(t *testing.T, fl *fleet) {
		l := fl.limiter(redisclawhq.WithRateLimit(1))
		take(t, l, 1)
		time.Sleep(20 * time.Second) // the call waits for a connection
		answer(l, 1, 0)
		if got, want := wait(t, l), time.Minute+redisclawhq.DefaultMargin; got != want {
			t.Errorf("waited %v, want %v", got, want)
		}
	})
}

// A call is refused ahead of its deadline only if calls that were already sent
// prove that there is no room before.
func TestDeadlines(t *testing.T) {
	t.Parallel()
	inFleet(t, 1, func(t *testing.T, fl *fleet) {
		l := fl.limiter()
		take(t, l, 1)
		within := func(d time.Duration) (time.Duration, error) {
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), d)
			defer cancel()
			err := l.Wait(ctx)
			return time.Since(start), err
		}
		answer(l, 1, 0)
		synctest.Wait()
		if took, err := within(30 * time.Second); !errors.Is(err, context.DeadlineExceeded) || took != 0 || !strings.Contains(err.Error(), "room in 1m0.25s") {
			t.Errorf("refused after %v with %v, want at once, with when there is room", took, err)
		}
		if took, err := within(61 * time.Second); err != nil || took != time.Minute+redisclawhq.DefaultMargin {
			t.Errorf("a deadline after the window: admitted after %v, %v", took, err)
		}
		// A minute later nothing has confirmed the limit: it may have risen.
		if took, err := within(30 * time.Second); !errors.Is(err, context.DeadlineExceeded) || took != 30*time.Second {
			t.Errorf("without proof: after %v %v, want the deadline's end", took, err)
		}
	})
}

// A limit that one machine learns counts for all machines, whether it is higher or
// lower, and also for callers that already wait.
func TestLimitIsShared(t *testing.T) {
	t.Parallel()
	inFleet(t, 2, func(t *testing.T, fl *fleet) {
		a, b := fl.limiter(redisclawhq.WithRateLimit(2)), fl.limiter(redisclawhq.WithRateLimit(2))
		take(t, a, 1)
		take(t, b, 1)
		fl.group.Go(func() {
			if got := wait(t, b); got < 10*time.Second || got > 13*time.Second {
				t.Errorf("waited %v for the limit to rise, want 10s, and 3s at most until the machine hears of it", got)
			}
			answer(b, 1, 0)
		})
		reply := clawhq.LimitReply{Window: "key", Sent: time.Now(), StatusCode: 200, RateLimit: clawhq.RateLimit{Limit: 3, Remaining: 1}}
		time.Sleep(10 * time.Second)
		a.ObserveReply(reply)
		fl.group.Wait()
		synctest.Wait()
		if got, want := wait(t, a), time.Minute+redisclawhq.DefaultMargin; got != want {
			t.Errorf("waited %v after the limit fell, want %v", got, want)
		}
	})
}

// A 429 stops all machines, even those whose callers hold slots. Then one call is
// sent ahead of the others.
func TestGateIsShared(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ retryAfter, want time.Duration }{
		{7 * time.Second, 7 * time.Second},
		{0, time.Second},
		{1 << 62, time.Second}, // 146 years
	} {
		inFleet(t, 60, func(t *testing.T, fl *fleet) {
			a, b := fl.limiter(redisclawhq.WithRateLimit(60)), fl.limiter(redisclawhq.WithRateLimit(60))
			take(t, b, 1)
			take(t, a, 59)
			time.Sleep(time.Minute)
			start := time.Now()
			var times []time.Duration
			var mu sync.Mutex
			for range 3 { // their slots are due in 250 ms
				for _, l := range []*redisclawhq.Limiter{a, b} {
					fl.group.Go(func() {
						wait(t, l)
						mu.Lock()
						defer mu.Unlock()
						times = append(times, time.Since(start))
					})
				}
			}
			synctest.Wait()
			a.ObserveReply(clawhq.LimitReply{Window: "key", Sent: start, StatusCode: 429, RetryAfter: tt.retryAfter})
			fl.group.Wait()
			slices.Sort(times)
			if times[0] != tt.want || times[1] != tt.want+time.Second {
				t.Errorf("Retry-After %v: calls after %v, want one after %v and the next a second later", tt.retryAfter, times, tt.want)
			}
		})
	}
}

// Calls of other programs on the key, which only replies reveal, take slots as
// well.
func TestOthersOnTheKey(t *testing.T) {
	t.Parallel()
	inFleet(t, 60, func(t *testing.T, fl *fleet) {
		l := fl.limiter(redisclawhq.WithRateLimit(60))
		take(t, l, 1)
		answer(l, 60, 10) // 49 calls are of other programs
		synctest.Wait()
		take(t, l, 10)
		if got := wait(t, l); got == 0 {
			t.Error("admitted at once, beyond the others' calls")
		}
	})
}

// Windows are independent of each other.
func TestWindows(t *testing.T) {
	t.Parallel()
	inFleet(t, 60, func(t *testing.T, fl *fleet) {
		l := fl.limiter()
		l.WaitWindow(t.Context(), clawhq.LimitRequest{Window: "POST /v1/chat/batch"})
		l.ObserveReply(clawhq.LimitReply{Window: "POST /v1/chat/batch", Sent: time.Now(), StatusCode: 200, RateLimit: clawhq.RateLimit{Limit: 1}})
		synctest.Wait()
		take(t, l, 30)
		start := time.Now()
		if err := l.WaitWindow(t.Context(), clawhq.LimitRequest{Window: "POST /v1/chat/batch"}); err != nil || time.Since(start) < time.Minute {
			t.Errorf("a full window: admitted after %v, %v", time.Since(start), err)
		}
	})
}

// The options WithRateLimit and WithMaxRate bound the first burst.
func TestRates(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		opt   redisclawhq.Option
		burst int
	}{
		"unknown": {nil, 30},
		"preset":  {redisclawhq.WithRateLimit(120), 120},
		"bounded": {redisclawhq.WithMaxRate(5), 5},
	} {
		inFleet(t, 120, func(t *testing.T, fl *fleet) {
			l := fl.limiter(tt.opt)
			take(t, l, tt.burst)
			if got := wait(t, l); got == 0 {
				t.Errorf("%s: more than %d calls at once", name, tt.burst)
			}
		})
	}
}

// Close reports what replies have shown, and returns what is held or under way.
func TestCloseDelivers(t *testing.T) {
	t.Parallel()
	inFleet(t, 60, func(t *testing.T, fl *fleet) {
		fl.slow.Store(int64(20 * ms))
		a, b := fl.limiter(), fl.limiter()
		if err := a.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		answer(a, 60, 59)
		fl.group.Go(func() { a.Wait(t.Context()) })
		time.Sleep(10 * ms) // its trip is under way, and the reply waits for the next
		start := time.Now()
		a.Close()
		if took := time.Since(start); took > redisclawhq.DefaultTimeout {
			t.Errorf("Close took %v", took)
		}
		fl.group.Wait()
		if n := fl.logged(); n != 1 {
			t.Errorf("the log has %d calls, want the one that was sent", n)
		}
		fl.slow.Store(0)
		take(t, b, 59)
	})
}

// Close does not wait for a Redis that does not answer.
func TestCloseWithoutRedis(t *testing.T) {
	t.Parallel()
	inFleet(t, 60, func(t *testing.T, fl *fleet) {
		l := fl.limiter()
		take(t, l, 1)
		fl.slow.Store(int64(time.Second))
		answer(l, 60, 59)
		start := time.Now()
		l.Close()
		if took := time.Since(start); took != redisclawhq.DefaultTimeout {
			t.Errorf("Close took %v, want the timeout", took)
		}
		l.Close() // once more
		if took := time.Since(start); took != redisclawhq.DefaultTimeout {
			t.Errorf("a second Close took %v more", took-redisclawhq.DefaultTimeout)
		}
		time.Sleep(2 * time.Second)
	})
}

// After Close, callers get ErrUnavailable, including those that already wait.
func TestClose(t *testing.T) {
	t.Parallel()
	inFleet(t, 1, func(t *testing.T, fl *fleet) {
		l := fl.limiter(redisclawhq.WithRateLimit(1))
		take(t, l, 1)
		start := time.Now()
		fl.group.Go(func() { isAway(t, l) })
		synctest.Wait()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		fl.group.Wait()
		err := l.WaitWindow(t.Context(), keyWindow)
		if took := time.Since(start); took != 0 {
			t.Errorf("callers were kept for %v, want to be sent off at once", took)
		}
		if !errors.Is(err, redisclawhq.ErrUnavailable) || l.Fallback(err) == nil {
			t.Errorf("afterwards: %v, fallback %v", err, l.Fallback(err))
		}
		if l.Fallback(context.DeadlineExceeded) != nil {
			t.Error("falls back for a deadline")
		}
	})
}
