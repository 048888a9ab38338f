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
	Limit           int           // the limit of the key's window; 0 if it is not known
	Max             int           // bounds the attempts in each window, whatever replies report; 0 means no bound
	Unknown         int           // how many attempts may be outstanding in the key's window while its limit is not known
	UnknownSeparate int           // the same for each separate window
	Longest         time.Duration // the longest Retry-After of a 429 that is believed
}

// A Set shapes the attempts of a client. It has a Shaper for each window, which
// learns only from replies in that window. It is safe for concurrent use.
//
// According to the service's documentation, all attempts with a key count in the
// key's window; in fact, most endpoints have separate windows of the account. So an
// attempt in a separate window must fit into that window and, until replies show
// otherwise, also into a common window of all attempts with the key.
type Set struct {
	cfg Config
	clock

	mu      sync.Mutex
	margin  margin
	key     *keyWindows // those of the key that was seen last
	keys    keyring
	windows map[string]*Shaper // the separate windows

	arrivals uint64 // how many waiters have arrived
	waiting  int    // how many waiters there are now
}

// NewSet returns a Set without any attempts.
func NewSet(cfg Config) *Set {
	s := &Set{cfg: cfg, clock: newClock(), margin: margin{length: minMargin}}
	s.key = &keyWindows{own: s.newShaper(cfg.Limit, cfg.Unknown)}
	return s
}

func (s *Set) newShaper(limit, unknown int) *Shaper {
	return &Shaper{preset: limit, max: s.cfg.Max, unknown: unknown, margin: &s.margin, queue: new(queue)}
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

	// Background is whether the attempt yields to all others. Such attempts are
	// admitted after the others, are spread evenly over the window, and leave a
	// part of it free.
	Background bool

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
	if own.queue.n == 0 && (s.waiting == 0 || s.key.common() == nil) {
		now, rank := s.now(), r.rank()
		if p := s.plan(now, own, rank, 0); p.at <= now {
			s.take(now, t, own, p, rank)
			return nil
		}
	}
	return s.wait(ctx, r, t)
}

// wait is Admit for an attempt that must wait in the queue. s.mu is held, except
// while it sleeps.
func (s *Set) wait(ctx context.Context, r Request, t *Turn) error {
	s.arrivals++
	s.waiting++
	w := newWaiter(r, s.deadline(ctx), s.arrivals)
	queue := s.shaper(r.Window).queue // the same, whatever the key
	place := queue.add(w)
	defer func() {
		s.waiting--
		queue.remove(w)
		s.wake()
	}()
	for placed := true; ; placed = false {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if w.refused != nil {
			return w.refused
		}
		now, own := s.now(), s.shaper(r.Window)
		head := queue.head() == w
		if head {
			place = 0
		}
		p := s.plan(now, own, w.rank, place)
		due := head && p.at <= now
		if due && s.isNext(now, own, w) {
			s.take(now, t, own, p, w.rank)
			return nil
		}
		if head || placed {
			if err := own.hopeless(now, w); err != nil {
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

// tell calls r.Waiting.
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
		until := s.closedUntil(r.Window)
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

func (s *Set) closedUntil(w Window) (until moment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	until = s.shaper(w).gate.until
	if all := s.key.common(); all != nil {
		until = max(until, all.gate.until)
	}
	return until
}

// shaper returns the Shaper of a window.
func (s *Set) shaper(w Window) *Shaper {
	if w.Name == "" {
		return s.key.own
	}
	if s.key.all == nil {
		s.key.all = s.key.own.clone()
	}
	sh := s.windows[w.Name]
	if sh == nil {
		if s.windows == nil {
			s.windows = map[string]*Shaper{}
		}
		sh = s.newShaper(w.Limit, s.cfg.UnknownSeparate)
		s.windows[w.Name] = sh
	}
	return sh
}

// plan returns when an attempt of a rank, at the given place in the queue of its
// window, may be sent.
func (s *Set) plan(now moment, own *Shaper, rank, place int) plan {
	p := own.plan(now, rank, place)
	if all := s.key.common(); all != nil {
		p = p.later(all.plan(now, rank, place))
	}
	return p
}

// isNext reports whether w, the head of its queue, goes before the heads of the
// other queues, with which it shares the common window.
func (s *Set) isNext(now moment, own *Shaper, w *waiter) bool {
	if s.key.common() == nil {
		return true
	}
	next := true
	s.heads(func(sh *Shaper, head *waiter) {
		if sh != own && head.before(w) && sh.plan(now, head.rank, 0).at <= now {
			head.signal()
			next = false
		}
	})
	return next
}

// heads calls f for the first waiter of each queue.
func (s *Set) heads(f func(*Shaper, *waiter)) {
	if head := s.key.own.queue.head(); head != nil {
		f(s.key.own, head)
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

// take admits an attempt.
func (s *Set) take(now moment, t *Turn, own *Shaper, p plan, rank int) {
	t.set, t.key, t.shaper = s, s.key, own
	t.at, t.written, t.rank, t.probe = now, false, rank, p.probe
	t.before = own.history.successes
	own.take(now, rank)
	if all := s.key.all; all != nil {
		t.before = all.history.successes
		all.take(now, rank)
	}
}
