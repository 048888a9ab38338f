package redislimit

import (
	"log/slog"
	"time"
)

// A link is whether Redis is there. While it is not, no caller waits for it: a
// trip without one looks from time to time. The Limiter's mutex guards it.
type link struct {
	l      *Limiter
	cause  error // why Redis is away; nil if it is not
	since  time.Time
	pause  time.Duration // before the next look
	timer  *time.Timer   // for it
	used   time.Time     // when a caller last came
	window *window       // that looks
	back   chan struct{} // closed when Redis is there again; the next absence has another
	closed bool
}

const (
	minPause = 250 * time.Millisecond
	maxPause = 500 * time.Millisecond

	// longAway is when others may have been cut off as well, whose calls the
	// log lacks.
	longAway = time.Second

	// idle is when nobody seems to need Redis any more.
	idle = time.Minute
)

func (k *link) up() bool { return k.cause == nil && !k.closed }

// use says that a caller came, and looks for Redis if nobody does.
func (k *link) use(now time.Time) {
	k.used = now
	if k.cause != nil && k.timer == nil {
		k.look()
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

// failed says that a window's trip failed.
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
		k.log(slog.LevelWarn, "redislimit: Redis is not available; the client shapes its calls by itself", slog.String("error", err.Error()))
		k.l.notices.close()
	case now.Sub(k.used) > idle:
		return
	default:
		k.pause = min(2*k.pause, maxPause)
	}
	k.cause, k.window = err, w
	k.timer = time.AfterFunc(k.pause, func() {
		k.l.mu.Lock()
		defer k.l.mu.Unlock()
		k.timer = nil
		k.look()
	})
}

// look sees whether Redis is back.
func (k *link) look() {
	if k.cause != nil && !k.closed && k.window.trips == 0 {
		k.window.away = k.window.away || time.Since(k.since) > longAway
		k.window.journal.lost(time.Time{}) // it may come back with what it held some time ago
		k.window.trip(0, time.Now())
	}
}

// succeeded says that a trip did.
func (k *link) succeeded(now time.Time) {
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
	for _, w := range k.l.windows {
		if w != k.window {
			w.away = away > longAway
			w.journal.lost(time.Time{})
		}
	}
	k.log(slog.LevelInfo, "redislimit: Redis is back", slog.Duration("away", away))
}

func (k *link) close() {
	k.closed = true
	if k.timer != nil {
		k.timer.Stop()
	}
}

// log does not wait for the logger, which may be slow: the mutex is held.
func (k *link) log(level slog.Level, msg string, attrs ...slog.Attr) {
	if k.l.config.logger != nil {
		go k.l.config.logger.LogAttrs(k.l.ctx, level, msg, attrs...)
	}
}
