package shaping

import (
	"math"
	"time"

	"github.com/clawhq/clawhq-go/internal/window"
)

// A history is what a client knows of its own attempts in a window. Each log
// is by when they were sent.
type history struct {
	sent     window.Log
	answered window.Log // those of sent that succeeded: the server has counted them
	doubtful window.Log // those of sent that ended otherwise: it may have counted them

	outstanding int // those of sent whose end is still to come
	successes   int // ever

	// The highest counts that successes have told, in the period that began at
	// since, and in the one before; periods are no shorter than a window.
	highest, highestBefore int
	since                  moment
}

func (h *history) clone() history {
	c := *h
	c.sent, c.answered, c.doubtful = h.sent.Clone(), h.answered.Clone(), h.doubtful.Clone()
	return c
}

// start logs an attempt, and forgets those that no question is about any more.
func (h *history) start(now moment) {
	if old := now.Add(-memory); h.sent.Len() > 0 && h.sent.At(0) <= old {
		h.sent.Prune(old)
		h.answered.Prune(old)
		h.doubtful.Prune(old)
	}
	h.sent.Add(now)
	h.outstanding++
}

// move says that an attempt was sent later than logged.
func (h *history) move(from, to moment) {
	if h.sent.Remove(from) {
		h.sent.Add(to)
	}
}

// memory is how far back a 429 asks for the attempts before it.
const memory = Length + 2*maxMargin

// free returns when the attempt at the given place, counted from 0, has a slot
// of so many, each of which is kept for span. The slots come round again.
func (h *history) free(now moment, span time.Duration, slots, place int) moment {
	at, n := now, h.sent.Len()
	if i := n - slots + place%slots; i >= 0 && h.sent.At(i).Add(span) > now {
		at = h.sent.At(i).Add(span)
	}
	return at.Add(time.Duration(place/slots) * span)
}

// last returns when the latest attempt was sent.
func (h *history) last() (at moment, ok bool) {
	if n := h.sent.Len(); n > 0 {
		return h.sent.At(n - 1), true
	}
	return 0, false
}

// underWay returns how many attempts are that were sent after t.
func (h *history) underWay(t moment) int {
	after := func(l *window.Log) int { return l.Len() - l.After(t) }
	return after(&h.sent) - after(&h.answered) - after(&h.doubtful)
}

// counted returns how many of the attempts the server may have counted, and how
// many it must have, when the one arrived that was sent at: arrivals lie within
// reach of what the sending times say for the first, and within near for the
// second.
func (h *history) counted(at moment, reach, near time.Duration) (may, must int) {
	from := at.Add(-Length)
	may = h.sent.Within(from.Add(-reach), at.Add(reach))
	from, to := from.Add(near), at.Add(-near)
	return may, h.sent.Within(from, to) - h.doubtful.Within(from, to)
}

// succeed logs the success of an attempt, and what it had counted; -1 if it
// did not tell.
func (h *history) succeed(now, at moment, counted int) {
	h.answered.Add(at)
	h.successes++
	if now.Sub(h.since) >= Length {
		h.highest, h.highestBefore, h.since = 0, h.highest, now
	}
	if counted < 0 {
		counted = math.MaxInt // it may be anything
	}
	h.highest = max(h.highest, counted)
}

// disproves reports whether a success, which is logged already, cannot be by a
// server that counts all of the history in one window: it was sent when before
// attempts had succeeded, and has counted so many.
func (h *history) disproves(now moment, before, counted int) bool {
	n := h.answered.Within(now.Add(minMargin-Length), now)
	earlier := n - (h.successes - before)                            // had been answered when it was sent
	return counted <= earlier || n > max(h.highest, h.highestBefore) // the last of n to arrive counts n
}

// maxMissing is more than any tier lets be missing in a server's count. Past
// it the server does not count, and no look at each attempt is worth its time.
const maxMissing = 1000

// spread returns by how much the travel times of two attempts differ at least,
// if, when the one arrived that was sent at, the server had counted no more
// than that: some of those sent before were still under way, or some of those
// at the window's far end had left it early. It is the smallest that explains
// the count, or a little over maxSeen. ok is false if no attempt was sent so
// shortly before that it could have been under way.
func (h *history) spread(at moment, counted int) (d time.Duration, ok bool) {
	before := h.sent.After(at - 1)
	ok = before > 0 && h.sent.At(before-1) > at.Add(-maxSeen)
	from := at.Add(-Length)
	oldest, newest := h.sent.After(from), h.sent.After(at)-2 // before itself
	missing := newest + 2 - oldest - h.doubtful.Within(from, at) - counted
	if missing > maxMissing {
		return maxSeen + 1, ok
	}
	for ; missing > 0 && oldest <= newest && d <= maxSeen; missing-- {
		late, early := at.Sub(h.sent.At(newest)), h.sent.At(oldest).Sub(from)
		if late <= early {
			d, newest = late, newest-1
		} else {
			d, oldest = early, oldest+1
		}
	}
	return d, ok
}
