package clock_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go/internal/clock"
)

// Work that sleeps again and again does so in the order of its time, whatever other
// work there is, and into however many advances the time is cut.
func TestWorkInOrder(t *testing.T) {
	for name, steps := range map[string][]time.Duration{
		"one":   {time.Minute},
		"two":   {45 * time.Second, 15 * time.Second},
		"small": slices.Repeat([]time.Duration{time.Second}, 60),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := clock.New()
				start := time.Now()
				type event struct {
					who  string
					when time.Duration
				}
				events := make(chan event, 100)
				for who, naps := range map[string][]time.Duration{"a": {10 * time.Second, 25 * time.Second}, "b": {20 * time.Second, 10 * time.Second, 20 * time.Second}} {
					go func() {
						ctx, end := c.Begin(t.Context())
						defer end()
						for _, nap := range naps {
							part, ended := c.Begin(ctx)
							c.Sleep(part, nap)
							ended()
							events <- event{who, c.Since(start)}
						}
					}()
				}
				synctest.Wait()
				for _, step := range steps {
					c.Advance(step)
				}
				if time.Since(start) != 0 {
					t.Errorf("it took %v", time.Since(start))
				}
				close(events)
				var got []event
				for e := range events {
					got = append(got, e)
				}
				s := time.Second
				want := []event{{"a", 10 * s}, {"b", 20 * s}, {"b", 30 * s}, {"a", 35 * s}, {"b", 50 * s}}
				if diff := cmp.Diff(want, got, cmp.AllowUnexported(event{})); diff != "" {
					t.Errorf("events (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// Advance waits for work that a timeout has woken, as for work whose sleep has ended.
func TestWorkTimedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clock.New()
		start := time.Now()
		var ended time.Duration
		go func() {
			ctx, end := c.Begin(t.Context())
			defer end()
			ctx, cancel := c.WithTimeoutCause(ctx, time.Minute, context.DeadlineExceeded)
			defer cancel()
			c.Sleep(ctx, 40*time.Second)
			c.Sleep(ctx, 40*time.Second)
			ended = c.Since(start)
		}()
		synctest.Wait()
		c.AfterFunc(2*time.Minute, func() {})
		c.Advance(time.Hour)
		if ended != time.Minute {
			t.Errorf("ended at %v", ended)
		}
	})
}

// Advance waits at most 100 ms for work that neither sleeps nor ends, even if the
// work advances the clock itself.
func TestWorkThatStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clock.New()
		start := time.Now()
		leave, advanced := make(chan struct{}), make(chan time.Duration)
		go func() {
			ctx, end := c.Begin(t.Context())
			defer end()
			c.Sleep(ctx, time.Second)
			c.Advance(time.Hour)
			advanced <- time.Since(start)
			<-leave
		}()
		synctest.Wait()
		c.AfterFunc(2*time.Second, func() {})
		c.Advance(time.Minute)
		took, within := time.Since(start), <-advanced
		if took < 100*time.Millisecond || took > 300*time.Millisecond || within > 300*time.Millisecond || c.Ahead() != time.Hour+time.Minute {
			t.Errorf("it took %v, the inner one %v; %v ahead", took, within, c.Ahead())
		}
		close(leave)
	})
}

// A part of work is awake if it begins in work that is awake. Work is awake again
// when its last part has ended.
func TestParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clock.New()
		base, cancel := context.WithCancel(t.Context())
		ctx, end := c.Begin(base)
		defer end()
		c.Wake(ctx)
		one, endOne := c.Begin(ctx)
		two, endTwo := c.Begin(c.Join(base, ctx))
		if !c.Awake(one) || !c.Awake(two) || c.Awake(t.Context()) {
			t.Error("parts of what is awake are not")
		}
		go c.Sleep(one, time.Hour)
		go c.Sleep(two, 2*time.Hour)
		synctest.Wait()
		if c.Awake(ctx) || c.Awake(one) {
			t.Error("what sleeps is awake")
		}
		c.Wake(one)
		endOne()
		if c.Awake(ctx) {
			t.Error("awake while a part sleeps")
		}
		c.Wake(two)
		endTwo()
		if !c.Awake(ctx) {
			t.Error("not awake when its last part has ended")
		}
		cancel()
	})
}
