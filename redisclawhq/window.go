package redisclawhq

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/clawhq/clawhq-go"
)

// A window is this machine's part of one window of the key: the callers that
// wait, the slots that it holds for them, and the updates for Redis. The Limiter's
// mutex guards it.
type window struct {
	l         *Limiter
	name      string
	keys      []string // KEYS of the script
	queue     queue
	slots     []slot // held for callers, the earliest first
	timer     *time.Timer
	keepUntil time.Time // callers are kept until then while Redis is away

	trips     int // under way
	requested int // slots that the trips under way ask for
	lastID    int // number in the id that was made last

	clock     clock
	epoch     string // identifies the log in Redis; a new log has a new epoch
	version   int64  // of the log's plan; slots of an earlier version are no longer valid
	limit     int
	earliest  time.Time     // no slot is free before; zero if unknown
	slowUntil time.Time     // the end of the slow start; until then replies are reported at once
	backoff   time.Duration // the last pause after a 429 without a usable Retry-After
	away      bool          // the next trip reports that Redis was away
	turn      time.Duration // how long the latest slot lay in the future; 0 if it was free at once
	due       time.Time     // when the latest slot was due
	lostAt    time.Time     // when a trip last found the log lost
	journal   journal
	updates   updates
}

// A slot is the permission to send one call, at the given time or later.
type slot struct {
	id string
	at time.Time // by this machine's clock
}

const (
	// maxTrips is how many trips of a window may be under way at once. Further
	// callers share the next trip.
	maxTrips = 4

	// maxWant is how many slots a trip may ask for.
	maxWant = 64

	// maxTurn is how long callers are kept at most for a slot whose time is a
	// guess.
	maxTurn = 5 * time.Second
)

func newWindow(l *Limiter, name string) *window {
	base := l.base
	if name != "" {
		base += ":" + name
	}
	return &window{l: l, name: name, limit: l.config.limit, keys: []string{base + ":log", base + ":free", base + ":state"}}
}

// step brings the window up to date: it admits callers whose slots are due,
// returns slots that no caller waits for, and asks Redis for slots that callers
// still need.
func (w *window) step(now time.Time) {
	for w.queue.len() > 0 && len(w.slots) > 0 && !w.slots[0].at.After(now) {
		c := w.queue.pop()
		c.slot = w.slots[0]
		w.slots = w.slots[1:]
		w.journal.add(entry{id: c.slot.id, at: c.slot.at, logged: true})
		close(c.settled)
	}
	w.giveBack(w.queue.len())
	// A slot in the future means that machines wait for the window. The machine
	// then asks for its next slot only when this one is used, so that machines
	// take turns.
	missing := 0
	if len(w.slots) == 0 {
		missing = w.queue.len() - w.requested
	}
	most := maxTrips
	if w.turn > 0 {
		most = 1
	}
	if w.trips < most && (missing > 0 || w.updates.urgent(w.trips)) && w.l.link.up() {
		w.trip(min(max(missing, 0), maxWant), now)
	}
	if err := w.unavailable(now); err != nil {
		w.queue.each(func(c *caller) { w.settle(c, err) })
	}
	w.watch(now)
}

// giveBack returns the slots beyond the first n to Redis.
func (w *window) giveBack(n int) {
	for len(w.slots) > n {
		last := len(w.slots) - 1
		w.updates.returned = append(w.updates.returned, w.slots[last].id)
		w.slots = w.slots[:last]
	}
}

// watch sets the timer for the next step, if a time is known for it.
func (w *window) watch(now time.Time) {
	if w.timer != nil {
		w.timer.Stop()
	}
	next := w.keepUntil
	if len(w.slots) > 0 {
		next = w.slots[0].at
		w.l.notices.subscribe(now)
	} else if w.queue.len() == 0 || w.l.link.up() {
		return
	}
	w.timer = time.AfterFunc(next.Sub(now), func() {
		w.l.mu.Lock()
		defer w.l.mu.Unlock()
		w.step(time.Now())
	})
}

// fallBack gives up the slots when Redis is no longer available. Callers are kept
// until the first of these slots would have been due, and then shape calls by
// themselves: the time before belongs to calls of other machines, which replies
// have not counted yet. If the machine holds no slot, its next one is estimated to
// lie as far after its latest one as that lay in the future.
func (w *window) fallBack(now time.Time) {
	if len(w.slots) > 0 {
		w.keepUntil = w.slots[0].at
	} else {
		w.keepUntil = w.due.Add(min(w.turn, maxTurn))
	}
	w.journal.markMissing(time.Time{}) // Redis may come back with old data
	w.giveBack(0)
	w.step(now)
}

// unavailable returns an error if Redis is away and callers are no longer kept.
func (w *window) unavailable(now time.Time) error {
	if now.Before(w.keepUntil) && !w.l.link.closed {
		return nil
	}
	return w.l.link.err()
}

// leave takes a caller whose context has ended out of the queue, or returns the
// slot that it was just given.
func (w *window) leave(c *caller) {
	switch {
	case !c.isSettled():
		w.queue.remove(c)
	case c.err == nil:
		w.journal.remove(c.slot.id)
		w.updates.returned = append(w.updates.returned, c.slot.id)
	}
	w.step(time.Now())
}

// settle ends a caller's wait without a slot.
func (w *window) settle(c *caller, err error) {
	w.queue.remove(c)
	c.err = err
	close(c.settled)
}

// refusal returns an error if it is certain that no slot is free before the
// caller's deadline.
func (w *window) refusal(c *caller, now time.Time) error {
	if c.deadline.IsZero() || !c.deadline.Before(w.earliest) || !w.earliest.After(now) {
		return nil
	}
	return fmt.Errorf("redisclawhq: there is room in %v, after the context's deadline: %w",
		w.earliest.Sub(now).Round(time.Millisecond), context.DeadlineExceeded)
}

// discardSlots drops the slots that are held, since the plan has changed or the log
// is a new one. The script has removed slots that were in the future. Calls that
// used such a slot after Redis last answered are therefore reported again; to a new
// log, all calls are.
func (w *window) discardSlots(epoch string, version int64) {
	since := w.clock.local.Add(-w.l.config.timeout)
	if epoch != w.epoch {
		since = time.Time{}
	}
	if w.journal.markMissing(since) {
		w.updates.atOnce = true
	}
	w.epoch, w.version = epoch, version
	w.slots = nil
	w.earliest = time.Time{}
}

// observe learns from the outcome of a call, and corrects the log if the call was
// sent later than its slot, or not at all.
func (w *window) observe(r clawhq.LimitReply, now time.Time) {
	defer func() { w.step(now) }()
	if r.Sent.IsZero() {
		if r.StatusCode == 0 { // the call was never sent: its slot is free
			if e, ok := w.journal.take(now); ok {
				w.returnSlot(e)
			}
			return
		}
		r.Sent = now
	}
	e, ok := w.journal.take(r.Sent)
	switch {
	case !ok: // the client admitted the call itself, while Redis was away
		e = entry{id: w.newID(), at: r.Sent}
	case r.Sent.Sub(e.at) > lateness:
		e.at, e.logged = r.Sent, false
	}
	e.answered = true
	if r.StatusCode == http.StatusTooManyRequests { // the server counts only calls that it admits
		w.returnSlot(e)
	} else {
		w.journal.add(e)
	}
	w.updates.addReply(w, r, now)
}

// returnSlot returns the slot of a call that the server has not counted.
func (w *window) returnSlot(e entry) {
	if e.logged {
		w.updates.returned = append(w.updates.returned, e.id)
	}
}

// pause returns for how long no call is sent after a 429. If Retry-After is missing
// or implausible, it is one second, and twice as long after each further 429, up
// to the length of the window.
func (w *window) pause(retryAfter time.Duration) time.Duration {
	if retryAfter > 0 && retryAfter <= 2*length {
		return retryAfter
	}
	w.backoff = min(max(2*w.backoff, time.Second), length)
	return w.backoff
}

// lateness is how long after its slot a call may be sent before the log is
// corrected.
const lateness = 50 * time.Millisecond

// keyWindow is the name of the window in which chats count.
const keyWindow = "key"
