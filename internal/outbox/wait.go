package outbox

import (
	"context"
	"fmt"
	"time"
)

// Bounds on the real time of a Wait. maxWait bounds the whole time. maxStuck bounds
// the time in which no delivery ends, if each remaining delivery may be waiting for
// the Wait itself: its receiver may have started one.
const (
	maxWait  = 10 * time.Second
	maxStuck = 3 * time.Second
)

// A Wait is what an advance of the clock waits for: the deliveries that were under
// way when it began, and those that it makes due, but no later ones.
type Wait struct {
	o     *Outbox
	last  uint64 // the number of the latest delivery that was under way
	spent time.Duration
	stuck time.Duration // the part of spent since the last delivery ended
	ended uint64        // the number of deliveries that had ended by then
}

// StartWait returns a Wait for the deliveries that are under way. The caller must
// call End.
func (o *Outbox) StartWait() *Wait {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waits++
	return &Wait{o: o, last: o.begun, ended: o.ended}
}

// Wait waits until the deliveries have ended, or until the time of the Wait is up.
func (w *Wait) Wait() {
	o := w.o
	o.mu.Lock()
	defer o.mu.Unlock()
	for {
		left := 0
		for n, due := range o.underWay {
			if n <= w.last || due {
				left++
			}
		}
		if w.ended != o.ended {
			w.ended, w.stuck = o.ended, 0
		}
		patience := maxWait - w.spent
		if left <= o.waits {
			patience = min(patience, maxStuck-w.stuck)
		}
		if left == 0 || patience <= 0 {
			return
		}
		if o.changed == nil {
			o.changed = make(chan struct{})
		}
		changed, timer, since := o.changed, time.NewTimer(patience), time.Now()
		o.mu.Unlock()
		select {
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
		o.mu.Lock()
		w.spent += time.Since(since)
		w.stuck += time.Since(since)
	}
}

// End ends the Wait.
func (w *Wait) End() {
	w.o.mu.Lock()
	defer w.o.mu.Unlock()
	w.o.waits--
	w.o.change()
}

// UnderWay returns the number of deliveries that are being attempted.
func (o *Outbox) UnderWay() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.underWay)
}

// NextRetry returns when the first of the retries that wait is due; the zero time if
// none waits.
func (o *Outbox) NextRetry() (next time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, h := range o.hooks {
		for _, r := range h.log {
			if r.retry == nil {
				continue
			}
			if due, waits := r.retry.Due(); waits && (next.IsZero() || due.Before(next)) {
				next = due
			}
		}
	}
	return next
}

// begin begins a delivery that the work of from has caused, and returns a context for
// it. The caller must call end. Call begin with o.mu held.
func (o *Outbox) begin(from context.Context) (ctx context.Context, end func()) {
	due := o.config.Clock.Awake(from)
	ctx, ended := o.config.Clock.Begin(o.ctx)
	if due {
		o.config.Clock.Wake(ctx)
	}
	o.begun++
	n := o.begun
	o.underWay[n] = due
	o.running.Add(1)
	return ctx, func() {
		o.mu.Lock()
		delete(o.underWay, n)
		o.ended++
		o.change()
		o.mu.Unlock()
		ended()
		o.running.Done()
	}
}

// change wakes those who wait for a change of underWay or waits. Call it with o.mu
// held.
func (o *Outbox) change() {
	if o.changed != nil {
		close(o.changed)
		o.changed = nil
	}
}

// Slots bounds the number of attempts at the same time. Several outboxes can share
// them.
type Slots struct {
	taken   chan struct{}
	waiting chan struct{}
}

// NewSlots returns slots for atOnce attempts at a time. At most waiting attempts wait
// for a slot; further ones fail.
func NewSlots(atOnce, waiting int) *Slots {
	return &Slots{make(chan struct{}, atOnce), make(chan struct{}, waiting)}
}

// take waits for a slot. Unless it returns an error, the caller must call release. A
// nil *Slots has no bound.
func (s *Slots) take(ctx context.Context) (release func(), err error) {
	if s == nil {
		return func() {}, nil
	}
	release = func() { <-s.taken }
	select {
	case s.taken <- struct{}{}:
		return release, nil
	default:
	}
	select {
	case s.waiting <- struct{}{}:
		defer func() { <-s.waiting }()
	default:
		return nil, fmt.Errorf("not sent: %d deliveries are under way and %d wait already", cap(s.taken), cap(s.waiting))
	}
	select {
	case s.taken <- struct{}{}:
		return release, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
