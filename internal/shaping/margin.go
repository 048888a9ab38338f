package shaping

import "time"

// A margin is how long a slot stays taken after its window. It depends on the spread
// of travel times: if the attempt that has the slot was slow to arrive, and the next
// one is fast, the margin keeps them a window apart on the server.
type margin struct {
	length  time.Duration
	changed moment // when length changed

	// seen is whether a reply has shown a difference of travel times since length
	// was last minMargin. As long as none has, others may have caused the 429s.
	seen bool
}

const (
	minMargin = 250 * time.Millisecond
	maxMargin = 3 * time.Second

	// maxSeen bounds the margin that replies other than a 429 can cause.
	maxSeen = 1500 * time.Millisecond

	// If a reply has shown a difference of travel times, the margin is reduced when
	// it has sufficed for the time believed. If only 429s have widened it, others
	// may have caused these, so the time doubted is enough: a window and the longest
	// margin.
	believed = 5 * Length
	doubted  = Length + maxMargin
)

// observe learns from a reply that shows this difference of travel times.
func (m *margin) observe(now moment, spread time.Duration) {
	m.seen = m.seen || spread > minMargin/2
	quiet, enough := doubted, m.length/2
	if m.seen {
		quiet, enough = believed, m.length*3/4
	}
	if length := min(3*spread, maxSeen); length > m.length { // one reply shows only a part of the spread
		m.length, m.changed = length, now
	} else if m.length > minMargin && now.Sub(m.changed) > quiet {
		m.length, m.changed = max(minMargin, enough), now
		m.seen = m.seen && m.length > minMargin
	}
}

// others undoes what 429s have caused, when a reply proves that there are others.
func (m *margin) others(now moment) {
	if !m.seen && m.length > minMargin {
		m.length, m.changed = minMargin, now
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

// span returns how long an attempt keeps its slot.
func (m *margin) span() time.Duration { return Length + m.length }

// reach returns by how much an arrival may differ from what the sending times
// suggest.
func (m *margin) reach() time.Duration { return min(2*m.length-minMargin, maxMargin) }
