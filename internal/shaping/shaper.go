package shaping

// A Shaper keeps attempts inside one window. It is guarded by the mutex of its
// Set.
type Shaper struct {
	limit       int    // attempts a window; 0 until a reply tells, or the caller has
	limitAsOf   moment // when the attempt was sent whose reply told the limit
	confirmedAt moment // when that reply came
	max         int    // never more than this, whatever replies tell; 0 without a bound
	unknown     int    // how many are outstanding at most while the limit is not known

	history history
	others  others
	gate    gate
	queue   queue
	margin  *margin // of the Set: it is the network's
}

// capped returns so many slots, or as many as the caller allows.
func (s *Shaper) capped(slots int) int {
	if s.max > 0 {
		return min(slots, s.max)
	}
	return slots
}

// clone returns a Shaper that knows the same, with an empty queue.
func (s *Shaper) clone() *Shaper {
	c := *s
	c.history, c.queue = s.history.clone(), queue{}
	return &c
}

// learn takes in the limit that a reply told, to an attempt that was sent at.
func (s *Shaper) learn(now, at moment, limit int) {
	if at >= s.limitAsOf {
		s.limit, s.limitAsOf, s.confirmedAt = limit, at, now
	}
}

// estimate concludes from how many attempts the server had counted, when the
// one arrived that was sent at and is answered now, how many were others'.
func (s *Shaper) estimate(now, at moment, counted int) {
	near := min(s.margin.reach(), maxMargin)
	reach := min(max(now.Sub(at), near), maxMargin)
	may, must := s.history.counted(at, reach, near)
	meanwhile := s.history.answered.Within(at.Add(-near), at.Add(near))
	s.others.observe(now, at, counted-may, counted-must, meanwhile)
}

// filled reports whether the client's own attempts fill the window, made a
// little longer, before the one that was sent at: on arrival they were nearer
// to each other than when they were sent.
func (s *Shaper) filled(at moment) bool {
	return s.limit > 0 && s.history.sent.Within(at.Add(-memory), at) >= s.limit
}

// refuse takes out of the queue those that have no hope by what is proven now.
func (s *Shaper) refuse(now moment) {
	s.queue.refuse(func(w *waiter, place int) error { return s.hopeless(now, w, place) })
}
