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
	Unknown               // the limit: a reply will tell
	Others                // the slots that may be free are those of others on the key
	Room                  // slots are left free, so that others find room
	Open                  // a slot is left free for a moment, in case others look for room
	Spread                // attempts in the background are sent evenly
)

// String returns the reason as a log shows it.
func (r Reason) String() string {
	return [...]string{
		"callers are ahead", "closed after a 429", "let out one by one after a 429",
		"the window is full", "the limit is not known yet", "left to others on the key",
		"room is left for others on the key", "a slot is left open for a moment, for others on the key",
		"in the background, calls are spread over the window",
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

// constraints are what an attempt of a rank waits for, at the given place among the
// callers of the window, counted from 0.
var constraints = [...]func(s *Shaper, now moment, rank, place int) plan{
	(*Shaper).gated, (*Shaper).spaced, (*Shaper).full, (*Shaper).shared, (*Shaper).open, (*Shaper).spread,
}

// plan returns when an attempt may be sent according to the cautious estimate.
func (s *Shaper) plan(now moment, rank, place int) plan {
	p := plan{at: now}
	for _, constraint := range constraints {
		p = p.later(constraint(s, now, rank, place))
	}
	return p
}

// gated waits until the gate opens.
func (s *Shaper) gated(now moment, _, _ int) plan { return plan{at: s.gate.until, why: Closed} }

// spaced keeps attempts apart after the gate has opened.
func (s *Shaper) spaced(now moment, _, _ int) plan {
	if spacing := s.gate.spaced(now); spacing > 0 {
		if last, ok := s.history.last(); ok {
			return plan{at: last.Add(spacing), why: Spaced}
		}
	}
	return plan{}
}

// full waits for a slot.
func (s *Shaper) full(now moment, rank, place int) plan {
	limit := s.limit()
	switch {
	case rank <= rankElsewhere:
		limit = 0 // only Config.Max counts
	case limit == 0 && s.history.outstanding+place >= s.outstanding(rank) && !s.gate.closed(now):
		return plan{at: now.Add(unexpected), why: Unknown}
	}
	return s.slot(now, s.capped(limit), place)
}

// outstanding returns how many attempts may be outstanding while the limit is not
// known.
func (s *Shaper) outstanding(rank int) int {
	if rank >= rankBackgroundRetry {
		return 1
	}
	return s.unknown
}

// slot returns when one of the given number of slots is free. 0 means that there is
// no bound.
func (s *Shaper) slot(now moment, slots, place int) plan {
	if slots == 0 {
		return plan{}
	}
	return plan{at: s.history.free(now, s.margin.span(), slots, place), why: Full}
}

// shared leaves slots to others on the key, and some of the rest free.
func (s *Shaper) shared(now moment, rank, place int) plan {
	limit := s.limit()
	if limit == 0 || rank <= rankElsewhere {
		return plan{}
	}
	theirs := s.theirs(now)
	left := s.left(now, rank, limit-theirs)
	if theirs == 0 && left == 0 {
		return plan{}
	}
	slots := max(1, limit-theirs-left) // one is always this client's
	own := s.slot(now, s.capped(slots), place)
	own.why = Room
	if theirs > 0 && s.slot(now, s.capped(max(1, limit-theirs)), place).at > now {
		own.why = Others
	}
	if place > 0 || theirs == 0 {
		return own
	}
	// The others may be taking slots at this moment as well: of the room there
	// seems to be, only this client's share is used at once.
	used, _ := s.history.within(now, s.margin.span())
	fresh := s.history.underWay(now.Add(-roundTrip))
	if fresh > 0 && fresh >= (slots-used+fresh)*slots/limit {
		return plan{at: now.Add(roundTrip), why: Others}
	}
	if last, ok := s.history.last(); ok && own.at > now && rank < rankBackgroundRetry && s.probing.allowed(now, slots, limit) {
		if at := last.Add(s.probing.pause(now)); at < own.at {
			return plan{at: at, why: Others, probe: true}
		}
	}
	return own
}

// left returns how many of the slots that others leave stay free. Where others are
// seen, these are the more, the larger the client's share: an eighth of the window
// if it has nearly all, 3% if it has half, none if it has few. So small callers find
// room, and shares become even. In the background it is at least a tenth, if there
// is anyone else.
func (s *Shaper) left(now moment, rank, slots int) (n int) {
	limit := s.limit()
	if slots < limit {
		n = slots * slots / (8 * limit)
	}
	if rank >= rankBackgroundRetry && (slots < limit || s.foreground(now) > 0) {
		n = max(n, (limit+9)/10)
	}
	return n
}

// foreground returns how many attempts in the window were not in the background.
func (s *Shaper) foreground(now moment) int {
	all, background := s.history.within(now, s.margin.span())
	return all - background
}

// open keeps one slot free for a moment, once a window, if the client seems to be
// alone and uses all slots. Others that look for room can then take it.
func (s *Shaper) open(now moment, rank, place int) plan {
	from, ok := s.opening(now, rank)
	if until := from.Add(s.pause()); ok && until > now {
		return plan{at: min(until, s.history.free(now, s.margin.span(), s.limit()-1, place)), why: Open}
	}
	return plan{}
}

// opening returns since when a slot is kept open.
func (s *Shaper) opening(now moment, rank int) (from moment, ok bool) {
	limit := s.limit()
	if limit < 2 || limit > s.capped(limit) || rank <= rankElsewhere || rank >= rankBackgroundRetry || s.history.sent.Len() < limit || s.theirs(now) > 0 {
		return 0, false
	}
	if now < s.opened.Add(s.pause()) {
		return s.opened, true
	}
	from = s.history.sent.At(s.history.sent.Len() - limit).Add(s.margin.span())
	return from, from >= s.opened.Add(s.margin.span())
}

// pause returns how long a slot is kept open: a little longer than it takes others
// to come back after a 429.
func (s *Shaper) pause() time.Duration {
	if s.vague {
		return 6 * time.Second
	}
	return 1300 * time.Millisecond
}

// beforehand is how long a slot is free for anyone else, before an attempt in the
// background takes it.
const beforehand = 200 * time.Millisecond

// spread sends attempts in the background evenly.
func (s *Shaper) spread(now moment, rank, place int) plan {
	n := s.history.background.Len()
	if rank < rankBackgroundRetry || n == 0 || s.limit() == 0 {
		return plan{}
	}
	slots := s.limit() - s.theirs(now)
	slots = s.capped(max(1, slots-s.left(now, rank, slots)))
	interval := (s.margin.span() + beforehand) / time.Duration(max(1, slots-s.foreground(now)))
	return plan{at: s.history.background.At(n - 1).Add(interval * time.Duration(place+1)), why: Spread}
}

// earliest returns the earliest time at which an attempt can be sent, whatever later
// replies report, and even if all callers ahead leave: only what is proven counts.
func (s *Shaper) earliest(now moment, rank int) moment {
	slots := s.max
	if rank > rankElsewhere && s.certain(now) {
		slots = s.capped(s.limit())
	}
	return max(now, s.gate.until, s.history.proven(s.margin.span(), slots))
}

// certain reports whether the limit is proven: a reply has reported it within the
// last window, or no reply is outstanding that could report another.
func (s *Shaper) certain(now moment) bool {
	return s.limit() > 0 && (s.facts.confirmed(now) || s.history.outstanding == 0)
}

// TooLate is the error of an attempt that is refused before its deadline.
type TooLate struct{ In time.Duration }

// Error tells when there will be room.
func (e *TooLate) Error() string {
	return fmt.Sprintf("there is room in %v, after the context's deadline", e.In.Round(time.Millisecond))
}

// hopeless returns the reason why a waiter is refused, or nil if nothing proves that
// it must be.
func (s *Shaper) hopeless(now moment, w *waiter) error {
	if w.deadline == 0 {
		return nil
	}
	if at := s.earliest(now, w.rank); at > w.deadline {
		return &TooLate{at.Sub(now)}
	}
	return nil
}
