package clawhq

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/clawhq/clawhq-go/internal/shaping"
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

// parseRateLimit reads the X-RateLimit headers. l is zero if they have no
// limit. counted is how many calls the server had counted in the window, -1 if
// the headers do not tell.
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

// A Limiter decides when attempts may be sent; see WithLimiter. Wait blocks
// until one more attempt may be sent. It returns an error if ctx ends first;
// any error fails the call. If Wait knows that there will be no room before the
// deadline of ctx, it may return early, with an error that matches
// context.DeadlineExceeded. Wait must be safe for concurrent use.
//
// *rate.Limiter of golang.org/x/time/rate is a Limiter. Note that a token bucket
// with burst b and rate N admits up to b+N calls within a window in which the
// server admits N. The module redislimit has a Limiter that several machines
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
	StatusCode int           // 0 if no reply came
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
	Window string // the window that the attempt counts in, as in LimitReply
	Retry  bool   // the attempt is a retry; it should be admitted before first attempts
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

// shaping returns the rate shaping of a client, nil if there is none.
func (cfg *config) shaping(longest time.Duration) *shaping.Set {
	if !cfg.shaped && cfg.maxRate == 0 {
		return nil
	}
	return shaping.NewSet(shaping.Config{
		Limit:   cfg.rateLimit,
		Max:     cfg.maxRate,
		Unknown: wire.SmallestTier,
		Others:  smallestWindow,
		Longest: max(longest, 2*wire.RateWindow),
	})
}

// smallestWindow is the limit of the smallest window that the live service has
// besides the key's, that for creating batches.
const smallestWindow = 5

// windowName returns the name of a window for a Limiter.
func windowName(w shaping.Window) string { return cmp.Or(w.Name, wire.KeyWindow.Name) }

// awaitTurn waits until the rate limit admits the attempt.
func (a *attempt) awaitTurn(ctx context.Context) error {
	r := shaping.Request{Window: a.window, Retry: a.attempts > 0, Elsewhere: a.unshaped}
	var began time.Time
	told := a.logging() || a.traces != nil
	if told {
		began = time.Now()
		r.Waiting = func(why shaping.Reason, until time.Time) { a.waiting(why.String(), until) }
	}
	err := a.throttled(ctx, a.turns(ctx, r))
	if told {
		a.waited(time.Since(began), err)
	}
	return err
}

// turns waits for the caller's Limiter, if there is one, and then for the part
// of the shaping that stays with the client.
func (a *attempt) turns(ctx context.Context, r shaping.Request) error {
	if a.limiter == nil {
		return a.shaping.Admit(ctx, r, &a.place)
	}
	for {
		back, err := a.limited(ctx, r)
		switch {
		case err == nil:
			r.Elsewhere = true
			return a.shaping.Admit(ctx, r, &a.place)
		case back == nil:
			return err
		}
		if a.logging() {
			a.log("clawhq: the limiter is out of service", err)
		}
		a.traceLimiterDown(err)
		if err := a.admitUntil(ctx, back, r); !errors.Is(err, errBack) || ctx.Err() != nil {
			return err
		}
	}
}

// errBack ends an attempt's wait for the client's own shaping when the Limiter
// is back in service.
var errBack = errors.New("the limiter is back")

// admitUntil is Admit until back is closed.
func (a *attempt) admitUntil(ctx context.Context, back <-chan struct{}, r shaping.Request) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-back:
			cancel(errBack)
		case <-ctx.Done():
		}
	}()
	err := a.shaping.Admit(ctx, r, &a.place)
	if err == nil {
		select {
		case <-back: // the attempt was admitted just as the Limiter came back
			a.place.Lost(true)
			return errBack
		default:
		}
	}
	return err
}

// limited waits until no 429 pauses the client, and then for the Limiter. If
// the call need not fail because of its error, back is not nil: it is closed
// when the Limiter can be asked again.
func (a *attempt) limited(ctx context.Context, r shaping.Request) (back <-chan struct{}, err error) {
	if err := a.shaping.Gate(ctx, r); err != nil {
		return nil, err
	}
	if l, ok := a.limiter.(WindowLimiter); ok {
		err = l.WaitWindow(ctx, LimitRequest{windowName(a.window), r.Retry})
	} else {
		err = a.limiter.Wait(ctx)
	}
	if err == nil {
		return nil, nil
	}
	if l, ok := a.limiter.(FallbackLimiter); ok && ctx.Err() == nil {
		back = l.Fallback(err)
	}
	return back, fmt.Errorf("limiter: %w", err)
}

// throttled returns err. If err comes from a context that has ended, or from a
// deadline that is too close, the returned error matches ErrThrottled.
func (a *attempt) throttled(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var late *shaping.TooLate
	ended := ctx.Err()
	switch {
	case ended != nil:
	case errors.As(err, &late), errors.Is(err, context.DeadlineExceeded), strings.Contains(err.Error(), "would exceed context deadline"): // x/time/rate has no other mark
		ended = context.DeadlineExceeded
	default:
		return err
	}
	return newCallError("not admitted by the rate limit: "+oneLine(err.Error()), ErrThrottled, ended, err)
}

// waiting logs and traces that the attempt begins to wait for the rate limit.
// until is zero if the end of the wait is not known.
func (a *attempt) waiting(why string, until time.Time) {
	a.traceWaiting(why, until)
	if !a.logging() {
		return
	}
	attrs := []slog.Attr{slog.String("reason", why)}
	if !until.IsZero() {
		attrs = append(attrs, slog.Duration("wait", time.Until(until)))
	}
	a.log("clawhq: waiting for the rate limit", nil, attrs...)
}

// waited logs and traces how long the attempt has waited for the rate limit,
// and with what result.
func (a *attempt) waited(d time.Duration, err error) {
	a.traceAdmitted(d, err)
	if !a.logging() || d < time.Millisecond && err == nil {
		return
	}
	a.log("clawhq: waited for the rate limit", err, slog.Duration("waited", d))
}
