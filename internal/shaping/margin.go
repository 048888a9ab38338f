package shaping

import "time"

// A margin is how long a slot stays taken after its window. It depends on the spread
// of travel times: if the attempt that has the slot was slow to arrive, and the next
// one is fast, the margin keeps them a window apart on the server.
type margin struct {
	length  time.Duration // what replies have proved to be necessary
	changed moment        // when length changed

	// guess is used until enough replies could have shown a spread but have not.
	// It is estimated from the spread of response times, which also depends on
	// the agents.
	guess   time.Duration
	fastest time.Duration // the shortest response time
	even    int           // how many replies in a row could have shown a spread and did not
}

const (
	minMargin = 250 * time.Millisecond
	maxMargin = 3 * time.Second

	// maxSeen bounds the margin that replies other than a 429 can cause.
	maxSeen = time.Second

	// enough is how many replies without a spread outweigh the guess.
	enough = 20

	// quiet is how long a margin must suffice before it is reduced.
	quiet = 5 * Length
)

// observe learns from a reply. took is its response time, and spread the least
// difference of travel times that it shows; ok is false if the reply could not show
// one.
func (m *margin) observe(now moment, took, spread time.Duration, ok bool) {
	if m.fastest == 0 || took < m.fastest {
		m.fastest = took
	}
	m.guess = max(m.guess, min((took-m.fastest)/2, maxSeen)) // a response time has two travel times
	switch {
	case spread > minMargin/2:
		m.even = 0
	case ok && m.even < enough:
		m.even++
	}
	if seen := min(2*spread, maxSeen); seen > m.length { // one reply shows only a part of the spread
		m.length, m.changed = seen, now
	} else if m.length > minMargin && now.Sub(m.changed) > quiet {
		m.length, m.changed = max(minMargin, m.length*3/4), now
	}
}

// widen increases the margin after a 429 for an attempt sent at the given time. It
// ignores attempts that were sent before the margin last changed.
func (m *margin) widen(now, at moment) {
	if at > m.changed {
		// A 429 is answered at once, so its response time is that of the network.
		m.length, m.changed = min(max(2*m.length, now.Sub(at)), maxMargin), now
	}
}

// current returns the margin to keep.
func (m *margin) current() time.Duration {
	if m.even < enough {
		return max(m.length, m.guess)
	}
	return m.length
}

// span returns how long an attempt keeps its slot.
func (m *margin) span() time.Duration { return Length + m.current() }

// reach returns by how much an arrival may differ from what the sending times
// suggest.
func (m *margin) reach() time.Duration { return 2*m.current() - minMargin }
