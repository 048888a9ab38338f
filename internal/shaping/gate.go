package shaping

import "time"

// A gate is closed after a 429. When it opens, attempts are sent one by one, first
// at the pace of the limit, and twice as fast after each one that is admitted.
type gate struct {
	until   moment        // nothing is sent before
	spacing time.Duration // how far attempts are kept apart
	backoff time.Duration // how long the latest 429 without a believed Retry-After closed the gate; 0 once an attempt is admitted
}

// forget forgets what 429s of long ago have caused.
func (g *gate) forget(now moment) {
	if g.until != 0 && now.Sub(g.until) >= evidence {
		*g = gate{}
	}
}

const (
	// minSpacing is the spacing below which attempts are no longer kept apart.
	minSpacing = 10 * time.Millisecond

	// minBackoff is how long the gate stays closed after a 429 whose Retry-After
	// is missing or not believed. The time doubles with every further such 429,
	// up to a window.
	minBackoff = time.Second
)

// spaced returns how far attempts are kept apart.
func (g *gate) spaced(now moment) time.Duration {
	if now.Sub(g.until) >= evidence {
		return 0
	}
	return g.spacing
}

func (g *gate) closed(now moment) bool { return g.until > now }

// close closes the gate after a 429. It ignores a retryAfter longer than longest.
func (g *gate) close(now moment, retryAfter, longest, spacing time.Duration) {
	g.forget(now)
	if retryAfter <= 0 || retryAfter > longest {
		g.backoff = min(max(2*g.backoff, minBackoff), Length)
		retryAfter = g.backoff
	}
	g.spacing = spacing
	g.until = max(g.until, now.Add(min(retryAfter, unexpected))) // without an overflow
}

// admitted halves the spacing after an attempt was admitted.
func (g *gate) admitted() {
	g.backoff = 0
	if g.spacing /= 2; g.spacing < minSpacing {
		g.spacing = 0
	}
}
