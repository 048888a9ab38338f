package shaping

import (
	"fmt"
	"time"
)

// A Reason is why an attempt waits.
type Reason uint8

// The reasons.
const (
	Behind  Reason = iota // callers are ahead
	Closed                // after a 429
	Spaced                // after a 429, too: attempts are let out one by one
	Full                  // no slot is free
	Others                // those that may be free are left to others on the key
	Unknown               // the limit: a reply will tell
)

// String returns the reason as a log shows it.
func (r Reason) String() string {
	return [...]string{
		"callers are ahead", "closed after a 429", "let out one by one after a 429",
		"the window is full", "left to others on the key", "the limit is not known yet",
	}[r]
}

// unexpected is the time of an attempt that depends on a reply.
const unexpected = 100 * 365 * 24 * time.Hour

// A plan is when an attempt may be sent if everything stays as it is.
type plan struct {
	at    moment
	why   Reason // of a wait until then
	probe bool   // beyond the client's slots
}

// later returns the later of the two plans.
func (p plan) later(q plan) plan {
	if q.at > p.at {
		q.probe = q.probe || p.probe
		return q
	}
	p.probe = p.probe || q.probe
	return p
}

// plan returns when the attempt at the given place in the queue may be sent,
// according to the cautious estimate. An attempt that something else has admitted
// waits only for the gate and for Config.Max.
func (s *Shaper) plan(now moment, place int, elsewhere bool) plan {
	p := s.gated(now)
	if elsewhere {
		return p.later(s.slot(now, s.max, place))
	}
	if s.limit == 0 {
		if s.history.outstanding+place >= s.unknown && !s.gate.closed(now) {
			return p.later(plan{at: now.Add(unexpected), why: Unknown})
		}
		return p.later(s.slot(now, s.max, place))
	}
	reserved := s.others.reserved(now, s.history.outstanding > 0)
	slots := s.capped(max(1, s.limit-reserved)) // one is always this client's
	own := s.slot(now, slots, place)
	if reserved > 0 {
		own = s.amongOthers(now, own, slots, place)
	}
	return p.later(own)
}

// gated returns when the gate, and the spacing after it, admit an attempt.
func (s *Shaper) gated(now moment) plan {
	p := plan{at: now}
	if s.gate.closed(now) {
		p = plan{at: s.gate.until, why: Closed}
	}
	if s.gate.spacing > 0 {
		if last, ok := s.history.last(); ok {
			return p.later(plan{at: last.Add(s.gate.spacing), why: Spaced})
		}
	}
	return p
}

// slot returns when one of the given number of slots is free. 0 means that there is
// no bound.
func (s *Shaper) slot(now moment, slots, place int) plan {
	if slots == 0 {
		return plan{at: now}
	}
	return plan{at: s.history.free(now, s.margin.span(), slots, place), why: Full}
}

// amongOthers returns the plan for a slot when others seem to use some.
func (s *Shaper) amongOthers(now moment, own plan, slots, place int) plan {
	if own.at > now && s.slot(now, s.capped(s.limit), place).at <= now {
		own.why = Others
	}
	if place > 0 {
		return own
	}
	// The others may be taking slots at this moment as well: of the room there
	// seems to be, only this client's share is used at once.
	fresh := s.history.underWay(now.Add(-roundTrip))
	left := slots - s.history.sent.Within(now.Add(-s.margin.span()), now) + fresh
	if fresh > 0 && fresh >= left*slots/s.limit {
		return plan{at: now.Add(roundTrip), why: Others}
	}
	if last, ok := s.history.last(); ok && own.at > now && s.others.probing(slots, s.limit) {
		probe := plan{at: last.Add(s.others.pause()), why: Others, probe: true}
		// Also a probe has to fit in with the client's own attempts.
		if probe = probe.later(s.slot(now, s.capped(s.limit), 0)); probe.at < own.at {
			return probe
		}
	}
	return own
}

// earliest returns the earliest time at which the attempt at the given place can be
// sent, whatever later replies report: only what is proven counts.
func (s *Shaper) earliest(now moment, place int, elsewhere bool) moment {
	slots := s.max
	if !elsewhere && s.certain(now) {
		slots = s.capped(s.limit)
	}
	at := s.slot(now, slots, place).at
	return max(at, s.gate.until)
}

// certain reports whether the limit is proven: a reply has reported it within the
// last window, or no reply is outstanding that could report another.
func (s *Shaper) certain(now moment) bool {
	return s.limit > 0 && (s.confirmed(now) || s.history.outstanding == 0)
}

// confirmed reports whether a reply has reported the limit within the last window.
func (s *Shaper) confirmed(now moment) bool {
	return now.Sub(s.confirmedAt) <= Length
}

// TooLate is the error of an attempt that is refused before its deadline.
type TooLate struct{ In time.Duration }

// Error tells when there will be room.
func (e *TooLate) Error() string {
	return fmt.Sprintf("there is room in %v, after the context's deadline", e.In.Round(time.Millisecond))
}

// hopeless returns the reason why the waiter at the given place is refused, or nil
// if nothing proves that it must be.
func (s *Shaper) hopeless(now moment, w *waiter, place int) error {
	if w.deadline == 0 {
		return nil
	}
	if at := s.earliest(now, place, w.elsewhere); at > w.deadline {
		return &TooLate{at.Sub(now)}
	}
	return nil
}
