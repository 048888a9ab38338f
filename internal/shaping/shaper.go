package shaping

// A Shaper keeps attempts within one window. The mutex of its Set guards it.
type Shaper struct {
	preset  int // the limit until a reply reports it; 0 if it is not known
	max     int // bounds the attempts per window, whatever replies report; 0 means no bound
	unknown int // how many attempts may be outstanding while the limit is not known

	history  history
	facts    facts
	burst    burst
	probing  probing
	gate     gate
	opened   moment // when a slot was last kept open
	byMinute bool   // a 429 names the end of the clock's minute, not the time at which a slot is free
	queue    *queue
	margin   *margin // shared by all Shapers of the Set, since it depends on the network

	proved      int // what facts.others returned last; it holds until provedUntil
	provedUntil moment
}

// limit returns the limit as far as it is known, else 0.
func (s *Shaper) limit() int {
	if limit := s.facts.limit(); limit > 0 {
		return limit
	}
	return s.preset
}

// capped returns the number of slots, bounded by max. 0 means no bound.
func (s *Shaper) capped(slots int) int {
	if s.max > 0 && (slots == 0 || slots > s.max) {
		return s.max
	}
	return slots
}

// theirs returns how many slots to leave to others. It is short, so that a
// client without others pays nothing.
func (s *Shaper) theirs(now moment) int {
	if s.proved == 0 && s.burst.bound <= 0 {
		return 0
	}
	return s.estimate(now)
}

// estimate is theirs if there may be others. While replies to a burst are
// outstanding, it also counts the slots that others may have.
func (s *Shaper) estimate(now moment) int {
	if s.proved > 0 && now >= s.provedUntil {
		s.proved, s.provedUntil = s.facts.others(now)
	}
	if s.burst.bound > s.proved && s.history.outstanding > 0 && now.Sub(s.burst.at) < evidence &&
		(s.proved > 0 || s.burst.at.Sub(s.facts.begun()) < learning) {
		return s.burst.bound
	}
	return s.proved
}

// clone returns a copy of the Shaper with an empty queue.
func (s *Shaper) clone() *Shaper {
	c := *s
	c.history, c.queue = s.history.clone(), nil
	c.facts.list = append([]fact(nil), s.facts.list...)
	return &c
}

// know adds a fact.
func (s *Shaper) know(now moment, f fact) {
	s.facts.add(now, f)
	if s.proved == 0 && f.least == 0 {
		return
	}
	s.proved, s.provedUntil = s.facts.others(now)
}

// learn learns the limit from the reply to an attempt sent at the given time.
// counted is the count in the reply, -1 if it tells nothing of others in this
// window. keep is whether earlier proofs of others stand, whatever this reply
// counts.
func (s *Shaper) learn(now, at moment, limit, counted int, keep bool) {
	f := fact{at: at, told: now, limit: limit, most: limit, counted: counted}
	if counted >= 0 {
		reach := s.margin.reach()
		may, must := s.history.counted(at, reach)
		f.least = max(0, counted-may)
		f.most = max(f.least, counted-max(1, must+1)) // the attempt itself was counted
		s.burst.observe(&s.history, at, reach, f.most)
		s.probing.full = counted >= limit
		if keep {
			f.most = limit
		}
	}
	s.know(now, f)
}

// disproved reports whether a success, from which the Shaper has learned, proves that
// the server does not count all attempts of the history in one window: either its
// count lacks attempts that had been answered before it was sent, or no reply has
// counted all attempts that are answered by now. before is how many attempts had
// succeeded when it was sent, and counted is what its reply reports.
func (s *Shaper) disproved(now moment, before, counted int) bool {
	n := s.history.answered.Within(now.Add(minMargin-Length), now)
	return counted <= n-(s.history.successes-before) || n > s.facts.highest(now)
}

// filled reports whether the client's own attempts filled the window before the
// attempt sent at the given time. It takes a slightly longer window, since attempts
// may arrive closer together than they were sent.
func (s *Shaper) filled(at moment) bool {
	return s.limit() > 0 && s.history.sent.Within(at.Add(-Length-2*maxMargin), at) >= s.limit()
}

// rejected learns of others from a 429 for an attempt sent at the given time. If
// the log explains the 429, it proves one attempt of others.
func (s *Shaper) rejected(now, at moment, explained bool) {
	limit := s.limit()
	if limit == 0 {
		return
	}
	reach := s.margin.reach()
	may, must := s.history.counted(at, reach)
	f := fact{at: at, limit: limit, least: max(1, limit-may), rejected: true}
	if explained {
		f.least = 1
	}
	f.most = max(f.least, limit-must)
	s.burst.observe(&s.history, at, reach, f.most)
	s.know(now, f)
}

// refuse removes from the queue the waiters for which it is proven that there will
// be no room in time.
func (s *Shaper) refuse(now moment) {
	if s.queue != nil {
		s.queue.refuse(func(w *waiter) error { return s.hopeless(now, w) })
	}
}

// take logs an attempt that is admitted.
func (s *Shaper) take(now moment, rank int) {
	if limit := s.limit(); limit > 0 && s.history.sent.Len() >= limit && rank > rankElsewhere {
		if from, ok := s.opening(&ask{now, rank, 0, limit, s.theirs(now)}); ok {
			if from.Add(s.pause()) <= now { // there was room all the time
				from = now
			}
			s.opened = from
		}
	}
	s.history.start(now, rank >= rankBackgroundRetry)
}
