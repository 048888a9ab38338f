package clawhq

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// RateLimit is a rate limit as a successful reply reports it in its X-RateLimit
// headers. The reply to a chat or a thread message reports the limit of the API
// key; the live service counts every other endpoint separately, and its replies
// report the limit of that endpoint. The zero value means that the reply
// reports no limit.
type RateLimit struct {
	Limit     int       // how many calls are allowed in any 60 seconds
	Remaining int       // how many of them were left after this call
	Reset     time.Time // when the server says that the limit is reset; zero if it does not
}

// RateLimit returns the limit of the API key as the latest reply to a chat or a
// thread message reported it. It is the zero value before the first such reply.
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

// parseRateLimit reads the X-RateLimit headers. l is zero if they have no limit.
// counted is how many calls the server had counted in the window, -1 if the headers
// do not tell. byMinute is whether the reset is in milliseconds, as that of the
// live service is. Such a reset is the end of a minute of the clock.
func parseRateLimit(h http.Header) (l RateLimit, counted int, byMinute bool) {
	limit, ok := headerInt(h, wire.HeaderRateLimitLimit)
	if !ok || limit <= 0 || limit > math.MaxInt32 {
		return RateLimit{}, -1, false
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
			l.Reset, byMinute = time.UnixMilli(reset), true
		}
	}
	return l, counted, byMinute
}

func headerInt(h http.Header, name string) (n int64, ok bool) {
	n, err := strconv.ParseInt(header(h, name), 10, 64)
	return n, err == nil
}

// header is h.Get of a name whose spelling is canonical.
func header(h http.Header, name string) string {
	if values := h[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}
