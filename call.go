package clawhq

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/internal/shaping"
	"github.com/clawhq/clawhq-go/internal/wire"
	"github.com/google/uuid"
	"github.com/hashicorp/go-retryablehttp"
)

// A request is what a public method asks do for.
type request struct {
	method string
	path   string   // below the base URL, for errors and logs
	url    *url.URL // of the path
	body   []byte   // JSON, nil for none

	// decode takes the body of a unary call's reply.
	decode func([]byte) error

	// refused is why the request is not to be sent, if it is not.
	refused error

	stream     bool // the reply is an event stream
	idempotent bool // carries an idempotency key
	management bool // authenticated by the session instead of the key, not rate shaped

	// window is the rate limit's window that the request counts in. The zero
	// value is the key's own, which chats and thread messages use.
	window shaping.Window

	// nonIdempotent is set for a request that must not be executed twice: it
	// is repeated only if the failure proves that nothing happened.
	nonIdempotent bool
}

// A reply is what an attempt that succeeded has brought, beside what
// request.decode took.
type reply struct {
	requestID string
	stream    *stream // of a streaming call
}

// A failure is what an attempt failed with.
type failure struct {
	err        error
	retryable  bool
	retryAfter time.Duration
}

// A call is one public call: what its attempts share. It stands in the
// http.Client as the transport, so that every request that goes on the wire,
// the follower of a redirect included, passes RoundTrip and is shaped and
// counted there.
type call struct {
	*core
	request
	ctx    context.Context
	config callConfig
	client http.Client
	retry  retryablehttp.Client

	clientRequestID string
	ids             [2]string // header values: the client request id and the idempotency key
	attempts        int
	info            ResponseInfo // of the last reply

	reply      reply
	failure    failure // of the last attempt; its err is nil if that succeeded
	errorReply error   // the last reply that was an error, of whichever attempt
	verdict    verdict // on the last failure
	first      slot    // of the first attempt
}

// do is the one way of a request: headers, shaping, attempts, and the reply or
// the typed error.
func (c *core) do(ctx context.Context, r request, opts []CallOption) (reply, error) {
	a := &call{core: c, request: r, ctx: ctx}
	for _, opt := range opts {
		if opt != nil {
			opt(&a.config)
		}
	}
	if a.config.info != nil {
		defer func() { *a.config.info = a.responseInfo() }()
	}
	header, err := a.headers(&a.config)
	if err != nil && r.refused == nil {
		r.refused = err
	}
	if r.refused != nil {
		var api *APIError
		if errors.As(r.refused, &api) {
			api.Method, api.Path, api.ClientRequestID = r.method, r.path, a.clientRequestID
		}
		return reply{}, r.refused
	}

	a.client = c.http
	a.client.Transport = a
	a.retry.HTTPClient = &a.client
	a.retry.RetryMax = c.retry.MaxAttempts - 1
	a.retry.CheckRetry = a.checkRetry
	a.retry.Backoff = func(wait, _ time.Duration, _ int, _ *http.Response) time.Duration { return wait } // RetryWaitMin
	a.retry.ErrorHandler = func(_ *http.Response, err error, _ int) (*http.Response, error) { return nil, err }

	// The body is left to the attempts, each of which sends it anew.
	req := (&http.Request{Method: r.method, URL: r.url, Header: header}).WithContext(ctx)
	if c.http.Jar != nil { // its cookies are added to the header by each attempt
		req.Header = header.Clone()
		a.retry.PrepareRetry = func(req *http.Request) error {
			req.Header = header.Clone()
			return nil
		}
	}
	if _, err := a.retry.Do(&retryablehttp.Request{Request: req}); err != nil {
		return reply{}, a.error()
	}
	c.budget.earn()
	return a.reply, nil
}

// headers returns the header that all attempts of the call share.
func (a *call) headers(cfg *callConfig) (http.Header, *InvalidRequestError) {
	id := ""
	if cfg.clientRequestID == nil || a.idempotent && cfg.idempotencyKey == nil {
		id = uuid.NewString() // names the call, where the caller does not
	}
	values := &a.ids
	values[0], values[1] = id, id
	if cfg.clientRequestID != nil {
		values[0] = *cfg.clientRequestID
	}
	if cfg.idempotencyKey != nil {
		values[1] = *cfg.idempotencyKey
	}
	a.clientRequestID = a.redact(values[0])
	if values[0] == "" || !headerSafe(values[0]) {
		return nil, invalid(CodeInvalidParameter, wire.HeaderClientRequestID, "client request id is not printable ASCII")
	}
	h := make(http.Header, 8)
	h["User-Agent"] = a.userAgent
	h[wire.HeaderClientRequestID] = values[0:1:1]
	if a.management {
		h["Cookie"] = a.secrets().cookie
	} else {
		h["Authorization"] = a.secrets().bearer
	}
	if a.body != nil {
		h["Content-Type"] = contentTypeJSON
	}
	h["Accept"] = contentTypeJSON
	if a.stream {
		h["Accept"] = contentTypeEventStream
	}
	if a.idempotent {
		key := values[1]
		if key == "" || len(key) > wire.MaxIdempotencyKeyChars || !headerSafe(key) {
			return nil, invalid(CodeInvalidParameter, wire.HeaderIdempotencyKey,
				"idempotency key is not 1 to %d characters of printable ASCII", wire.MaxIdempotencyKeyChars)
		}
		h[wire.HeaderIdempotencyKey] = values[1:2:2]
	}
	return h, nil
}

// Header values that all requests share; nothing writes to them.
var (
	contentTypeJSON        = []string{wire.ContentTypeJSON}
	contentTypeEventStream = []string{wire.ContentTypeEventStream}
)

// RoundTrip makes one attempt. Only a usable reply is a response to the
// http.Client above; everything else is an error, kept in a.failure.
func (a *call) RoundTrip(req *http.Request) (*http.Response, error) {
	a.info = ResponseInfo{}
	logging, start := a.logging(), time.Time{}
	if logging {
		start = time.Now()
	}
	resp, f := a.attempt(req)
	a.failure = f
	if logging {
		a.log("clawhq: attempt", f.err, slog.Int("status", a.info.StatusCode),
			slog.String("request_id", a.info.RequestID), slog.Duration("took", time.Since(start)))
	}
	return resp, f.err
}

func (a *call) attempt(req *http.Request) (*http.Response, failure) {
	sl, err := a.admit()
	if err != nil {
		return nil, failure{err: err}
	}
	a.attempts++

	ctx, cancel := context.WithCancelCause(a.ctx)
	timer := time.AfterFunc(a.attemptMax, func() { cancel(errAttemptTimeout) })
	resp, err := a.transport().RoundTrip(a.outgoing(ctx, req, sl))
	if err == nil && resp == nil {
		err = errors.New("the transport returned neither a response nor an error")
	}
	if err != nil {
		timer.Stop()
		err = cause(ctx, err)
		cancel(nil)
		if sl != nil {
			a.shaper.lost(sl, neverSent(err))
		}
		return nil, a.transportFailure(err)
	}
	if resp.Body == nil { // as http.Client allows it
		resp.Body = http.NoBody
	}
	a.observe(resp, sl)

	if a.stream && resp.StatusCode < 300 {
		timer.Stop()
		s, err := a.newStream(ctx, cancel, resp)
		if err != nil {
			return nil, a.streamFailure(err)
		}
		a.reply = reply{a.info.RequestID, s}
		return taken(resp), failure{}
	}

	defer cancel(nil)
	defer timer.Stop()
	defer resp.Body.Close() // the body there is now
	if resp.StatusCode >= 300 {
		if a.followable(resp) {
			return resp, failure{}
		}
		timer.Stop()
		return nil, a.replyFailure(resp, readErrorBody(resp, cancel), sl)
	}
	body, err := readBody(resp)
	switch {
	case a.ctx.Err() != nil && err != nil:
		return nil, failure{err: context.Cause(a.ctx)}
	case err == errReplyTooLarge:
		return nil, a.badReply(body, err)
	case err != nil: // cut off
		f := a.badReply(body, cause(ctx, err))
		f.retryable = !a.nonIdempotent
		return nil, f
	}
	if err := a.decode(body); err != nil {
		return nil, a.badReply(body, err)
	}
	a.reply = reply{requestID: a.info.RequestID}
	return taken(resp), failure{}
}

// taken is a reply whose body has been taken care of.
func taken(resp *http.Response) *http.Response {
	resp.Body = http.NoBody
	return resp
}

func (c *core) transport() http.RoundTripper {
	if c.http.Transport == nil {
		return http.DefaultTransport
	}
	return c.http.Transport
}

// cause is err, or the reason why ctx ended, if it was that.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// outgoing returns the request as it is sent: with the attempt's context, the
// body, and no way for net/http to send it again by itself.
func (a *call) outgoing(ctx context.Context, req *http.Request, sl *slot) *http.Request {
	if sl != nil {
		ctx = httptrace.WithClientTrace(ctx, &sl.trace)
	}
	out := req.WithContext(ctx)
	u := *req.URL                  // not every transport leaves it alone
	out.URL, out.Host = &u, u.Host // not before: http.Client would copy the URL for it
	// Without GetBody, net/http does not replay a request that bears an
	// idempotency key; a GET it replays unless it has a body, even an empty
	// one, that it cannot rewind.
	out.GetBody = nil
	out.Body = io.NopCloser(bytes.NewReader(a.body)) // of types that net/http knows: it then sends all in one packet
	out.ContentLength = int64(len(a.body))
	return out
}

// Bounds on what is read of a reply.
const (
	maxErrorBody     = 64 << 10
	maxReplyBody     = 16 << 20
	errorBodyTimeout = time.Second // an error's body must not hold up its retry
)

// errAttemptTimeout is the cause of an attempt's end after WithAttemptTimeout.
var errAttemptTimeout = fmt.Errorf("attempt timed out: %w", context.DeadlineExceeded)

var errReplyTooLarge = fmt.Errorf("reply is larger than %d MiB", maxReplyBody>>20)

// readErrorBody returns what there is of an error's body within the bounds.
func readErrorBody(resp *http.Response, cancel context.CancelCauseFunc) []byte {
	timer := time.AfterFunc(errorBodyTimeout, func() {
		cancel(nil)
		resp.Body.Close() // not every body heeds its request's context
	})
	defer timer.Stop()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	return body
}

func readBody(resp *http.Response) ([]byte, error) {
	if n := resp.ContentLength; n > 0 && n <= maxReplyBody {
		body := make([]byte, n)
		read, err := io.ReadFull(resp.Body, body)
		return body[:read], err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxReplyBody+1))
	if err == nil && len(body) > maxReplyBody {
		err = errReplyTooLarge
	}
	return body, err
}

// followable reports whether a redirect may be followed with the credential:
// to the same scheme, host and port, and without changing the method, as 307
// and 308 promise (RFC 9110 §15.4.8).
func (a *call) followable(resp *http.Response) bool {
	if resp.StatusCode != http.StatusTemporaryRedirect && resp.StatusCode != http.StatusPermanentRedirect {
		return false
	}
	to, err := resp.Location()
	return err == nil && to.Scheme == a.base.Scheme && to.Host == a.base.Host
}

// admit waits until the call's next attempt may be sent.
func (a *call) admit() (*slot, error) {
	if err := a.ctx.Err(); err != nil {
		return nil, context.Cause(a.ctx)
	}
	if a.management {
		return nil, nil
	}
	if a.limiter != nil {
		return nil, waitForLimiter(a.ctx, a.limiter)
	}
	if a.shaper == nil {
		return nil, nil
	}
	sl := &a.first
	if a.attempts > 0 {
		sl = &slot{} // the first may still be in use by a write that goes on
	}
	sl.trace.WroteRequest = sl.sent
	return sl, a.shaper.admit(a.ctx, sl)
}

// observe takes what the headers tell.
func (a *call) observe(resp *http.Response, sl *slot) {
	limit, counted := parseRateLimit(resp.Header)
	a.info.StatusCode = resp.StatusCode
	a.info.RequestID = a.redact(resp.Header.Get(wire.HeaderRequestID))
	a.info.RateLimit = limit
	a.info.Replayed = resp.Header.Get(wire.HeaderIdempotencyReplay) == "true"
	a.info.Header = resp.Header
	if limit.Limit > 0 && !a.management {
		a.rateLimit.store(limit)
	}
	if sl != nil && resp.StatusCode != http.StatusTooManyRequests {
		a.shaper.replied(sl, resp.StatusCode < 300, limit.Limit, counted)
	}
}

// responseInfo returns what the caller sees of the last attempt.
func (a *call) responseInfo() ResponseInfo {
	info := a.info
	info.ClientRequestID = a.clientRequestID
	info.Attempts = a.attempts
	info.Header = info.Header.Clone()
	for _, values := range info.Header {
		for i, v := range values {
			values[i] = a.redact(v)
		}
	}
	return info
}

// apiError returns an error with what is known of the call and its last reply.
func (a *call) apiError() *APIError {
	return &APIError{
		StatusCode:      a.info.StatusCode,
		RequestID:       a.info.RequestID,
		ClientRequestID: a.clientRequestID,
		RateLimit:       a.info.RateLimit,
		Attempts:        a.attempts,
		Method:          a.method,
		Path:            a.path,
	}
}

// transportFailure is a failure without a reply.
func (a *call) transportFailure(err error) failure {
	return failure{err: err, retryable: retryableTransport(err) && (!a.nonIdempotent || neverSent(err))}
}

// replyFailure is a reply that is an error.
func (a *call) replyFailure(resp *http.Response, body []byte, sl *slot) failure {
	e := a.apiError()
	now := time.Now()
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		now = date // a Retry-After that is a date is by the server's clock
	}
	e.RetryAfter, _ = parseRetryAfter(resp.Header.Get(wire.HeaderRetryAfter), now)
	decodeError(e, body, now, a.redact)
	if to, err := resp.Location(); e.Message == "" && err == nil {
		to.RawQuery, to.Fragment = "", "" // they may hold anything
		e.Message = "redirect to " + a.redact(to.Redacted()) + " is not followed"
	}
	limited := e.StatusCode == http.StatusTooManyRequests
	if limited && sl != nil {
		a.shaper.rejected(sl, e.RetryAfter, max(a.core.retry.MaxRetryAfter, longestGate))
	}
	a.errorReply = typed(e)
	return failure{
		err:        a.errorReply,
		retryable:  retryableReply(e) && (!a.nonIdempotent || limited),
		retryAfter: e.RetryAfter,
	}
}

// badReply is a reply that claims success and is not usable.
func (a *call) badReply(body []byte, err error) failure {
	e := a.apiError()
	decodeError(e, body, time.Now(), a.redact)
	e.Body = excerpt(body, a.redact)
	if e.Message == "" {
		e.Message = "reply is not usable"
	}
	reply := typed(e)
	a.errorReply = reply
	return failure{err: newCallError(reply.Error()+": "+oneLine(a.redact(err.Error())), reply, err)}
}

// streamFailure is a stream that failed before its first chunk.
func (a *call) streamFailure(err *StreamError) failure {
	a.errorReply = err
	f := failure{err: err}
	switch err.Code {
	case CodeStreamError, CodeModelTimeout, CodeModelError, CodeAgentOffline, CodeInternalError, CodeStreamTruncated, CodeStreamIdle:
		f.retryable = true
	}
	return f
}

// checkRetry decides, after each attempt, whether there is another.
func (a *call) checkRetry(_ context.Context, resp *http.Response, err error) (bool, error) {
	switch {
	case err == nil && resp.StatusCode >= 300: // the caller's CheckRedirect did not want it followed
		a.failure = a.replyFailure(resp, nil, nil)
		return false, a.failure.err
	case err == nil:
		return false, nil
	case a.failure.err == nil: // the http.Client's own, like a redirect too many
		var uerr *url.Error
		if errors.As(err, &uerr) {
			err = uerr.Err
		}
		a.failure = failure{err: err}
	}
	deadline, _ := a.ctx.Deadline()
	a.verdict, a.retry.RetryWaitMin = a.judge(a.failure, a.attempts, deadline)
	if a.verdict == again && a.ctx.Err() != nil {
		a.verdict = tooLate
	}
	if a.logging() {
		a.log("clawhq: after a failed attempt", a.failure.err, slog.String("verdict", a.verdict.String()), slog.Duration("wait", a.retry.RetryWaitMin))
	}
	return a.verdict == again, nil
}

// error returns what the caller gets of a call that failed: the last failure,
// and with it the last reply and the context's end, if it came to those.
func (a *call) error() error {
	last := a.failure.err
	causes := []error{last}
	var api *APIError
	text := ""
	if errors.As(last, &api) {
		text = last.Error()
	} else {
		text = fmt.Sprintf("clawhq: %s %s: %s (client_request_id %s", a.method, a.path, oneLine(a.redact(last.Error())), a.clientRequestID)
		if a.attempts > 0 {
			text += fmt.Sprintf(", attempt %d", a.attempts)
		}
		text += ")"
		if a.errorReply != nil {
			text += "; before that: " + strings.TrimPrefix(a.errorReply.Error(), "clawhq: ")
			causes = append(causes, a.errorReply)
		}
	}
	switch ended := a.ctx.Err(); {
	case ended != nil && (api == nil || a.verdict == again || a.verdict == tooLate):
		causes = append(causes, ended, context.Cause(a.ctx))
		if a.verdict == again {
			text += "; " + ended.Error() + " while waiting to retry"
		}
	case a.verdict == tooLate:
		causes = append(causes, context.DeadlineExceeded)
		text += fmt.Sprintf("; a retry in %v would come after the context's deadline", a.retry.RetryWaitMin.Round(time.Millisecond))
	}
	if len(causes) == 1 && api != nil {
		return last
	}
	return newCallError(text, causes...)
}

// logging reports whether anyone wants to know.
func (a *call) logging() bool {
	return a.logger != nil && a.logger.Enabled(a.ctx, slog.LevelDebug)
}

func (a *call) log(msg string, err error, attrs ...slog.Attr) {
	attrs = append(attrs, slog.String("method", a.method), slog.String("path", a.path),
		slog.String("client_request_id", a.clientRequestID), slog.Int("attempt", a.attempts))
	if err != nil {
		attrs = append(attrs, slog.String("error", oneLine(a.redact(err.Error()))))
	}
	a.logger.LogAttrs(a.ctx, slog.LevelDebug, msg, attrs...)
}
