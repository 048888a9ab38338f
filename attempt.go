package clawhq

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// An attempt is one request of a call, from the wait for the rate limit to the
// end of its reply. What it holds is in three parts; end releases them all, once
// and on every path.
type attempt struct {
	call     *call
	place    place       // in the window of the rate limit: admit.go
	exchange exchange    // with the server: exchange.go
	cookies  sentCookies // the session's cookies that went with it: session.go

	began  time.Time       // when it was admitted; zero if nothing is logged
	traced context.Context // the context that the Trace has returned; nil before AttemptStart
	sent   url.URL         // the URL of the request, which some transports change
	result outcome         // how the attempt ended; set by run, or by the stream, before end
	ended  bool            // end was called
}

// RoundTrip makes one attempt. It returns a response only for a usable reply or
// a redirect; any other outcome is an error, which it keeps in c.last.
func (c *call) RoundTrip(req *http.Request) (*http.Response, error) {
	a := &c.first
	if c.attempts > 0 {
		a = &attempt{} // the transport may still be writing the request of the first
	}
	a.call = c
	c.info, c.last = ResponseInfo{}, outcome{}
	resp, out := a.run(req)
	c.last = out
	if out.reply != nil {
		c.errorReply = out.reply
	}
	if !a.began.IsZero() {
		c.log("clawhq: attempt", out.err, slog.Int("status", c.info.StatusCode),
			slog.String("request_id", c.info.RequestID), slog.Duration("took", time.Since(a.began)))
	}
	return resp, out.err
}

// run waits for the rate limit, sends the request and handles the reply: a
// stream is opened, a unary reply is read and decoded, and an error reply becomes
// an outcome with that error. Once a stream is open, the stream calls end;
// otherwise run does.
func (a *attempt) run(req *http.Request) (resp *http.Response, out outcome) {
	c := a.call
	out.err = errAborted // if a panic ends run
	defer func() {       // also if the transport panics
		a.result = out
		if c.stream == nil {
			a.end()
		}
	}()
	if err := a.admit(); err != nil {
		return nil, outcome{err: err}
	}
	c.attempts++
	if c.logging() {
		a.began = time.Now()
	}
	resp, out = a.send(req)
	if out.err != nil {
		return nil, out
	}
	out.err = errAborted
	a.observe(resp)

	switch {
	case c.follows(req, resp):
		c.info.Body = a.exchange.readErrorBody() // then the connection can be reused
	case resp.StatusCode < 200: // 101: the body is the connection itself
		return nil, c.origin().errorReply(resp, nil, c.request.otherLimit)
	case resp.StatusCode >= 300:
		return nil, a.refused(resp)
	case c.request.stream:
		if out := a.open(resp); out.err != nil {
			return nil, out
		}
	default:
		if out := a.take(resp); out.err != nil {
			return nil, out
		}
	}
	resp.Body = http.NoBody // for the http.Client
	return resp, outcome{}
}

// send sends the request and returns the reply, whose body the exchange owns.
func (a *attempt) send(req *http.Request) (*http.Response, outcome) {
	c := a.call
	a.traced = c.traces.attemptStart(c.ctx, TraceAttemptStart{c.attempts, c.id})
	a.exchange.begin(c.ctx, a.traced, cmp.Or(c.options.AttemptTimeout, c.core.attemptMax))
	out, err := a.outgoing(req)
	if err != nil {
		return nil, outcome{err: err, undone: true}
	}
	resp, err := a.exchange.send(c.core.http.get().Transport, out)
	if err != nil {
		return nil, lost(err)
	}
	return resp, outcome{}
}

// outgoing returns the request for the transport: with the attempt's context and
// body, and such that net/http does not send it a second time by itself.
func (a *attempt) outgoing(req *http.Request) (*http.Request, error) {
	r := &a.call.request
	ctx := a.exchange.ctx
	if a.place.turn != nil {
		ctx = httptrace.WithClientTrace(ctx, &a.place.written)
	}
	out := req.WithContext(ctx)
	a.sent = *req.URL
	out.URL, out.Host = &a.sent, req.URL.Host // set only here: http.Client would copy the URL of a request with a Host
	// Without GetBody, net/http does not repeat a request with an idempotency
	// key. Others it repeats, over HTTP/2 even a POST, unless they have a body that
	// it cannot rewind: so each has one, be it empty, and not http.NoBody, though
	// over HTTP/1.1 a POST with an empty body goes out in chunks.
	out.GetBody = nil
	out.Header = a.call.header
	cookies := header(req.Header, "Cookie") // those of the caller's Jar
	if r.auth == wire.SessionAuth {
		cookies = a.cookies.send(a.call.core.session(), cookies)
	}
	if cookies != "" {
		out.Header = maps.Clone(out.Header)
		out.Header["Cookie"] = []string{cookies}
	}
	if r.upload != nil {
		var err error
		out.Body, out.ContentLength, err = r.upload.open(a.exchange.ctx)
		return out, err
	}
	out.Body = io.NopCloser(bytes.NewReader(r.json)) // net/http recognizes these types, and sends header and body in one packet
	out.ContentLength = int64(len(r.json))
	return out, nil
}

// observe takes the ids, the rate limit and the session's cookies from the
// headers of the reply.
func (a *attempt) observe(resp *http.Response) {
	c := a.call
	limit, counted := parseRateLimit(resp.Header)
	c.info = ResponseInfo{
		StatusCode: resp.StatusCode,
		RequestID:  c.core.redact(header(resp.Header, wire.HeaderRequestID)),
		RateLimit:  limit,
		Replayed:   header(resp.Header, wire.HeaderIdempotencyReplay) == "true",
		Header:     resp.Header,
	}
	a.place.counted = counted
	if limit.Limit > 0 && c.request.auth == wire.KeyAuth && c.request.countsForKey() { // others' limits are not the key's
		c.core.rateLimit.store(limit)
	}
	a.cookies.heard(resp)
	if resp.StatusCode != http.StatusTooManyRequests { // the body of a 429 tells which limit it concerns
		a.answered(false, 0)
	}
}

// follows reports whether the reply is a redirect that is followed. It must
// lead to the same origin, since the request has credentials; it must keep the
// method, so its status must be 307 or 308 (RFC 9110 §15.4.8); and the call must
// have an attempt left for it.
func (c *call) follows(req *http.Request, resp *http.Response) bool {
	if resp.StatusCode != http.StatusTemporaryRedirect && resp.StatusCode != http.StatusPermanentRedirect {
		return false
	}
	location := resp.Header.Get("Location")
	base := c.core.base
	to, err := req.URL.Parse(location)
	if err != nil || location == "" || !sameOrigin(to, base) || c.attempts >= c.policy.MaxAttempts {
		return false
	}
	// Then http.Client does not take another spelling of the host for another
	// host.
	to.Scheme, to.Host, to.User = base.Scheme, base.Host, nil
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

// refused reads an error reply and returns the outcome.
func (a *attempt) refused(resp *http.Response) outcome {
	c := a.call
	c.info.Body = a.exchange.readErrorBody()
	out := c.origin().errorReply(resp, c.info.Body, c.request.otherLimit)
	switch {
	case resp.StatusCode == http.StatusTooManyRequests:
		a.answered(out.limited, out.after)
	case resp.StatusCode == http.StatusUnauthorized && a.cookies.overtaken(a.exchange.ctx):
		out.transient, out.undone = true, true // with the renewed session
	}
	return out
}

// take reads and decodes the reply to a unary call.
func (a *attempt) take(resp *http.Response) outcome {
	c := a.call
	body, err := a.exchange.readAll(resp.ContentLength)
	c.info.Body = body
	switch {
	case err != nil && c.ctx.Err() != nil:
		return outcome{err: context.Cause(c.ctx)}
	case err == errReplyTooLarge:
		return c.origin().unusable(body, err)
	case err != nil:
		return c.origin().cutOff(body, a.exchange.cause(err))
	case c.request.decode != nil:
		if err = c.request.decode(body); err == nil {
			return outcome{}
		}
	}
	named := c.origin().errorIn(body)
	switch {
	case named.err != nil:
		return named
	case err == nil:
		return outcome{}
	case int64(len(body)) < resp.ContentLength:
		return c.origin().cutOff(body, fmt.Errorf("%w: %w", io.ErrUnexpectedEOF, err))
	default:
		return c.origin().unusable(body, err)
	}
}

// open makes the reply the call's stream once its first chunk or its end has
// arrived.
func (a *attempt) open(resp *http.Response) outcome {
	c := a.call
	a.exchange.timer.Stop()
	if contentType, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(contentType), wire.ContentTypeEventStream) {
		c.info.Body = a.exchange.readErrorBody()
		if named := c.origin().errorIn(c.info.Body); named.err != nil {
			return named
		}
		err := c.origin().streamError(CodeStreamMalformed, fmt.Sprintf("reply is %q, not %s", c.core.redact(contentType), wire.ContentTypeEventStream), nil)
		err.Body = excerpt(c.info.Body, c.core.redact)
		return streamFailed(err)
	}
	s := newStream(a)
	if err := s.begin(); err != nil {
		return streamFailed(err)
	}
	if s.state == beginning {
		c.traces.firstChunk(a.traced, TraceFirstChunk{})
	}
	c.stream = s
	return outcome{}
}

// end releases everything that the attempt holds.
func (a *attempt) end() {
	if a.ended {
		return
	}
	a.ended = true
	c := a.call
	if a.traced != nil {
		defer func() {
			c.traces.attemptEnd(a.traced, TraceAttemptEnd{c.attempts, c.info.StatusCode, c.info.RequestID, c.info.RateLimit, c.safe(a.result.err)})
		}()
	}
	a.unanswered(a.result.undone) // unless a reply has ended the turn
	a.cookies.end()
	a.exchange.end()
}
