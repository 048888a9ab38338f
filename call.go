package clawhq

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
	"github.com/google/uuid"
	"github.com/hashicorp/go-retryablehttp"
)

// A call is what the attempts of a call share. It is the transport of the call's
// http.Client, so that every request, including those that follow redirects,
// passes through RoundTrip, where it is shaped and counted.
type call struct {
	core    *core
	request request
	ctx     context.Context // the caller's, or one that a Trace has derived from it
	options CallOptions     // the caller's

	traces traces      // the client's, and the call's own; set by newCall
	policy RetryPolicy // the client's, or the call's own; set by check
	id     string      // the client request id, as errors show it; set by prepare
	ids    [2]string   // header values: the client request id and the idempotency key; set by prepare
	header http.Header // what each attempt sends, except for cookies; set by prepare, never changed

	client http.Client          // the caller's, with the call as its transport; set by repeat
	loop   retryablehttp.Client // repeats the attempts; set by repeat

	attempts   int           // how many requests were sent; counted by attempts
	first      attempt       // the first attempt, allocated with the call, since most calls make only one
	info       ResponseInfo  // of the latest attempt's reply; zero if none came; written by attempts
	last       outcome       // of the latest attempt; written by RoundTrip, and by decide for an error of the http.Client
	errorReply error         // the latest error reply of any attempt; written by RoundTrip
	verdict    verdict       // what follows on last; written by decide
	wait       time.Duration // until the next attempt; written by decide
	stream     *stream       // the reply to a streaming call; written by its attempt
}

// do makes a call. Every method of the package goes through it. It returns the
// call, which has the reply, or the typed error.
func (c *core) do(ctx context.Context, r request, opts []CallOption) (done *call, err error) {
	call := newCall(c, ctx, r, opts)
	err = errAborted // if a panic ends the call
	defer func() { call.report(err) }()
	call.ctx = call.traces.callStart(call.ctx, TraceCallStart{r.method, r.route, r.stream})
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

func newCall(c *core, ctx context.Context, r request, opts []CallOption) *call {
	if ctx == nil {
		ctx = context.Background()
		r = r.unless(invalid(CodeInvalidParameter, "ctx", "the context is nil"))
	}
	call := &call{core: c, request: r, ctx: ctx, traces: c.traces, policy: c.retry}
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

// repeat makes attempts until one has a usable reply or decide ends the call. The
// loop is that of go-retryablehttp: each attempt goes by the http.Client to
// RoundTrip, and then to decide.
func (c *call) repeat() (err error) {
	c.client = *c.core.http.get()
	c.client.Transport = c
	c.loop.HTTPClient = &c.client
	c.loop.RetryMax = c.policy.MaxAttempts - 1
	c.loop.CheckRetry = c.decide
	c.loop.Backoff = func(_, _ time.Duration, _ int, _ *http.Response) time.Duration { return c.wait }
	c.loop.ErrorHandler = func(_ *http.Response, err error, _ int) (*http.Response, error) { return nil, err }

	// The attempts add header and body.
	req := (&http.Request{Method: c.request.method, URL: c.request.url, Header: noHeader}).WithContext(c.ctx)
	if c.client.Jar != nil { // the http.Client adds its cookies to this header, each time
		req.Header = http.Header{}
		c.loop.PrepareRetry = func(req *http.Request) error {
			req.Header = http.Header{}
			return nil
		}
	}
	handed := false
	defer func() {
		if c.stream != nil && !handed { // the caller's Jar or logger has panicked
			c.stream.end(nil)
		}
	}()
	if _, err := c.loop.Do(&retryablehttp.Request{Request: req}); err != nil {
		if c.verdict == again { // the context ended during the wait
			c.verdict = cutShort
		}
		return c.error()
	}
	c.core.budget.earn()
	handed = true
	return nil
}

// decide says, after each attempt, whether there is another. err is the
// attempt's, or that of the http.Client or the caller's CheckRedirect.
func (c *call) decide(_ context.Context, resp *http.Response, err error) (bool, error) {
	switch {
	case err == nil && resp.StatusCode >= 300: // the caller's CheckRedirect returned http.ErrUseLastResponse
		c.last, c.verdict = c.origin().errorReply(resp, nil, nil), final
		c.errorReply = c.last.reply
		return false, c.last.err
	case err == nil:
		return false, nil
	case c.last.err == nil: // the error is not the attempt's
		var uerr *url.Error
		if errors.As(err, &uerr) {
			err = uerr.Err
		}
		c.last = outcome{err: err}
	}
	c.verdict, c.wait = c.policy.judge(c.ctx, c.last, c.attempts, c.request.repeatable(c.last.undone), c.core.budget)
	if c.logging() {
		c.log("clawhq: after a failed attempt", c.last.err, slog.String("verdict", c.verdict.String()), slog.Duration("wait", c.wait))
	}
	if c.verdict == again {
		c.traces.retry(c.ctx, TraceRetry{c.attempts, c.safe(c.last.err), c.wait})
	}
	return c.verdict == again, nil
}

// report tells the caller's ResponseInfo and Trace how the call has ended. The
// call of a stream ends when the stream does.
func (c *call) report(err error) {
	if c.options.Info != nil {
		defer func() { *c.options.Info = c.responseInfo() }()
	}
	if c.stream == nil || err != nil {
		c.traceEnd(err)
	}
}

func (c *call) traceEnd(err error) {
	c.traces.callEnd(c.ctx, TraceCallEnd{c.attempts, c.info.StatusCode, c.info.RequestID, c.id, c.info.RateLimit, err})
}

// origin returns what an error tells of the call.
func (c *call) origin() origin {
	return origin{c.request.method, c.request.path, c.id, c.attempts, c.info, c.core.redact}
}

// error returns the error of the call, whose last attempt has failed.
func (c *call) error() error {
	return c.origin().callError(c.ctx, c.last, c.errorReply, c.verdict, c.wait)
}

// refuse returns the error of a call that is not sent.
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

// prepare makes the URL and the header that all attempts share, or returns the
// reason why the call is refused.
func (c *call) prepare() error {
	if c.request.url == nil {
		c.request.url = c.core.base.JoinPath(c.request.path)
		c.request.url.RawQuery = c.request.query.Encode()
		c.request.path = c.core.redact(c.request.path) // the caller may have used a key as an id
	}
	id := ""
	if c.options.ClientRequestID == nil || c.request.repeat == underKey && c.options.IdempotencyKey == nil {
		id = uuid.NewString() // for the ids that the caller did not set
	}
	c.ids, c.id = [2]string{id, id}, id
	if given := c.options.ClientRequestID; given != nil {
		c.ids[0], c.id = *given, c.core.redact(*given)
	}
	if given := c.options.IdempotencyKey; given != nil {
		c.ids[1] = *given
	}
	if err := c.check(); err != nil {
		return err
	}
	h := make(http.Header, 8)
	h["User-Agent"] = c.core.userAgent
	h[wire.HeaderClientRequestID] = c.ids[0:1:1]
	if c.request.repeat == underKey {
		h[wire.HeaderIdempotencyKey] = c.ids[1:2:2]
	}
	if c.request.auth == wire.KeyAuth {
		var err error
		if h["Authorization"], err = c.bearer(); err != nil {
			return err
		}
	} // otherwise each attempt adds the session's present cookies
	h["Accept"] = contentTypeJSON
	if c.request.stream {
		h["Accept"] = contentTypeEventStream
	}
	if c.request.upload != nil {
		h["Content-Type"] = []string{c.request.upload.contentType()}
	} else if c.request.json != nil {
		h["Content-Type"] = contentTypeJSON
	}
	maps.Copy(h, c.options.Header)
	c.header = h
	return nil
}

// bearer returns the Authorization header.
func (c *call) bearer() ([]string, error) {
	secrets := c.core.secrets.get()
	if secrets.key == nil {
		if secrets.bearer == nil {
			return nil, &AuthenticationError{&APIError{
				Message: "this endpoint is authenticated by an API key: use WithAPIKey or set " + EnvAPIKey,
			}}
		}
		return secrets.bearer, nil
	}
	key, err := secrets.key(c.ctx)
	if err != nil {
		c.last = outcome{err: newCallError("API key: "+oneLine(c.core.redact(err.Error())), err)}
		if c.ctx.Err() != nil {
			c.verdict = ended
		}
		return nil, c.error()
	}
	if err := checkKey(key); err != nil {
		return nil, &AuthenticationError{&APIError{Message: err.Error()}}
	}
	return []string{"Bearer " + key}, nil
}

// Values that all requests share. They are never written to.
var (
	noHeader               = http.Header{}
	contentTypeJSON        = []string{wire.ContentTypeJSON}
	contentTypeEventStream = []string{wire.ContentTypeEventStream}
)

// responseInfo describes the last reply for the caller.
func (c *call) responseInfo() ResponseInfo {
	info := c.info
	info.ClientRequestID = c.id
	info.Attempts = c.attempts
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
		slog.String("client_request_id", c.id), slog.Int("attempt", c.attempts))
	if err != nil {
		attrs = append(attrs, slog.String("error", oneLine(c.core.redact(err.Error()))))
	}
	c.core.logger.LogAttrs(c.ctx, slog.LevelDebug, msg, attrs...)
}
