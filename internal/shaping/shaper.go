package shaping

// A Shaper keeps attempts within one window. The mutex of its Set guards it.
type Shaper struct {
	limit       int    // attempts per window; 0 if it is not known yet
	limitAsOf   moment // when the attempt was sent whose reply reported the limit
	confirmedAt moment // when that reply came
	max         int    // bounds the attempts per window, whatever replies report; 0 means no bound
	unknown     int    // how many attempts may be outstanding while the limit is not known

	history history
	others  others
	gate    gate
	queue   queue
	margin  *margin // shared by all Shapers of the Set, since it depends on the network
}

// capped returns the number of slots, bounded by max.
func (s *Shaper) capped(slots int) int {
	if s.max > 0 {
		return min(slots, s.max)
	}
	return slots
}

// clone returns a copy of the Shaper with an empty queue.
func (s *Shaper) clone() *Shaper {
	c := *s
	c.history, c.queue = s.history.clone(), queue{}
	return &c
}

// learn learns the limit from the reply to an attempt sent at the given time.
func (s *Shaper) learn(now, at moment, limit int) {
	if at >= s.limitAsOf {
		s.limit, s.limitAsOf, s.confirmedAt = limit, at, now
	}
}

// estimate estimates how many attempts of others the server had counted when the
// attempt sent at the given time arrived. counted is the count in its reply.
func (s *Shaper) estimate(now, at moment, counted int) {
	near := min(s.margin.reach(), maxMargin)
	reach := min(max(now.Sub(at), near), maxMargin)
	may, must := s.history.counted(at, reach, near)
	meanwhile := s.history.answered.Within(at.Add(-near), at.Add(near))
	s.others.observe(now, at, counted-may, counted-must, meanwhile)
}

// filled reports whether the client's own attempts filled the window before the
// attempt sent at the given time. It takes a slightly longer window, since attempts
// may arrive closer together than they were sent.
func (s *Shaper) filled(at moment) bool {
	return s.limit > 0 && s.history.sent.Within(at.Add(-memory), at) >= s.limit
}

// refuse removes from the queue the waiters for which it is proven that there will
// be no room in time.
func (s *Shaper) refuse(now moment) {
	s.queue.refuse(func(w *waiter, place int) error { return s.hopeless(now, w, place) })
}
