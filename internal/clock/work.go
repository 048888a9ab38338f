package clock

import (
	"context"
	"time"
)

// maxAwake is how long, in real time, Advance waits for work that it has woken.
const maxAwake = 100 * time.Millisecond

// work is anything that may sleep by a clock, such as an agent that answers. It is
// awake from the moment when Advance ends its sleep until it sleeps again or ends.
type work struct {
	clock    *Clock
	parent   *work // the work that waits for it; may be nil
	children int
}

type workKey struct{}

// workOf returns the work that a context belongs to, or nil.
func (c *Clock) workOf(ctx context.Context) *work {
	if w, ok := ctx.Value(workKey{}).(*work); ok && w.clock == c {
		return w
	}
	return nil
}

// Begin begins a piece of work. When Advance wakes something that sleeps with the
// returned context, it waits for the work. If ctx belongs to work already, the new
// work is a part of it, and the larger work waits for the part. The caller must call
// end.
func (c *Clock) Begin(ctx context.Context) (part context.Context, end func()) {
	w := &work{clock: c, parent: c.workOf(ctx)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if w.parent != nil {
		w.parent.children++
		if _, awake := c.awake[w.parent]; awake {
			c.wake(w)
		}
	}
	return context.WithValue(ctx, workKey{}, w), func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		_, awake := c.awake[w]
		c.rest(w)
		if w.parent == nil {
			return
		}
		if w.parent.children--; awake && w.parent.children == 0 {
			c.wake(w.parent)
		}
	}
}

// Join returns ctx as a context of the work that other belongs to.
func (c *Clock) Join(ctx, other context.Context) context.Context {
	if w := c.workOf(other); w != nil {
		return context.WithValue(ctx, workKey{}, w)
	}
	return ctx
}

// Awake reports whether Advance has woken the work that ctx belongs to.
func (c *Clock) Awake(ctx context.Context) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, awake := c.awake[c.workOf(ctx)]
	return awake
}

// Wake makes Advance wait for the work that ctx belongs to, as if Advance had just
// woken it.
func (c *Clock) Wake(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wake(c.workOf(ctx))
}

// wake marks work as awake. Call it with c.mu held.
func (c *Clock) wake(w *work) {
	if w == nil {
		return
	}
	if c.awake == nil {
		c.awake = map[*work]time.Time{}
	}
	c.awake[w] = time.Now()
}

// rest marks work as not awake. Call it with c.mu held.
func (c *Clock) rest(w *work) {
	if _, awake := c.awake[w]; !awake {
		return
	}
	delete(c.awake, w)
	if c.rested != nil {
		close(c.rested)
		c.rested = nil
	}
}

// restAll marks work that sleeps as not awake, and also the work that waits for it.
func (c *Clock) restAll(w *work) {
	for ; w != nil; w = w.parent {
		c.rest(w)
	}
}

// settle waits until no work is awake, but for none of it longer than maxAwake.
func (c *Clock) settle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		left := maxAwake
		for w, since := range c.awake {
			if still := maxAwake - time.Since(since); still > 0 {
				left = min(left, still)
			} else {
				delete(c.awake, w)
			}
		}
		if len(c.awake) == 0 {
			return
		}
		if c.rested == nil {
			c.rested = make(chan struct{})
		}
		rested, timer := c.rested, time.NewTimer(left)
		c.mu.Unlock()
		select {
		case <-rested:
		case <-timer.C:
		}
		timer.Stop()
		c.mu.Lock()
	}
}
