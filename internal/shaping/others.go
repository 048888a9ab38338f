package shaping

import "time"

// others estimates from replies how many slots other clients use. Each reply gives a
// range: at least so many, and at most so many.
type others struct {
	held  int    // how many slots are left to others
	asOf  moment // when the latest reply came whose range reached held
	since moment // when the first attempt was sent whose reply is still evidence
	last  moment // when the latest reply came
	seen  moment // when the latest attempt was sent whose reply proved that there are others

	// lower is the highest end of a range since lowerSince, when all ranges
	// began to end below held. lowerSince is zero if they have not.
	lower      int
	lowerSince moment

	// The following fields describe a burst of replies that is still arriving:
	// the server's count is known, but not which of the outstanding attempts it
	// includes.
	peak   int    // the highest end of a range in the burst
	peakAt moment // when the attempt with that range was sent
	atMost int    // peak, minus own attempts that have been answered since

	// interval is how long the client must have sent no attempt before it sends
	// one beyond its slots, to see whether there is room.
	interval time.Duration
	full     bool // the last reply left no room
}

const (
	// hold is how long replies must show fewer attempts of others before their
	// slots are used. A slot that becomes free on the server is usually taken
	// again, a margin and a round trip later, by the client that had it.
	hold = 4 * time.Second

	// evidence is how long a reply counts. After a window, the attempts that it
	// counted have left the window, but the clients that made them may be about
	// to make others.
	evidence = Length * 3 / 2

	// roundTrip is how long an unanswered attempt is taken to be on its way, so
	// that other clients cannot have seen it yet.
	roundTrip = time.Second
)

// Bounds on the interval: each probe that is admitted halves it, each 429
// doubles it.
const (
	minProbe   = 100 * time.Millisecond
	firstProbe = 12 * time.Second
	maxProbe   = 5 * Length
)

// reserved returns how many slots to leave to others. awaiting is whether replies
// are outstanding; until these have come, doubtful slots are left as well.
func (o *others) reserved(now moment, awaiting bool) int {
	if now.Sub(o.last) >= evidence {
		return 0
	}
	n := o.held
	if now.Sub(o.asOf) >= evidence { // all replies since then have shown fewer
		n = o.lower
	}
	if awaiting && (n > 0 || o.peakAt.Sub(o.since) < hold) {
		n = max(n, o.atMost)
	}
	return n
}

// seenSince reports whether a reply to an attempt sent after t has proved that there
// are others.
func (o *others) seenSince(t moment) bool { return o.seen > t }

// observe learns from a reply: when the attempt sent at the given time arrived, the
// window had from least to most attempts of others. meanwhile is how many own
// attempts were sent at nearly the same time and have been answered.
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

// keep delays the use of slots that others no longer seem to need. It is called
// while a Limiter admits attempts: the Limiter knows better who uses the slots, and
// when it is out of service, all clients would take the free slots at once.
func (o *others) keep() { o.lowerSince = 0 }

// probing reports whether attempts may be sent beyond the client's slots. They may
// if the client has so few slots that replies are rare; and after that for as long
// as such attempts are admitted although replies report that there is no room.
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

// probed changes the interval after an attempt beyond the client's slots.
func (o *others) probed(admitted bool) {
	if admitted {
		o.interval = max(o.pause()/2, minProbe)
	} else {
		o.interval = min(max(2*o.interval, firstProbe), maxProbe)
	}
}
