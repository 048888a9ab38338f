package clawhq

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// mostRetryAfter is the longest Retry-After that anyone can mean. A longer one
// is not an order to wait that long.
const mostRetryAfter = 24 * time.Hour

// parseRetryAfter returns the wait that a Retry-After field asks for (RFC 9110
// §10.2.3), or 0 if it asks for none. The field is a number of seconds, which
// may have a fraction, or an HTTP date in any of the three formats (§5.6.7).
//
// date is the Date field of the reply, which an HTTP date is compared with; it
// is zero if the reply has none, and now takes its place.
//
// A number above mostRetryAfter is read as the live service makes it, see
// minuteAfter. Any other wait above mostRetryAfter counts as none.
func parseRetryAfter(value string, date, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if isDecimal(value) {
		s := decimal(value)
		if s > mostRetryAfter.Seconds() {
			return minuteAfter(s, date)
		}
		return time.Duration(math.Ceil(s * float64(time.Second))) // rounded up, so as not to come early
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if !date.IsZero() {
		now = date
	}
	if wait := at.Sub(now); 0 < wait && wait <= mostRetryAfter {
		return wait
	}
	return 0
}

// minuteAfter returns the wait that the live service means by an absurd
// Retry-After. The service names the time at which its window ends, the end of
// a minute of the clock, but subtracts its present time in seconds from that
// time in milliseconds. date is the reply's, or zero.
//
// Adding the reply's Date, in seconds, gives the time back. Without a Date, or
// with one that another clock has made, a remainder tells the wait: r seconds
// before the end of the k-th minute, the service sends
//
//	60,000 k - (60 k - r) = 59,940 k + r.
func minuteAfter(absurd float64, date time.Time) time.Duration {
	const (
		step  = 59_940
		least = 1e12 // the epoch's milliseconds have 13 digits from 2001 to 2286
		most  = 1e13
	)
	if absurd >= most {
		return 0
	}
	value := int64(absurd)
	if !date.IsZero() {
		wait := time.UnixMilli(value + date.Unix()).Sub(date)
		if 0 < wait && wait <= 2*wire.RateWindow {
			return wait
		}
	}
	if seconds := value % step; absurd >= least && 1 <= seconds && seconds <= 60 {
		return time.Duration(seconds) * time.Second
	}
	return 0
}

// namesMinute reports whether a Retry-After names the end of a minute of the clock,
// as that of the live service does. There may be room before that.
func namesMinute(value string) bool {
	value = strings.TrimSpace(value)
	return isDecimal(value) && decimal(value) > mostRetryAfter.Seconds()
}

// decimal returns the value of s, +Inf if that is out of range.
func decimal(s string) float64 {
	f, _ := strconv.ParseFloat(s, 64)
	return f
}

// isDecimal reports whether s is digits, with a fraction or without.
func isDecimal(s string) bool {
	whole, fraction, point := strings.Cut(s, ".")
	return digits(whole) && (!point || digits(fraction))
}
