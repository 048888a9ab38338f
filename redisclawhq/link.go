package redisclawhq

import (
	"log/slog"
	"math/rand/v2"
	"time"
)

// A link knows whether Redis is available. While it is not, callers do not wait for
// it; from time to time a trip probes whether it is back. The Limiter's mutex guards
// the fields.
type link struct {
	l       *Limiter
	cause   error         // why Redis is away; nil if it is not
	since   time.Time     // when Redis went away, or came back; zero before the first answer
	left    time.Time     // when Redis went away
	probes  int           // that have failed since
	warned  bool          // the logger was told
	pause   time.Duration // before the next probe, on average
	timer   *time.Timer   // of the next probe; nil if none is due
	lastUse time.Time     // when a caller last came
	window  *window       // whose trips probe
	back    chan struct{} // closed when Redis is back, and then replaced
	closed  bool
}

const (
	minPause = 250 * time.Millisecond
	maxPause = 2 * time.Second

	// longAway is an absence after which the log may lack calls of other
	// machines, since these may have been cut off as well.
	longAway = time.Second

	// idle is for how long Redis is probed after the last caller came.
	idle = time.Minute
)

// use notes that a caller came, and probes for Redis if no probe is due.
func (k *link) use(now time.Time) {
	k.lastUse = now
	if k.timer == nil {
		k.probe()
	}
}

// err returns an error while Redis is away, and after Close.
func (k *link) err() error {
	switch {
	case k.closed:
		return &unavailable{errClosed, k.back}
	case k.cause != nil:
		return &unavailable{k.cause, k.back}
	}
	return nil
}

// failed notes that a trip of window w failed. The first failure may be a single
// slow answer; that Redis is away is logged after the second.
func (k *link) failed(w *window, err error) {
	now := time.Now()
	if k.timer != nil { // a trip of another window has failed
		return
	}
	first := k.cause == nil
	k.cause, k.window = err, w
	if first {
		k.left, k.probes, k.warned, k.pause = now, 0, false, minPause
		if !k.since.IsZero() {
			k.since = now
		}
		for _, w := range k.l.windows {
			w.fallBack(now)
		}
	} else {
		k.probes++
		k.pause = min(2*k.pause, maxPause)
		if !k.warned {
			k.warned = true
			k.log(slog.LevelWarn, "redisclawhq: Redis is not available; the client shapes its calls by itself", slog.String("error", err.Error()))
		}
	}
	if k.closed || now.Sub(k.lastUse) > idle {
		return
	}
	k.timer = time.AfterFunc(k.pause/2+rand.N(k.pause), func() {
		k.l.mu.Lock()
		defer k.l.mu.Unlock()
		k.timer = nil
		k.probe()
	})
}

// late notes that Redis has answered too late. If that was the first failure, a
// probe finds out at once whether it was the only one.
func (k *link) late() {
	if k.probes == 0 && k.timer != nil && k.timer.Stop() {
		k.timer = nil
		k.probe()
	}
}

// probe starts a trip that finds out whether Redis is back.
func (k *link) probe() {
	if k.cause != nil && !k.closed && k.window.trip == nil {
		k.window.away = k.window.away || time.Since(k.left) > longAway
		k.window.startTrip(time.Now())
	}
}

// succeeded notes that a trip of window w succeeded.
func (k *link) succeeded(w *window, now time.Time) {
	if k.since.IsZero() {
		k.since = now
	}
	if k.cause == nil {
		return
	}
	k.cause, k.since = nil, now
	close(k.back)
	k.back = make(chan struct{})
	if k.timer != nil {
		k.timer.Stop()
		k.timer = nil
	}
	for _, other := range k.l.windows {
		if len(other.unlogged(now)) > 0 || len(other.updates.replies) > 0 {
			other.updates.atOnce = true
		}
		if other != w {
			other.away = other.away || now.Sub(k.left) > longAway
			other.step(now)
		}
	}
	if k.warned {
		k.log(slog.LevelInfo, "redisclawhq: Redis is back", slog.Duration("away", now.Sub(k.left)))
	}
}

func (k *link) close() {
	k.closed = true
	if k.timer != nil {
		k.timer.Stop()
		k.timer = nil
	}
}

// log does not wait for the logger, which may be slow, since the mutex is held.
func (k *link) log(level slog.Level, msg string, attrs ...slog.Attr) {
	if k.l.config.logger != nil {
		go k.l.config.logger.LogAttrs(k.l.ctx, level, msg, attrs...)
	}
}
