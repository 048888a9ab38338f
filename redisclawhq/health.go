package redisclawhq

import (
	"log/slog"
	"math/rand/v2"
	"time"
)

// health is whether Redis is available. While it is not, callers do not wait for it;
// from time to time a round trip probes whether it is back. The Limiter's mutex guards
// the fields.
type health struct {
	l       *Limiter
	cause   error         // why Redis is away; nil if it is not
	since   time.Time     // when Redis last went away or came back; zero before the first answer
	left    time.Time     // when Redis went away
	probes  int           // how many probes have failed since
	warned  bool          // the logger was told
	pause   time.Duration // before the next probe, on average
	timer   *time.Timer   // of the next probe; nil if none is due
	lastUse time.Time     // when a caller last came
	share   *share        // whose round trips probe
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
func (h *health) use(now time.Time) {
	h.lastUse = now
	if h.timer == nil {
		h.probe()
	}
}

// err returns an error while Redis is away, and after Close.
func (h *health) err() error {
	switch {
	case h.closed:
		return &unavailable{errClosed, h.back}
	case h.cause != nil:
		return &unavailable{h.cause, h.back}
	}
	return nil
}

// failed notes that a round trip of share s failed. The first failure may be a single
// slow answer; that Redis is away is logged after the second.
func (h *health) failed(s *share, err error) {
	now := time.Now()
	if h.timer != nil { // a round trip of another share has failed
		return
	}
	first := h.cause == nil
	h.cause, h.share = err, s
	if first {
		h.left, h.probes, h.warned, h.pause = now, 0, false, minPause
		if !h.since.IsZero() {
			h.since = now
		}
		for _, s := range h.l.shares {
			s.fallBack(now)
		}
	} else {
		h.probes++
		h.pause = min(2*h.pause, maxPause)
		if !h.warned {
			h.warned = true
			h.log(slog.LevelWarn, "redisclawhq: Redis is not available; the client shapes its calls by itself", slog.String("error", err.Error()))
		}
	}
	if h.closed || now.Sub(h.lastUse) > idle {
		return
	}
	h.timer = time.AfterFunc(h.pause/2+rand.N(h.pause), func() {
		h.l.mu.Lock()
		defer h.l.mu.Unlock()
		h.timer = nil
		h.probe()
	})
}

// late notes that Redis has answered too late. If that was the first failure, a
// probe finds out at once whether it was the only one.
func (h *health) late() {
	if h.probes == 0 && h.timer != nil && h.timer.Stop() {
		h.timer = nil
		h.probe()
	}
}

// probe starts a round trip that finds out whether Redis is back.
func (h *health) probe() {
	if h.cause != nil && !h.closed && h.share.roundTrip == nil {
		h.share.away = h.share.away || time.Since(h.left) > longAway
		h.share.startRoundTrip(time.Now())
	}
}

// succeeded notes that a round trip of share s succeeded.
func (h *health) succeeded(s *share, now time.Time) {
	if h.since.IsZero() {
		h.since = now
	}
	if h.cause == nil {
		return
	}
	h.cause, h.since = nil, now
	close(h.back)
	h.back = make(chan struct{})
	if h.timer != nil {
		h.timer.Stop()
		h.timer = nil
	}
	for _, other := range h.l.shares {
		if len(other.unlogged(now)) > 0 || len(other.updates.reports) > 0 {
			other.updates.atOnce = true
		}
		if other != s {
			other.away = other.away || now.Sub(h.left) > longAway
			other.step(now)
		}
	}
	if h.warned {
		h.log(slog.LevelInfo, "redisclawhq: Redis is back", slog.Duration("away", now.Sub(h.left)))
	}
}

func (h *health) close() {
	h.closed = true
	if h.timer != nil {
		h.timer.Stop()
		h.timer = nil
	}
}

// log does not wait for the logger, which may be slow, since the mutex is held.
func (h *health) log(level slog.Level, msg string, attrs ...slog.Attr) {
	if h.l.config.logger != nil {
		go h.l.config.logger.LogAttrs(h.l.ctx, level, msg, attrs...)
	}
}
