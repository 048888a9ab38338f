package shaping

import "time"

// A Turn is an admitted attempt. Set.Admit fills in a zero Turn, which is used for
// one attempt. The caller must end it with Answered, Rejected or Lost. Only the
// first end counts, so that a deferred Lost covers every path. The methods of a nil
// Turn do nothing.
type Turn struct {
	set     *Set
	key     *keyWindows // of the API key that the attempt is sent with
	shaper  *Shaper     // of the attempt's window; nil once the attempt has ended
	at      moment      // sent or, if it is not written yet, admitted
	written bool
	before  int  // how many attempts had succeeded when this one was admitted
	probe   bool // sent beyond the client's slots
	rank    int
}

// A Reply describes a reply other than a 429.
type Reply struct {
	Success  bool // the attempt was admitted and did what it should
	Limit    int  // the window's limit; 0 if the reply does not tell
	Counted  int  // attempts the server had counted in the window, this one included; -1 if the reply does not tell
	ByMinute bool // the server's 429s name the end of the clock's minute, not the time at which a slot is free
}

func (t *Turn) background() bool { return t.rank >= rankBackgroundRetry }

// each calls f for the Shapers that the attempt counts in.
func (t *Turn) each(f func(*Shaper)) {
	f(t.shaper)
	if t.key.all != nil {
		f(t.key.all)
	}
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
	if t.shaper != nil && !t.written {
		now := s.now()
		t.each(func(sh *Shaper) { sh.history.written(t.at, now, t.background()) })
		t.at, t.written = now, true
	}
}

// At returns when the attempt was sent or, if it was not sent yet, admitted.
func (t *Turn) At() time.Time {
	t.set.mu.Lock()
	defer t.set.mu.Unlock()
	return t.set.time(t.at)
}

// Answered ends the attempt with a reply.
func (t *Turn) Answered(r Reply) { t.end(func(now moment) { t.answered(now, r) }) }

// Rejected ends the attempt with a 429, which the server has not counted. It closes
// the gate for retryAfter, which is 0 if the 429 has none. byMinute is as in a Reply:
// then the caller has chosen retryAfter.
func (t *Turn) Rejected(retryAfter time.Duration, byMinute bool) {
	t.end(func(now moment) { t.rejected(now, retryAfter, byMinute) })
}

// Lost ends the attempt without a reply. Its slot stays taken for a window, unless
// it is certain that the server has not counted the attempt.
func (t *Turn) Lost(uncounted bool) {
	t.end(func(moment) {
		t.each(func(sh *Shaper) {
			if uncounted {
				sh.history.forget(t.at, t.background())
			} else {
				sh.history.doubtful.Add(t.at)
			}
		})
	})
}

// end ends the attempt and calls how, unless it has ended before.
func (t *Turn) end(how func(now moment)) {
	if t == nil || t.set == nil {
		return
	}
	s := t.set
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.shaper == nil {
		return
	}
	t.each(func(sh *Shaper) { sh.history.end(t.at, t.written) })
	how(s.now())
	t.shaper = nil
	s.wake()
}
