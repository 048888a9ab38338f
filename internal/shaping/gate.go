package shaping

import "time"

// A gate is closed after a 429. Then it lets attempts out one by one, at first
// at the pace of the limit, and twice as fast after every one that is admitted.
type gate struct {
	until   moment        // nothing is sent before
	spacing time.Duration // how far attempts are kept apart
	backoff time.Duration // the last one after a 429 that did not say how long
}

const (
	// minSpacing is when attempts are no longer kept apart.
	minSpacing = 10 * time.Millisecond

	// minBackoff is how long the gate stays closed after a 429 that does not
	// say how long, or is not to be believed. It doubles with every further
	// one, up to a window.
	minBackoff = time.Second
)

func (g *gate) closed(now moment) bool { return g.until > now }

// close reacts to a 429. A retryAfter over longest is taken for none.
func (g *gate) close(now moment, retryAfter, longest, spacing time.Duration) {
	if retryAfter <= 0 || retryAfter > longest {
		g.backoff = min(max(2*g.backoff, minBackoff), Length)
		retryAfter = g.backoff
	}
	g.spacing = spacing
	g.until = max(g.until, now.Add(min(retryAfter, unexpected)))
}

// admitted says that an attempt was.
func (g *gate) admitted() {
	g.backoff = 0
	if g.spacing /= 2; g.spacing < minSpacing {
		g.spacing = 0
	}
}
