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

// A shaper keeps a client's calls inside the server's sliding window by a log
// of them, and by what the replies tell of the calls of others on the key.
//
// The server counts a call when it arrives, which is after it was sent and
// before it is answered. A slot is therefore free again one window after its
// call was sent, plus a margin: should that call have been slow to arrive, and
// the one that takes its slot be quick, the margin keeps them a window apart.
type shaper struct {
	mu          sync.Mutex
	limit       int        // calls a window; 0 until the server tells
	limitAsOf   time.Time  // when the call was sent whose reply told the limit
	own         window.Log // the client's calls, by when they were sent
	answered    window.Log // those of them that were answered
	outstanding int        // those that were not
	others      others
	margin      margin
	gate        time.Time     // nothing is sent before
	pace        time.Duration // how far calls are kept apart after a 429, to leave the gate one by one
	pause       time.Duration // the last one after a 429 that did not say how long
	queue       []*waiter     // callers, the first to be admitted first
}

// A slot is an admitted call's place in the log.
type slot struct {
	shaper *shaper
	at     time.Time
	probe  bool // sent to see whether there is room
	gone   bool // not in the log any more
	trace  httptrace.ClientTrace
}

// A waiter is a caller in the queue. It is woken when it becomes the first of
// it, and as the first, when something has changed.
type waiter struct{ wake chan struct{} }

const (
	// roundTrip is for how long a call that is not answered yet is taken to be
	// on its way, so that others cannot have seen it either.
	roundTrip = time.Second

	// longestGate is the longest wait after a 429 to be believed, unless the
	// retry policy believes more: the server's window is half as long.
	longestGate = 2 * wire.RateWindow

	// minPace is when calls are no longer kept apart. Every one that is
	// admitted halves the pace.
	minPace = 10 * time.Millisecond

	// minPause is how long nothing is sent after a 429 that does not say how
	// long to wait, or is not to be believed. It doubles with every further one.
	minPause = time.Second
)

func newShaper(limit int) *shaper { return &shaper{limit: limit, margin: margin{length: minMargin}} }

// admit waits until a call may be sent and logs it in sl.
func (s *shaper) admit(ctx context.Context, sl *slot) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		now := time.Now()
		if r := s.freeAt(now, 0); !r.at.After(now) {
			s.take(sl, now, r)
			return nil
		}
	}
	return s.wait(ctx, sl)
}

// wait is admit for a call that has to queue. s.mu is held, but not while it
// sleeps.
func (s *shaper) wait(ctx context.Context, sl *slot) error {
	w := &waiter{make(chan struct{}, 1)}
	s.queue = append(s.queue, w)
	defer s.leave(w)
	deadline, hasDeadline := ctx.Deadline()
	for {
		now := time.Now()
		place := slices.Index(s.queue, w)
		room := s.freeAt(now, place)
		if place == 0 && !room.at.After(now) {
			s.take(sl, now, room)
			return nil
		}
		if room.sure && hasDeadline && room.at.After(deadline) {
			return throttled(context.DeadlineExceeded,
				fmt.Errorf("there is room in %v, after the context's deadline", room.at.Sub(now).Round(time.Millisecond)))
		}
		var timer <-chan time.Time
		if place == 0 { // only the first watches the clock
			timer = time.After(room.at.Sub(now))
		}
		s.mu.Unlock()
		select {
		case <-timer:
		case <-w.wake:
		case <-ctx.Done():
		}
		s.mu.Lock()
		if ctx.Err() != nil {
			return throttled(ctx.Err(), context.Cause(ctx))
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

func (s *shaper) take(sl *slot, now time.Time, r room) {
	sl.shaper, sl.at, sl.probe = s, now, r.probe
	s.own.Add(now)
	s.outstanding++
	if r.probe {
		s.others.putOff(now)
	}
}

// span is how long a call keeps its slot.
func (s *shaper) span() time.Duration { return wire.RateWindow + s.margin.length }

// room is when there will be room for a call.
type room struct {
	at    time.Time
	sure  bool // a reply that is still to come cannot make it sooner
	probe bool // the room is the others', who seem to have left it
}

// freeAt returns when there will be room for the caller at the given place in
// the queue if everything stays as it is.
func (s *shaper) freeAt(now time.Time, place int) room {
	s.own.Prune(now.Add(-wire.RateWindow - 2*maxMargin)) // until then a 429 asks for them
	s.answered.Prune(now.Add(-wire.RateWindow))
	from, closed := now, s.gate.After(now)
	if closed {
		from = s.gate
	}
	if n := s.own.Len(); s.pace > 0 && n > 0 {
		if next := s.own.At(n - 1).Add(s.pace); next.After(from) {
			from = next
		}
	}
	if s.limit == 0 {
		if s.outstanding+place >= wire.SmallestTier && !closed {
			return room{at: now.Add(forever)}
		}
		return room{at: from, sure: closed}
	}

	first := s.own.After(now.Add(-s.span()))
	slots := max(1, s.limit-s.others.count(s.outstanding > 0)) // one is always this client's
	if s.others.held > 0 && place == 0 {
		// The others may be taking slots at this moment as well: of the room
		// there seems to be, only this client's share is used at once.
		recent := now.Add(-roundTrip)
		fresh := s.own.Len() - s.own.After(recent) - s.answered.Len() + s.answered.After(recent)
		left := slots - (s.own.Len() - first - fresh)
		if fresh > 0 && fresh >= left*slots/s.limit {
			return room{at: now.Add(roundTrip)}
		}
	}
	free := now
	if i := s.own.Len() - slots + place%slots; i >= first {
		free = s.own.At(i).Add(s.span())
	}
	r := room{at: free.Add(time.Duration(place/slots) * s.span()), sure: true} // the slots come round again
	if probe, ok := s.others.probe(); ok && place == 0 && slots < s.limit/12 && probe.Before(r.at) {
		// With so few slots, replies that might tell of more are rare.
		r = room{at: probe, probe: true}
	}
	if from.After(r.at) {
		r.at, r.sure = from, closed
	}
	return r
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
	sl.gone = true
	s.wakeFirst()
}

// replied says that a call got a reply other than 429, whether it was admitted,
// and what was told of the limit, if that is not 0, and of how many calls the
// server had counted, if that is not -1.
func (s *shaper) replied(sl *slot, admitted bool, limit, counted int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.outstanding--
	s.answered.Add(sl.at)
	if admitted {
		s.pause = 0
		if s.pace /= 2; s.pace < minPace {
			s.pace = 0
		}
	}
	if limit > 0 {
		s.margin.observe(now, now.Sub(sl.at))
		if !sl.at.Before(s.limitAsOf) {
			s.limit, s.limitAsOf = limit, sl.at
		}
	}
	if counted >= 0 {
		s.infer(sl.at, now, counted)
	}
	sl.gone = true
	s.wakeFirst()
}

// rejected says that a call got a 429, and how long the server asks to wait.
// A wait longer than the longest to be believed is taken for none.
func (s *shaper) rejected(sl *slot, retryAfter, longest time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.outstanding--
	s.forget(sl) // the server counts what it admits
	if retryAfter <= 0 || retryAfter > longest {
		s.pause = min(max(2*s.pause, minPause), wire.RateWindow)
		retryAfter = s.pause
	}
	s.pace = wire.RateWindow / time.Duration(max(s.limit, wire.SmallestTier)) // the limit's own
	if until := now.Add(retryAfter); until.After(s.gate) {
		s.gate = until
	}
	if s.limit > 0 {
		before := s.own.After(sl.at) - s.own.After(sl.at.Add(-wire.RateWindow-2*maxMargin))
		if before >= s.limit {
			// The client's own calls fill a window that is a little longer: on
			// arrival they were nearer to each other than when they were sent.
			s.margin.widen(now, sl.at)
		} else if s.others.seenSince(now.Add(-2 * wire.RateWindow)) {
			s.infer(sl.at, now, s.limit)
			if sl.probe {
				s.others.refused()
			}
		} // else no reply has shown anyone else, and there is only the server's word on when to come back
	}
	s.wakeFirst()
}

// infer concludes from what the server had counted, when the call arrived that
// was sent at and answered now, how many of those calls were others'.
func (s *shaper) infer(at, now time.Time, counted int) {
	from := at.Add(-wire.RateWindow)
	d := min(max(now.Sub(at), 2*s.margin.length-minMargin), maxMargin) // how far off an arrival may be
	may := s.own.After(at.Add(d)) - s.own.After(from.Add(-d))
	must := s.own.After(at.Add(-d)) - s.own.After(from.Add(d))
	meanwhile := s.answered.After(at.Add(d)) - s.answered.After(at.Add(-d))
	s.others.observe(at, counted-may, counted-must, meanwhile)
}

// forget takes a call out of the log that the server has not counted.
func (s *shaper) forget(sl *slot) {
	s.own.Remove(sl.at)
	sl.gone = true
}
