package clawhq

import (
	"cmp"
	"context"
	"time"

	"github.com/clawhq/clawhq-go/internal/shaping"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// A Limiter decides when attempts may be sent; see WithLimiter. Wait blocks
// until one more attempt may be sent. It returns an error if ctx ends first.
// Any error fails the call, unless the Limiter is a FallbackLimiter that is out
// of service. If Wait knows that there will be no room before the deadline of
// ctx, it may return early, with an error that matches
// context.DeadlineExceeded. Wait must be safe for concurrent use.
//
// *rate.Limiter of golang.org/x/time/rate is a Limiter. Note that a token bucket
// with burst b and rate N admits up to b+N calls within a window in which the
// server admits N. The module redisclawhq has a Limiter that several machines
// share.
//
// A Limiter may also implement LimitObserver, WindowLimiter and
// FallbackLimiter.
type Limiter interface {
	Wait(ctx context.Context) error
}

// A LimitObserver is a Limiter that is told the outcome of each attempt, so that
// it can learn the limit and stop after a 429. The client calls ObserveReply
// once per attempt, whether or not a reply came, and also for attempts that it
// shaped by itself (see FallbackLimiter). ObserveReply must be safe for
// concurrent use, and should return quickly, since the call waits for it.
type LimitObserver interface {
	Limiter
	ObserveReply(LimitReply)
}

// LimitReply is the outcome of an attempt, as far as it concerns the rate limit.
type LimitReply struct {
	// Window is the name of the rate-limit window that the attempt counts in.
	// It is "key" for chats and thread messages, which count in the window of
	// the API key. The live service counts every other endpoint in a window of
	// its own; according to its documentation, all endpoints share the key's.
	Window string

	Sent       time.Time     // when the request was written to its connection; zero if it certainly was not
	StatusCode int           // 0 if no reply came; 400 for a 429 that concerns another limit, like that of active batches
	RateLimit  RateLimit     // zero if the reply reports no limit, as replies with an error do not
	RetryAfter time.Duration // the Retry-After of a 429; 0 if it has none
}

// A WindowLimiter is a Limiter that is told which attempt it is to admit. The
// client calls WaitWindow in place of Wait; the rules for Wait apply.
type WindowLimiter interface {
	Limiter
	WaitWindow(ctx context.Context, r LimitRequest) error
}

// LimitRequest describes an attempt that waits to be sent.
type LimitRequest struct {
	Window     string // the window that the attempt counts in, as in LimitReply
	Retry      bool   // the attempt is a retry; it should be admitted before first attempts
	Background bool   // the attempt yields to those that are not in the background
}

// A FallbackLimiter is a Limiter that can be out of service, for example because
// it needs a network. When Wait fails and ctx has not ended, the client calls
// Fallback with the error. If Fallback returns nil, the error fails the call.
// Otherwise the client shapes the attempt by itself, as it does without a
// Limiter, taking into account all attempts that it made before. When the
// returned channel is closed, attempts that still wait ask the Limiter again.
type FallbackLimiter interface {
	Limiter
	Fallback(err error) (back <-chan struct{})
}

// windowName returns the name of a window for a Limiter.
func windowName(w shaping.Window) string { return cmp.Or(w.Name, wire.KeyWindow.Name) }
