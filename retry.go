package clawhq

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// RetryPolicy says how often and how patiently a failed attempt is repeated.
//
// Repeated are replies of status 429, 500, 502, 503 and 504, of status 409
// with code request_in_progress, failures of the connection, and attempts that
// timed out; a stream only until its first chunk was handed out. Nothing else
// is: no other 4xx, and nothing once the caller's context has ended. A request
// that the service must not execute twice, like the creation of a key, is
// repeated only if the failure proves that nothing happened: after a 429, if
// no connection could be made, or if the server refused the stream unprocessed
// (HTTP/2's GOAWAY and REFUSED_STREAM).
//
// The wait before a retry is random between 0 and MinWait, doubled with every
// retry up to MaxWait (exponential backoff with full jitter); if the server
// sent Retry-After (RFC 9110 §10.2.3), it is that long and up to MinWait
// longer. A wait that would outlast the context's deadline is not begun: the
// error comes back at once and also matches context.DeadlineExceeded.
type RetryPolicy struct {
	// MaxAttempts is how many requests a call may send, by default 4; the
	// followers of redirects count. 1 means no retry.
	MaxAttempts int

	// MinWait and MaxWait bound the backoff, by default to 500 ms and 8 s:
	// MinWait is the most that the first wait takes, MaxWait the most that
	// any takes.
	MinWait, MaxWait time.Duration

	// MaxRetryAfter is the longest Retry-After that is waited for, by default
	// 2 minutes. The live service has been seen to ask for 56,000 years; past
	// this bound the error comes back at once, with RetryAfter as it was sent.
	MaxRetryAfter time.Duration

	// Budget bounds the retries of all calls of a Client to a share of its
	// calls, by default 0.2, so that an outage is not multiplied: each success
	// earns this part of a retry, and up to 500 times as many are saved for
	// bad times. A call that finds the budget spent returns its error at once.
	// Negative means no bound.
	Budget float64
}

// DefaultRetryPolicy returns the policy of a Client made without WithRetry: 4
// attempts, waits from 500 ms to 8 s, a Retry-After of up to 2 minutes, and a
// budget of 0.2 retries a call. The zero fields of a policy take these values.
func DefaultRetryPolicy() RetryPolicy {
	return RetryPolicy{
		MaxAttempts:   4,
		MinWait:       500 * time.Millisecond,
		MaxWait:       8 * time.Second,
		MaxRetryAfter: 2 * time.Minute,
		Budget:        0.2,
	}
}

func (p RetryPolicy) withDefaults() (RetryPolicy, error) {
	switch {
	case p.MaxAttempts < 0:
		return p, fmt.Errorf("retry policy: MaxAttempts %d is negative", p.MaxAttempts)
	case p.MinWait < 0:
		return p, fmt.Errorf("retry policy: MinWait %v is negative", p.MinWait)
	case p.MaxWait < 0:
		return p, fmt.Errorf("retry policy: MaxWait %v is negative", p.MaxWait)
	case p.MaxRetryAfter < 0:
		return p, fmt.Errorf("retry policy: MaxRetryAfter %v is negative", p.MaxRetryAfter)
	case math.IsNaN(p.Budget):
		return p, errors.New("retry policy: Budget is not a number")
	}
	d := DefaultRetryPolicy()
	p.MaxAttempts = cmp.Or(p.MaxAttempts, d.MaxAttempts)
	p.MinWait = cmp.Or(p.MinWait, d.MinWait)
	p.MaxWait = cmp.Or(p.MaxWait, max(d.MaxWait, p.MinWait))
	p.MaxRetryAfter = cmp.Or(p.MaxRetryAfter, d.MaxRetryAfter)
	p.Budget = cmp.Or(p.Budget, d.Budget)
	return p, nil
}

// wait returns how long to wait after an attempt, the n-th of its call, that
// the server asked to be repeated no earlier than after. random is in [0, 1).
func (p RetryPolicy) wait(n int, after time.Duration, random float64) time.Duration {
	if after > 0 {
		return min(after, forever) + time.Duration(random*float64(p.MinWait))
	}
	most := float64(p.MinWait) * math.Pow(2, float64(n-1))
	return time.Duration(random * min(most, float64(p.MaxWait)))
}

// random is where jitter comes from.
var random = rand.Float64

// A verdict is what becomes of a call after a failed attempt.
type verdict int

const (
	final      verdict = iota // not of a kind that is repeated
	exhausted                 // MaxAttempts were made
	tooLong                   // Retry-After is longer than MaxRetryAfter
	tooLate                   // the context will end before the wait does
	ended                     // the context has ended
	overBudget                // the client has retried too much lately
	again                     // repeat it
	cutShort                  // it was to be repeated, but the context ended during the wait
)

func (v verdict) String() string {
	return [...]string{"final", "attempts exhausted", "Retry-After too long", "deadline too close", "context ended", "retry budget spent", "retry", "wait cut short"}[v]
}

// judge decides about the attempt that has just failed, and returns how long
// to wait before the next.
func (c *call) judge(f failure) (verdict, time.Duration) {
	wait := c.policy.wait(c.attempts, f.retryAfter, random())
	deadline, hasDeadline := c.ctx.Deadline()
	switch {
	case c.ctx.Err() != nil && (f.retryable || !isReply(f.err)):
		return ended, 0
	case !f.retryable:
		return final, 0
	case c.attempts >= c.policy.MaxAttempts:
		return exhausted, 0
	case f.retryAfter > c.policy.MaxRetryAfter:
		return tooLong, 0
	case hasDeadline && time.Until(deadline) <= wait:
		return tooLate, wait
	case c.policy.Budget >= 0 && !c.budget.spend():
		return overBudget, 0
	default:
		return again, wait
	}
}

// retryableReply reports whether a reply is of a kind that may be repeated.
func retryableReply(e *APIError) bool {
	switch e.StatusCode {
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	case http.StatusConflict:
		return e.Code == CodeRequestInProgress
	default:
		return false
	}
}

// retryableTransport reports whether an attempt that got no reply may be
// repeated: neither a certificate that is not trusted now nor a proxy that asks
// for a password will do so in a second.
func retryableTransport(err error) bool {
	var cert *tls.CertificateVerificationError
	return !errors.As(err, &cert) && !strings.Contains(err.Error(), http.StatusText(http.StatusProxyAuthRequired)) // all that net/http tells of it
}

// neverSent reports whether err proves that the service has done nothing: no
// connection could be made, or the server has refused the stream unprocessed.
func neverSent(err error) bool {
	var op *net.OpError
	if errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect" || op.Op == "socks connect") {
		return true
	}
	return errors.Is(err, errUnprocessed)
}

var errUnprocessed = errors.New("the server has not processed the request")

// http2Error returns err as it is to be shown, with errUnprocessed if it says
// as much: by REFUSED_STREAM, or by GOAWAY with an earlier stream as the last
// (RFC 9113 §8.7). Where net/http would send such a request again by itself if
// it had GetBody, it says no more than this text; and that it would so after
// PROTOCOL_ERROR too, which proves nothing.
func http2Error(err error) error {
	text := err.Error()
	if _, after, ok := strings.Cut(text, "http2: Transport: cannot retry err ["); ok {
		if i := strings.LastIndex(after, "] after Request.Body was written"); i >= 0 {
			text = after[:i]
			err = errors.New(text)
		}
	}
	refused := strings.HasPrefix(text, "stream error: stream ID ") && strings.Contains(text, "; REFUSED_STREAM")
	if refused || strings.HasPrefix(text, "http2: Transport received Server's graceful shutdown GOAWAY") ||
		strings.HasPrefix(text, "http2: Transport received GOAWAY from server ") || text == "http2: client conn not usable" {
		return fmt.Errorf("%w: %w", errUnprocessed, err)
	}
	return err
}

// retryBudget is a token bucket whose clock is the count of successes: it
// holds the retries that may still be made, and each success lets a part of
// one flow in. Nil means no bound.
type retryBudget struct {
	successes atomic.Int64
	bucket    *rate.Limiter
}

// savings is how many calls' worth of budget is kept for bad times.
const savings = 500

func newRetryBudget(share float64) *retryBudget {
	if share < 0 {
		return nil
	}
	burst := max(1, int(min(share*savings, math.MaxInt32)))
	return &retryBudget{bucket: rate.NewLimiter(rate.Limit(share), burst)}
}

func (b *retryBudget) earn() {
	if b != nil {
		b.successes.Add(1)
	}
}

func (b *retryBudget) spend() bool {
	return b == nil || b.bucket.AllowN(time.Unix(b.successes.Load(), 0), 1)
}

// parseRetryAfter reads a Retry-After field (RFC 9110 §10.2.3): a number of
// seconds, a fraction allowed, or an HTTP date of any of the three forms (§5.6.7),
// which is taken relative to now. What lies in the past is 0, what does not
// fit a Duration is the longest one, and ok is false for anything else.
func parseRetryAfter(value string, now time.Time) (d time.Duration, ok bool) {
	value = strings.TrimSpace(value)
	if isDecimal(value) {
		s, _ := strconv.ParseFloat(value, 64) // +Inf when out of range
		if s >= math.MaxInt64/float64(time.Second) {
			return math.MaxInt64, true
		}
		// Rounded up, so as not to come early.
		return time.Duration(math.Ceil(s * float64(time.Second))), true
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	return max(0, date.Sub(now)), true // Sub saturates
}

// isDecimal reports whether s is digits, with a fraction or without.
func isDecimal(s string) bool {
	whole, fraction, point := strings.Cut(s, ".")
	return digits(whole) && (!point || digits(fraction))
}

func digits(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}
