package shaping

import "time"

// A Turn is an admitted attempt. Set.Admit fills in a zero Turn, which is used for
// one attempt. The caller must end it with Answered, Rejected or Lost. Only the
// first end counts, so that a deferred Lost covers every path. The methods of a nil
// Turn do nothing.
type Turn struct {
	set       *Set
	shaper    *Shaper // of the attempt's window
	at        moment  // sent
	before    int     // attempts that had succeeded by then
	probe     bool
	elsewhere bool // as of its Request
}

// A Reply describes a reply other than a 429.
type Reply struct {
	Success bool // the attempt was admitted and did what it should
	Limit   int  // the window's limit; 0 if it does not tell
	Counted int  // attempts the server had counted in the window, this one included; -1 if it does not tell
}

// Sent reports that the attempt has just been written to its connection: its slot
// is taken from now on.
func (t *Turn) Sent() {
	if t == nil || t.set == nil {
		return
	}
	s := t.set
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.shaper != nil {
		now := s.now()
		s.each(t.shaper, func(sh *Shaper) { sh.history.move(t.at, now) })
		t.at = now
	}
}

// At returns when the attempt was sent or, if it was not sent yet, admitted.
func (t *Turn) At() time.Time {
	t.set.mu.Lock()
	defer t.set.mu.Unlock()
	return t.set.time(t.at)
}

// Answered ends the attempt with a reply.
func (t *Turn) Answered(r Reply) {
	t.end(func(s *Set, own *Shaper, now moment) { s.answered(now, t, own, r) })
}

// Rejected ends the attempt with a 429, which the server has not counted. It closes
// the gate for retryAfter, which is 0 if the 429 has none.
func (t *Turn) Rejected(retryAfter time.Duration) {
	t.end(func(s *Set, own *Shaper, now moment) { s.rejected(now, t, own, retryAfter) })
}

// Lost ends the attempt without a reply. Its slot stays taken for a window, unless
// it is certain that the attempt was never sent.
func (t *Turn) Lost(neverSent bool) {
	t.end(func(s *Set, own *Shaper, _ moment) {
		s.each(own, func(sh *Shaper) {
			if neverSent {
				sh.history.sent.Remove(t.at)
			} else {
				sh.history.doubtful.Add(t.at)
			}
		})
	})
}

// end ends the attempt and calls how, unless it has ended before.
func (t *Turn) end(how func(s *Set, own *Shaper, now moment)) {
	if t == nil || t.set == nil {
		return
	}
	s := t.set
	s.mu.Lock()
	defer s.mu.Unlock()
	own := t.shaper
	if own == nil {
		return
	}
	t.shaper = nil
	s.each(own, func(sh *Shaper) { sh.history.outstanding-- })
	how(s, own, s.now())
	s.wake()
}
