package shaping

import (
	"math"
	"time"

	"github.com/clawhq/clawhq-go/internal/window"
)

// A history has a client's own attempts in a window. All logs have the times at
// which attempts were sent.
type history struct {
	sent     window.Log
	answered window.Log // the attempts that succeeded: the server has counted them
	doubtful window.Log // the attempts that ended otherwise: the server may have counted them

	outstanding int // how many attempts have not ended yet
	successes   int // how many attempts have ever succeeded

	// highest is the highest count that a success has reported in the period
	// that began at since, and highestBefore that of the period before. A period
	// is at least as long as a window.
	highest, highestBefore int
	since                  moment
}

func (h *history) clone() history {
	c := *h
	c.sent, c.answered, c.doubtful = h.sent.Clone(), h.answered.Clone(), h.doubtful.Clone()
	return c
}

// start logs an attempt, and forgets attempts that are too old to matter.
func (h *history) start(now moment) {
	if old := now.Add(-memory); h.sent.Len() > 0 && h.sent.At(0) <= old {
		h.sent.Prune(old)
		h.answered.Prune(old)
		h.doubtful.Prune(old)
	}
	h.sent.Add(now)
	h.outstanding++
}

// move changes the time at which an attempt was sent.
func (h *history) move(from, to moment) {
	if h.sent.Remove(from) {
		h.sent.Add(to)
	}
}

// memory is how long attempts are remembered: as long as they may matter for a 429.
const memory = Length + 2*maxMargin

// free returns when the attempt at the given place, counted from 0, gets a slot.
// There are the given number of slots; each attempt keeps its slot for span, and
// then the next attempt gets it.
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

// underWay returns how many attempts that were sent after t have not ended yet.
func (h *history) underWay(t moment) int {
	after := func(l *window.Log) int { return l.Len() - l.After(t) }
	return after(&h.sent) - after(&h.answered) - after(&h.doubtful)
}

// counted returns how many own attempts the server may have counted, and how many
// it must have counted, when the attempt sent at the given time arrived. For may,
// arrivals can differ by reach from what the sending times suggest; for must, by
// near.
func (h *history) counted(at moment, reach, near time.Duration) (may, must int) {
	from := at.Add(-Length)
	may = h.sent.Within(from.Add(-reach), at.Add(reach))
	from, to := from.Add(near), at.Add(-near)
	return may, h.sent.Within(from, to) - h.doubtful.Within(from, to)
}

// succeed logs the success of an attempt. counted is the count that its reply has
// reported, -1 if it has none.
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

// disproves reports whether a success, which is already logged, proves that the
// server does not count all attempts of the history in one window. before is how
// many attempts had succeeded when it was sent, counted what its reply reports.
func (h *history) disproves(now moment, before, counted int) bool {
	n := h.answered.Within(now.Add(minMargin-Length), now)
	earlier := n - (h.successes - before)                            // how many had been answered when it was sent
	return counted <= earlier || n > max(h.highest, h.highestBefore) // in one window, the last of n to arrive reports n
}

// maxMissing is more than can be missing in the count of a server with any tier. If
// more are missing, the server does not count, and looking at each attempt would
// only cost time.
const maxMissing = 1000

// spread returns the smallest difference of travel times that explains why the
// server had counted only counted attempts when the attempt sent at the given time
// arrived: either attempts sent before it were still on their way, or attempts at
// the beginning of the window had already left it. d is at most a little over
// maxSeen. ok is false if no attempt was sent so shortly before that it could have
// been on its way.
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
