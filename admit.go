package clawhq

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"time"

	"github.com/clawhq/clawhq-go/internal/shaping"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// shaping returns the rate shaping of a client, nil if there is none. longest
// is the longest Retry-After that calls wait for.
func (cfg *config) shaping(longest time.Duration) *shaping.Set {
	if !cfg.shaped && cfg.maxRate == 0 {
		return nil
	}
	return shaping.NewSet(shaping.Config{
		Limit:           cfg.rateLimit,
		Max:             cfg.maxRate,
		Unknown:         wire.SmallestTier,
		UnknownSeparate: wire.CreateBatch.Window.Limit, // the smallest of the separate windows of /v1
		Longest:         max(longest, 2*wire.RateWindow),
	})
}

// An admission is an attempt's part in the rate limit: its turn, and what the reply
// says of the window.
type admission struct {
	mu      sync.Mutex    // guards turn while net/http sends the request
	turn    *shaping.Turn // set by admit; nil if the attempt is not shaped, or not admitted yet
	first   shaping.Turn  // the turn that admit takes; a field saves an allocation
	counted int           // how many calls the server has counted, by the reply; -1 if it does not tell; set by observe

	byMinute bool // the server names the ends of the clock's minutes: see shaping.Reply; set by observe
}

// wrote is called when the request has been written to its connection.
func (m *admission) wrote(httptrace.WroteRequestInfo) {
	m.mu.Lock()
	turn := m.turn
	m.mu.Unlock()
	turn.Sent()
}

// admit waits until the attempt may be sent.
func (a *attempt) admit() error {
	c := a.call
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	return a.takeTurn(&a.admission.first)
}

// admitUnderKey makes the attempt count in the window of the key that it will be
// sent with. If the key has changed while the attempt waited, it may have to wait for
// that window as well.
func (a *attempt) admitUnderKey() error {
	if a.admission.turn == nil || a.call.core.secrets.get().ask == nil || a.call.core.limiter != nil {
		return nil
	}
	for !a.admission.turn.UseKey(a.call.authorization) {
		if err := a.takeTurn(a.admission.turn); err != nil {
			return err
		}
	}
	return nil
}

// gotConn is called when net/http has a connection for the request. From the second
// time on, net/http is about to send the request once more by itself, which it may
// do if there is no body. That counts as another attempt in the rate limit and in
// the retry budget. The wait for the rate limit does not count in the attempt's
// time.
func (a *attempt) gotConn(httptrace.GotConnInfo) {
	x := &a.exchange
	if x.got.Add(1) == 1 {
		return
	}
	c := a.call
	if c.tries.policy.Budget >= 0 {
		c.core.budget.spend() // whatever it returns: net/http does not ask first
	}
	a.unanswered(false)
	a.admission.mu.Lock()
	a.admission.turn = nil
	a.admission.mu.Unlock()
	x.timer.Stop()
	defer x.bound(a.most(), errAttemptTimeout)
	err := a.takeTurn(new(shaping.Turn))
	if err == nil {
		err = a.admitUnderKey()
	}
	if err != nil {
		a.notAgain = err
		x.cancel(err)
	}
}

// takeTurn waits until the rate limit admits the attempt, and then gives it the
// turn.
func (a *attempt) takeTurn(turn *shaping.Turn) error {
	c := a.call
	if c.request.auth == wire.SessionAuth || c.core.shaping == nil {
		return nil
	}
	r := shaping.Request{Window: c.request.window, Retry: c.tries.sent > 0, Background: c.options.Background, Elsewhere: c.core.unshaped}
	var began time.Time
	told := c.logging() || c.traces != nil
	if told {
		began = time.Now()
		waits := false
		r.Waiting = func(why shaping.Reason, until time.Time) {
			if !waits { // the first of several reasons: a wait ends with one Admitted
				waits = true
				c.waiting(why.String(), until)
			}
		}
	}
	admitted := false
	defer func() {
		if !admitted { // a Trace or a logger may have panicked
			turn.Lost(true)
		}
	}()
	err := throttled(c.ctx, a.awaitTurn(r, turn))
	if told {
		c.waited(time.Since(began), err)
	}
	if err != nil {
		return err
	}
	a.admission.mu.Lock()
	a.admission.turn = turn
	a.admission.mu.Unlock()
	admitted = true
	return nil
}

// awaitTurn waits for the caller's Limiter, if there is one, and then for
// what the client still enforces itself: WithMaxRate and the pause after a
// 429. Without a Limiter, or while it is out of service, awaitTurn waits for
// the client's own shaping.
func (a *attempt) awaitTurn(r shaping.Request, turn *shaping.Turn) error {
	c := a.call
	if c.core.limiter == nil {
		return c.core.shaping.Admit(c.ctx, r, turn)
	}
	for {
		asked := time.Now()
		back, err := c.core.awaitLimiter(c.ctx, r)
		switch {
		case err == nil:
			r.Elsewhere = true
			return c.core.shaping.Admit(c.ctx, r, turn)
		case back == nil:
			return err
		}
		if c.logging() {
			c.log("clawhq: the limiter is out of service", err)
		}
		c.traces.limiterDown(c.ctx, TraceLimiterDown{c.safe(err)})
		if err := a.admitUntil(back, asked.Add(limiterPause), r, turn); !errors.Is(err, errBack) || c.ctx.Err() != nil {
			return err
		}
	}
}

// limiterPause is the least time between two questions of an attempt to a Limiter
// that is out of service, even if the Limiter says at once that it is back.
const limiterPause = time.Second

// errBack ends an attempt's wait for the client's own shaping when the Limiter
// is back in service.
var errBack = errors.New("the limiter is back")

// admitUntil is the shaping's Admit, except that it gives up with errBack when
// back is closed, but not before earliest.
func (a *attempt) admitUntil(back <-chan struct{}, earliest time.Time, r shaping.Request, turn *shaping.Turn) error {
	ctx, cancel := context.WithCancelCause(a.call.ctx)
	defer cancel(nil)
	pause := time.NewTimer(time.Until(earliest))
	defer pause.Stop()
	go func() {
		select {
		case <-back:
		case <-ctx.Done():
			return
		}
		select {
		case <-pause.C:
			cancel(errBack)
		case <-ctx.Done():
		}
	}()
	err := a.call.core.shaping.Admit(ctx, r, turn)
	if err == nil && context.Cause(ctx) == errBack { // the attempt was admitted just as the Limiter came back
		turn.Lost(true)
		return errBack
	}
	return err
}

// awaitLimiter waits until no 429 pauses the client, and then for the Limiter.
// If the Limiter fails because it is out of service (see FallbackLimiter),
// back is not nil, and is closed when it can be asked again.
func (c *core) awaitLimiter(ctx context.Context, r shaping.Request) (back <-chan struct{}, err error) {
	if err := c.shaping.Gate(ctx, r); err != nil {
		return nil, err
	}
	if l, ok := c.limiter.(WindowLimiter); ok {
		err = l.WaitWindow(ctx, LimitRequest{windowName(r.Window), r.Retry, r.Background})
	} else {
		err = c.limiter.Wait(ctx)
	}
	if err == nil {
		return nil, nil
	}
	if l, ok := c.limiter.(FallbackLimiter); ok && ctx.Err() == nil {
		back = l.Fallback(err)
	}
	return back, fmt.Errorf("limiter: %w", err)
}

// throttled returns the error of a wait for the rate limit. If it comes from a
// context that has ended, or from a deadline that is too close, the returned
// error matches ErrThrottled.
func throttled(ctx context.Context, err error) error {
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

// waiting logs and traces that the next attempt begins to wait for the rate
// limit. until is zero if the end of the wait is not known.
func (c *call) waiting(why string, until time.Time) {
	c.traces.waiting(c.ctx, TraceWaiting{c.tries.sent + 1, why, until})
	if !c.logging() {
		return
	}
	attrs := []slog.Attr{slog.String("reason", why)}
	if !until.IsZero() {
		attrs = append(attrs, slog.Duration("wait", time.Until(until)))
	}
	c.log("clawhq: waiting for the rate limit", nil, attrs...)
}

// waited logs and traces how long the next attempt has waited for the rate
// limit, and with what result.
func (c *call) waited(d time.Duration, err error) {
	c.traces.admitted(c.ctx, TraceAdmitted{c.tries.sent + 1, d, c.safe(err)})
	if !c.logging() || d < time.Millisecond && err == nil {
		return
	}
	c.log("clawhq: waited for the rate limit", err, slog.Duration("waited", d))
}

// answered ends the attempt's turn with what a reply other than a 429 reports.
func (a *attempt) answered() {
	if turn := a.admission.turn; turn != nil {
		status, limit := a.info.StatusCode, a.info.RateLimit
		turn.Answered(shaping.Reply{Success: status < 300, Limit: limit.Limit, Counted: a.admission.counted, ByMinute: a.admission.byMinute})
		a.tell(LimitReply{Sent: turn.At(), StatusCode: status, RateLimit: limit})
	}
}

// rejected ends the attempt's turn with the outcome of a 429.
func (a *attempt) rejected(o outcome) {
	turn := a.admission.turn
	if turn == nil {
		return
	}
	status, limit := http.StatusTooManyRequests, a.info.RateLimit
	if o.limited {
		turn.Rejected(cmp.Or(o.early, o.after), o.early > 0)
	} else { // another limit, not the rate limit: a LimitObserver must not pause for it
		turn.Answered(shaping.Reply{Limit: limit.Limit, Counted: a.admission.counted})
		status = http.StatusBadRequest
	}
	a.tell(LimitReply{Sent: turn.At(), StatusCode: status, RateLimit: limit, RetryAfter: o.after})
}

// unanswered ends the attempt's turn if no reply has. unprocessed is whether
// the service has certainly done nothing.
func (a *attempt) unanswered(unprocessed bool) {
	turn := a.admission.turn
	turn.Lost(unprocessed)
	if turn == nil || a.info.StatusCode != 0 {
		return
	}
	if unprocessed {
		a.tell(LimitReply{})
	} else {
		a.tell(LimitReply{Sent: turn.At()})
	}
}

// tell reports the outcome of the attempt to a LimitObserver.
func (a *attempt) tell(r LimitReply) {
	if o, ok := a.call.core.limiter.(LimitObserver); ok {
		r.Window = windowName(a.call.request.window)
		o.ObserveReply(r)
	}
}
