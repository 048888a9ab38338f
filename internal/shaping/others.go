package shaping

import "time"

// others estimates from replies how many slots other clients hold.
type others struct {
	held  int    // slots to leave to them
	asOf  moment // when a reply came last that left so many open
	since moment // when the first attempt was sent of those whose replies tell
	last  moment // when the latest of those replies came
	seen  moment // when an attempt was sent whose reply proved that there are any

	// The most that replies have left open since lowerSince, when that began
	// to be less than held. A zero lowerSince means that it is not.
	lower      int
	lowerSince moment

	// A burst of replies that is just coming in: the server's count is known,
	// but not which of the attempts under way are in it.
	peak   int    // the most that a reply of it left open
	peakAt moment // when its attempt was sent
	atMost int    // peak, less own attempts that have been answered since

	// interval is how long no attempt has to have been made for one to be sent
	// beyond the client's slots, to see whether there is room.
	interval time.Duration
	full     bool // the last reply left no room
}

const (
	// hold is for how long replies must show fewer of the others' attempts
	// before their slots are used: a slot that comes free on the server is
	// taken again, a margin and a round trip later, by the one who had it.
	hold = 4 * time.Second

	// evidence is how long a reply counts after it came. After a window
	// nothing of what it saw is left, but those who had the slots may still
	// be there, about to use them again.
	evidence = Length * 3 / 2

	// roundTrip is how long an attempt that is not answered counts as under
	// way, so that others cannot have seen it either.
	roundTrip = time.Second
)

// Bounds on the interval: each probe that is admitted halves it, each 429
// doubles it.
const (
	minProbe   = 100 * time.Millisecond
	firstProbe = 12 * time.Second
	maxProbe   = 5 * Length
)

// reserved returns the slots to leave to others, doubtful ones too while
// replies are due that will tell.
func (o *others) reserved(now moment, awaiting bool) int {
	if now.Sub(o.last) >= evidence {
		return 0
	}
	n := o.held
	if now.Sub(o.asOf) >= evidence { // all replies since have shown fewer
		n = o.lower
	}
	if awaiting && (n > 0 || o.peakAt.Sub(o.since) < hold) {
		n = max(n, o.atMost)
	}
	return n
}

// seenSince reports whether a reply has proved since t that there are any.
func (o *others) seenSince(t moment) bool { return o.seen > t }

// observe takes in a reply: when the attempt arrived that was sent at, at least
// and at most so many of the others' attempts lay in the window. Of the
// client's own, so many were sent at nearly the same time and have been
// answered meanwhile.
func (o *others) observe(now, at moment, least, most, meanwhile int) {
	if at.Sub(o.peakAt) > roundTrip {
		o.peak = 0
	}
	if most >= o.peak {
		o.peak, o.peakAt = most, at
	}
	o.atMost = o.peak - meanwhile
	if now.Sub(o.last) >= evidence {
		o.since = at
	}
	o.last = now
	if least > 0 {
		o.seen = at
	}

	o.held = max(o.reserved(now, false), least)
	switch most = max(0, most); {
	case most >= o.held:
		o.asOf, o.lowerSince = now, 0
	case o.lowerSince == 0 || at < o.lowerSince:
		o.lower, o.lowerSince = most, at
	default:
		o.lower = max(o.lower, most)
		if at.Sub(o.lowerSince) >= hold {
			o.held, o.asOf, o.lowerSince = o.lower, now, 0
		}
	}
}

// keep has the others' slots left to them for another while, whatever replies
// have shown. While something else makes room for attempts, it knows better
// whose the slots are, and when it ends, all clients would take them at once.
func (o *others) keep() { o.lowerSince = 0 }

// probing reports whether attempts may be sent beyond the client's slots: where
// those are so few that replies, which might tell of more, are rare; and on, as
// long as such attempts are admitted although replies say that there is no room.
func (o *others) probing(slots, limit int) bool {
	return slots < max(limit/12, 2) || o.full && o.interval > 0 && o.interval < firstProbe
}

// pause returns the interval.
func (o *others) pause() time.Duration {
	if o.interval == 0 {
		return firstProbe
	}
	return o.interval
}

// probed says what became of an attempt beyond the client's slots.
func (o *others) probed(admitted bool) {
	if admitted {
		o.interval = max(o.pause()/2, minProbe)
	} else {
		o.interval = min(max(2*o.interval, firstProbe), maxProbe)
	}
}
