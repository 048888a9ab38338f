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
	Closed                // the gate is closed after a 429
	Spaced                // after a 429, when the gate is open again: attempts are sent one by one
	Full                  // no slot is free
	Unknown               // the limit is not known: a reply will tell it
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

// unexpected is how far off a time is if only a reply can tell it.
const unexpected = 100 * 365 * 24 * time.Hour

// A plan is when an attempt may be sent if everything stays as it is.
type plan struct {
	at    moment
	why   Reason // of a wait until then
	probe bool   // beyond the client's slots
}

// later returns the later of the two plans. It is a probe if either is.
func (p plan) later(q plan) plan {
	if q.at > p.at {
		q.probe = q.probe || p.probe
		return q
	}
	p.probe = p.probe || q.probe
	return p
}

// An ask is an attempt that is to be planned: its rank, and its place among the
// callers of the window, counted from 0. limit is the window's, 0 if it is not
// known; theirs is how many slots to leave to others.
type ask struct {
	now           moment
	rank, place   int
	limit, theirs int
}

func (a *ask) elsewhere() bool  { return a.rank <= rankElsewhere }
func (a *ask) background() bool { return a.rank >= rankBackgroundRetry }

// plan returns when an attempt may be sent according to the cautious estimate: at
// the latest time that a constraint allows. Each constraint is one of the
// functions below.
func (s *Shaper) plan(now moment, rank, place int) plan {
	a := &ask{now, rank, place, s.limit(), s.theirs(now)}
	p := plan{at: now}.later(s.gated(a)).later(s.full(a))
	if s.gate.spacing > 0 {
		p = p.later(s.spaced(a))
	}
	if a.elsewhere() || a.limit == 0 {
		return p
	}
	if a.theirs > 0 || a.background() {
		return p.later(s.shared(a)).later(s.spread(a))
	}
	return p.later(s.open(a))
}

// gated keeps attempts back until the gate opens.
func (s *Shaper) gated(*ask) plan { return plan{at: s.gate.until, why: Closed} }

// spaced keeps attempts apart after the gate has opened.
func (s *Shaper) spaced(a *ask) plan {
	if spacing := s.gate.spaced(a.now); spacing > 0 {
		if last, ok := s.history.last(); ok {
			return plan{at: last.Add(spacing), why: Spaced}
		}
	}
	return plan{}
}

// full keeps attempts back until a slot is free. If something else has made room,
// only Config.Max counts.
func (s *Shaper) full(a *ask) plan {
	switch {
	case a.elsewhere():
		return s.slot(a, s.max)
	case a.limit == 0 && s.history.outstanding+a.place >= s.mayBeOutstanding(a) && !s.gate.closed(a.now):
		return plan{at: a.now.Add(unexpected), why: Unknown}
	}
	return s.slot(a, s.capped(a.limit))
}

// mayBeOutstanding returns how many attempts may be outstanding while the limit
// is not known.
func (s *Shaper) mayBeOutstanding(a *ask) int {
	if a.background() {
		return 1
	}
	return s.unknown
}

// slot returns when one of the given number of slots is free. 0 means that there is
// no bound.
func (s *Shaper) slot(a *ask, slots int) plan {
	if slots == 0 {
		return plan{}
	}
	return plan{at: s.history.free(a.now, s.margin.span(), slots, a.place), why: Full}
}

// shared leaves slots to others on the key, and some of the rest free.
func (s *Shaper) shared(a *ask) plan {
	left := s.left(a)
	if a.theirs == 0 && left == 0 {
		return plan{}
	}
	slots := max(1, a.limit-a.theirs-left) // one is always this client's
	own := s.slot(a, s.capped(slots))
	own.why = Room
	if a.theirs > 0 && s.slot(a, s.capped(max(1, a.limit-a.theirs))).at > a.now {
		own.why = Others
	}
	if a.place > 0 || a.theirs == 0 {
		return own
	}
	// The others may be taking slots at this moment as well: of the room there
	// seems to be, only this client's share is used at once.
	used, _ := s.history.within(a.now, s.margin.span())
	fresh := s.history.underWay(a.now.Add(-roundTrip))
	if fresh > 0 && fresh >= (slots-used+fresh)*slots/a.limit {
		return plan{at: a.now.Add(roundTrip), why: Others}
	}
	if at, ok := s.probe(a, slots); ok && at < own.at {
		return plan{at: at, why: Others, probe: true}
	}
	return own
}

// probe returns when an attempt may be sent beyond the client's slots: from time to
// time, if these are few. One is also sent when the gate opens, if the 429 named
// the time at which there is room, and nothing else shows others.
func (s *Shaper) probe(a *ask, slots int) (at moment, ok bool) {
	last, ok := s.history.last()
	switch {
	case !ok || a.background():
		return 0, false
	case s.gate.until > last && !s.byMinute && !s.facts.replied(a.now):
		return s.gate.until, true
	}
	return last.Add(s.probing.pause(a.now)), s.probing.allowed(a.now, slots, a.limit)
}

// left returns how many of the slots that others leave stay free. If a reply has
// proved others, their number grows with the client's share: an eighth of the window
// if the client has nearly all of it, 3% if it has half, none if it has little. So
// small callers find room, and shares become even. In the background it is at least a
// tenth, if anyone else uses the window.
func (s *Shaper) left(a *ask) (n int) {
	if slots := a.limit - a.theirs; a.theirs > 0 && s.facts.replied(a.now) {
		n = slots * slots / (8 * a.limit)
	}
	if a.background() && (a.theirs > 0 || s.foreground(a.now) > 0) {
		n = max(n, (a.limit+9)/10)
	}
	return n
}

// foreground returns how many attempts in the window were not in the background.
func (s *Shaper) foreground(now moment) int {
	all, background := s.history.within(now, s.margin.span())
	return all - background
}

// open keeps one slot free for a moment, once a window, if the client seems to be
// alone and uses all slots. Others that look for room can then take it. For
// attempts in the background, spread leaves such moments.
func (s *Shaper) open(a *ask) plan {
	if from, ok := s.opening(a); ok && from <= a.now {
		if until := from.Add(s.pause()); until > a.now {
			return plan{at: min(until, s.slot(a, a.limit-1).at), why: Open}
		}
	}
	return plan{}
}

// opening returns the time from which a slot is kept open. ok is false if
// none is.
func (s *Shaper) opening(a *ask) (from moment, ok bool) {
	oldest := s.history.sent.Len() - a.limit
	if oldest < 0 || a.theirs > 0 || a.limit < 2 || a.limit > s.capped(a.limit) {
		return 0, false
	}
	if a.now < s.opened.Add(s.pause()) {
		return s.opened, true
	}
	from = s.history.sent.At(oldest).Add(s.margin.span())
	return from, from >= s.opened.Add(s.margin.span())
}

// pause returns how long a slot is kept open: a little longer than it takes others
// to come back after a 429.
func (s *Shaper) pause() time.Duration {
	if s.byMinute {
		return 6 * time.Second
	}
	return 1300 * time.Millisecond
}

// beforehand is how long a slot is free for anyone else, before an attempt in the
// background takes it.
const beforehand = 200 * time.Millisecond

// spread sends attempts in the background evenly.
func (s *Shaper) spread(a *ask) plan {
	n := s.history.background.Len()
	if n == 0 || !a.background() {
		return plan{}
	}
	slots := s.capped(max(1, a.limit-a.theirs-s.left(a))) - s.foreground(a.now)
	interval := (s.margin.span() + beforehand) / time.Duration(max(1, slots))
	return plan{at: s.history.background.At(n - 1).Add(interval * time.Duration(a.place+1)), why: Spread}
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
type TooLate struct {
	In time.Duration // until there is room
}

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
