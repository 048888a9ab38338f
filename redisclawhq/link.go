package redisclawhq

import (
	"log/slog"
	"time"
)

// A link knows whether Redis is available. While it is not, callers do not wait for
// it; from time to time a trip without callers probes whether it is back. The
// Limiter's mutex guards the fields.
type link struct {
	l       *Limiter
	cause   error         // why Redis is away; nil if it is not
	since   time.Time     // when Redis went away
	pause   time.Duration // before the next probe
	timer   *time.Timer   // of the next probe; nil if none is due
	lastUse time.Time     // when a caller last came
	window  *window       // whose trips probe
	back    chan struct{} // closed when Redis is back, and then replaced
	closed  bool
}

const (
	minPause = 250 * time.Millisecond
	maxPause = 500 * time.Millisecond

	// longAway is an absence after which the log may lack calls of other
	// machines, since these may have been cut off as well.
	longAway = time.Second

	// idle is for how long Redis is probed after the last caller came, and for
	// how long the subscription lasts after the last slot was held.
	idle = time.Minute
)

func (k *link) up() bool { return k.cause == nil && !k.closed }

// use notes that a caller came, and probes for Redis if no probe is due.
func (k *link) use(now time.Time) {
	k.lastUse = now
	if k.cause != nil && k.timer == nil {
		k.probe()
	}
}

// err returns an error while Redis is away.
func (k *link) err() error {
	switch {
	case k.closed:
		return &unavailable{errClosed, k.back}
	case k.cause != nil:
		return &unavailable{k.cause, k.back}
	}
	return nil
}

// failed notes that a trip of window w failed.
func (k *link) failed(w *window, err error) {
	now := time.Now()
	switch {
	case k.closed || k.timer != nil:
		return
	case k.cause == nil:
		k.since, k.pause = now, minPause
		defer func() {
			for _, w := range k.l.windows {
				w.fallBack(now)
			}
		}()
		k.log(slog.LevelWarn, "redisclawhq: Redis is not available; the client shapes its calls by itself", slog.String("error", err.Error()))
		k.l.notices.close()
	case now.Sub(k.lastUse) > idle:
		return
	default:
		k.pause = min(2*k.pause, maxPause)
	}
	k.cause, k.window = err, w
	k.timer = time.AfterFunc(k.pause, func() {
		k.l.mu.Lock()
		defer k.l.mu.Unlock()
		k.timer = nil
		k.probe()
	})
}

// probe starts a trip that finds out whether Redis is back.
func (k *link) probe() {
	if k.cause != nil && !k.closed && k.window.trips == 0 {
		k.window.away = k.window.away || time.Since(k.since) > longAway
		k.window.trip(0, time.Now())
	}
}

// succeeded notes that a trip of window w succeeded.
func (k *link) succeeded(w *window, now time.Time) {
	if k.cause == nil {
		return
	}
	k.cause = nil
	k.l.notices.begun = time.Time{}
	close(k.back)
	k.back = make(chan struct{})
	if k.timer != nil {
		k.timer.Stop()
		k.timer = nil
	}
	away := now.Sub(k.since)
	for _, other := range k.l.windows {
		if other.journal.hasMissing(now.Add(-length-k.l.config.margin)) || len(other.updates.replies) > 0 {
			other.updates.atOnce = true
		}
		if other != w {
			other.away = other.away || away > longAway
			other.step(now)
		}
	}
	k.log(slog.LevelInfo, "redisclawhq: Redis is back", slog.Duration("away", away))
}

func (k *link) close() {
	k.closed = true
	if k.timer != nil {
		k.timer.Stop()
	}
}

// log does not wait for the logger, which may be slow, since the mutex is held.
func (k *link) log(level slog.Level, msg string, attrs ...slog.Attr) {
	if k.l.config.logger != nil {
		go k.l.config.logger.LogAttrs(k.l.ctx, level, msg, attrs...)
	}
}
