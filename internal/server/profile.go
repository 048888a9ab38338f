package server

import (
	"fmt"
	"strconv"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// Profile says whose protocol a server speaks where the documentation and the
// live service disagree. All that differs is decided in this file and by what
// it is asked.
type Profile int

const (
	// Documented follows the product page: a revoked key is 401, rate_limited
	// is a rate_limit_error, Retry-After and X-RateLimit-Reset count seconds,
	// and a tier that does not exist is refused.
	Documented Profile = iota

	// Live reproduces the live service with its quirks: a revoked key is 403,
	// rate_limited is an api_error with an absurd Retry-After,
	// X-RateLimit-Reset counts milliseconds, a replayed reply has no
	// X-RateLimit headers, a key created with a tier that does not exist gets
	// 60, the agent deployed last is the default, and the built-in agents
	// reply with an echo ("[fail]" and "[cut]" in a message make them fail).
	Live
)

// String returns the profile's name: documented or live.
func (p Profile) String() string {
	switch p {
	case Documented:
		return "documented"
	case Live:
		return "live"
	}
	return fmt.Sprintf("Profile(%d)", int(p))
}

// code returns how an error code is answered.
func (p Profile) code(code string) (c wire.Code, ok bool) {
	if p == Live {
		if c, ok = wire.LiveCodes[code]; ok {
			return c, true
		}
	}
	c, ok = wire.Codes[code]
	return c, ok
}

// rateLimitReset returns the value of X-RateLimit-Reset: when the oldest call
// leaves the window or, live, when the clock's minute ends.
func (p Profile) rateLimitReset(now, oldest time.Time) string {
	if p == Live {
		return strconv.FormatInt(minuteEnd(now).UnixMilli(), 10)
	}
	return strconv.FormatInt(oldest.Add(wire.RateWindow+time.Second-1).Unix(), 10)
}

// rateLimited returns the Retry-After and the message of a 429, wait before
// there is room again.
func (p Profile) rateLimited(now time.Time, wait time.Duration) (retryAfter, message string) {
	if p == Live {
		// The service subtracts seconds from milliseconds.
		absurd := minuteEnd(now).UnixMilli() - now.Unix()
		return strconv.FormatInt(absurd, 10), "Rate limit exceeded. Try again later."
	}
	retryAfter = strconv.FormatInt(max(1, int64((wait+time.Second-1)/time.Second)), 10)
	return retryAfter, "Rate limit exceeded. Retry after " + retryAfter + " seconds."
}

func minuteEnd(now time.Time) time.Time { return now.Truncate(time.Minute).Add(time.Minute) }

// jsonSpace is what stands after the colons in the JSON of a stream's events.
func (p Profile) jsonSpace() string {
	if p == Live {
		return ""
	}
	return " "
}
