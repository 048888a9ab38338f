package redisclawhq

import "time"

// Stats is what a Limiter does at a moment, and what it has done since it was made.
type Stats struct {
	// Available is whether Redis answers, and Since is when that began. Both are
	// zero before the first round trip.
	Available bool
	Since     time.Time

	Limit   int // calls per minute in the window of the key; 0 if not known
	Waiting int // callers in WaitWindow
	Leased  int // slots that are kept for this machine, since its turn comes within 5 seconds

	RoundTrips int64 // answers of Redis
	Timeouts   int64 // answers that did not come within the timeout
	Fallbacks  int64 // callers sent to their client's own shaping
}

// Stats returns what the Limiter does, for metrics. An operator watches Available,
// and Fallbacks: as long as these rise, machines do not share their limit.
func (l *Limiter) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.Since = l.health.since
	s.Available = l.health.cause == nil && !s.Since.IsZero()
	s.Limit = l.config.limit
	now := time.Now()
	for name, sh := range l.shares {
		if name == keyWindow {
			s.Limit = sh.limit
		}
		sh.queue.each(func(*caller) { s.Waiting++ })
		if sh.placed && sh.due.Sub(now) <= lease {
			s.Leased++
		}
	}
	return s
}
