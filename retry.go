package clawhq

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// RetryPolicy configures how often failed attempts are repeated, and how long
// the client waits before it repeats them.
//
// An attempt is repeated if
//   - its reply has status 429, 500, 502, 503 or 504, or one of the statuses 520 to
//     524 and 529 of proxies,
//   - its connection failed before the reply was complete, or
//   - it took longer than WithAttemptTimeout allows.
//
// A stream is repeated only until its first chunk was handed out. After any other
// 4xx status nothing is repeated, except as described below for 409 and by
// WithAPIKeyFunc and WithSession for 401. When the caller's context has ended,
// nothing is repeated either. A request that the service must not execute twice,
// such as the creation of a key, is repeated only if the failure proves that nothing
// happened: after a 429, if no connection could be made, or if the server refused
// the request unprocessed (HTTP/2's GOAWAY and REFUSED_STREAM, RFC 9113 §8.7). An
// *http.Transport makes no connection if a TLS handshake fails or a proxy refuses to
// connect. After a failure of another RoundTripper, only its error can be the proof.
//
// A reply of status 409 with the code request_in_progress says that the answer to
// an earlier attempt is under way. The client asks for it after 2, 4 and 8 seconds
// and then every 15 seconds, with pauses up to a tenth shorter or longer, for 90
// seconds in all. These attempts count neither in MaxAttempts nor in the budget;
// with MaxAttempts 1 there are none.
//
// A 429 of the live service names the end of the clock's minute, though there may be
// room before. The client asks again after 2 to 5.5 seconds; attempts before the end
// of that minute count neither in MaxAttempts nor in the budget. With MaxAttempts 1
// there are none.
//
// The wait before a retry is random, between 0 and a bound that begins at
// MinWait and doubles with every retry up to MaxWait (exponential backoff with
// full jitter). If the server sent Retry-After (RFC 9110 §10.2.3), the wait is
// that time plus a random part of MinWait. If the wait would end after the
// context's deadline, the call does not wait: it returns the error at once, and
// that error also matches context.DeadlineExceeded.
type RetryPolicy struct {
	// MaxAttempts is how many requests a call may send. A followed redirect
	// counts as one. So does a request without content that net/http sends
	// again by itself; if the server has refused it unprocessed, net/http may
	// do so beyond MaxAttempts. Default: 4; 1 means no retry.
	MaxAttempts int

	// MinWait bounds the first wait. Default: 500 ms.
	MinWait time.Duration

	// MaxWait bounds every wait that Retry-After does not determine. Default: 8
	// s, or MinWait if that is longer.
	MaxWait time.Duration

	// MaxRetryAfter is the longest Retry-After that the client waits for. If
	// the server asks for more, the call returns its error at once, with
	// APIError.RetryAfter as the server sent it. A Retry-After above 24 hours
	// counts as none, unless it is one of the huge numbers that the live
	// service sends: the client computes the wait that these stand for.
	// Default: 2 minutes.
	MaxRetryAfter time.Duration

	// Budget bounds the retries of all calls of a Client together, so that
	// retries do not multiply the load during an outage. Every successful call
	// adds this fraction of a retry to the budget, which holds at most 500
	// times the fraction, but at least one retry, and is full at first. If the
	// budget is used up, a failed call returns its error at once. Default:
	// 0.2, that is, at most 100 retries saved up; negative means no bound.
	Budget float64
}

// DefaultRetryPolicy returns the policy of a Client without WithRetry: 4
// attempts, waits of up to 500 ms at first and 8 s at most, a Retry-After of up
// to 2 minutes, and a budget of 0.2 retries per successful call. Zero fields of
// a policy take these values.
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

// wait returns how long to wait after the n-th attempt of a call. after is what
// the server asked for, 0 for nothing; random is in [0, 1).
func (p RetryPolicy) wait(n int, after time.Duration, random float64) time.Duration {
	if after > 0 {
		return min(after, forever) + time.Duration(random*float64(p.MinWait))
	}
	most := float64(p.MinWait) * math.Pow(2, float64(n-1))
	return time.Duration(random * min(most, float64(p.MaxWait)))
}

// random is the source of jitter.
var random = rand.Float64

// A verdict says how a call goes on after a failed attempt.
type verdict int

const (
	final      verdict = iota // the failure is of a kind that is not repeated
	exhausted                 // MaxAttempts were made, or an answer that is under way has not come in 90 seconds
	tooLong                   // Retry-After is longer than MaxRetryAfter
	tooLate                   // the context will end before the wait does
	ended                     // the context has ended
	overBudget                // the retry budget is used up
	again                     // the attempt is repeated
	cutShort                  // the attempt was to be repeated, but the context ended during the wait
)

func (v verdict) String() string {
	return [...]string{"final", "attempts exhausted", "Retry-After too long", "deadline too close", "context ended", "retry budget spent", "retry", "wait cut short"}[v]
}

// retries counts the requests of a call, and decides whether another follows.
type retries struct {
	policy    RetryPolicy // the client's, or the call's own
	budget    *retryBudget
	sent      int // requests, including those that net/http has sent again by itself; counted by attempt.send
	uncounted int // how many of them count neither in MaxAttempts nor in the budget

	minute time.Time // the end of the minute that a 429 of the live service has named

	inProgress time.Time // when the server first said that an earlier attempt is still being answered; zero if it has not
	asked      int       // how often it has said so
}

// counted returns how many attempts count in MaxAttempts.
func (r *retries) counted() int { return r.sent - r.uncounted }

// judge decides how the call goes on after the outcome of the latest attempt,
// and how long to wait before the next. repeatable is whether the request may
// be sent again after this outcome.
func (r *retries) judge(ctx context.Context, o outcome, repeatable bool) (verdict, time.Duration) {
	retry := o.transient && repeatable
	wait := r.policy.wait(r.counted(), o.after, random())
	uncounted, timeUp := o.uncounted, false
	switch {
	case o.uncounted:
		wait = o.after
	case o.early > 0 && r.policy.MaxAttempts > 1:
		wait, uncounted = o.early, r.beforeMinute(o)
	case o.inProgress:
		wait, uncounted = r.awaitAnswer(o.after)
		timeUp = !uncounted
	}
	deadline, hasDeadline := ctx.Deadline()
	switch {
	case ctx.Err() != nil && (retry || o.errorReply == nil):
		return ended, 0
	case !retry:
		return final, 0
	case timeUp, !uncounted && r.counted() >= r.policy.MaxAttempts:
		return exhausted, 0
	case (!uncounted || o.early > 0) && o.after > r.policy.MaxRetryAfter:
		return tooLong, 0
	case hasDeadline && time.Until(deadline) <= wait:
		return tooLate, wait
	case !uncounted && r.policy.Budget >= 0 && !r.budget.spend():
		return overBudget, 0
	}
	if uncounted {
		r.uncounted++
	}
	return again, wait
}

// beforeMinute reports whether an attempt after o.early will be sent before the end of
// the minute that was named first.
func (r *retries) beforeMinute(o outcome) bool {
	now := time.Now()
	if !now.Before(r.minute) {
		r.minute = now.Add(o.after)
	}
	return now.Add(o.early).Before(r.minute)
}

// earlyPause returns how long to wait before an attempt is repeated although the
// server has asked for more. The live service names the end of the clock's minute,
// no matter when a slot will be free. The pause is random, so that it does not
// miss the same moments again and again. It is shorter than the time for which
// package shaping keeps a slot open in this case.
func earlyPause() time.Duration {
	return 2*time.Second + time.Duration(random()*float64(3500*time.Millisecond))
}

// How long a call waits between two questions for an answer that is under way,
// and how long in all. An agent may take a minute.
const (
	firstAnswerPause   = 2 * time.Second
	longestAnswerPause = 15 * time.Second
	longestAnswerWait  = 90 * time.Second
)

// awaitAnswer returns how long to wait before asking again for an answer that an
// earlier attempt, or another call with the idempotency key, is waiting for. ok
// is false if the time for that is over, or if the policy makes no retries.
func (r *retries) awaitAnswer(after time.Duration) (pause time.Duration, ok bool) {
	if r.inProgress.IsZero() {
		r.inProgress = time.Now()
	}
	pause = min(firstAnswerPause<<min(r.asked, 3), longestAnswerPause)
	pause = max(after, time.Duration((0.9+0.2*random())*float64(pause)))
	r.asked++
	return pause, r.policy.MaxAttempts > 1 && pause <= longestAnswerWait-time.Since(r.inProgress)
}

// retryableReply reports whether an attempt with this error reply may be
// repeated.
func retryableReply(e *APIError) bool {
	switch e.StatusCode {
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout,
		520, 521, 522, 523, 524, 529: // of proxies: the server is unreachable, slow or overloaded
		return true
	case http.StatusConflict:
		return e.Code == CodeRequestInProgress
	default:
		return false
	}
}

// retryableTransport reports whether an attempt that got no reply may be
// repeated. A repetition is of no use if the server's certificate is not
// trusted, or if a proxy asks for a password.
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
	return errors.Is(err, errUnprocessed) || errors.Is(err, errNoConnection)
}

var (
	errUnprocessed  = errors.New("the server has not processed the request")
	errNoConnection = errors.New("no connection was made")
)

// http2Error returns err as it is shown to the caller. If err says that the
// server did not process the request, by REFUSED_STREAM or by GOAWAY with an
// earlier stream as the last (RFC 9113 §8.7), the returned error matches
// errUnprocessed.
//
// net/http has no error values for these cases, only texts. If net/http would
// have sent the request again with GetBody, the text of its error contains
// that of the stream's error, which is cut out here. A PROTOCOL_ERROR comes
// in the same form, and proves nothing.
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

// A retryBudget is a token bucket of the retries that may still be made. Its
// clock is the number of successful calls: each adds a fraction of a retry. A
// nil retryBudget has no bound.
type retryBudget struct {
	successes atomic.Int64
	bucket    *rate.Limiter
}

// savings is how many successful calls it takes to fill the budget.
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
