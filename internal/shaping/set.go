package shaping

import (
	"context"
	"sync"
	"time"

	"github.com/clawhq/clawhq-go/internal/window"
)

// Length is the length of the server's windows.
const Length = window.Length

// A Window identifies the sliding window that an attempt counts in. The zero value
// is the window of the key; any other name is a separate window.
type Window struct {
	Name string

	// Limit is the expected limit of the window, in attempts per minute, until
	// a reply reports it. 0 means that it is not known. It may delay an attempt
	// but not refuse it, since no reply has confirmed it.
	Limit int
}

// Config configures a Set.
type Config struct {
	Limit   int           // the limit of the key's window; 0 if it is not known
	Max     int           // bounds the attempts in each window, whatever replies report; 0 means no bound
	Unknown int           // how many attempts may be outstanding in the key's window while its limit is not known
	Others  int           // the same for the other windows
	Longest time.Duration // the longest Retry-After of a 429 that is believed
}

// A Set shapes the attempts of a client. It has a Shaper for each window, which
// learns only from replies in that window. It is safe for concurrent use.
//
// According to the service's documentation, all attempts with a key count in the
// key's window; in fact, most endpoints have separate windows. So an attempt in a
// separate window must fit into that window and, until replies show otherwise,
// also into a common window of all attempts.
type Set struct {
	cfg Config
	clock

	mu      sync.Mutex
	margin  margin
	key     *Shaper
	windows map[string]*Shaper // the others

	// all is the common window of all attempts. It is nil until the first attempt
	// in a separate window, since until then it is the same as the key's window;
	// and it is nil once replies have shown that windows are separate.
	all *Shaper
	odd odd

	arrivals uint64 // how many waiters have arrived
	waiting  int
}

// odd describes a reply that reported another limit than the key's. If a later
// reply reports the key's limit unchanged, the windows are separate.
type odd struct {
	limit int    // the key's, as last told before
	at    moment // the reply came
}

// NewSet returns a Set without any attempts.
func NewSet(cfg Config) *Set {
	s := &Set{cfg: cfg, clock: newClock(), margin: margin{length: minMargin}}
	s.key = &Shaper{limit: cfg.Limit, max: cfg.Max, unknown: cfg.Unknown, margin: &s.margin}
	return s
}

// A Request describes an attempt that is to be admitted.
type Request struct {
	Window Window

	// Retry is whether the attempt is a retry. Retries are admitted before first
	// attempts.
	Retry bool

	// Elsewhere is whether something else, like a Limiter, has admitted the
	// attempt: it then waits only for the gate and for Config.Max.
	Elsewhere bool

	// Waiting, if not nil, is called once, before the attempt begins to wait,
	// with the reason and the time at which the wait is expected to end; the
	// time is zero if that is not known.
	Waiting func(why Reason, until time.Time)
}

// Admit waits until an attempt may be sent, and fills in its turn. It returns a
// *TooLate at once if it is proven that the attempt cannot be sent before the
// deadline of ctx. If ctx ends first, it returns the cause of that.
func (s *Set) Admit(ctx context.Context, r Request, t *Turn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	own := s.shaper(r.Window)
	if own.queue.len() == 0 && (s.all == nil || s.waiting == 0) {
		now := s.now()
		if p := s.plan(now, own, 0, r.Elsewhere); p.at <= now {
			s.take(now, t, own, p, r.Elsewhere)
			return nil
		}
	}
	return s.wait(ctx, own, r, t)
}

// wait is Admit for an attempt that must wait in the queue. s.mu is held, except
// while it sleeps.
func (s *Set) wait(ctx context.Context, own *Shaper, r Request, t *Turn) error {
	s.arrivals++
	s.waiting++
	w := newWaiter(r, s.deadline(ctx), s.arrivals)
	place := own.queue.add(w)
	defer func() {
		s.waiting--
		own.queue.remove(w)
		s.wake()
	}()
	for placed := true; ; placed = false {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if w.refused != nil {
			return w.refused
		}
		now := s.now()
		head := own.queue.head() == w
		if head {
			place = 0
		}
		p := s.plan(now, own, place, r.Elsewhere)
		due := head && p.at <= now
		if due && s.isNext(now, own, w) {
			s.take(now, t, own, p, r.Elsewhere)
			return nil
		}
		if head || placed { // else the place is not known any more
			if err := own.hopeless(now, w, place); err != nil {
				return err
			}
		}
		s.unlocked(func() {
			if placed {
				s.tell(r, p)
			}
			sleep(ctx, w.wake, head && !due, p.at.Sub(now))
		})
	}
}

// unlocked calls f without the mutex, and takes it again even if f panics.
func (s *Set) unlocked(f func()) {
	s.mu.Unlock()
	defer s.mu.Lock()
	f()
}

func (s *Set) tell(r Request, p plan) {
	if r.Waiting == nil {
		return
	}
	var until time.Time
	if p.why != Unknown && p.why != Behind {
		until = s.time(p.at)
	}
	r.Waiting(p.why, until)
}

// sleep waits for ctx's end, for wake and, if it is timed, for no longer than d.
func sleep(ctx context.Context, wake <-chan struct{}, timed bool, d time.Duration) {
	var expired <-chan time.Time
	if timed {
		t := time.NewTimer(d)
		defer t.Stop()
		expired = t.C
	}
	select {
	case <-expired:
	case <-wake:
	case <-ctx.Done():
	}
}

// Gate waits while the gate of a window is closed.
func (s *Set) Gate(ctx context.Context, r Request) error {
	told := false
	for {
		now := s.now()
		until := s.closedUntil(now, r.Window)
		if until <= now {
			return nil
		}
		if deadline := s.deadline(ctx); deadline != 0 && until > deadline {
			return &TooLate{until.Sub(now)}
		}
		if !told {
			s.tell(r, plan{at: until, why: Closed})
			told = true
		}
		sleep(ctx, nil, true, until.Sub(now))
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

func (s *Set) closedUntil(now moment, w Window) (until moment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.each(s.shaper(w), func(sh *Shaper) { until = max(until, sh.gate.until) })
	return until
}

// shaper returns the Shaper of a window.
func (s *Set) shaper(w Window) *Shaper {
	if w.Name == "" {
		return s.key
	}
	if sh := s.windows[w.Name]; sh != nil {
		return sh
	}
	if s.windows == nil {
		s.windows = map[string]*Shaper{}
		s.all = s.key.clone()
	}
	sh := &Shaper{limit: w.Limit, max: s.cfg.Max, unknown: s.cfg.Others, margin: &s.margin}
	s.windows[w.Name] = sh
	return sh
}

// each calls f for the Shapers that an attempt in a window counts in.
func (s *Set) each(own *Shaper, f func(*Shaper)) {
	f(own)
	if s.all != nil {
		f(s.all)
	}
}

// plan returns when the attempt at the given place in the queue of its window may
// be sent.
func (s *Set) plan(now moment, own *Shaper, place int, elsewhere bool) plan {
	p := own.plan(now, place, elsewhere)
	if s.all != nil {
		p = p.later(s.all.plan(now, place, elsewhere))
	}
	return p
}

// isNext reports whether w, the head of its queue, goes before the heads of the
// other queues, with which it shares the common window.
func (s *Set) isNext(now moment, own *Shaper, w *waiter) bool {
	if s.all == nil {
		return true
	}
	next := true
	s.heads(func(sh *Shaper, head *waiter) {
		if sh != own && head.before(w) && sh.plan(now, 0, head.elsewhere).at <= now {
			head.signal()
			next = false
		}
	})
	return next
}

// heads calls f for the first waiter of each queue.
func (s *Set) heads(f func(*Shaper, *waiter)) {
	if head := s.key.queue.head(); head != nil {
		f(s.key, head)
	}
	for _, sh := range s.windows {
		if head := sh.queue.head(); head != nil {
			f(sh, head)
		}
	}
}

// wake makes the first waiter of each queue check its plan again.
func (s *Set) wake() {
	if s.waiting > 0 {
		s.heads(func(_ *Shaper, head *waiter) { head.signal() })
	}
}

func (s *Set) take(now moment, t *Turn, own *Shaper, p plan, elsewhere bool) {
	*t = Turn{set: s, shaper: own, at: now, probe: p.probe, elsewhere: elsewhere, before: own.history.successes}
	own.history.start(now)
	if s.all != nil {
		t.before = s.all.history.successes
		s.all.history.start(now)
	}
}

// answered learns from a reply other than a 429.
func (s *Set) answered(now moment, t *Turn, own *Shaper, r Reply) {
	s.each(own, func(sh *Shaper) {
		if r.Success {
			sh.history.succeed(now, t.at, r.Counted)
			sh.gate.admitted()
		} else {
			sh.history.doubtful.Add(t.at)
		}
	})
	counting := own
	if s.all != nil {
		counting = s.all
	}
	if t.probe && r.Success {
		counting.others.probed(true)
	}
	if r.Limit == 0 {
		return
	}
	confirmed, limit := own.confirmed(now), own.limit
	s.learn(now, t, own, r)
	if r.Counted >= 0 {
		spread, ok := own.history.spread(t.at, r.Counted)
		s.margin.observe(now, now.Sub(t.at), spread, ok)
		if s.all == nil {
			counting = own
		}
		counting.others.full = r.Counted >= r.Limit
		if t.elsewhere {
			counting.others.keep()
		}
		counting.estimate(now, t.at, r.Counted)
	}
	if !confirmed || own.limit != limit { // more is proven than was
		own.refuse(now)
	}
}

// learn learns the limit that a reply reports, and whether the reply shows that
// windows are separate.
func (s *Set) learn(now moment, t *Turn, own *Shaper, r Reply) {
	own.learn(now, t.at, r.Limit)
	if s.all == nil {
		return
	}
	switch {
	case r.Success && r.Counted >= 0 && s.all.history.disproves(now, t.before, r.Counted):
		s.all = nil
	case own == s.key:
		s.all.learn(now, t.at, r.Limit)
		if s.odd.at != 0 && t.at > s.odd.at {
			if s.odd.limit == r.Limit {
				s.all = nil
			}
			s.odd = odd{}
		}
	default:
		if keys := s.key.limit; keys > 0 && keys != r.Limit && s.odd.at == 0 {
			s.odd = odd{keys, now}
		}
		if !s.key.confirmed(now) {
			// By the documented rule this is the key's limit, but a window
			// beside it may be smaller.
			limit := max(r.Limit, s.key.limit, s.cfg.Unknown)
			if s.all.confirmed(now) {
				limit = max(limit, s.all.limit)
			}
			s.all.learn(now, t.at, limit)
		}
	}
}

// rejected learns from a 429.
func (s *Set) rejected(now moment, t *Turn, own *Shaper, retryAfter time.Duration) {
	explained := false
	counting := own
	s.each(own, func(sh *Shaper) {
		counting = sh
		sh.history.sent.Remove(t.at)
		sh.gate.close(now, retryAfter, s.cfg.Longest, Length/time.Duration(max(sh.limit, s.cfg.Unknown)))
		explained = explained || sh.filled(t.at)
	})
	switch {
	case explained:
		s.margin.widen(now, t.at)
	case counting.limit > 0 && counting.others.seenSince(now.Add(-2*Length)):
		counting.estimate(now, t.at, counting.limit)
		if t.probe {
			counting.others.probed(false)
		}
	} // else no reply has shown anyone else, and there is only the server's word on when to come back
	own.refuse(now)
}
