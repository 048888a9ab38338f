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

	// forgetful is the time within which a log that is lost twice is not relied on.
	forgetful = 10 * time.Second

	// connectTime is added to the timeout of a round trip that must connect, or
	// load the script.
	connectTime = time.Second
)

// A roundTrip is one run of the script in Redis. A window has one round trip under way
// at most, so that answers come in order.
type roundTrip struct {
	w        *window
	request  request
	sent     []call // calls that it adds to the log
	updates  updates
	begun    time.Time
	timer    *time.Timer // calls giveUp
	misses   uint32      // of the connection pool, when the round trip began
	loading  bool        // the script is being loaded
	extended bool        // the process did not run for a while
	over     bool        // it has succeeded, failed, or been given up
}

// startRoundTrip starts a round trip that carries the updates, and asks for slots for
// the callers that wait. The caller holds the Limiter's mutex; the round trip itself
// runs without it.
func (w *window) startRoundTrip(now time.Time) {
	t := &roundTrip{w: w, updates: w.updates, begun: now, misses: w.l.misses()}
	w.updates = updates{}
	r := newRequest(w.l.config)
	r.Machine, r.First = w.l.machine, w.lastID+1
	r.Want, r.Background = w.queue.head()
	r.Want = min(r.Want, maxWant)
	r.Patience = w.queue.patience(now).Microseconds()
	if now.Sub(w.answered) < length+w.l.config.margin {
		r.Epoch, r.Version = w.epoch, w.version
	}
	if w.redisTime != 0 {
		r.At = w.redisTime + now.Sub(w.answered).Microseconds()
	}
	r.Within = (2*w.l.config.timeout + connectTime).Microseconds()
	r.NewEpoch, r.Limit, r.Away = rand.Text(), w.limit, w.away
	t.sent = w.history.missing(now.Add(-length - w.l.config.margin))
	t.updates.fill(&r, t.sent, now)
	w.lastID += r.Want
	t.request = r
	w.roundTrip = t
	t.timer = time.AfterFunc(w.l.config.timeout, t.giveUp)
	go t.run()
}

func (w *window) newID() string {
	w.lastID++
	return w.id(w.lastID)
}

// id returns the id of a call in the log. The script makes ids in the same way.
func (w *window) id(n int) string { return w.l.machine + "-" + strconv.Itoa(n) }

// ids returns the ids of the first n calls that the round trip asks for.
func (t *roundTrip) ids(n int) (ids []string) {
	for i := range n {
		ids = append(ids, t.w.id(t.request.First+i))
	}
	return ids
}

func (t *roundTrip) run() {
	l := t.w.l
	ctx, cancel := context.WithTimeout(l.ctx, 2*l.config.timeout+connectTime)
	defer cancel()
	a, err := eval(ctx, l.rdb, t.w.keys, t.request, [2]string{l.channel(), t.w.base + " " + l.machine}, t.load)
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if err == nil {
		l.stats.RoundTrips++
	}
	switch {
	case t.over && err == nil:
		for _, id := range t.ids(a.granted) {
			t.w.updates.giveBack(id) // its caller was sent off
		}
		l.health.late()
		t.w.step(now)
	case t.over:
	case err != nil:
		t.failed(err)
	case a.late: // the clock of Redis has jumped
		t.w.answered, t.w.redisTime = now, a.now
		t.end()
		t.w.updates.putBack(t.updates)
		l.health.succeeded(t.w, now)
		t.w.step(now)
	case a.lost && t.begun.After(t.w.lostAt) && t.begun.Sub(t.w.lostAt) < forgetful:
		t.failed(errForgetful)
	default:
		t.succeeded(a, now)
	}
}

// load notes that the script is being loaded.
func (t *roundTrip) load() {
	t.w.l.mu.Lock()
	defer t.w.l.mu.Unlock()
	t.loading = true
}

// giveUp ends a round trip that takes too long. One that must connect or load the
// script has more time. If giveUp itself is called late, the process did not run
// for a while, and Redis may have answered in time: the round trip then gets its time
// once more.
func (t *roundTrip) giveUp() {
	l := t.w.l
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
	t.w.updates.putBack(t.updates)
	t.w.l.health.failed(t.w, err)
}

// end marks the round trip as over.
func (t *roundTrip) end() {
	t.over = true
	t.timer.Stop()
	t.w.roundTrip = nil
}

// succeeded applies the answer of the script.
func (t *roundTrip) succeeded(a answer, now time.Time) {
	w := t.w
	t.end()
	if a.epoch != w.epoch {
		w.history.allMissing()
	}
	for _, c := range t.sent {
		w.history.markLogged(c)
	}
	if a.lost {
		w.lostAt = now
		w.updates.atOnce = true
	}
	w.answered, w.redisTime, w.away = now, a.now, false
	w.epoch, w.version, w.limit = a.epoch, a.version, a.limit
	w.due, w.ask = now.Add(a.due), now.Add(a.ask)
	w.proven, w.slowUntil = now.Add(a.proven), now.Add(a.slow)
	patience := time.Duration(t.request.Patience) * time.Microsecond
	w.placed = t.request.Want > a.granted && (patience == 0 || a.due <= patience)
	w.background = t.request.Background
	for _, id := range t.ids(a.granted) {
		if w.queue.empty() || now.Sub(t.begun) > lease {
			w.updates.giveBack(id)
			continue
		}
		w.admit(w.queue.pop(), id, now)
	}
	w.queue.each(func(c *caller) {
		if err := w.refusal(c, now); err != nil {
			w.settle(c, err)
		}
	})
	w.l.health.succeeded(w, now)
	w.step(now)
}

var (
	errClosed    = errors.New("the limiter is closed")
	errForgetful = errors.New("the log is lost again and again")
)
