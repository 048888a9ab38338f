package clawhq

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/internal/sse"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// An attempt is one request of a call, from the wait for the rate limit to the
// end of its reply. What it holds is in three parts; end releases them all, once
// and on every path.
type attempt struct {
	call      *call
	admission admission   // by the rate limit: admit.go
	exchange  exchange    // with the server: exchange.go
	cookies   sentCookies // the session's cookies that went with it: session.go

	info     ResponseInfo    // of its reply; zero if none came; set by observe and the readers of the body
	number   int             // in its call, counted from 1; set by attemptStart
	began    time.Time       // when it was admitted; zero if the client does not log; set by run
	traces   traces          // those whose AttemptStart was called; set by attemptStart
	traced   context.Context // the context that AttemptStart has returned; set by attemptStart
	url      url.URL         // the request's; a copy, since some transports change it; set by outgoing
	values   [8]string       // of the request's header; one array for all, to save allocations; set by header
	notAgain error           // why net/http must not send the request again; set by gotConn
	result   outcome         // how the attempt ended; set by run, or by the stream, before end
	ended    bool            // end was called
}

// RoundTrip makes one attempt. It returns an error only if no reply came. The
// http.Client then sees the status and the header of the reply, for its Jar and
// to follow redirects; what became of the attempt is in c.last.
func (c *call) RoundTrip(req *http.Request) (*http.Response, error) {
	a := &c.first
	if c.tries.sent > 0 {
		a = &attempt{} // the transport may still be writing the request of the first
	}
	a.call = c
	c.last = outcome{}
	resp, out := a.run(req)
	c.last = out
	if out.errorReply != nil {
		c.errorReply = out.errorReply
	}
	if !a.began.IsZero() {
		c.log("clawhq: attempt", out.err, slog.Int("status", a.info.StatusCode),
			slog.String("request_id", a.info.RequestID), slog.Duration("took", time.Since(a.began)))
	}
	if resp == nil {
		return nil, out.err
	}
	resp.Body = http.NoBody // for the http.Client
	if out.err != nil && resp.Header.Get("Location") != "" {
		resp.Header = resp.Header.Clone()
		resp.Header.Del("Location") // so that the http.Client does not follow it
	}
	return resp, nil
}

// run waits for the rate limit, sends the request and handles the reply: a
// stream is opened, a unary reply is read and decoded, and an error reply becomes
// an outcome with that error. Once a stream is open, the stream calls end;
// otherwise run does.
func (a *attempt) run(req *http.Request) (resp *http.Response, out outcome) {
	c := a.call
	out = outcome{err: errAborted, unprocessed: true} // if a panic ends run
	defer func() {                                    // also if the transport panics
		a.result = out
		if c.stream == nil {
			a.end()
		}
	}()
	if err := a.admit(); err != nil {
		return nil, outcome{err: err}
	}
	if out := c.askKey(); out.err != nil {
		return nil, out
	}
	if err := a.admitUnderKey(); err != nil {
		return nil, outcome{err: err, unprocessed: true}
	}
	if c.logging() {
		a.began = time.Now()
	}
	out.unprocessed = false
	resp, out = a.send(req)
	if out.err != nil {
		return nil, out
	}
	out.err = errAborted
	a.observe(resp)

	switch {
	case c.follows(req, resp):
		a.info.Body = a.exchange.readErrorBody() // then the connection can be reused
		out = outcome{}
	case resp.StatusCode < 200: // 101: the body is the connection itself
		out = a.origin().errorReply(resp, nil, c.request.otherLimit)
		resp = nil // the http.Client does not expect it
	case resp.StatusCode >= 300:
		out = a.refused(resp)
	case c.request.stream:
		out = a.open(resp)
	default:
		out = a.take(resp)
	}
	if out.err != nil && c.keyChanged(out.err) {
		out.transient, out.unprocessed, out.uncounted, out.after = true, true, true, 0 // with the new key
	}
	return resp, out
}

// send sends the request and returns the reply, whose body the exchange owns.
func (a *attempt) send(req *http.Request) (*http.Response, outcome) {
	c := a.call
	a.attemptStart()
	a.exchange.begin(c.ctx, a.traced, c.core.transports.get(), a.most())
	out, err := a.outgoing(req)
	if err != nil {
		return nil, outcome{err: err, unprocessed: true}
	}
	c.tries.sent++
	resp, err := a.exchange.send(out)
	c.tries.sent += max(0, int(a.exchange.got.Load())-1) // those that net/http has sent again by itself
	switch {
	case a.notAgain != nil:
		return nil, outcome{err: a.notAgain}
	case err != nil:
		return nil, lost(err)
	}
	return resp, outcome{}
}

// most returns how long the attempt may take.
func (a *attempt) most() time.Duration {
	c := a.call
	return min(cmp.Or(c.options.AttemptTimeout, c.core.attemptMax), c.core.clientMax)
}

// outgoing returns the request for the transport, with the attempt's context,
// header and body.
func (a *attempt) outgoing(req *http.Request) (*http.Request, error) {
	r := &a.call.request
	ctx := a.exchange.ctx
	noContent := r.json == nil && r.upload == nil && r.method != http.MethodPost && r.method != http.MethodPut && r.method != http.MethodPatch
	if a.admission.turn != nil {
		a.exchange.hooks.WroteRequest = a.admission.wrote
	}
	if a.exchange.netHTTP() {
		a.exchange.hooks.GotConn = a.gotConn
	}
	if a.admission.turn != nil || a.exchange.netHTTP() {
		ctx = httptrace.WithClientTrace(ctx, &a.exchange.hooks)
	}
	out := req.WithContext(ctx)
	a.url = *req.URL
	out.URL, out.Host = &a.url, req.URL.Host // set only here: http.Client would copy the URL of a request with a Host
	out.Header = a.header(header(req.Header, "Cookie"))
	// Without GetBody, net/http does not send a request with a body again by itself.
	// It may send one without a body again; gotConn counts that.
	out.GetBody = nil
	switch {
	case r.upload != nil:
		body, size, err := r.upload.open(a.exchange.ctx)
		if err != nil {
			return nil, err
		}
		out.Body, out.ContentLength = &flowing{body, &a.exchange, a.most()}, size
	case noContent:
		out.Body, out.ContentLength = http.NoBody, 0
	default:
		out.Body = io.NopCloser(bytes.NewReader(r.json)) // net/http recognizes these types, and sends header and body in one packet
		out.ContentLength = int64(len(r.json))
	}
	return out, nil
}

// header returns the header of the request. Nothing in it is shared with another
// request, since transports and redirect policies may write to it. jar is the
// Cookie header of the caller's Jar.
func (a *attempt) header(jar string) http.Header {
	c, r := a.call, &a.call.request
	h := make(http.Header, 8)
	used := 0
	set := func(name, value string) {
		a.values[used] = value
		h[name] = a.values[used : used+1 : used+1]
		used++
	}
	set("User-Agent", c.core.userAgent)
	set(wire.HeaderClientRequestID, c.clientRequestID)
	if r.repeat == underKey {
		set(wire.HeaderIdempotencyKey, c.idempotencyKey)
	}
	if r.stream {
		set("Accept", wire.ContentTypeEventStream)
		set("Accept-Encoding", "identity") // a compressor may hold events back
	} else {
		set("Accept", wire.ContentTypeJSON)
	}
	if r.upload != nil {
		set("Content-Type", r.upload.contentType())
	} else if r.json != nil {
		set("Content-Type", wire.ContentTypeJSON)
	}
	for name, values := range c.options.Header {
		h[name] = slices.Clone(values)
	}
	if r.auth == wire.SessionAuth {
		jar = a.cookies.send(c.core.session(), jar)
	} else {
		set("Authorization", c.authorization)
	}
	if jar != "" {
		h["Cookie"] = []string{jar}
	}
	return h
}

// observe takes the ids, the rate limit and the session's cookies from the
// headers of the reply.
func (a *attempt) observe(resp *http.Response) {
	c := a.call
	limit, counted, byMinute := parseRateLimit(resp.Header)
	a.info = ResponseInfo{
		StatusCode: resp.StatusCode,
		RequestID:  c.core.redact(header(resp.Header, wire.HeaderRequestID)),
		RateLimit:  limit,
		Replayed:   header(resp.Header, wire.HeaderIdempotencyReplay) == "true",
		Header:     resp.Header,
	}
	c.seen = &a.info
	a.admission.counted, a.admission.byMinute = counted, byMinute
	if limit.Limit > 0 && c.request.auth == wire.KeyAuth && c.request.countsForKey() { // the limit of another window is not the key's
		c.core.rateLimit.store(limit)
	}
	a.cookies.heard(resp)
	if resp.StatusCode != http.StatusTooManyRequests { // refused reads the body of a 429 first: it tells which limit is exceeded
		a.answered()
	}
}

// refused reads an error reply and returns the outcome.
func (a *attempt) refused(resp *http.Response) outcome {
	c := a.call
	a.info.Body = a.exchange.readErrorBody()
	out := a.origin().errorReply(resp, a.info.Body, c.request.otherLimit)
	switch {
	case resp.StatusCode == http.StatusTooManyRequests:
		a.rejected(out)
	case resp.StatusCode == http.StatusUnauthorized && a.cookies.overtaken(a.exchange.ctx):
		out.transient, out.unprocessed = true, true // with the renewed session
	}
	return out
}

// take reads and decodes the reply to a unary call.
func (a *attempt) take(resp *http.Response) outcome {
	c, r := a.call, &a.call.request
	body, err := a.exchange.readAll(resp.ContentLength)
	a.info.Body = body
	switch {
	case err != nil && c.ctx.Err() != nil:
		return outcome{err: context.Cause(c.ctx)}
	case err == errReplyTooLarge:
		return a.origin().unusable(body, err)
	case err != nil:
		return a.origin().cutOff(body, a.exchange.cause(err))
	case len(body) == 0 && r.empty.allows(resp.StatusCode):
		return outcome{}
	case r.decode != nil:
		if err = r.decode(body); err == nil {
			return outcome{}
		}
	}
	reported := a.origin().errorIn(body)
	switch {
	case reported.err != nil:
		return reported
	case err == nil:
		return outcome{}
	case int64(len(body)) < resp.ContentLength:
		return a.origin().cutOff(body, fmt.Errorf("%w: %w", io.ErrUnexpectedEOF, err))
	default:
		return a.origin().unusable(body, err)
	}
}

// open makes the reply the call's stream once its first chunk or its end has
// arrived. A reply that is not an event stream may be the stored answer to an
// earlier call with the idempotency key; it becomes a stream of one chunk.
func (a *attempt) open(resp *http.Response) outcome {
	s := newStream(a)
	stream, err := a.isStream(resp)
	switch {
	case err != nil:
		return streamFailed(s.readError(err))
	case stream:
		a.exchange.timer.Stop()
		if err := s.begin(); err != nil {
			return streamFailed(err)
		}
	default:
		if out := s.stored(resp); out.err != nil {
			return out
		}
	}
	if s.state != done {
		a.traces.firstChunk(a.traced, TraceFirstChunk{})
	}
	a.call.stream = s
	return outcome{}
}

// isStream reports whether the reply is an event stream: by its Content-Type or, if
// it has none, by its first bytes.
func (a *attempt) isStream(resp *http.Response) (bool, error) {
	mediaType, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	if mediaType = strings.TrimSpace(mediaType); mediaType != "" {
		return strings.EqualFold(mediaType, wire.ContentTypeEventStream), nil
	}
	if most := a.call.core.idleMax; most < forever {
		a.exchange.bound(most, errStreamIdle)
		defer a.exchange.timer.Stop()
	}
	return a.exchange.sniff(sse.Sniff)
}

// origin returns what an error tells of the attempt.
func (a *attempt) origin() origin {
	o := a.call.origin()
	o.info = a.info
	return o
}

// attemptStart calls AttemptStart of every Trace.
func (a *attempt) attemptStart() {
	c := a.call
	a.number, a.traced = c.tries.sent+1, c.ctx
	for i, t := range c.traces {
		a.traces = c.traces[:i+1] // AttemptEnd follows for these, even if this AttemptStart panics
		if t.AttemptStart != nil {
			a.traced = derived(a.traced, t.AttemptStart(a.traced, TraceAttemptStart{a.number, c.id}))
		}
	}
}

// end releases everything that the attempt holds.
func (a *attempt) end() {
	if a.ended {
		return
	}
	a.ended = true
	if a.traces != nil {
		c := a.call
		defer a.traces.attemptEnd(a.traced, TraceAttemptEnd{a.number, a.info.StatusCode, a.info.RequestID, a.info.RateLimit, c.safe(a.result.err)})
	}
	defer a.exchange.end()
	defer a.cookies.end()
	a.unanswered(a.result.unprocessed) // unless a reply has ended the turn
}
