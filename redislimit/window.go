package redislimit

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/clawhq/clawhq-go"
)

// A window is this machine's part in one of the key's windows: who waits, the
// slots it holds for them, and what Redis has still to be told. The Limiter's
// mutex guards it.
type window struct {
	l     *Limiter
	name  string
	keys  []string // of Redis
	queue queue
	slots []slot // held, not due yet; the earliest first
	timer *time.Timer
	until time.Time // no room for this machine by the plan that Redis had when it went away

	trips int // to Redis, under way
	asked int // slots that these ask for
	next  int // number of the next id

	clock    clock
	epoch    string // of the log in Redis; another one is another log
	version  int64  // of its plan; slots of an earlier one are void
	limit    int
	sure     time.Time     // no slot is due before
	calm     time.Time     // replies are told at once until
	backoff  time.Duration // the last one after a 429 that did not say how long
	away     bool          // Redis was away, and this window has not been there since
	turn     time.Duration // how long the latest slot had to be waited for
	restored time.Time     // when the log was last found lost
	journal  journal
	news     news
}

// A slot is a place in the window.
type slot struct {
	id string
	at time.Time // by this machine's clock
}

const (
	// maxTrips is how many trips of a window are under way at once: callers
	// beyond that share the next one.
	maxTrips = 4

	// maxWant is how many slots a trip asks for.
	maxWant = 64

	// maxTurn is how long callers are kept at most for a slot that is guessed.
	maxTurn = 5 * time.Second
)

func newWindow(l *Limiter, name string) *window {
	base := l.base
	if name != "" {
		base += ":" + name
	}
	return &window{l: l, name: name, limit: l.config.limit, keys: []string{base + ":log", base + ":free", base + ":state"}}
}

// step does what there is to do: it admits the first callers whose slots are
// due, gives back slots that nobody waits for, and asks for those that are
// missing.
func (w *window) step(now time.Time) {
	for w.queue.len() > 0 && len(w.slots) > 0 && !w.slots[0].at.After(now) {
		c := w.queue.pop()
		c.slot = w.slots[0]
		w.slots = w.slots[1:]
		w.journal.add(entry{id: c.slot.id, at: c.slot.at, logged: true})
		close(c.settled)
	}
	w.giveBack(w.queue.len())
	// While a slot is held for later, there is a queue before Redis, and who
	// is next here asks when it is used: so machines take turns.
	missing := 0
	if len(w.slots) == 0 {
		missing = w.queue.len() - w.asked
	}
	most := maxTrips
	if w.turn > 0 {
		most = 1
	}
	if w.trips < most && (missing > 0 || w.news.urgent(w.trips)) && w.l.link.up() {
		w.trip(min(max(missing, 0), maxWant), now)
	}
	if err := w.unavailable(now); err != nil {
		w.queue.each(func(c *caller) { w.settle(c, err) })
	}
	w.watch(now)
}

// giveBack gives back the slots beyond the first n.
func (w *window) giveBack(n int) {
	for len(w.slots) > n {
		last := len(w.slots) - 1
		w.news.returned = append(w.news.returned, w.slots[last].id)
		w.slots = w.slots[:last]
	}
}

// watch sets the timer for the next step.
func (w *window) watch(now time.Time) {
	if w.timer != nil {
		w.timer.Stop()
	}
	next := w.until
	if len(w.slots) > 0 {
		next = w.slots[0].at
		w.l.notices.want(now)
	} else if w.queue.len() == 0 || w.l.link.up() {
		return
	}
	w.timer = time.AfterFunc(next.Sub(now), func() {
		w.l.mu.Lock()
		defer w.l.mu.Unlock()
		w.step(time.Now())
	})
}

// fallBack gives up the slots when Redis has gone away. Callers are sent off
// when the first of them would have been due: the other machines' calls until
// then are in the plan as well, but not in what replies have shown. Where the
// next slot was just being asked for, it takes as long as the last one.
func (w *window) fallBack(now time.Time) {
	if len(w.slots) > 0 {
		w.until = w.slots[0].at
	} else {
		w.until = now.Add(min(w.turn, maxTurn))
	}
	w.giveBack(0)
	w.step(now)
}

// unavailable returns an error if Redis is away and callers have to do without.
func (w *window) unavailable(now time.Time) error {
	if now.Before(w.until) && !w.l.link.closed {
		return nil
	}
	return w.l.link.err()
}

// leave has a caller whose context has ended give up its place, or its slot.
func (w *window) leave(c *caller) {
	switch {
	case !c.isSettled():
		w.queue.remove(c)
	case c.err == nil:
		w.journal.remove(c.slot.id)
		w.news.returned = append(w.news.returned, c.slot.id)
	}
	w.step(time.Now())
}

// settle ends a caller's wait without a slot.
func (w *window) settle(c *caller, err error) {
	w.queue.remove(c)
	c.err = err
	close(c.settled)
}

// refusal is an error if there is no room for a caller before its deadline,
// whatever happens.
func (w *window) refusal(c *caller, now time.Time) error {
	if c.deadline.IsZero() || !c.deadline.Before(w.sure) || !w.sure.After(now) {
		return nil
	}
	return fmt.Errorf("redislimit: there is room in %v, after the context's deadline: %w",
		w.sure.Sub(now).Round(time.Millisecond), context.DeadlineExceeded)
}

// void drops the slots that are held: the log's plan has changed, or it is
// another log. Those that were due since Redis last answered may have been
// used, and are told again.
func (w *window) void(epoch string, version int64) {
	since := w.clock.local.Add(-w.l.config.timeout)
	if epoch != w.epoch {
		since = time.Time{}
	}
	if w.journal.lost(since) {
		w.news.now = true
	}
	w.epoch, w.version = epoch, version
	w.slots = nil
	w.sure = time.Time{}
}

// observe takes what a reply tells, and when its call was sent.
func (w *window) observe(r clawhq.LimitReply, now time.Time) {
	defer func() { w.step(now) }()
	if r.Sent.IsZero() {
		if r.StatusCode == 0 { // never sent: its slot is free
			if e, ok := w.journal.take(now); ok {
				w.give(e)
			}
			return
		}
		r.Sent = now
	}
	e, ok := w.journal.take(r.Sent)
	switch {
	case !ok: // admitted by the client itself, while Redis was away
		e = entry{id: w.newID(), at: r.Sent}
	case r.Sent.Sub(e.at) > lateness:
		e.at, e.logged = r.Sent, false
	}
	e.answered = true
	if r.StatusCode == http.StatusTooManyRequests { // the server counts what it admits
		w.give(e)
	} else {
		w.journal.add(e)
	}
	w.news.reply(w, r, now)
}

// give gives back the slot of a call that the server has not counted.
func (w *window) give(e entry) {
	if e.logged {
		w.news.returned = append(w.news.returned, e.id)
	}
}

// pause is how long a 429 closes the gate. One that does not say, or is not to
// be believed, closes it for a second, then for two, and so on.
func (w *window) pause(retryAfter time.Duration) time.Duration {
	if retryAfter > 0 && retryAfter <= 2*length {
		return retryAfter
	}
	w.backoff = min(max(2*w.backoff, time.Second), length)
	return w.backoff
}

// lateness is how long after its slot a call may be sent without the log being
// corrected.
const lateness = 50 * time.Millisecond

// keyWindow is the name of the window that chats count in.
const keyWindow = "key"
