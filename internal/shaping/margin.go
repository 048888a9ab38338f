package shaping

import "time"

// A margin is how long a slot outlasts the window, from the spread of travel
// times: should the attempt that has the slot have been slow to arrive, and the
// one that takes it over be quick, the margin keeps them a window apart.
type margin struct {
	length  time.Duration // as proven
	changed moment

	// Until enough replies have come that would have shown a spread, and have
	// not, it is guessed from how much the time differs that replies take,
	// though agents need more or less of that as well.
	guess   time.Duration
	fastest time.Duration // reply so far
	even    int           // replies in a row that showed no spread
}

const (
	minMargin = 250 * time.Millisecond
	maxMargin = 3 * time.Second

	// maxSeen bounds what is concluded from replies that are no 429.
	maxSeen = time.Second

	// enough replies without a spread outweigh the guess.
	enough = 20

	// quiet is how long a margin has to do before it is narrowed.
	quiet = 5 * Length
)

// observe takes in a reply that took so long, and by how much the travel times
// of two attempts differed at least, as it showed; ok is false if it could not
// show it.
func (m *margin) observe(now moment, took, spread time.Duration, ok bool) {
	if m.fastest == 0 || took < m.fastest {
		m.fastest = took
	}
	m.guess = max(m.guess, min((took-m.fastest)/2, maxSeen)) // out and back, delays spread twice as much as one way
	switch {
	case spread > minMargin/2:
		m.even = 0
	case ok && m.even < enough:
		m.even++
	}
	if seen := min(2*spread, maxSeen); seen > m.length { // what one reply shows is a part of the spread
		m.length, m.changed = seen, now
	} else if m.length > minMargin && now.Sub(m.changed) > quiet {
		m.length, m.changed = max(minMargin, m.length*3/4), now
	}
}

// widen reacts to a 429 for an attempt, sent at, that came too early. Of those
// sent before the margin changed it says nothing.
func (m *margin) widen(now, at moment) {
	if at > m.changed {
		// A 429 is answered at once, so its time is the network's alone.
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

// span is how long an attempt keeps its slot.
func (m *margin) span() time.Duration { return Length + m.current() }

// reach is how far off an arrival may be from what the sending times say.
func (m *margin) reach() time.Duration { return 2*m.current() - minMargin }
