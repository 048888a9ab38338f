package redisclawhq

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"time"
)

const (
	// maxWant is how many slots a round trip may ask for.
	maxWant = 64

	// A log that is lost twice within forgetful is not relied on.
	forgetful = 10 * time.Second

	// connectTime is added to the timeout of a round trip that must connect, or
	// load the script.
	connectTime = time.Second
)

// A roundTrip is one run of the script in Redis. A share has one round trip under way
// at most, so that answers come in order.
type roundTrip struct {
	share    *share
	request  request
	sent     []call // calls that it adds to the log
	updates  updates
	begun    time.Time
	timer    *time.Timer // calls giveUp
	misses   uint32      // of the connection pool, when the round trip began
	loading  bool        // the script is being loaded
	extended bool        // it got its time once more, since the process did not run for a while
	over     bool        // it has succeeded, failed, or been given up
}

// startRoundTrip starts a round trip that carries the updates, and asks for slots for
// the callers that wait. The caller holds the Limiter's mutex; the round trip itself
// runs without it.
func (s *share) startRoundTrip(now time.Time) {
	t := &roundTrip{share: s, updates: s.updates, begun: now, misses: s.l.misses()}
	s.updates = updates{}
	r := newRequest(s.l.config)
	r.Machine, r.First = s.l.machine, s.lastID+1
	r.Want, r.Background = s.queue.head()
	r.Want = min(r.Want, maxWant)
	r.Patience = s.queue.patience(now).Microseconds()
	if now.Sub(s.answered) < length+s.l.config.margin {
		r.Epoch, r.Version = s.epoch, s.version
	}
	if s.redisTime != 0 {
		r.At = s.redisTime + now.Sub(s.answered).Microseconds()
	}
	r.Within = (2*s.l.config.timeout + connectTime).Microseconds()
	r.NewEpoch, r.Limit, r.Away = rand.Text(), s.limit, s.away
	t.sent = s.history.missing(now.Add(-length - s.l.config.margin))
	t.updates.fill(&r, t.sent, now)
	s.lastID += r.Want
	t.request = r
	s.roundTrip = t
	t.timer = time.AfterFunc(s.l.config.timeout, t.giveUp)
	go t.run()
}

func (s *share) newID() string {
	s.lastID++
	return s.id(s.lastID)
}

// id returns the id of a call in the log. The script makes ids in the same way.
func (s *share) id(n int) string { return s.l.machine + "-" + strconv.Itoa(n) }

// ids returns the ids of the first n calls that the round trip asks for.
func (t *roundTrip) ids(n int) (ids []string) {
	for i := range n {
		ids = append(ids, t.share.id(t.request.First+i))
	}
	return ids
}

func (t *roundTrip) run() {
	l := t.share.l
	ctx, cancel := context.WithTimeout(l.ctx, 2*l.config.timeout+connectTime)
	defer cancel()
	a, err := eval(ctx, l.rdb, t.share.keys, t.request, [2]string{l.channel(), t.share.base + " " + l.machine}, t.load)
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if err == nil {
		l.stats.RoundTrips++
	}
	switch {
	case t.over && err == nil:
		for _, id := range t.ids(a.granted) {
			t.share.updates.giveBack(id) // its caller was sent off
		}
		l.health.late()
		t.share.step(now)
	case t.over:
	case err != nil:
		t.failed(err)
	case a.late: // the clock of Redis has jumped
		t.share.answered, t.share.redisTime = now, a.now
		t.end()
		t.share.updates.putBack(t.updates)
		l.health.succeeded(t.share, now)
		t.share.step(now)
	case a.lost && t.begun.After(t.share.lostAt) && t.begun.Sub(t.share.lostAt) < forgetful:
		t.failed(errForgetful)
	default:
		t.succeeded(a, now)
	}
}

// load notes that the script is being loaded.
func (t *roundTrip) load() {
	t.share.l.mu.Lock()
	defer t.share.l.mu.Unlock()
	t.loading = true
}

// giveUp ends a round trip that takes too long. One that must connect or load the
// script has more time. If giveUp itself is called late, the process did not run
// for a while, and Redis may have answered in time: the round trip then gets its time
// once more.
func (t *roundTrip) giveUp() {
	l := t.share.l
	l.mu.Lock()
	defer l.mu.Unlock()
	took, timeout := time.Since(t.begun), l.config.timeout
	switch {
	case t.over:
	case took > timeout+timeout/10 && !t.extended && !t.loading:
		t.extended = true
		t.timer.Reset(timeout)
	case took < timeout+connectTime && (t.loading || t.misses != l.misses()):
		t.loading = true
		t.timer.Reset(timeout + connectTime - took)
	default:
		l.stats.Timeouts++
		t.failed(fmt.Errorf("no answer within %v", took.Round(time.Millisecond)))
	}
}

// misses returns how often the connection pool had to connect.
func (l *Limiter) misses() uint32 {
	if s := l.rdb.PoolStats(); s != nil {
		return s.Misses
	}
	return 0
}

// failed keeps the updates for the next round trip, and notes the failure, so that
// clients shape calls by themselves until a round trip succeeds.
func (t *roundTrip) failed(err error) {
	t.end()
	t.share.updates.putBack(t.updates)
	t.share.l.health.failed(t.share, err)
}

// end marks the round trip as over.
func (t *roundTrip) end() {
	t.over = true
	t.timer.Stop()
	t.share.roundTrip = nil
}

// succeeded applies the answer of the script.
func (t *roundTrip) succeeded(a answer, now time.Time) {
	s := t.share
	t.end()
	if a.epoch != s.epoch {
		s.history.allMissing()
	}
	for _, c := range t.sent {
		s.history.markLogged(c)
	}
	if a.lost {
		s.lostAt = now
		s.updates.atOnce = true
	}
	s.answered, s.redisTime, s.away = now, a.now, false
	s.epoch, s.version, s.limit = a.epoch, a.version, a.limit
	s.due, s.ask = now.Add(a.due), now.Add(a.ask)
	s.proven, s.slowUntil = now.Add(a.proven), now.Add(a.slow)
	patience := time.Duration(t.request.Patience) * time.Microsecond
	s.placed = t.request.Want > a.granted && (patience == 0 || a.due <= patience)
	s.background = t.request.Background
	for _, id := range t.ids(a.granted) {
		if s.queue.empty() || now.Sub(t.begun) > lease {
			s.updates.giveBack(id)
			continue
		}
		s.admit(s.queue.pop(), id, now)
	}
	s.queue.each(func(c *caller) {
		if err := s.refusal(c, now); err != nil {
			s.settle(c, err)
		}
	})
	s.l.health.succeeded(s, now)
	s.step(now)
}

var (
	errClosed    = errors.New("the limiter is closed")
	errForgetful = errors.New("the log is lost again and again")
)
