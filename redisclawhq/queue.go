package redisclawhq

import (
	"container/list"
	"time"
)

// A caller waits for a slot.
type caller struct {
	deadline time.Time     // zero if there is none
	settled  chan struct{} // closed when slot or err is set
	slot     slot          // set if the caller was admitted
	err      error         // set if the caller was not admitted
	place    *list.Element // in the queue
}

func (c *caller) isSettled() bool {
	select {
	case <-c.settled:
		return true
	default:
		return false
	}
}

// A queue holds the callers of a window in order, retries before all others.
type queue struct {
	callers list.List     // of *caller
	last    *list.Element // the last retry; nil if there is none
}

func (q *queue) len() int { return q.callers.Len() }

func (q *queue) push(c *caller, retry bool) {
	switch {
	case !retry:
		c.place = q.callers.PushBack(c)
		return
	case q.last == nil:
		c.place = q.callers.PushFront(c)
	default:
		c.place = q.callers.InsertAfter(c, q.last)
	}
	q.last = c.place
}

func (q *queue) pop() *caller {
	c := q.callers.Front().Value.(*caller)
	q.remove(c)
	return c
}

func (q *queue) remove(c *caller) {
	if c.place == q.last {
		q.last = c.place.Prev()
	}
	q.callers.Remove(c.place)
}

// each calls f for all callers. f may remove its caller.
func (q *queue) each(f func(*caller)) {
	for e := q.callers.Front(); e != nil; {
		next := e.Next()
		f(e.Value.(*caller))
		e = next
	}
}
