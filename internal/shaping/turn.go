package shaping

import "time"

// A Turn is an attempt that was admitted: its slot in the window, and its place
// among those outstanding. It must end, once, with Answered, Rejected or Lost;
// later ends are ignored, and so that a deferred Lost covers every path. The
// methods of a nil Turn do nothing. The zero value is what Set.Admit fills in;
// it is used for one attempt.
type Turn struct {
	set       *Set
	shaper    *Shaper // of the attempt's window
	at        moment  // sent
	before    int     // attempts that had succeeded by then
	probe     bool
	elsewhere bool // as of its Request
}

// A Reply is what a reply other than 429 tells.
type Reply struct {
	Success bool // the attempt was admitted and did what it should
	Limit   int  // the window's limit; 0 if it does not tell
	Counted int  // attempts the server had counted in the window, this one included; -1 if it does not tell
}

// Sent says that the attempt was written to its connection now, so that its
// slot counts from here.
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

// At returns when the attempt was sent or, before it is, admitted.
func (t *Turn) At() time.Time {
	t.set.mu.Lock()
	defer t.set.mu.Unlock()
	return t.set.time(t.at)
}

// Answered ends the attempt with a reply.
func (t *Turn) Answered(r Reply) {
	t.end(func(s *Set, own *Shaper, now moment) { s.answered(now, t, own, r) })
}

// Rejected ends the attempt with a 429, which closes the gate for as long as
// it asks to wait; 0 if it does not say. The server has not counted it.
func (t *Turn) Rejected(retryAfter time.Duration) {
	t.end(func(s *Set, own *Shaper, now moment) { s.rejected(now, t, own, retryAfter) })
}

// Lost ends the attempt without a reply. Its slot stays taken for a window
// unless it certainly was never sent.
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

// end gives the attempt's place among the outstanding back and has its end
// taken in, if it has none yet.
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
