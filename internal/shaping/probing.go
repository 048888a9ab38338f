package shaping

import "time"

// probing decides when a client with few slots sends an attempt beyond them, a
// probe, to see whether there is room.
type probing struct {
	interval time.Duration // how long no attempt must have been sent before a probe; 0 means firstProbe
	at       moment        // when the latest probe ended; evidence later, interval no longer counts
	full     bool          // the latest reply, or a 429 after it, left no room
}

// Bounds on the interval: each probe that is admitted halves it, each probe that
// gets a 429 doubles it. hopeful is the interval if the latest reply has left
// room.
const (
	minProbe   = 100 * time.Millisecond
	hopeful    = time.Second
	firstProbe = 12 * time.Second
	maxProbe   = evidence
)

// allowed reports whether attempts may be sent beyond the client's slots. They may
// if the client has so few slots that replies are rare; and after that for as long
// as such attempts are admitted although replies report that there is no room.
func (p *probing) allowed(now moment, slots, limit int) bool {
	return slots < max(limit/12, 2) || p.full && p.pause(now) < firstProbe
}

// pause returns how long the client must have sent no attempt before a probe.
func (p *probing) pause(now moment) time.Duration {
	pause := firstProbe
	if p.interval > 0 && now.Sub(p.at) < evidence {
		pause = p.interval
	}
	if !p.full {
		pause = min(pause, hopeful)
	}
	return pause
}

// ended changes the interval after a probe.
func (p *probing) ended(now moment, admitted bool) {
	was := p.interval
	if was == 0 || now.Sub(p.at) >= evidence {
		was = firstProbe
	}
	if admitted {
		p.interval = max(was/2, minProbe)
	} else {
		p.interval, p.full = min(max(2*was, firstProbe), maxProbe), true
	}
	p.at = now
}
