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

// RateLimit is what the server says of a limit with a successful reply: of the
// key's with those of chats and thread messages, and with others of the window
// that the service counts their endpoint in. The zero value means that it has
// said nothing.
type RateLimit struct {
	Limit     int       // calls in any 60 seconds
	Remaining int       // of them, as the call was counted
	Reset     time.Time // zero if the server does not tell
}

// RateLimit returns the latest that the server has said of the key's limit,
// with the reply of a chat or a thread message. The zero value means that
// nothing is known yet.
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

// A Limiter makes room for attempts, one by one. Wait blocks until one may be
// sent, or returns an error, at the latest when ctx ends; that error fails the
// call. *rate.Limiter of golang.org/x/time is one; module redislimit has one
// that machines share. An error that matches context.DeadlineExceeded before ctx ends
// says that there will be no room in time. A Limiter may also be a LimitObserver, a WindowLimiter and
// a FallbackLimiter.
//
// Note that a token bucket with burst b and rate N lets up to b+N calls into
// the server's window of N.
type Limiter interface {
	Wait(ctx context.Context) error
}

// A LimitObserver is a Limiter that hears what became of each attempt: of the
// replies, to learn the limit and to heed a 429, and of those that were lost.
// Attempts that the client has shaped by itself are among them, see
// FallbackLimiter. ObserveReply must be safe for concurrent use and return
// soon: the call waits for it.
type LimitObserver interface {
	Limiter
	ObserveReply(LimitReply)
}

// LimitReply is what is known of the rate limit after an attempt.
type LimitReply struct {
	// Window is the name of the window that the attempt counted in: "key" for
	// the key's own, which is that of chats and thread messages. The live
	// service counts every other endpoint in a window of its own; by the
	// documentation all are one.
	Window string

	Sent       time.Time     // when the request was written to its connection; zero if it certainly never was
	StatusCode int           // 0 if no reply came
	RateLimit  RateLimit     // zero if the reply does not tell, as errors do not
	RetryAfter time.Duration // of a 429; 0 if it does not say
}

// A WindowLimiter is a Limiter that is told what it makes room for: WaitWindow
// is called in place of Wait.
type WindowLimiter interface {
	Limiter
	WaitWindow(ctx context.Context, r LimitRequest) error
}

// LimitRequest is what an attempt asks of a WindowLimiter.
type LimitRequest struct {
	Window string // as LimitReply has it
	Retry  bool   // not its call's first: it should go ahead of those that are
}

// A FallbackLimiter is a Limiter that may be out of service, like one that
// needs a network. Fallback is asked about each error of Wait, unless ctx has
// ended. It returns nil if that error fails the call. Otherwise the client
// shapes the attempt by itself, as it does without a Limiter, until the channel
// is closed: an attempt that has not been sent then asks the Limiter again. The
// client knows of all attempts that were made before, and finds others on the
// key by what replies tell.
type FallbackLimiter interface {
	Limiter
	Fallback(err error) (back <-chan struct{})
}

// shaping returns what shapes a client's attempts, nil for nothing.
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

// smallestWindow is the size of the smallest window that the live service has
// beside a key's, that of creating batches.
const smallestWindow = 5

// windowName is the name of a window as a Limiter gets it.
func windowName(w shaping.Window) string { return cmp.Or(w.Name, wire.KeyWindow.Name) }

// awaitTurn waits until the rate limit lets the attempt go, which then has its
// place.
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

// turns waits for the Limiter of the caller's, if there is one, and then for
// what it leaves to the client.
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

// errBack is why an attempt does not wait any longer for the client's own
// shaping: the Limiter is back in service.
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
		case <-back: // it had just become the first, of those that leave
			a.place.Lost(true)
			return errBack
		default:
		}
	}
	return err
}

// limited waits for the Limiter, behind the gate. Where its error is no reason
// to fail, back is closed when it is worth another try.
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

// throttled returns err, as ErrThrottled if it is for a context that has ended,
// or will too soon.
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

// waiting says that the attempt begins to wait for the rate limit: why, and
// until when, zero if that is not known.
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

// waited says how long the attempt has waited for the rate limit, and with what
// result.
func (a *attempt) waited(d time.Duration, err error) {
	a.traceAdmitted(d, err)
	if !a.logging() || d < time.Millisecond && err == nil {
		return
	}
	a.log("clawhq: waited for the rate limit", err, slog.Duration("waited", d))
}
