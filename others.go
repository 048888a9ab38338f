package clawhq

import (
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// others estimates how many slots of the window are taken by others who use
// the same key.
type others struct {
	held int       // slots that are left to them
	seen time.Time // when a reply last proved that there are any

	// The most that replies have shown since fewerSince, when that began to
	// be less than held. A zero fewerSince means that it is not.
	fewer      int
	fewerSince time.Time

	// While replies show fewer, a call may be sent from time to time beyond the
	// client's own slots, to get another reply: the next one, and how long
	// they lie apart.
	nextProbe time.Time
	interval  time.Duration

	// How many there may be at most by the replies of a burst, as they come
	// in: the server's count is known, but not which of the calls on their
	// way are in it.
	possible int
	peak     int
	peakAt   time.Time
}

// othersHold is for how long fewer of the others' calls must be seen before
// their slots are used: a slot that comes free on the server is taken again,
// a margin and a round trip later, by the one who had it.
const othersHold = 2 * time.Second

// Bounds on how far probes lie apart: each that is answered by a 429 doubles
// it, and finding the others to have left halves it.
const (
	minProbeInterval = 6 * othersHold
	maxProbeInterval = 5 * wire.RateWindow
)

// seenSince reports whether a reply has proved since t that there are any.
func (o *others) seenSince(t time.Time) bool { return o.seen.After(t) }

// probe returns when a call may be sent though it seems to have no slot.
func (o *others) probe() (at time.Time, ok bool) { return o.nextProbe, !o.fewerSince.IsZero() }

// putOff has the next probe wait.
func (o *others) putOff(now time.Time) {
	o.interval = max(o.interval, minProbeInterval)
	o.nextProbe = now.Add(o.interval)
}

// refused takes into account that a probe was answered by a 429.
func (o *others) refused() { o.interval = min(2*o.interval, maxProbeInterval) }

// count returns the slots that are the others', or may be, while replies are
// on their way that will tell.
func (o *others) count(awaiting bool) int {
	if awaiting {
		return max(o.held, o.possible)
	}
	return o.held
}

// observe takes into account that, when the call arrived that was sent at, at
// least and at most so many of the others' calls lay in the window. Of the
// client's own calls, so many were sent at nearly the same time and have been
// answered meanwhile.
func (o *others) observe(at time.Time, least, most, meanwhile int) {
	if at.Sub(o.peakAt) > roundTrip {
		o.peak = 0
	}
	if most >= o.peak {
		o.peak, o.peakAt = most, at
	}
	o.possible = o.peak - meanwhile

	if least > 0 {
		o.seen = at
	}
	o.held = max(o.held, least)
	switch most = max(0, most); {
	case most >= o.held:
		o.fewerSince = time.Time{}
	case o.fewerSince.IsZero() || at.Before(o.fewerSince):
		o.fewer, o.fewerSince = most, at
		o.putOff(at)
	default:
		o.fewer = max(o.fewer, most)
		if at.Sub(o.fewerSince) >= othersHold {
			o.held, o.fewerSince = o.fewer, time.Time{}
			o.interval /= 2
		}
	}
}
