// Package clock provides a clock that tests can advance:
//
//	c := clock.New()
//	go func() {
//		c.Sleep(ctx, time.Minute) // ends after a minute, or by Advance
//		retry()
//	}()
//	c.Advance(time.Minute)
//
// A Clock shows real time plus the sum of all advances. Its timers are those of
// package time: each ends when its time has come, and Advance ends it earlier. In a
// bubble of package testing/synctest, real time is the time of the bubble.
package clock

import (
	"context"
	"sync"
	"time"
)

// A Clock tells the time and calls functions when their time has come. The zero
// value shows real time. Its methods are safe for concurrent use, and the
// functions that it calls may call them.
type Clock struct {
	mu      sync.Mutex
	ahead   time.Duration // the sum of all advances
	waiting map[*Timer]struct{}
	started uint64              // number of timers that were started
	awake   map[*work]time.Time // work that Advance has woken, and when in real time
	rested  chan struct{}       // closed when awake shrinks; nil if nobody waits for that
}

// New returns a clock that shows real time.
func New() *Clock { return &Clock{} }

// Now returns the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *Clock) now() time.Time { return time.Now().Add(c.ahead) }

// Since returns how long ago t was.
func (c *Clock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// Ahead returns the sum of all advances.
func (c *Clock) Ahead() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ahead
}

// ConnDeadline returns a deadline in real time, since package net compares the
// deadlines of connections with real time.
func ConnDeadline(d time.Duration) time.Time { return time.Now().Add(d) }

// A Timer is a function call that is due at a time.
type Timer struct {
	clock *Clock
	f     func()
	due   time.Time
	order uint64      // order of start, for timers that are due at the same time
	work  *work       // the work that it wakes; may be nil
	real  *time.Timer // nil if real time ends the wait in another way, as in WithTimeoutCause
}

// AfterFunc calls f after d, as time.AfterFunc does.
func (c *Clock) AfterFunc(d time.Duration, f func()) *Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.start(d, f)
	t.arm(d)
	return t
}

func (c *Clock) start(d time.Duration, f func()) *Timer {
	if c.waiting == nil {
		c.waiting = map[*Timer]struct{}{}
	}
	c.started++
	t := &Timer{clock: c, f: f, due: c.now().Add(d), order: c.started}
	c.waiting[t] = struct{}{}
	return t
}

// arm makes the timer end after d of real time.
func (t *Timer) arm(d time.Duration) {
	if t.real != nil {
		t.real.Reset(d)
		return
	}
	t.real = time.AfterFunc(d, func() {
		if t.take() {
			t.f()
		}
	})
}

// take ends the timer's wait. It returns false if the wait had ended already.
func (t *Timer) take() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	_, waiting := t.clock.waiting[t]
	delete(t.clock.waiting, t)
	return waiting
}

// Stop prevents the call. It returns false if f has been called already, or the timer
// has been stopped already.
func (t *Timer) Stop() bool {
	stopped := t.take()
	if t.real != nil {
		t.real.Stop()
	}
	return stopped
}

// Due returns when the call is due. waits is false if it has been made or stopped.
func (t *Timer) Due() (due time.Time, waits bool) {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	_, waits = t.clock.waiting[t]
	return t.due, waits
}

// Sleep waits for d, or until ctx is done; then it returns the error of ctx.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 || ctx.Err() != nil {
		return ctx.Err()
	}
	over := make(chan struct{})
	c.mu.Lock()
	t := c.start(d, func() { close(over) })
	t.work = c.workOf(ctx)
	t.arm(d)
	c.restAll(t.work)
	c.mu.Unlock()
	defer t.Stop()
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// WithTimeoutCause is context.WithTimeoutCause by this clock. If Advance ends the
// context, its error is context.Canceled instead of context.DeadlineExceeded, with
// the same cause.
func (c *Clock) WithTimeoutCause(parent context.Context, d time.Duration, cause error) (context.Context, context.CancelFunc) {
	advanced, cancel := context.WithCancelCause(parent)
	ctx, release := context.WithTimeoutCause(advanced, d, cause)
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.start(d, func() { cancel(cause) })
	t.work = c.workOf(parent)
	return ctx, func() {
		t.Stop()
		release()
		cancel(nil)
	}
}

// Advance adds d to the clock's time, in steps. A step ends when the next timer is
// due; the clock then shows that timer's time, and Advance calls its function. Before
// the next step, Advance waits for the work (see Begin) that has been woken: until it
// sleeps again, has ended, or has been awake for 100 ms of real time. Then Advance
// calls the functions between, which may wait for more. So timers that the work
// starts are also called in the order of their times. Several advances at once add
// up. Advance panics if d is negative.
func (c *Clock) Advance(d time.Duration, between ...func()) {
	if d < 0 {
		panic("clock: Advance: time does not go back")
	}
	for {
		t := c.next(&d)
		if t == nil {
			return
		}
		t.f()
		c.settle()
		for _, wait := range between {
			wait()
		}
	}
}

// next moves the clock to the first timer that is due within d, subtracts that step
// from d, and returns the timer. If no timer is due within d, next moves the clock
// by all of d and returns nil.
func (c *Clock) next(d *time.Duration) *Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	var first *Timer
	for t := range c.waiting {
		if first == nil || t.due.Before(first.due) || t.due.Equal(first.due) && t.order < first.order {
			first = t
		}
	}
	now := c.now()
	if first == nil || first.due.After(now.Add(*d)) {
		c.ahead += *d
		now = c.now()
		for t := range c.waiting {
			t.arm(t.due.Sub(now))
		}
		return nil
	}
	step := max(first.due.Sub(now), 0)
	c.ahead += step
	*d -= step
	delete(c.waiting, first)
	c.wake(first.work)
	if first.real != nil {
		first.real.Stop()
	}
	return first
}
