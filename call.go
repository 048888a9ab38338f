package clawhq

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
	"github.com/google/uuid"
	"github.com/hashicorp/go-retryablehttp"
)

// A reply is the result of a successful attempt, apart from the body that decode
// has decoded.
type reply struct {
	requestID string
	stream    *stream // of a streaming call
}

// A call is the state that the attempts of a call share. It is the transport of
// the call's http.Client, so that every request, including those that follow
// redirects, passes through RoundTrip, where it is shaped and counted.
type call struct {
	*core
	request
	ctx    context.Context // the caller's
	config callConfig
	policy RetryPolicy
	client http.Client
	loop   retryablehttp.Client

	clientRequestID string    // as errors show it
	ids             [2]string // header values: the client request id and the idempotency key
	header          http.Header
	attempts        int
	first           attempt      // the first attempt, allocated with the call, since most calls make only one
	info            ResponseInfo // of the last reply

	reply      reply
	failure    failure       // of the last attempt; its err is nil if that succeeded
	errorReply error         // the latest error reply of any attempt
	verdict    verdict       // what follows on the last failure
	wait       time.Duration // the time until the next attempt
}

// do makes a call. Every method of the package goes through it: it makes the
// headers and the attempts, and returns the reply or the typed error.
func (c *core) do(ctx context.Context, r request, opts []CallOption) (result reply, err error) {
	if ctx == nil {
		ctx = context.Background()
		r = r.unless(invalid(CodeInvalidParameter, "ctx", "the context is nil"))
	}
	call := &call{core: c, request: r, ctx: ctx, policy: c.retry}
	for _, opt := range opts {
		if opt != nil {
			opt(&call.config)
		}
	}
	if call.config.info != nil {
		defer func() { *call.config.info = call.responseInfo() }()
	}
	if c.traces != nil {
		err = errAborted
		call.traceStart()
		defer func() {
			if result.stream == nil { // otherwise the call ends when the stream does
				call.traceEnd(err)
			}
		}()
	}
	if refused := call.prepare(); refused != nil {
		return reply{}, call.refuse(refused)
	}
	return call.run()
}

// fetch makes a call and decodes its reply into a T.
func fetch[T any, P interface {
	*T
	wire.Reply
}](ctx context.Context, c *core, r request, opts []CallOption) (T, reply, error) {
	var body T
	r.decode = func(b []byte) error {
		body = *new(T) // an earlier reply that was cut off may have set some fields
		return wire.Decode(b, P(&body))
	}
	reply, err := c.do(ctx, r, opts)
	return body, reply, err
}

// run makes the attempts.
func (c *call) run() (reply, error) {
	c.client = *c.http.get()
	c.client.Transport = c
	c.loop.HTTPClient = &c.client
	c.loop.RetryMax = c.policy.MaxAttempts - 1
	c.loop.CheckRetry = c.checkRetry
	c.loop.Backoff = func(_, _ time.Duration, _ int, _ *http.Response) time.Duration { return c.wait }
	c.loop.ErrorHandler = func(_ *http.Response, err error, _ int) (*http.Response, error) { return nil, err }

	// The attempts add header and body.
	req := (&http.Request{Method: c.method, URL: c.url, Header: noHeader}).WithContext(c.ctx)
	if c.client.Jar != nil { // the http.Client adds its cookies to this header, each time
		req.Header = http.Header{}
		c.loop.PrepareRetry = func(req *http.Request) error {
			req.Header = http.Header{}
			return nil
		}
	}
	handed := false
	defer func() {
		if s := c.reply.stream; s != nil && !handed { // the caller's Jar or logger has panicked
			s.end()
		}
	}()
	if _, err := c.loop.Do(&retryablehttp.Request{Request: req}); err != nil {
		if c.verdict == again { // the context ended during the wait
			c.verdict = cutShort
		}
		return reply{}, c.error()
	}
	c.budget.earn()
	handed = true
	return c.reply, nil
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
		api.Method, api.Path, api.ClientRequestID = c.method, c.path, c.clientRequestID
		api.Message = c.redact(api.Message) // it may quote an argument
	}
	return err
}

// prepare makes the URL and the header that all attempts share, or returns the
// reason why the call is refused.
func (c *call) prepare() error {
	if c.url == nil {
		c.url = c.base.JoinPath(c.path)
		c.url.RawQuery = c.query.Encode()
		c.path = c.redact(c.path) // the caller may have used a key as an id
	}
	id := ""
	if c.config.clientRequestID == nil || c.repeat == underKey && c.config.idempotencyKey == nil {
		id = uuid.NewString() // for the ids that the caller did not set
	}
	c.ids, c.clientRequestID = [2]string{id, id}, id
	if given := c.config.clientRequestID; given != nil {
		c.ids[0], c.clientRequestID = *given, c.redact(*given)
	}
	if given := c.config.idempotencyKey; given != nil {
		c.ids[1] = *given
	}
	if err := c.check(); err != nil {
		return err
	}
	h := make(http.Header, 8)
	h["User-Agent"] = c.userAgent
	h[wire.HeaderClientRequestID] = c.ids[0:1:1]
	if c.repeat == underKey {
		h[wire.HeaderIdempotencyKey] = c.ids[1:2:2]
	}
	if c.auth == wire.KeyAuth {
		var err error
		if h["Authorization"], err = c.bearer(); err != nil {
			return err
		}
	} // otherwise each attempt adds the session's present cookies
	h["Accept"] = contentTypeJSON
	if c.stream {
		h["Accept"] = contentTypeEventStream
	}
	if c.upload != nil {
		h["Content-Type"] = []string{c.upload.contentType()}
	} else if c.json != nil {
		h["Content-Type"] = contentTypeJSON
	}
	maps.Copy(h, c.config.header)
	c.header = h
	return nil
}

// check returns the reason why the call is refused, if any, and sets its retry
// policy.
func (c *call) check() error {
	if c.refused != nil {
		return c.refused
	}
	if id := c.config.clientRequestID; id != nil && (*id == "" || !headerSafe(*id)) {
		return invalid(CodeInvalidParameter, wire.HeaderClientRequestID, "client request id is not printable ASCII")
	}
	if key := c.config.idempotencyKey; key != nil && c.repeat == underKey &&
		(*key == "" || len(*key) > wire.MaxIdempotencyKeyChars || !headerSafe(*key)) {
		return invalid(CodeInvalidParameter, wire.HeaderIdempotencyKey,
			"idempotency key is not 1 to %d characters of printable ASCII", wire.MaxIdempotencyKeyChars)
	}
	for name, values := range c.config.header {
		switch {
		case !token(name) || !headerSafe(values[0]):
			return invalid(CodeInvalidParameter, "header", "header %q or its value has characters that are not allowed", c.redact(name))
		case ownHeaders[name]:
			return invalid(CodeInvalidParameter, name, "header %s cannot be set: the client sets it itself", name)
		}
	}
	if policy := c.config.retry; policy != nil {
		var err error
		if c.policy, err = policy.withDefaults(); err != nil {
			return invalid(CodeInvalidParameter, "retry", "%v", err)
		}
	}
	if c.auth == wire.SessionAuth && c.secrets.get().session == nil {
		return &AuthenticationError{&APIError{
			Message: "this endpoint is authenticated by the dashboard's session cookie, which WithSession sets: an API key does not open it",
		}}
	}
	return nil
}

// ownHeaders are the headers that a caller may not set: credentials, ids, and
// headers that frame or describe the message.
var ownHeaders = map[string]bool{
	"Authorization": true, "Proxy-Authorization": true, "Cookie": true, "Cookie2": true,
	wire.HeaderClientRequestID: true, wire.HeaderIdempotencyKey: true, "Idempotency-Key": true, wire.HeaderRequestID: true,
	"Host": true, "Content-Length": true, "Transfer-Encoding": true, "Te": true, "Trailer": true, "Expect": true,
	"Connection": true, "Keep-Alive": true, "Proxy-Connection": true, "Upgrade": true, "Http2-Settings": true,
	"Content-Type": true, "Content-Encoding": true, "Accept": true, "Accept-Encoding": true,
}

// bearer returns the Authorization header.
func (c *call) bearer() ([]string, error) {
	secrets := c.secrets.get()
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
		c.failure = failure{err: newCallError("API key: "+oneLine(c.redact(err.Error())), err)}
		c.verdict, _ = c.judge(c.failure)
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

// checkRetry decides, after each attempt, whether there is another.
func (c *call) checkRetry(_ context.Context, resp *http.Response, err error) (bool, error) {
	switch {
	case err == nil && resp.StatusCode >= 300: // the caller's CheckRedirect returned http.ErrUseLastResponse
		c.failure, c.verdict = c.replyFailure(resp, nil), final
		return false, c.failure.err
	case err == nil:
		return false, nil
	case c.failure.err == nil: // the error is the http.Client's own, or that of a CheckRedirect
		var uerr *url.Error
		if errors.As(err, &uerr) {
			err = uerr.Err
		}
		c.failure = failure{err: err}
	}
	c.verdict, c.wait = c.judge(c.failure)
	if c.logging() {
		c.log("clawhq: after a failed attempt", c.failure.err, slog.String("verdict", c.verdict.String()), slog.Duration("wait", c.wait))
	}
	if c.verdict == again {
		c.traceRetry()
	}
	return c.verdict == again, nil
}

// responseInfo describes the last reply for the caller.
func (c *call) responseInfo() ResponseInfo {
	info := c.info
	info.ClientRequestID = c.clientRequestID
	info.Attempts = c.attempts
	info.Header = info.Header.Clone()
	for name, values := range info.Header {
		for i, v := range values {
			if name == "Set-Cookie" {
				v = redactSetCookie(v)
			}
			values[i] = c.redact(v)
		}
	}
	if info.Body != nil {
		info.Body = []byte(c.redact(string(info.Body)))
	}
	return info
}

// logging reports whether the client logs.
func (c *call) logging() bool {
	return c.logger != nil && c.logger.Enabled(c.ctx, slog.LevelDebug)
}

func (c *call) log(msg string, err error, attrs ...slog.Attr) {
	attrs = append(attrs, slog.String("method", c.method), slog.String("path", c.path),
		slog.String("client_request_id", c.clientRequestID), slog.Int("attempt", c.attempts))
	if err != nil {
		attrs = append(attrs, slog.String("error", oneLine(c.redact(err.Error()))))
	}
	c.logger.LogAttrs(c.ctx, slog.LevelDebug, msg, attrs...)
}
