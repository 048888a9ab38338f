package shaping

import (
	"time"

	"github.com/clawhq/clawhq-go/internal/window"
)

// A history has a client's own attempts in a window. Its logs have the times at
// which the attempts were sent.
type history struct {
	sent       window.Log
	unwritten  window.Log // the attempts that have not been written yet: the times are those of their admission
	background window.Log // the attempts that were in the background
	answered   window.Log // the attempts that succeeded: the server has counted them
	doubtful   window.Log // the attempts that ended otherwise: the server may have counted them

	outstanding int // how many attempts have not ended yet
	successes   int // how many attempts have ever succeeded
}

func (h *history) clone() history {
	c := *h
	for _, log := range c.logs() {
		*log = log.Clone()
	}
	return c
}

func (h *history) logs() [5]*window.Log {
	return [...]*window.Log{&h.sent, &h.unwritten, &h.background, &h.answered, &h.doubtful}
}

// memory is how long attempts are remembered. The reply to an attempt may come a
// window and more after the attempt, and counts those of the window before it.
const memory = 3 * Length

// start logs an attempt, and forgets attempts that are too old to matter.
func (h *history) start(now moment, background bool) {
	if old := now.Add(-memory); h.sent.Len() > 0 && h.sent.At(0) <= old {
		h.sent.Prune(old)
		h.background.Prune(old)
		h.answered.Prune(old)
		h.doubtful.Prune(old)
	}
	h.sent.Add(now)
	h.unwritten.Add(now)
	if background {
		h.background.Add(now)
	}
	h.outstanding++
}

// written notes that the attempt admitted at from was sent at to. The log may have
// forgotten the attempt, if it took long to be written.
func (h *history) written(from, to moment, background bool) {
	h.unwritten.Remove(from)
	h.sent.Remove(from)
	h.sent.Add(to)
	if background {
		h.background.Remove(from)
		h.background.Add(to)
	}
}

// forget forgets an attempt that the server has not counted.
func (h *history) forget(at moment, background bool) {
	h.sent.Remove(at)
	if background {
		h.background.Remove(at)
	}
}

// end is called once for each attempt, when it ends.
func (h *history) end(at moment, written bool) {
	h.outstanding--
	if !written {
		h.unwritten.Remove(at)
	}
}

// free returns when the attempt at the given place, counted from 0, gets a slot.
// There are the given number of slots; each attempt keeps its slot for span, and
// then the next attempt gets it. An attempt that has not been written yet keeps its
// slot longer, since nobody knows when it will be sent.
func (h *history) free(now moment, span time.Duration, slots, place int) moment {
	if slots -= h.unwritten.After(now.Add(-span)); slots <= 0 {
		return now.Add(unexpected)
	}
	at, n := now, h.sent.Len()
	if i := n - slots + place%slots; i >= 0 && h.sent.At(i).Add(span) > now {
		at = h.sent.At(i).Add(span)
	}
	return at.Add(time.Duration(place/slots) * span)
}

// proven returns when one of the slots is free even if all attempts that have not
// been written yet never will be.
func (h *history) proven(span time.Duration, slots int) moment {
	if i := h.sent.Len() - h.unwritten.Len() - slots; i >= 0 && slots > 0 {
		return h.sent.At(i).Add(span)
	}
	return 0
}

// last returns when the latest attempt was sent.
func (h *history) last() (at moment, ok bool) {
	if n := h.sent.Len(); n > 0 {
		return h.sent.At(n - 1), true
	}
	return 0, false
}

// within returns how many attempts were sent within the last span, and how many of
// these were in the background.
func (h *history) within(now moment, span time.Duration) (all, background int) {
	from := now.Add(-span)
	return h.sent.Len() - h.sent.After(from), h.background.Len() - h.background.After(from)
}

// underWay returns how many attempts that were sent after t have not ended yet.
func (h *history) underWay(t moment) int {
	after := func(l *window.Log) int { return l.Len() - l.After(t) }
	return after(&h.sent) - after(&h.answered) - after(&h.doubtful)
}

// counted returns how many own attempts the server may have counted, and how many
// it must have counted, when the attempt sent at the given time arrived. Arrivals
// can differ by reach from what the sending times suggest.
func (h *history) counted(at moment, reach time.Duration) (may, must int) {
	from := at.Add(-Length)
	may = h.sent.Within(from.Add(-reach), at.Add(reach))
	from, to := from.Add(reach), at.Add(-reach)
	must = h.sent.Within(from, to) - h.doubtful.Within(from, to) - h.unwritten.Within(from, to)
	return may, must
}

// succeed logs the success of an attempt.
func (h *history) succeed(at moment) {
	h.answered.Add(at)
	h.successes++
}

// maxMissing is more than can be missing in the count of a server with any tier. If
// more are missing, the server does not count attempts, and a look at each of them
// would be a waste of time.
const maxMissing = 1000

// spread returns the smallest difference of travel times that explains why the
// server had counted only counted attempts when the attempt sent at the given time
// arrived: either attempts sent before it were still on their way, or attempts at
// the beginning of the window had already left it. d is at most a little over
// maxSeen.
func (h *history) spread(at moment, counted int) (d time.Duration) {
	from := at.Add(-Length)
	oldest, newest := h.sent.After(from), h.sent.After(at)-2 // before itself
	missing := newest + 2 - oldest - h.doubtful.Within(from, at) - h.unwritten.Within(from, at) - counted
	if missing > maxMissing {
		return maxSeen + 1
	}
	for ; missing > 0 && oldest <= newest && d <= maxSeen; missing-- {
		late, early := at.Sub(h.sent.At(newest)), h.sent.At(oldest).Sub(from)
		if late <= early {
			d, newest = late, newest-1
		} else {
			d, oldest = early, oldest+1
		}
	}
	return d
}
