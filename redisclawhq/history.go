package redisclawhq

import (
	"slices"
	"time"
)

// A history holds the calls that this machine has sent within the last two
// lengths of the window, oldest first. It restores calls that the log in Redis
// has lost.
type history struct{ calls []call }

type call struct {
	id       string
	at       time.Time // when it was sent
	logged   bool      // the log in Redis holds the call, at this time
	answered bool      // the outcome of the call is known
}

// add inserts a call in the order of time, and drops calls that are too old.
func (h *history) add(c call) {
	if len(h.calls) > 0 {
		old := c.at.Add(-2 * length)
		n := 0
		for n < len(h.calls) && h.calls[n].at.Before(old) {
			n++
		}
		h.calls = h.calls[n:]
	}
	i := len(h.calls)
	for i > 0 && h.calls[i-1].at.After(c.at) {
		i--
	}
	h.calls = slices.Insert(h.calls, i, c)
}

func (h *history) remove(id string) {
	h.calls = slices.DeleteFunc(h.calls, func(c call) bool { return c.id == id })
}

// lateness is how long after its slot a call may be sent before the log is
// corrected.
const lateness = 50 * time.Millisecond

// take removes and returns the call that was sent at the given time: the latest one
// that was admitted by then and has no outcome yet.
func (h *history) take(sent time.Time) (call, bool) {
	for i := len(h.calls) - 1; i >= 0; i-- {
		if c := h.calls[i]; !c.answered && !c.at.After(sent.Add(lateness)) {
			h.calls = slices.Delete(h.calls, i, i+1)
			return c, true
		}
	}
	return call{}, false
}

// allMissing notes that the log in Redis may have lost all calls.
func (h *history) allMissing() {
	for i := range h.calls {
		h.calls[i].logged = false
	}
}

// missing returns the calls after t that the log in Redis may lack.
func (h *history) missing(t time.Time) (list []call) {
	for _, c := range h.calls {
		if c.at.After(t) && !c.logged {
			list = append(list, c)
		}
	}
	return list
}

// markLogged notes that the log in Redis holds the call.
func (h *history) markLogged(logged call) {
	for i := range h.calls {
		if c := &h.calls[i]; c.id == logged.id && c.at.Equal(logged.at) {
			c.logged = true
		}
	}
}
