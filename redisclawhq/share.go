package redisclawhq

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/clawhq/clawhq-go"
)

// A share is this machine's part in one window: the callers that wait, its place in the
// line of machines, and the updates for Redis. The Limiter's mutex guards it.
type share struct {
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
	background bool      // the callers for which Redis was asked are in the background
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

func newShare(l *Limiter, name string) *share {
	base := l.base + ":" + name
	return &share{l: l, base: base, limit: l.config.limit, keys: []string{base + ":log", base + ":line", base + ":until", base + ":state"}}
}

// step brings the share up to date: it asks Redis for callers whose turn has come,
// reports what cannot wait, or, while Redis is away, sends callers off. It then sets
// the timer for the next step, if a time is known for it.
func (s *share) step(now time.Time) {
	var next time.Time
	if err := s.l.health.err(); err != nil {
		next = s.sendOff(err, now)
	} else {
		next = s.ask
	}
	if s.roundTrip == nil && s.l.health.cause == nil && s.urgent(now) && s.l.ctx.Err() == nil {
		s.startRoundTrip(now)
	}
	if s.timer != nil {
		s.timer.Stop()
	}
	if s.placed {
		s.l.subscribe(now)
	}
	if away := s.l.health.cause != nil; !s.queue.empty() && (away || s.roundTrip == nil) {
		s.timer = time.AfterFunc(next.Sub(now), func() {
			s.l.mu.Lock()
			defer s.l.mu.Unlock()
			s.step(time.Now())
		})
	}
	s.l.finish()
}

// urgent reports whether Redis must hear from this machine now.
func (s *share) urgent(now time.Time) bool {
	n, inBackground := s.queue.head()
	switch {
	case s.updates.atOnce, s.l.health.closed && len(s.unlogged(now)) > 0:
		return true
	case n == 0:
		return s.placed // and leaves the line
	default:
		return !now.Before(s.ask) || s.background != inBackground
	}
}

// unlogged returns the calls that the log in Redis may lack.
func (s *share) unlogged(now time.Time) []call {
	return s.history.missing(now.Add(-length - s.l.config.margin))
}

// join adds a caller. If the machine has a place in the line, the caller shares it.
func (s *share) join(c *caller) {
	s.queue.push(c)
	if !s.placed {
		s.ask = time.Time{}
	}
}

// admit lets a caller send its call.
func (s *share) admit(c *caller, id string, now time.Time) {
	c.id = id
	s.history.add(call{id: id, at: now, logged: true})
	close(c.settled)
}

// settle ends a caller's wait without a slot.
func (s *share) settle(c *caller, err error) {
	s.queue.remove(c)
	c.err = err
	close(c.settled)
}

// leave takes a caller whose context has ended out of the queue, or returns the
// slot that it was just given.
func (s *share) leave(c *caller) {
	switch {
	case !c.isSettled():
		s.queue.remove(c)
	case c.err == nil:
		s.history.remove(c.id)
		s.updates.giveBack(c.id)
	}
	s.step(time.Now())
}

// fallBack is called when Redis is no longer available. Callers are kept until the
// machine's next call is due, and then shape calls by themselves: the slots before
// that time belong to calls that the log has, which replies may not have counted
// yet. While no limit is known, callers are kept a moment longer, in which Redis may
// answer.
func (s *share) fallBack(now time.Time) {
	s.keepUntil = s.due
	if cold := now.Add(minPause + rand.N(2*minPause)); s.limit == 0 && s.keepUntil.Before(cold) {
		s.keepUntil = cold
	}
	s.history.allMissing() // Redis may come back with old data
	s.ask, s.placed = time.Time{}, false
	s.step(now)
}

// coldPause is how long a machine that knows no limit waits for the reply to the call
// that it has sent, before it sends another one.
const coldPause = 10 * time.Second

// sendOff lets callers shape their calls by themselves, while Redis is away or after
// Close. It returns when to look again for callers that must wait for that. If no
// limit is known, callers are sent off one by one, each after a reply.
func (s *share) sendOff(err error, now time.Time) (next time.Time) {
	if now.Before(s.keepUntil) && !s.l.health.closed {
		return s.keepUntil
	}
	one := s.limit == 0 && !s.l.health.closed
	for !s.queue.empty() {
		if one && now.Before(s.tryAt) {
			return s.tryAt
		}
		s.tryAt = now.Add(coldPause)
		c := s.queue.pop()
		c.err = err
		close(c.settled)
		s.l.stats.Fallbacks++
	}
	return time.Time{}
}

// refusal returns an error if it is certain that no slot is free before the caller's
// deadline. Only what Redis has just said is certain.
func (s *share) refusal(c *caller, now time.Time) error {
	if c.deadline.IsZero() || !c.deadline.Before(s.proven) || !s.proven.After(now) || now.Sub(s.answered) > lease {
		return nil
	}
	return fmt.Errorf("redisclawhq: there is room in %v, after the context's deadline: %w",
		s.proven.Sub(now).Round(time.Millisecond), context.DeadlineExceeded)
}

// observe learns from the outcome of a call, and corrects the log if the call was
// sent later than its slot, or not at all.
func (s *share) observe(r clawhq.LimitReply, now time.Time) {
	defer func() { s.step(now) }()
	s.tryAt = now
	if r.Sent.IsZero() {
		if r.StatusCode == 0 { // the call was never sent: its slot is free
			if c, ok := s.history.take(now); ok {
				s.updates.giveBack(c.id)
			}
			return
		}
		r.Sent = now
	}
	c, ok := s.history.take(r.Sent)
	switch {
	case !ok: // the client admitted the call itself, while Redis was away
		c = call{id: s.newID(), at: r.Sent}
		s.updates.atOnce = true
	case r.Sent.Sub(c.at) > lateness:
		c.at, c.logged = r.Sent, false
	}
	c.answered = true
	if r.StatusCode == http.StatusTooManyRequests { // the server counts only calls that it admits
		s.updates.giveBack(c.id)
	} else {
		s.history.add(c)
	}
	s.updates.addReply(s, r, now)
}

// pause returns how long no call is sent after a 429. If Retry-After is missing or
// implausible, it is one second, and twice as long after each further 429, up to
// the length of the window.
func (s *share) pause(retryAfter time.Duration) time.Duration {
	if retryAfter > 0 && retryAfter <= 2*length {
		return retryAfter
	}
	s.backoff = min(max(2*s.backoff, time.Second), length)
	return s.backoff
}

// keyWindow is the name of the window in which chats count.
const keyWindow = "key"
