package clawhq

import "time"

// others estimates how many slots of the window are taken by others who use
// the same key.
type others struct {
	held int // slots that are left to them

	// The most that replies have shown since fewerSince, when that began to
	// be less than held. A zero fewerSince means that it is not.
	fewer      int
	fewerSince time.Time

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

	o.held = max(o.held, least)
	switch most = max(0, most); {
	case most >= o.held:
		o.fewerSince = time.Time{}
	case o.fewerSince.IsZero() || at.Before(o.fewerSince):
		o.fewer, o.fewerSince = most, at
	default:
		o.fewer = max(o.fewer, most)
		if at.Sub(o.fewerSince) >= othersHold {
			o.held, o.fewerSince = o.fewer, time.Time{}
		}
	}
}
