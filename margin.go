package clawhq

import (
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// A margin is what a slot stays taken beyond the window: an estimate of how
// much the time differs that calls take to arrive.
type margin struct {
	length  time.Duration
	changed time.Time
	fastest time.Duration // reply so far
}

const (
	minMargin = 250 * time.Millisecond
	maxMargin = 3 * time.Second

	// guessedMargin bounds what is concluded from the time that replies take,
	// since agents need more or less of it as well.
	guessedMargin = time.Second

	// quiet is how long a margin has to do before it is narrowed.
	quiet = 5 * wire.RateWindow
)

// observe takes into account that a reply took so long, and that there was no
// 429 for a while. Out and back, delays spread twice as much as one way.
func (m *margin) observe(now time.Time, took time.Duration) {
	if m.fastest == 0 || took < m.fastest {
		m.fastest = took
	}
	if guess := min((took-m.fastest)/2, guessedMargin); guess > m.length {
		m.length, m.changed = guess, now
	} else if m.length > minMargin && now.Sub(m.changed) > quiet {
		m.length, m.changed = max(minMargin, m.length*3/4), now
	}
}

// widen reacts to a 429 for a call that was sent at, and came too early. Of
// the calls sent before the margin changed it says nothing.
func (m *margin) widen(now, at time.Time) {
	if at.After(m.changed) {
		// A 429 is answered at once, so its time is the network's alone.
		m.length, m.changed = min(max(2*m.length, now.Sub(at)), maxMargin), now
	}
}
