package clock_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go/internal/clock"
)

// Without Advance the clock shows real time, which is the bubble's.
func TestRealTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clock.New()
		start := time.Now()
		var called time.Duration
		c.AfterFunc(time.Minute, func() { called = c.Since(start) })
		stopped := c.AfterFunc(time.Second, func() { t.Error("a stopped timer was called") })
		if !stopped.Stop() || stopped.Stop() {
			t.Error("Stop does not tell whether it prevented the call")
		}
		if err := c.Sleep(t.Context(), 2*time.Minute); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if called != time.Minute || c.Since(start) != 2*time.Minute || !c.Now().Equal(time.Now()) {
			t.Errorf("called after %v, slept %v, it is %v", called, c.Since(start), c.Now())
		}
	})
}

// Timers that fall due are called in order and at their times, including timers that
// these calls start. The other timers have that much less to wait.
func TestAdvance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clock.New()
		start := time.Now()
		var got []time.Duration
		note := func() { got = append(got, c.Since(start)) }
		var tick func()
		tick = func() {
			note()
			c.AfterFunc(20*time.Second, tick)
		}
		c.AfterFunc(50*time.Second, note)
		c.AfterFunc(30*time.Second, tick)
		later := c.AfterFunc(200*time.Second, note)

		c.Advance(time.Minute)
		s := time.Second
		if diff := cmp.Diff([]time.Duration{30 * s, 50 * s, 50 * s}, got); diff != "" {
			t.Errorf("called (-want +got):\n%s", diff)
		}
		if c.Since(start) != time.Minute || c.Ahead() != time.Minute || time.Since(start) != 0 {
			t.Errorf("it is %v, %v ahead, after %v", c.Since(start), c.Ahead(), time.Since(start))
		}
		time.Sleep(10 * s) // real time ends the timer that is due at 70 s
		synctest.Wait()
		if last := got[len(got)-1]; last != 70*s {
			t.Errorf("the last call came at %v", last)
		}
		later.Stop()
		tick = note
		c.Advance(20 * s)
	})
}

// Advances add up, including one that a timer's function makes.
func TestAdvanceWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clock.New()
		c.AfterFunc(time.Second, func() { c.Advance(time.Hour) })
		c.Advance(time.Minute)
		if c.Ahead() != time.Hour+time.Minute {
			t.Errorf("%v ahead", c.Ahead())
		}
		defer func() {
			if recover() == nil {
				t.Error("time went back")
			}
		}()
		c.Advance(-1)
	})
}

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clock.New()
		start := time.Now()
		slept := make(chan error)
		go func() { slept <- c.Sleep(t.Context(), time.Hour) }()
		synctest.Wait()
		c.Advance(time.Hour)
		if err := <-slept; err != nil || time.Since(start) != 0 {
			t.Errorf("advanced: %v after %v", err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Sleep(ctx, time.Hour); err != context.DeadlineExceeded || time.Since(start) != time.Second {
			t.Errorf("the context ended: %v after %v", err, time.Since(start))
		}
		if err := c.Sleep(ctx, 0); err != context.DeadlineExceeded {
			t.Errorf("the context had ended: %v", err)
		}
		if err := c.Sleep(t.Context(), -time.Second); err != nil {
			t.Errorf("no time: %v", err)
		}
	})
}

// A timeout ends the context by real time or by Advance, whichever comes first.
func TestTimeout(t *testing.T) {
	cause := errors.New("too long")
	for name, tc := range map[string]struct {
		advance time.Duration
		real    time.Duration // real time until the context ends
		err     error
	}{
		"real":     {0, time.Minute, context.DeadlineExceeded},
		"advanced": {time.Minute, 0, context.Canceled},
		"both":     {40 * time.Second, 20 * time.Second, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := clock.New()
				start := time.Now()
				ctx, cancel := c.WithTimeoutCause(t.Context(), time.Minute, cause)
				defer cancel()
				if tc.advance > 0 {
					c.Advance(tc.advance)
				}
				<-ctx.Done()
				if took := time.Since(start); took != tc.real || ctx.Err() != tc.err || context.Cause(ctx) != cause {
					t.Errorf("after %v: %v, because %v", took, ctx.Err(), context.Cause(ctx))
				}
			})
		})
	}
}
