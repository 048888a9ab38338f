package shaping

import "container/list"

// A queue has the callers that wait for a window, in the order in which they will
// be admitted: by rank, and within a rank by arrival.
type queue struct {
	ranks [ranks]list.List
	n     int
}

// A rank determines which callers are admitted first.
const (
	rankElsewhereRetry = iota // a retry for which something else has made room
	rankElsewhere             // a first attempt for which it has; both wait for the gate and Config.Max only
	rankRetry
	rankFirst // a call's first attempt
	rankBackgroundRetry
	rankBackground
	ranks
)

// A waiter is a caller in a queue. It is woken when it becomes the head, when
// something has changed and it is the head, and when it is refused.
type waiter struct {
	wake     chan struct{}
	deadline moment // zero without one
	rank     int
	number   uint64 // in the order of arrival, over all queues
	entry    *list.Element
	refused  error // why it was removed from the queue; nil if it was not
}

func newWaiter(r Request, deadline moment, number uint64) *waiter {
	return &waiter{wake: make(chan struct{}, 1), deadline: deadline, rank: r.rank(), number: number}
}

func (r Request) rank() int {
	switch {
	case r.Elsewhere && r.Retry:
		return rankElsewhereRetry
	case r.Elsewhere:
		return rankElsewhere
	case r.Background && r.Retry:
		return rankBackgroundRetry
	case r.Background:
		return rankBackground
	case r.Retry:
		return rankRetry
	}
	return rankFirst
}

// add adds w to the queue and returns its place, counted from 0.
func (q *queue) add(w *waiter) (place int) {
	w.entry = q.ranks[w.rank].PushBack(w)
	q.n++
	for rank := range w.rank + 1 {
		place += q.ranks[rank].Len()
	}
	return place - 1
}

func (q *queue) remove(w *waiter) {
	if w.entry != nil {
		q.ranks[w.rank].Remove(w.entry)
		q.n--
		w.entry = nil
	}
}

// head returns the first in the queue, nil if it is empty.
func (q *queue) head() *waiter {
	if q.n > 0 {
		for rank := range q.ranks {
			if e := q.ranks[rank].Front(); e != nil {
				return e.Value.(*waiter)
			}
		}
	}
	return nil
}

// refuse removes the waiters for which why returns an error.
func (q *queue) refuse(why func(w *waiter) error) {
	for rank := range q.ranks {
		for e := q.ranks[rank].Front(); e != nil; {
			w, next := e.Value.(*waiter), e.Next()
			if w.refused = why(w); w.refused != nil {
				q.remove(w)
				w.signal()
			}
			e = next
		}
	}
}

// before reports whether w goes before the head of another queue.
func (w *waiter) before(other *waiter) bool {
	if w.rank != other.rank {
		return w.rank < other.rank
	}
	return w.number < other.number
}

// signal makes w check its plan again.
func (w *waiter) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}
