package clawhq

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// RateLimit is what the server says of the key's limit with a successful
// reply. The zero value means that it has said nothing.
type RateLimit struct {
	Limit     int       // calls in any 60 seconds, over all /v1 endpoints
	Remaining int       // of them, as the call was counted
	Reset     time.Time // zero if the server does not tell
}

// RateLimit returns the latest that the server has said of the key's limit.
// The zero value means that nothing is known yet.
func (c *Client) RateLimit() RateLimit { return c.core.rateLimit.load() }

// lastRateLimit keeps the latest RateLimit.
type lastRateLimit struct {
	mu    sync.Mutex
	value RateLimit
}

func (l *lastRateLimit) store(value RateLimit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.value = value
}

func (l *lastRateLimit) load() RateLimit {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.value
}

// parseRateLimit reads the X-RateLimit headers. l is zero if there is no limit
// among them; counted is how many calls the server had counted, -1 if it does
// not tell.
func parseRateLimit(h http.Header) (l RateLimit, counted int) {
	limit, ok := headerInt(h, wire.HeaderRateLimitLimit)
	if !ok || limit <= 0 || limit > math.MaxInt32 {
		return RateLimit{}, -1
	}
	l.Limit, counted = int(limit), -1
	if remaining, ok := headerInt(h, wire.HeaderRateLimitRemaining); ok {
		l.Remaining = int(min(max(remaining, 0), limit))
		counted = l.Limit - l.Remaining
	}
	if reset, ok := headerInt(h, wire.HeaderRateLimitReset); ok && reset > 0 {
		// Documented in seconds, sent in milliseconds by the live service. As
		// seconds, the threshold lies in the year 5138; as milliseconds, in 1973.
		if reset < 1e11 {
			l.Reset = time.Unix(reset, 0)
		} else {
			l.Reset = time.UnixMilli(reset)
		}
	}
	return l, counted
}

func headerInt(h http.Header, name string) (n int64, ok bool) {
	values := h[name]
	if len(values) == 0 {
		return 0, false
	}
	n, err := strconv.ParseInt(values[0], 10, 64)
	return n, err == nil
}
