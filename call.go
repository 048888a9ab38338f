package clawhq

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
	"github.com/google/uuid"
	"github.com/hashicorp/go-retryablehttp"
)

// A call is one call of a method: its arguments, and the state that its attempts
// share. It is the transport of its own http.Client, so that every request,
// including those that follow redirects, passes through RoundTrip, which shapes
// and counts it.
type call struct {
	core    *core
	request request
	ctx     context.Context // the caller's, or one that a Trace has derived from it
	options CallOptions     // the caller's
	traces  traces          // the client's, and the call's own; set by newCall

	id              string // the client request id, as errors show it; set by prepare
	clientRequestID string // header value; set by prepare
	idempotencyKey  string // header value; set by prepare
	authorization   string // header value with the API key of the latest attempt; set by askKey
	keyAsked        bool   // the function of WithAPIKeyFunc was asked again after a refusal; set by keyChanged

	client http.Client          // the caller's, with the call as its transport; set by repeat
	loop   retryablehttp.Client // repeats the attempts; set by repeat

	tries      retries       // counts the requests, and decides whether another follows
	first      attempt       // the first attempt, allocated with the call, since most calls make only one
	seen       *ResponseInfo // of the latest attempt that got a reply; never nil; written by attempts
	last       outcome       // of the latest attempt; written by RoundTrip, and by decide for an error of the http.Client
	errorReply error         // the latest error reply of any attempt; written by RoundTrip
	verdict    verdict       // how the call goes on after last; written by decide
	wait       time.Duration // until the next attempt; written by decide
	stream     *stream       // the reply to a streaming call; written by its attempt
}

// do makes a call. Every method of the package goes through it. It returns the
// call, which has the reply, or the typed error.
func (c *core) do(ctx context.Context, r request, opts []CallOption) (done *call, err error) {
	call := newCall(c, ctx, r, opts)
	err = errAborted // if a panic ends the call
	defer func() { call.report(err) }()
	call.start()
	if refused := call.prepare(); refused != nil {
		return nil, call.refuse(refused)
	}
	if err := call.repeat(); err != nil {
		return nil, err
	}
	return call, nil
}

// fetch makes a call and decodes its reply into a T.
func fetch[T any, P interface {
	*T
	wire.Reply
}](ctx context.Context, c *core, r request, opts []CallOption) (T, *call, error) {
	var body T
	r.decode = func(b []byte) error {
		body = *new(T) // an earlier reply that was cut off may have set some fields
		return wire.Decode(b, P(&body))
	}
	call, err := c.do(ctx, r, opts)
	return body, call, err
}

// drop makes a call whose reply, a T, says only that the call succeeded. A reply
// without a body, like a 204 (RFC 9110 §15.3.5), says the same.
func drop[T any, P interface {
	*T
	wire.Reply
}](ctx context.Context, c *core, r request, opts []CallOption) error {
	r.empty = alwaysEmpty
	_, _, err := fetch[T, P](ctx, c, r, opts)
	return err
}

func newCall(c *core, ctx context.Context, r request, opts []CallOption) *call {
	if ctx == nil {
		ctx = context.Background()
		r = r.unless(invalid(CodeInvalidParameter, "ctx", "the context is nil"))
	}
	call := &call{core: c, request: r, ctx: ctx, traces: c.traces, tries: retries{policy: c.retry, budget: c.budget}}
	call.seen = &call.first.info
	for _, opt := range opts {
		if opt != nil {
			opt(&call.options)
		}
	}
	if t := call.options.Trace; t != nil {
		call.traces = append(slices.Clip(c.traces), t)
	}
	return call
}

// start calls CallStart of every Trace.
func (c *call) start() {
	all := c.traces
	c.traces = nil
	for i, t := range all {
		c.traces = all[:i+1] // CallEnd follows for these, even if this CallStart panics
		if t.CallStart != nil {
			port, _ := strconv.Atoi(portOf(c.core.base))
			e := TraceCallStart{c.request.method, c.request.route, c.request.stream, c.core.base.Hostname(), port}
			c.ctx = derived(c.ctx, t.CallStart(c.ctx, e))
		}
	}
}

// repeat makes attempts until one has a usable reply or decide ends the call. The
// loop is that of go-retryablehttp: it calls the http.Client, which calls
// RoundTrip, and then decide.
func (c *call) repeat() (err error) {
	c.client = *c.core.http.get()
	c.client.Transport = c
	c.loop.HTTPClient = &c.client
	c.loop.RetryMax = math.MaxInt32 // no bound: decide counts the attempts
	c.loop.CheckRetry = c.decide
	c.loop.Backoff = func(wait, _ time.Duration, _ int, _ *http.Response) time.Duration { return wait }
	c.loop.ErrorHandler = func(resp *http.Response, err error, _ int) (*http.Response, error) { return resp, err }

	// The attempts add header and body.
	req := (&http.Request{Method: c.request.method, URL: c.request.url, Header: noHeader}).WithContext(c.ctx)
	if c.client.Jar != nil || c.client.CheckRedirect != nil { // they are given the request, and may write to it
		url := *c.request.url
		req.URL, req.Header = &url, http.Header{}
		c.loop.PrepareRetry = freshHeader
	}
	handed := false
	defer func() {
		if c.stream != nil && !handed { // the caller's Jar or logger has panicked
			c.stream.attempt.end()
		}
	}()
	c.loop.Do(&retryablehttp.Request{Request: req}) // c.last has the error
	if c.verdict == again && c.last.err != nil {    // the context ended during the wait
		c.verdict = cutShort
	}
	if c.last.err != nil {
		return c.error()
	}
	c.core.budget.earn()
	handed = true
	return nil
}

// errRedirect is the error of a redirect that the http.Client does not follow, because
// of the caller's CheckRedirect or because there were too many.
var errRedirect = errors.New("redirect not followed")

// noHeader is shared by all calls and never written to. If the header were nil, the
// http.Client would copy the request and allocate a header for each attempt.
var noHeader = http.Header{}

// freshHeader gives an attempt a header that no other attempt has written to.
func freshHeader(req *http.Request) error {
	req.Header = http.Header{}
	return nil
}

// decide says, after each attempt, whether another follows. err is the
// attempt's, or that of the http.Client or the caller's CheckRedirect.
func (c *call) decide(_ context.Context, resp *http.Response, err error) (bool, error) {
	switch {
	case c.last.err != nil:
	case err != nil: // the error is not the attempt's
		var uerr *url.Error
		if errors.As(err, &uerr) {
			err = uerr.Err
		}
		c.last = outcome{err: fmt.Errorf("%w: %w", errRedirect, err)}
	case resp.StatusCode >= 300: // the caller's CheckRedirect returned http.ErrUseLastResponse
		c.last = c.origin().errorReply(resp, nil, nil)
		c.errorReply = c.last.errorReply
	default:
		return false, nil
	}
	c.verdict, c.wait = c.tries.judge(c.ctx, c.last, c.request.repeatable(c.last.unprocessed))
	if c.logging() {
		c.log("clawhq: after a failed attempt", c.last.err, slog.String("verdict", c.verdict.String()), slog.Duration("wait", c.wait))
	}
	c.loop.RetryWaitMin = c.wait
	if c.verdict == again {
		c.traces.retry(c.ctx, TraceRetry{c.tries.sent, c.safe(c.last.err), c.wait})
	}
	return c.verdict == again, nil
}

// report fills in the caller's ResponseInfo. It also calls traceEnd, unless a
// stream has begun: the stream then calls it at its end.
func (c *call) report(err error) {
	if c.options.Info != nil {
		defer func() { *c.options.Info = c.responseInfo() }()
	}
	if c.stream == nil || err != nil {
		c.traceEnd(err)
	}
}

// traceEnd calls CallEnd of every Trace.
func (c *call) traceEnd(err error) {
	c.traces.callEnd(c.ctx, TraceCallEnd{c.tries.sent, c.seen.StatusCode, c.seen.RequestID, c.id, c.seen.RateLimit, err})
}

// origin returns what an error tells of the call.
func (c *call) origin() origin {
	return origin{c.request.method, c.request.path, c.id, c.tries.sent, *c.seen, c.core.base, c.core.redact}
}

// error returns the error of the call, whose last attempt has failed.
func (c *call) error() error {
	return c.origin().callError(c.ctx, c.last, c.errorReply, c.verdict, c.wait)
}

// refuse adds what identifies the call to err, the reason why the call is not
// sent, and returns it.
func (c *call) refuse(err error) error {
	var api *APIError
	switch err := err.(type) { // not errors.As: a wrapped error may be the caller's own
	case *InvalidRequestError:
		api = err.APIError
	case *AuthenticationError:
		api = err.APIError
	}
	if api != nil {
		api.Method, api.Path, api.ClientRequestID = c.request.method, c.request.path, c.id
		api.Message = c.core.redact(api.Message) // it may quote an argument
	}
	return err
}

// prepare makes the URL and the ids that all attempts share. It returns the
// reason why the call is refused, if there is one.
func (c *call) prepare() error {
	if r := &c.request; r.url == nil {
		r.url = c.core.base.JoinPath(r.path)
		r.url.RawQuery = r.query.Encode()
		r.path = c.core.redact(r.path) // the caller may have used a key as an id
	}
	id := ""
	if c.options.ClientRequestID == nil || c.request.repeat == underKey && c.options.IdempotencyKey == nil {
		id = uuid.NewString() // for the ids that the caller did not set
	}
	c.id, c.clientRequestID, c.idempotencyKey = id, id, id
	if given := c.options.ClientRequestID; given != nil {
		c.id, c.clientRequestID = c.core.redact(*given), *given
	}
	if given := c.options.IdempotencyKey; given != nil {
		c.idempotencyKey = *given
	}
	return c.check()
}

// askKey gets the API key for the next attempt.
func (c *call) askKey() outcome {
	secrets := c.core.secrets.get()
	if c.request.auth != wire.KeyAuth || secrets.ask == nil {
		c.authorization = secrets.authorization
		return outcome{}
	}
	key, err := secrets.ask(c.ctx)
	if err != nil {
		return outcome{err: newCallError("API key: "+oneLine(c.core.redact(err.Error())), err), unprocessed: true}
	}
	if err := checkKey(key); err != nil {
		o := c.origin()
		o.info = ResponseInfo{} // not that of an earlier attempt
		e := o.apiError()
		e.Message = err.Error()
		refused := &AuthenticationError{e}
		return outcome{err: refused, errorReply: refused, unprocessed: true}
	}
	c.authorization = bearer(key)
	return outcome{}
}

// keyChanged reports whether err refuses the API key of the latest attempt, and
// whether the function of WithAPIKeyFunc returns another one by now. It asks
// that function once in a call.
func (c *call) keyChanged(err error) bool {
	var refused *AuthenticationError
	ask := c.core.secrets.get().ask
	if c.request.auth != wire.KeyAuth || ask == nil || c.keyAsked || !errors.As(err, &refused) {
		return false
	}
	c.keyAsked = true
	key, err := ask(c.ctx)
	return err == nil && bearer(key) != c.authorization && wire.ValidKey(key)
}

// bearer returns the value of an Authorization header (RFC 6750 §2.1).
func bearer(key string) string { return "Bearer " + key }

// responseInfo describes the last reply for the caller.
func (c *call) responseInfo() ResponseInfo {
	info := *c.seen
	info.ClientRequestID = c.id
	info.Attempts = c.tries.sent
	info.Header = info.Header.Clone()
	for name, values := range info.Header {
		for i, v := range values {
			if name == "Set-Cookie" {
				v = redactSetCookie(v)
			}
			values[i] = c.core.redact(v)
		}
	}
	if info.Body != nil {
		info.Body = []byte(c.core.redact(string(info.Body)))
	}
	return info
}

// logging reports whether the client logs.
func (c *call) logging() bool {
	return c.core.logger != nil && c.core.logger.Enabled(c.ctx, slog.LevelDebug)
}

func (c *call) log(msg string, err error, attrs ...slog.Attr) {
	attrs = append(attrs, slog.String("method", c.request.method), slog.String("path", c.request.path),
		slog.String("client_request_id", c.id), slog.Int("attempt", c.tries.sent))
	if err != nil {
		attrs = append(attrs, slog.String("error", oneLine(c.core.redact(err.Error()))))
	}
	c.core.logger.LogAttrs(c.ctx, slog.LevelDebug, msg, attrs...)
}
