package redisclawhq

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/clawhq/clawhq-go"
)

// A window is this machine's part of one window of the key: the callers that wait,
// its place in the line of machines, and the updates for Redis. The Limiter's mutex
// guards it.
type window struct {
	l         *Limiter
	base      string   // of the names in Redis
	keys      []string // KEYS of the script
	queue     queue
	timer     *time.Timer // of the next step
	roundTrip *roundTrip  // under way; nil if there is none
	lastID    int         // number in the id that was made last

	// What the last answer of Redis said.
	answered   time.Time // when it came; zero before the first
	redisTime  int64     // Redis's time then, in microseconds
	epoch      string    // identifies the log in Redis; a new log has a new epoch
	version    int64     // of the log
	limit      int       // 0 if not known
	due        time.Time // when this machine's next call is due
	ask        time.Time // when to ask again for callers that wait; zero for at once
	placed     bool      // the machine has a place in the line
	background bool      // the callers that it was about are in the background
	proven     time.Time // no slot is free before
	slowUntil  time.Time // the end of the slow start; until then replies are reported at once

	keepUntil time.Time     // callers are kept until then while Redis is away
	tryAt     time.Time     // when another caller may be sent off while no limit is known
	backoff   time.Duration // the last pause after a 429 without a usable Retry-After
	away      bool          // the next round trip reports that Redis was away
	lostAt    time.Time     // when a round trip last found the log lost
	history   history
	updates   updates
}

func newWindow(l *Limiter, name string) *window {
	base := l.base + ":" + name
	return &window{l: l, base: base, limit: l.config.limit, keys: []string{base + ":log", base + ":line", base + ":until", base + ":state"}}
}

// step brings the window up to date: it asks Redis for callers whose turn has come,
// reports what cannot wait, or, while Redis is away, sends callers off. It then sets
// the timer for the next step, if a time is known for it.
func (w *window) step(now time.Time) {
	var next time.Time
	if err := w.l.health.err(); err != nil {
		next = w.sendOff(err, now)
	} else {
		next = w.ask
	}
	if w.roundTrip == nil && w.l.health.cause == nil && w.urgent(now) && w.l.ctx.Err() == nil {
		w.startRoundTrip(now)
	}
	if w.timer != nil {
		w.timer.Stop()
	}
	if w.placed {
		w.l.subscribe(now)
	}
	if away := w.l.health.cause != nil; !w.queue.empty() && (away || w.roundTrip == nil) {
		w.timer = time.AfterFunc(next.Sub(now), func() {
			w.l.mu.Lock()
			defer w.l.mu.Unlock()
			w.step(time.Now())
		})
	}
	w.l.finish()
}

// urgent reports whether Redis must hear from this machine now.
func (w *window) urgent(now time.Time) bool {
	n, inBackground := w.queue.head()
	switch {
	case w.updates.atOnce, w.l.health.closed && len(w.unlogged(now)) > 0:
		return true
	case n == 0:
		return w.placed // and leaves the line
	default:
		return !now.Before(w.ask) || w.background != inBackground
	}
}

// unlogged returns the calls that the log in Redis may lack.
func (w *window) unlogged(now time.Time) []call {
	return w.history.missing(now.Add(-length - w.l.config.margin))
}

// join adds a caller. If the machine has a place in the line, the caller shares it.
func (w *window) join(c *caller) {
	w.queue.push(c)
	if !w.placed {
		w.ask = time.Time{}
	}
}

// admit lets a caller send its call.
func (w *window) admit(c *caller, id string, now time.Time) {
	c.id = id
	w.history.add(call{id: id, at: now, logged: true})
	close(c.settled)
}

// settle ends a caller's wait without a slot.
func (w *window) settle(c *caller, err error) {
	w.queue.remove(c)
	c.err = err
	close(c.settled)
}

// leave takes a caller whose context has ended out of the queue, or returns the
// slot that it was just given.
func (w *window) leave(c *caller) {
	switch {
	case !c.isSettled():
		w.queue.remove(c)
	case c.err == nil:
		w.history.remove(c.id)
		w.updates.giveBack(c.id)
	}
	w.step(time.Now())
}

// fallBack is called when Redis is no longer available. Callers are kept until the
// machine's next call is due, and then shape calls by themselves: the slots before
// belong to calls that the log has, which replies may not have counted yet. While no
// limit is known, callers are kept a moment longer, in which Redis may answer.
func (w *window) fallBack(now time.Time) {
	w.keepUntil = w.due
	if cold := now.Add(minPause + rand.N(2*minPause)); w.limit == 0 && w.keepUntil.Before(cold) {
		w.keepUntil = cold
	}
	w.history.allMissing() // Redis may come back with old data
	w.ask, w.placed = time.Time{}, false
	w.step(now)
}

// coldPause is how long a machine that knows no limit waits for the reply to the call
// that it has sent, before it sends another one.
const coldPause = 10 * time.Second

// sendOff lets callers shape their calls by themselves, while Redis is away or after
// Close. It returns when to look again for callers that must wait for that. If no
// limit is known, callers are sent off one by one, each after a reply.
func (w *window) sendOff(err error, now time.Time) (next time.Time) {
	if now.Before(w.keepUntil) && !w.l.health.closed {
		return w.keepUntil
	}
	one := w.limit == 0 && !w.l.health.closed
	for !w.queue.empty() {
		if one && now.Before(w.tryAt) {
			return w.tryAt
		}
		w.tryAt = now.Add(coldPause)
		c := w.queue.pop()
		c.err = err
		close(c.settled)
		w.l.stats.Fallbacks++
	}
	return time.Time{}
}

// refusal returns an error if it is certain that no slot is free before the caller's
// deadline. Only what Redis has just said is certain.
func (w *window) refusal(c *caller, now time.Time) error {
	if c.deadline.IsZero() || !c.deadline.Before(w.proven) || !w.proven.After(now) || now.Sub(w.answered) > lease {
		return nil
	}
	return fmt.Errorf("redisclawhq: there is room in %v, after the context's deadline: %w",
		w.proven.Sub(now).Round(time.Millisecond), context.DeadlineExceeded)
}

// observe learns from the outcome of a call, and corrects the log if the call was
// sent later than its slot, or not at all.
func (w *window) observe(r clawhq.LimitReply, now time.Time) {
	defer func() { w.step(now) }()
	w.tryAt = now
	if r.Sent.IsZero() {
		if r.StatusCode == 0 { // the call was never sent: its slot is free
			if c, ok := w.history.take(now); ok {
				w.updates.giveBack(c.id)
			}
			return
		}
		r.Sent = now
	}
	c, ok := w.history.take(r.Sent)
	switch {
	case !ok: // the client admitted the call itself, while Redis was away
		c = call{id: w.newID(), at: r.Sent}
		w.updates.atOnce = true
	case r.Sent.Sub(c.at) > lateness:
		c.at, c.logged = r.Sent, false
	}
	c.answered = true
	if r.StatusCode == http.StatusTooManyRequests { // the server counts only calls that it admits
		w.updates.giveBack(c.id)
	} else {
		w.history.add(c)
	}
	w.updates.addReply(w, r, now)
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

// keyWindow is the name of the window in which chats count.
const keyWindow = "key"
