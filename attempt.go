package clawhq

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/clawhq/clawhq-go/internal/shaping"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// An attempt is one request of a call on the wire, from its admission to the
// end of its reply. Nothing else cancels its context, stops its timer, closes
// its body or ends its turn: end does, once, on every path.
type attempt struct {
	*call
	place   shaping.Turn
	turn    *shaping.Turn         // in the rate limit's window; nil without shaping
	trace   httptrace.ClientTrace // tells when the request is written
	began   time.Time             // admitted; zero if nobody asks
	traced  context.Context       // what a Trace has made of the caller's; nil until it has started
	err     error                 // what it failed with, for a Trace
	sent    url.URL               // where to
	ctx     context.Context
	cancel  context.CancelCauseFunc
	timer   *time.Timer
	unhook  func() bool // ends the watch for the end of the caller's context
	counted int         // calls that the server has counted by its reply; -1 if it does not tell
	cookies *cookies    // the session as it was sent
	replied bool        // a reply has come, of which the session has heard
	renewed bool        // that reply has changed the session
	unsent  bool        // nothing of the request has left
	whole   bool        // the body was read to its end
	ended   bool

	mu      sync.Mutex // guards what the timer and the watch use too
	why     error      // for which the timer ends the attempt
	body    io.ReadCloser
	reading bool
	aborted bool
	grace   *time.Timer
}

// RoundTrip makes one attempt. Only a usable reply is a response to the
// http.Client above; everything else is an error, kept in c.failure.
func (c *call) RoundTrip(req *http.Request) (*http.Response, error) {
	c.info, c.failure = ResponseInfo{}, failure{}
	a := &c.first
	if c.attempts > 0 {
		a = &attempt{} // the first may still be in use by a write that goes on
	}
	a.call = c
	resp, f := a.make(req)
	c.failure = f
	if !a.began.IsZero() {
		c.log("clawhq: attempt", f.err, slog.Int("status", c.info.StatusCode),
			slog.String("request_id", c.info.RequestID), slog.Duration("took", time.Since(a.began)))
	}
	return resp, f.err
}

// make sends the request and decides what becomes of the reply: it is opened,
// if it is a stream, or taken, or refused. Of a stream that was opened the end
// is the stream's to call.
func (a *attempt) make(req *http.Request) (resp *http.Response, f failure) {
	opened := false
	f.err = errAborted // unless something is returned
	defer func() {     // the transport may panic, too
		a.err = f.err
		if !opened {
			a.end()
		}
	}()
	if err := a.admit(); err != nil {
		return nil, failure{err: err}
	}
	a.attempts++
	if a.logging() {
		a.began = time.Now()
	}
	if resp, f = a.send(req); f.err != nil {
		return nil, f
	}
	f.err = errAborted
	a.observe(resp)

	switch {
	case a.redirected(req, resp):
		a.readErrorBody() // so that the connection can be used again
	case resp.StatusCode < 200: // 101: the body is the connection itself
		return nil, a.replyFailure(resp, nil)
	case resp.StatusCode >= 300:
		f := a.replyFailure(resp, a.readErrorBody())
		switch {
		case resp.StatusCode == http.StatusTooManyRequests:
			a.answered(f.limited, f.retryAfter)
		case resp.StatusCode == http.StatusUnauthorized && a.overtaken():
			f.retryable = a.repeatable(true) // with the session as it is now
		}
		return nil, f
	case a.stream:
		var refused failure
		if a.reply.stream, refused = a.open(resp); refused.err != nil {
			return nil, refused
		}
		opened = true
	default:
		if f := a.take(resp); f.err != nil {
			return nil, f
		}
	}
	a.reply.requestID = a.info.RequestID
	resp.Body = http.NoBody // for the http.Client
	return resp, failure{}
}

// admit waits until the attempt may be sent.
func (a *attempt) admit() error {
	ctx := a.call.ctx
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if a.auth == wire.SessionAuth || a.shaping == nil {
		return nil
	}
	if err := a.awaitTurn(ctx); err != nil {
		return err
	}
	a.turn = &a.place
	a.trace.WroteRequest = a.wrote
	return nil
}

// wrote says that the request was written to its connection just now.
func (a *attempt) wrote(httptrace.WroteRequestInfo) { a.turn.Sent() }

// answered ends the turn with what the reply has told; limited says that the
// rate limit has refused the attempt.
func (a *attempt) answered(limited bool, retryAfter time.Duration) {
	if a.turn == nil {
		return
	}
	status, limit := a.info.StatusCode, a.info.RateLimit
	if limited {
		a.turn.Rejected(retryAfter)
	} else {
		a.turn.Answered(shaping.Reply{Success: status < 300, Limit: limit.Limit, Counted: a.counted})
		if status == http.StatusTooManyRequests { // of another limit: a refusal like any other
			status = http.StatusBadRequest
		}
	}
	a.tell(LimitReply{StatusCode: status, RateLimit: limit, RetryAfter: retryAfter})
}

// tell has a LimitObserver hear of the attempt.
func (a *attempt) tell(r LimitReply) {
	o, ok := a.limiter.(LimitObserver)
	if !ok {
		return
	}
	r.Window = windowName(a.window)
	if !a.unsent {
		r.Sent = a.turn.At()
	}
	o.ObserveReply(r)
}

// send returns the reply's header, the body of which the attempt then owns.
func (a *attempt) send(req *http.Request) (*http.Response, failure) {
	ctx := a.call.ctx
	if a.traces != nil {
		ctx = a.traceStart()
		a.traced = ctx
	}
	a.ctx, a.cancel = context.WithCancelCause(ctx)
	a.why = errAttemptTimeout
	a.timer = time.AfterFunc(a.attemptMax, a.expire)
	out, err := a.outgoing(req)
	if err != nil {
		a.unsent = true
		return nil, failure{err: err}
	}
	resp, err := a.http.get().Transport.RoundTrip(out)
	if err == nil && resp == nil {
		err = errors.New("the transport returned neither a response nor an error")
	}
	if err != nil {
		return nil, a.transportFailure(a.cause(http2Error(err)))
	}
	if resp.Body == nil { // as http.Client allows it
		resp.Body = http.NoBody
	}
	a.body = resp.Body
	if a.call.ctx.Done() != nil {
		a.unhook = context.AfterFunc(a.call.ctx, a.abort)
	}
	return resp, failure{}
}

// outgoing returns the request as it is sent: with the attempt's context, the
// body, and no way for net/http to send it again by itself.
func (a *attempt) outgoing(req *http.Request) (*http.Request, error) {
	ctx := a.ctx
	if a.turn != nil {
		ctx = httptrace.WithClientTrace(ctx, &a.trace)
	}
	out := req.WithContext(ctx)
	a.sent = *req.URL                         // not every transport leaves it alone
	out.URL, out.Host = &a.sent, req.URL.Host // not before: http.Client would copy the URL for it
	// Without GetBody, net/http does not replay a request that bears an
	// idempotency key; a GET it replays unless it has a body, even an empty
	// one, that it cannot rewind.
	out.GetBody = nil
	out.Header = a.header
	cookies := header(req.Header, "Cookie") // of a Jar
	if a.auth == wire.SessionAuth {
		a.cookies = a.session().send()
		cookies = a.cookies.beside(cookies)
	}
	if cookies != "" {
		out.Header = maps.Clone(a.header)
		out.Header["Cookie"] = []string{cookies}
	}
	if a.upload != nil {
		var err error
		out.Body, out.ContentLength, err = a.upload.open(a.ctx)
		return out, err
	}
	if a.json == nil && (a.method == http.MethodPost || a.method == http.MethodPut || a.method == http.MethodPatch) {
		out.Body = http.NoBody // net/http would send another empty body in chunks
		return out, nil
	}
	out.Body = io.NopCloser(bytes.NewReader(a.json)) // of types that net/http knows: it then sends all in one packet
	out.ContentLength = int64(len(a.json))
	return out, nil
}

// end lets go of all that the attempt holds.
func (a *attempt) end() {
	if a.ended {
		return
	}
	a.ended = true
	if a.traced != nil {
		defer a.traceEnd()
	}
	a.turn.Lost(a.unsent) // unless a reply has ended it
	if a.cookies != nil && !a.replied {
		a.session().heard(a.cookies, nil)
	}
	if a.turn != nil && a.info.StatusCode == 0 {
		a.tell(LimitReply{})
	}
	if a.cancel == nil {
		return // it was not admitted
	}
	defer a.cancel(nil)
	a.timer.Stop()
	if a.unhook != nil {
		a.unhook()
	}
	if !a.whole { // else HTTP/2 would take the cancel for one of the stream
		a.cancel(nil)
	}
	a.closeBody()
}

// observe takes what the headers tell.
func (a *attempt) observe(resp *http.Response) {
	limit, counted := parseRateLimit(resp.Header)
	a.info = ResponseInfo{
		StatusCode: resp.StatusCode,
		RequestID:  a.redact(header(resp.Header, wire.HeaderRequestID)),
		RateLimit:  limit,
		Replayed:   header(resp.Header, wire.HeaderIdempotencyReplay) == "true",
		Header:     resp.Header,
	}
	a.counted = counted
	if limit.Limit > 0 && a.auth == wire.KeyAuth && a.window == (shaping.Window{}) { // others' limits are not the key's
		a.rateLimit.store(limit)
	}
	if a.cookies != nil {
		a.replied, a.renewed = true, a.session().heard(a.cookies, resp.Cookies())
	}
	if resp.StatusCode != http.StatusTooManyRequests { // of which the body may tell more
		a.answered(false, 0)
	}
}

func (a *attempt) session() *session { return a.secrets.get().session }

// overtaken reports whether another reply has renewed the session that this
// one refuses. It waits no longer than for an error's body, whose bound still
// runs.
func (a *attempt) overtaken() bool {
	return a.cookies != nil && !a.renewed && a.session().renewedSince(a.ctx, a.cookies)
}

// redirected reports whether the reply is a redirect that is followed: with the
// credential to the same origin only, without a change of the method, as 307
// and 308 promise (RFC 9110 §15.4.8), and as one of the call's attempts.
func (a *attempt) redirected(req *http.Request, resp *http.Response) bool {
	if resp.StatusCode != http.StatusTemporaryRedirect && resp.StatusCode != http.StatusPermanentRedirect {
		return false
	}
	location := resp.Header.Get("Location")
	to, err := req.URL.Parse(location)
	if err != nil || location == "" || !sameOrigin(to, a.base) || a.attempts >= a.policy.MaxAttempts {
		return false
	}
	// The http.Client above shall not find another host in another spelling.
	to.Scheme, to.Host, to.User = a.base.Scheme, a.base.Host, nil
	resp.Header = resp.Header.Clone()
	resp.Header.Set("Location", to.String())
	return true
}

// sameOrigin compares scheme, host and port, the scheme's own among them.
func sameOrigin(u, v *url.URL) bool {
	port := func(u *url.URL) string {
		return cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	}
	return u.Scheme == v.Scheme && strings.EqualFold(u.Hostname(), v.Hostname()) && port(u) == port(v)
}

// take reads and decodes the reply of a unary call.
func (a *attempt) take(resp *http.Response) failure {
	body, err := a.readAll(resp.ContentLength)
	a.info.Body = body
	switch {
	case err != nil && a.call.ctx.Err() != nil:
		return failure{err: context.Cause(a.call.ctx)}
	case err == errReplyTooLarge:
		return a.badReply(body, err)
	case err != nil:
		return a.cutOff(body, a.cause(err))
	case a.decode != nil:
		if err = a.decode(body); err == nil {
			return failure{}
		}
	}
	named := a.errorIn(body)
	switch {
	case named != nil:
		return failure{err: named}
	case err == nil:
		return failure{}
	case int64(len(body)) < resp.ContentLength:
		return a.cutOff(body, fmt.Errorf("%w: %w", io.ErrUnexpectedEOF, err))
	default:
		return a.badReply(body, err)
	}
}

// open returns the stream that the reply is, once its first chunk or its end
// is there.
func (a *attempt) open(resp *http.Response) (*stream, failure) {
	a.timer.Stop()
	if contentType, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(contentType), wire.ContentTypeEventStream) {
		body := a.readErrorBody()
		if err := a.errorIn(body); err != nil {
			return nil, failure{err: err}
		}
		err := a.streamError(CodeStreamMalformed, fmt.Sprintf("reply is %q, not %s", a.redact(contentType), wire.ContentTypeEventStream), nil)
		err.Body = excerpt(body, a.redact)
		return nil, a.streamFailure(err)
	}
	s := newStream(a)
	if err := s.begin(); err != nil {
		return nil, a.streamFailure(err)
	}
	if s.state == beginning {
		s.traceFirst()
	}
	return s, failure{}
}
