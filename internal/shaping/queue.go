package shaping

import "container/list"

// A queue holds the callers that wait for a window, the first to be admitted
// first. Retries go ahead of attempts that are their call's first.
type queue struct{ retries, firsts list.List }

// A waiter is a caller in a queue. It is woken when it becomes the head, as the
// head when something has changed, and when it is refused.
type waiter struct {
	wake             chan struct{}
	deadline         moment // zero without one
	retry, elsewhere bool   // as of its Request
	number           uint64 // in the order of arrival, over all queues
	entry            *list.Element
	refused          error // why it has been taken out of the queue, if it has
}

func newWaiter(r Request, deadline moment, number uint64) *waiter {
	return &waiter{wake: make(chan struct{}, 1), deadline: deadline, retry: r.Retry, elsewhere: r.Elsewhere, number: number}
}

func (q *queue) list(w *waiter) *list.List {
	if w.retry {
		return &q.retries
	}
	return &q.firsts
}

// add puts w in its place, which it returns, counted from 0.
func (q *queue) add(w *waiter) (place int) {
	l := q.list(w)
	w.entry = l.PushBack(w)
	if place = l.Len() - 1; !w.retry {
		place += q.retries.Len()
	}
	return place
}

func (q *queue) remove(w *waiter) {
	if w.entry != nil {
		q.list(w).Remove(w.entry)
		w.entry = nil
	}
}

func (q *queue) len() int { return q.retries.Len() + q.firsts.Len() }

// head returns the first in the queue, nil if it is empty.
func (q *queue) head() *waiter {
	for _, l := range [...]*list.List{&q.retries, &q.firsts} {
		if e := l.Front(); e != nil {
			return e.Value.(*waiter)
		}
	}
	return nil
}

// refuse takes the waiters out for which why has an error. Their places close
// up as it goes.
func (q *queue) refuse(why func(w *waiter, place int) error) {
	place := 0
	for _, l := range [...]*list.List{&q.retries, &q.firsts} {
		for e := l.Front(); e != nil; {
			w, next := e.Value.(*waiter), e.Next()
			if w.refused = why(w, place); w.refused != nil {
				q.remove(w)
				w.signal()
			} else {
				place++
			}
			e = next
		}
	}
}

// before reports whether w goes ahead of the head of another queue.
func (w *waiter) before(other *waiter) bool {
	if w.retry != other.retry {
		return w.retry
	}
	return w.number < other.number
}

// signal has w look again.
func (w *waiter) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}
