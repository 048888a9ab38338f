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

// An attempt is one request of a call, from the wait for the rate limit to the
// end of its reply. It owns its context, timer, body and turn: end releases them,
// once and on every path, and no other code does.
type attempt struct {
	*call
	place   shaping.Turn
	turn    *shaping.Turn         // its place in the window of the rate limit; nil without shaping
	trace   httptrace.ClientTrace // reports when the request is written
	began   time.Time             // when it was admitted; zero if nothing is logged
	traced  context.Context       // the context that the Trace has returned; nil until AttemptStart
	err     error                 // its error, for the Trace
	sent    url.URL               // the URL of the request
	ctx     context.Context
	cancel  context.CancelCauseFunc
	timer   *time.Timer
	unhook  func() bool // stops the AfterFunc on the caller's context
	counted int         // how many calls the server has counted, by the reply; -1 if it does not tell
	cookies *cookies    // the cookies of the session that were sent
	replied bool        // a reply has come, and the session has taken its cookies
	renewed bool        // that reply has changed the session
	unsent  bool        // the failure proves that the service has done nothing
	whole   bool        // the body was read to its end
	ended   bool        // end was called

	mu      sync.Mutex    // guards the fields below, which timers use as well
	why     error         // the cause when the timer ends the attempt
	body    io.ReadCloser // nil once it is closed
	reading bool          // a Read of body is running
	aborted bool          // no further Read may begin
	grace   *time.Timer   // closes body if the running Read does not end
}

// RoundTrip makes one attempt. It returns a response only for a usable reply or
// a redirect; any other outcome is an error, which it keeps in c.failure.
func (c *call) RoundTrip(req *http.Request) (*http.Response, error) {
	c.info, c.failure = ResponseInfo{}, failure{}
	a := &c.first
	if c.attempts > 0 {
		a = &attempt{} // the transport may still be writing the request of the first
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

// make waits for the rate limit, sends the request and handles the reply: a
// stream is opened, a unary reply is read and decoded, and an error reply becomes
// a failure. Once a stream is open, the stream calls end; otherwise make does.
func (a *attempt) make(req *http.Request) (resp *http.Response, f failure) {
	opened := false
	f.err = errAborted // if a panic ends make
	defer func() {     // also if the transport panics
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
		a.readErrorBody() // then the connection can be reused
	case resp.StatusCode < 200: // 101: the body is the connection itself
		return nil, a.replyFailure(resp, nil)
	case resp.StatusCode >= 300:
		f := a.replyFailure(resp, a.readErrorBody())
		switch {
		case resp.StatusCode == http.StatusTooManyRequests:
			a.answered(f.limited, f.retryAfter)
		case resp.StatusCode == http.StatusUnauthorized && a.overtaken():
			f.retryable = a.repeatable(true) // with the renewed session
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

// wrote is called when the request has been written to its connection.
func (a *attempt) wrote(httptrace.WroteRequestInfo) { a.turn.Sent() }

// answered ends the turn with the outcome that the reply reports. limited is
// whether the rate limit has refused the attempt.
func (a *attempt) answered(limited bool, retryAfter time.Duration) {
	if a.turn == nil {
		return
	}
	status, limit := a.info.StatusCode, a.info.RateLimit
	if limited {
		a.turn.Rejected(retryAfter)
	} else {
		a.turn.Answered(shaping.Reply{Success: status < 300, Limit: limit.Limit, Counted: a.counted})
		if status == http.StatusTooManyRequests { // it concerns another limit, not the rate limit
			status = http.StatusBadRequest
		}
	}
	a.tell(LimitReply{StatusCode: status, RateLimit: limit, RetryAfter: retryAfter})
}

// tell reports the outcome of the attempt to a LimitObserver.
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

// send sends the request and returns the reply. The attempt owns its body.
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
	if resp.Body == nil { // http.Client allows transports to do so
		resp.Body = http.NoBody
	}
	a.body = resp.Body
	if a.call.ctx.Done() != nil {
		a.unhook = context.AfterFunc(a.call.ctx, a.abort)
	}
	return resp, failure{}
}

// outgoing returns the request for the transport: with the attempt's context and
// body, and such that net/http does not send it a second time by itself.
func (a *attempt) outgoing(req *http.Request) (*http.Request, error) {
	ctx := a.ctx
	if a.turn != nil {
		ctx = httptrace.WithClientTrace(ctx, &a.trace)
	}
	out := req.WithContext(ctx)
	a.sent = *req.URL                         // some transports change the URL
	out.URL, out.Host = &a.sent, req.URL.Host // set only here: http.Client would copy the URL of a request with a Host
	// Without GetBody, net/http does not repeat a request with an idempotency
	// key. Others it repeats, over HTTP/2 even a POST, unless they have a body that
	// it cannot rewind: so each has one, be it empty, and not http.NoBody, though
	// over HTTP/1.1 a POST with an empty body goes out in chunks.
	out.GetBody = nil
	out.Header = a.header
	cookies := header(req.Header, "Cookie") // those of the caller's Jar
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
	out.Body = io.NopCloser(bytes.NewReader(a.json)) // net/http recognizes these types, and sends header and body in one packet
	out.ContentLength = int64(len(a.json))
	return out, nil
}

// end releases everything that the attempt holds.
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
		return // the attempt was not sent
	}
	defer a.cancel(nil)
	a.timer.Stop()
	if a.unhook != nil {
		a.unhook()
	}
	if !a.whole { // after a whole body, HTTP/2 would reset the stream
		a.cancel(nil)
	}
	a.closeBody()
}

// observe takes the ids, the rate limit and the session's cookies from the
// headers of the reply.
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
	if resp.StatusCode != http.StatusTooManyRequests { // the body of a 429 tells which limit it concerns
		a.answered(false, 0)
	}
}

func (a *attempt) session() *session { return a.secrets.get().session }

// overtaken reports whether another reply has renewed the session that this
// reply refuses. It waits only as long as reading an error's body may take: that
// bound is still running.
func (a *attempt) overtaken() bool {
	return a.cookies != nil && !a.renewed && a.session().renewedSince(a.ctx, a.cookies)
}

// redirected reports whether the reply is a redirect that is followed. It must
// lead to the same origin, since the request has credentials; it must keep the
// method, so its status must be 307 or 308 (RFC 9110 §15.4.8); and the call must
// have an attempt left for it.
func (a *attempt) redirected(req *http.Request, resp *http.Response) bool {
	if resp.StatusCode != http.StatusTemporaryRedirect && resp.StatusCode != http.StatusPermanentRedirect {
		return false
	}
	location := resp.Header.Get("Location")
	to, err := req.URL.Parse(location)
	if err != nil || location == "" || !sameOrigin(to, a.base) || a.attempts >= a.policy.MaxAttempts {
		return false
	}
	// Then http.Client does not take another spelling of the host for another
	// host.
	to.Scheme, to.Host, to.User = a.base.Scheme, a.base.Host, nil
	resp.Header = resp.Header.Clone()
	resp.Header.Set("Location", to.String())
	return true
}

// sameOrigin reports whether two URLs have the same scheme, host and port. A
// missing port is the default port of the scheme.
func sameOrigin(u, v *url.URL) bool {
	port := func(u *url.URL) string {
		return cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	}
	return u.Scheme == v.Scheme && strings.EqualFold(u.Hostname(), v.Hostname()) && port(u) == port(v)
}

// take reads and decodes the reply to a unary call.
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

// open returns the stream of the reply once its first chunk or its end has
// arrived.
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
