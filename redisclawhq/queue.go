package redisclawhq

import (
	"container/list"
	"time"

	"github.com/clawhq/clawhq-go"
)

// A caller waits for a slot.
type caller struct {
	deadline time.Time     // zero if there is none
	rank     int           // its list in the queue
	settled  chan struct{} // closed when the caller was admitted, or err is set
	id       string        // of its call in the log; empty if the caller was not admitted
	err      error         // set if the caller was not admitted
	place    *list.Element // in the queue
}

func newCaller(r clawhq.LimitRequest) *caller {
	c := &caller{settled: make(chan struct{}), rank: 1}
	if r.Retry {
		c.rank = 0
	}
	if r.Background {
		c.rank += background
	}
	return c
}

func (c *caller) isSettled() bool { return c.id != "" || c.err != nil }

// A queue holds the callers of a share in order: retries, first attempts, retries
// in the background, first attempts in the background.
type queue [4]list.List // of *caller

// background is the first rank of callers in the background.
const background = 2

func (q *queue) push(c *caller)   { c.place = q[c.rank].PushBack(c) }
func (q *queue) remove(c *caller) { q[c.rank].Remove(c.place) }

// head returns how many callers wait in the foreground or, if none does, in the
// background.
func (q *queue) head() (n int, inBackground bool) {
	if n := q[0].Len() + q[1].Len(); n > 0 {
		return n, false
	}
	n = q[2].Len() + q[3].Len()
	return n, n > 0
}

func (q *queue) empty() bool {
	n, _ := q.head()
	return n == 0
}

// pop removes and returns the first caller. There must be one.
func (q *queue) pop() *caller {
	for i := range q {
		if e := q[i].Front(); e != nil {
			return q[i].Remove(e).(*caller)
		}
	}
	panic("redisclawhq: no caller")
}

// each calls f for all callers. f may remove its caller.
func (q *queue) each(f func(*caller)) {
	for i := range q {
		for e := q[i].Front(); e != nil; {
			next := e.Next()
			f(e.Value.(*caller))
			e = next
		}
	}
}

// patience returns how long the callers that head counts wait at most; 0 if one of
// them waits without end.
func (q *queue) patience(now time.Time) (d time.Duration) {
	_, inBackground := q.head()
	endless := false
	q.each(func(c *caller) {
		if c.rank >= background == inBackground {
			endless = endless || c.deadline.IsZero()
			d = max(d, c.deadline.Sub(now), time.Microsecond)
		}
	})
	if endless {
		return 0
	}
	return d
}
