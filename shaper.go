package clawhq

import (
	"context"
	"fmt"
	"net/http/httptrace"
	"slices"
	"sync"
	"time"

	"github.com/clawhq/clawhq-go/internal/window"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// A shaper keeps a client's calls inside the server's sliding window. It holds
// a log of the client's own calls, by when they were sent, and of the calls of
// others on the same key, as far as the server's replies betray them.
//
// The server counts a call when it arrives, which is between when it was sent
// and when it was answered. A slot is free again one window after its call was
// sent, plus a margin: should a call arrive late and the one that takes its
// slot early, the margin is what keeps them a window apart.
type shaper struct {
	mu          sync.Mutex
	limit       int       // calls a window; 0 until the server tells
	limitAsOf   time.Time // when the call was sent whose reply told the limit
	own         window.Log
	others      window.Log
	outstanding int // calls sent and not answered
	margin      time.Duration
	margined    time.Time     // when the margin last changed
	gate        time.Time     // nothing is sent before
	pause       time.Duration // the last one after a 429 that did not say how long
	queue       []*waiter     // callers, the first to be admitted first
}

// A slot is an admitted call's place in the log.
type slot struct {
	shaper *shaper
	at     time.Time
	gone   bool // not in the log any more
	trace  httptrace.ClientTrace
}

// A waiter is a caller in the queue. It is woken when it becomes the first of
// it, and as the first, when something has changed.
type waiter struct{ wake chan struct{} }

const (
	minMargin = 250 * time.Millisecond
	maxMargin = 4 * time.Second

	// othersMargin is how much longer than a window a slot taken by others is
	// left to them. They will want it again, and two clients that reach for
	// the same slot at once cost a 429.
	othersMargin = 2 * time.Second

	// minPause is how long nothing is sent after a 429 that does not say how
	// long to wait, or is not to be believed. It doubles with every further one.
	minPause = time.Second
)

func newShaper(limit int) *shaper { return &shaper{limit: limit, margin: minMargin} }

// admit waits until a call may be sent and logs it in sl.
func (s *shaper) admit(ctx context.Context, sl *slot) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if len(s.queue) == 0 {
		if at, ok := s.freeAt(now, 0); ok && !at.After(now) {
			s.take(sl, now)
			return nil
		}
	}
	return s.wait(ctx, sl)
}

// wait is admit for a call that has to queue. s.mu is held, but not while it
// waits.
func (s *shaper) wait(ctx context.Context, sl *slot) error {
	w := &waiter{make(chan struct{}, 1)}
	s.queue = append(s.queue, w)
	defer s.leave(w)
	deadline, hasDeadline := ctx.Deadline()
	for {
		now := time.Now()
		place := slices.Index(s.queue, w)
		at, known := s.freeAt(now, place)
		if place == 0 && known && !at.After(now) {
			s.take(sl, now)
			return nil
		}
		if known && hasDeadline && at.After(deadline) {
			return throttled(context.DeadlineExceeded, fmt.Sprintf("there is room in %v, after the context's deadline", at.Sub(now).Round(time.Millisecond)))
		}
		var timer <-chan time.Time // the first in the queue watches the clock
		if place == 0 && known {
			t := time.NewTimer(at.Sub(now))
			defer t.Stop()
			timer = t.C
		}
		s.mu.Unlock()
		select {
		case <-timer:
		case <-w.wake:
		case <-ctx.Done():
		}
		s.mu.Lock()
		if ctx.Err() != nil {
			return throttled(ctx.Err(), context.Cause(ctx).Error())
		}
	}
}

// leave takes a waiter out of the queue.
func (s *shaper) leave(w *waiter) {
	i := slices.Index(s.queue, w)
	s.queue = slices.Delete(s.queue, i, i+1)
	s.wakeFirst()
}

// wakeFirst has the first in the queue look again.
func (s *shaper) wakeFirst() {
	if len(s.queue) > 0 {
		select {
		case s.queue[0].wake <- struct{}{}:
		default:
		}
	}
}

func (s *shaper) take(sl *slot, now time.Time) {
	sl.shaper, sl.at = s, now
	s.own.Add(now)
	s.outstanding++
}

// ownSpan and othersSpan are how long a call keeps its slot.
func (s *shaper) ownSpan() time.Duration { return wire.RateWindow + s.margin }

const othersSpan = wire.RateWindow + othersMargin

// freeAt returns when there will be room for the caller at the given place in
// the queue, if everything stays as it is. ok is false if that is not known.
func (s *shaper) freeAt(now time.Time, place int) (at time.Time, ok bool) {
	at = now
	if s.gate.After(at) {
		at = s.gate
	}
	if s.limit == 0 {
		most := wire.SmallestTier
		if s.pause > 0 {
			most = 1 // it was too much already
		}
		return at, s.outstanding+place < most
	}
	s.own.Prune(now.Add(-wire.RateWindow - 2*maxMargin)) // later, rejected asks for them
	s.others.Prune(now.Add(-othersSpan))
	own := s.own.After(now.Add(-s.ownSpan()))
	others := max(0, s.others.Len()-s.limit+1) // one slot is always this client's
	over := s.own.Len() - own + s.others.Len() - others + place - s.limit
	if over < 0 {
		return at, true
	}
	// Slots come free in the order of the two logs; past their end, in the
	// same order a window later.
	rounds := over / s.limit
	over %= s.limit
	free := at
	for ; over >= 0; over-- {
		switch {
		case others == s.others.Len() && own == s.own.Len():
			over = 0
		case others == s.others.Len() || own < s.own.Len() && s.own.At(own).Add(s.ownSpan()).Before(s.others.At(others).Add(othersSpan)):
			free = s.own.At(own).Add(s.ownSpan())
			own++
		default:
			free = s.others.At(others).Add(othersSpan)
			others++
		}
	}
	free = free.Add(time.Duration(rounds) * s.ownSpan())
	if free.After(at) {
		at = free
	}
	return at, true
}

// sent says that the call was written to its connection just now.
func (sl *slot) sent(httptrace.WroteRequestInfo) {
	s := sl.shaper
	s.mu.Lock()
	defer s.mu.Unlock()
	if !sl.gone && s.own.Remove(sl.at) {
		sl.at = time.Now()
		s.own.Add(sl.at)
	}
}

// lost says that a call failed without a reply.
func (s *shaper) lost(sl *slot, neverSent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outstanding--
	if neverSent {
		s.forget(sl)
	}
	s.wakeFirst()
}

// answered says that a call got a reply other than 429, and what it told.
func (s *shaper) answered(sl *slot, told RateLimit, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outstanding--
	if known {
		s.pause = 0
		if !sl.at.Before(s.limitAsOf) {
			s.limit, s.limitAsOf = told.Limit, sl.at
		}
		s.infer(sl.at, told.Limit-told.Remaining)
		s.narrow(time.Now())
	}
	s.wakeFirst()
}

// infer corrects the log of the others' calls by what the server had counted
// when the call arrived that was sent at.
func (s *shaper) infer(at time.Time, counted int) {
	from, to := at.Add(-wire.RateWindow), at.Add(s.margin)
	// Of the client's own calls, these may have counted and these must have.
	may := s.own.After(to) - s.own.After(from.Add(-s.margin))
	must := s.own.After(at.Add(-s.margin)) - s.own.After(from.Add(s.margin))
	first := s.others.After(from)
	logged := s.others.After(to) - first
	for ; logged < counted-may; logged++ {
		s.others.Add(at)
	}
	for ; logged > max(counted-must, 0); logged-- {
		s.others.Remove(s.others.At(first))
	}
}

// rejected says that a call got a 429, and how long the server asks to wait.
// A wait that is longer than the longest to be believed is taken for none.
func (s *shaper) rejected(sl *slot, retryAfter, longest time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outstanding--
	s.forget(sl) // the server counts what it admits
	now := time.Now()
	if retryAfter <= 0 || retryAfter > longest {
		s.pause = min(max(2*s.pause, minPause), wire.RateWindow)
		retryAfter = s.pause
	}
	if until := now.Add(retryAfter); until.After(s.gate) {
		s.gate = until
	}
	if s.limit > 0 {
		s.explain(sl.at, now)
	}
	s.wakeFirst()
}

// explain finds the reason of a 429 for a call that was sent at, which the log
// had room for: either its own calls were nearer to each other on arrival than
// when they were sent, or others are using the key.
func (s *shaper) explain(at, now time.Time) {
	from := at.Add(-wire.RateWindow)
	if s.own.After(at)-s.own.After(from.Add(-2*maxMargin)) >= s.limit {
		if at.After(s.margined) {
			s.margin = min(2*s.margin, maxMargin)
			s.margined = now
		}
		return
	}
	// All that is known of the others is how many they are. Taken to be
	// evenly spread, they let the waiting calls out one after another, and
	// the first replies will tell more.
	missing := s.limit - (s.own.After(at) - s.own.After(from)) - (s.others.After(at) - s.others.After(from))
	for i := range missing {
		s.others.Add(from.Add(wire.RateWindow * time.Duration(i+1) / time.Duration(missing)))
	}
}

// narrow takes back a part of a margin that has kept calls apart for long.
func (s *shaper) narrow(now time.Time) {
	if s.margin > minMargin && now.Sub(s.margined) > 5*wire.RateWindow {
		s.margin = max(minMargin, s.margin*3/4)
		s.margined = now
	}
}

func (s *shaper) forget(sl *slot) {
	if !sl.gone {
		s.own.Remove(sl.at)
		sl.gone = true
	}
}
