package clawhq

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// A failure is what an attempt failed with.
type failure struct {
	err        error
	retryable  bool
	retryAfter time.Duration
	limited    bool // by the rate limit
}

// transportFailure is a failure without a reply.
func (a *attempt) transportFailure(err error) failure {
	a.unsent = neverSent(err)
	return failure{err: err, retryable: retryableTransport(err) && a.repeatable(a.unsent)}
}

// repeatable reports whether the request may be sent again, given whether it
// is proven that the service has done nothing.
func (r *request) repeatable(unsent bool) bool {
	return (unsent || r.repeat != ifUnsent) && (r.upload == nil || !r.upload.spent())
}

// replyFailure is a reply that is an error.
func (c *call) replyFailure(resp *http.Response, body []byte) failure {
	e := c.apiError()
	now := time.Now()
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		now = date // a Retry-After that is a date is by the server's clock
	}
	e.RetryAfter, _ = parseRetryAfter(resp.Header.Get(wire.HeaderRetryAfter), now)
	decodeError(e, body, now, c.redact)
	if to, err := resp.Location(); e.Message == "" && err == nil {
		to.RawQuery, to.Fragment = "", "" // they may hold anything
		e.Message = "redirect to " + c.redact(to.Redacted()) + " is not followed: redirects are by 307 or 308, to the same origin, and within MaxAttempts"
	}
	c.errorReply = typed(e)
	rejected := e.StatusCode == http.StatusTooManyRequests
	lasting := rejected && c.otherLimit != nil && c.otherLimit(e.Message)
	return failure{
		err:        c.errorReply,
		retryable:  retryableReply(e) && !lasting && c.repeatable(rejected),
		retryAfter: e.RetryAfter,
		limited:    rejected && !lasting,
	}
}

// errorIn returns the error that a reply names which claims success, or nil.
func (c *call) errorIn(body []byte) error {
	e := c.apiError()
	if !decodeError(e, body, time.Now(), c.redact) {
		return nil
	}
	e.Body = excerpt(body, c.redact)
	c.errorReply = typed(e)
	return c.errorReply
}

// badReply is a reply that claims success and is not usable.
func (c *call) badReply(body []byte, err error) failure {
	e := c.apiError()
	decodeError(e, body, time.Now(), c.redact)
	e.Body = excerpt(body, c.redact)
	if e.Message == "" {
		e.Message = "reply is not usable"
	}
	c.errorReply = typed(e)
	return failure{err: newCallError(c.errorReply.Error()+": "+oneLine(c.redact(err.Error())), c.errorReply, err)}
}

// cutOff is a reply of which a part is missing.
func (c *call) cutOff(body []byte, err error) failure {
	f := c.badReply(body, err)
	f.retryable = c.repeatable(false)
	return f
}

// streamFailure is a stream that failed before its first chunk.
func (c *call) streamFailure(err *StreamError) failure {
	c.errorReply = err
	f := failure{err: err}
	switch err.Code {
	case CodeStreamError, CodeModelTimeout, CodeModelError, CodeAgentOffline, CodeInternalError, CodeStreamTruncated, CodeStreamIdle:
		f.retryable = c.repeatable(false)
	}
	return f
}

// error returns what the caller gets of a call that failed: the last failure,
// with the last reply if that was an earlier attempt's, and with why there is
// no further attempt, if that is not for its kind or number.
func (c *call) error() error {
	last := c.failure.err
	causes := []error{last}
	text := ""
	isReply := c.errorReply != nil && errors.Is(last, c.errorReply)
	if isReply {
		text = last.Error()
	} else {
		text = fmt.Sprintf("clawhq: %s %s: %s (client_request_id %s", c.method, c.path, oneLine(c.redact(last.Error())), c.clientRequestID)
		if c.attempts > 0 {
			text += fmt.Sprintf(", attempt %d", c.attempts)
		}
		text += ")"
		if c.errorReply != nil {
			text += "; before that: " + strings.TrimPrefix(c.errorReply.Error(), "clawhq: ")
			causes = append(causes, c.errorReply)
		}
	}
	switch c.verdict {
	case ended:
		causes = append(causes, c.ctx.Err(), context.Cause(c.ctx))
	case cutShort:
		causes = append(causes, c.ctx.Err(), context.Cause(c.ctx))
		text += "; " + c.ctx.Err().Error() + " while waiting to retry"
	case tooLate:
		causes = append(causes, context.DeadlineExceeded)
		text += fmt.Sprintf("; a retry in %v would come after the context's deadline", c.wait.Round(time.Millisecond))
	case overBudget:
		text += "; not repeated, since the client's retry budget is spent"
	default:
		if isReply {
			return last
		}
	}
	return newCallError(text, causes...)
}

// isReply reports whether an attempt failed with a reply.
func isReply(err error) bool {
	var api *APIError
	return errors.As(err, &api)
}

// apiError returns an error with what is known of the call and its last reply.
func (c *call) apiError() *APIError {
	return &APIError{
		StatusCode:      c.info.StatusCode,
		RequestID:       c.info.RequestID,
		ClientRequestID: c.clientRequestID,
		RateLimit:       c.info.RateLimit,
		Attempts:        c.attempts,
		Method:          c.method,
		Path:            c.path,
	}
}

// callError is a call that failed for more than one reason, or for one that is
// not a reply. It matches each of its causes.
type callError struct {
	text   string
	causes hidden[[]error] // their texts are not redacted
}

func newCallError(text string, causes ...error) *callError {
	return &callError{text, hide(causes)}
}

func (e *callError) Error() string   { return e.text }
func (e *callError) Unwrap() []error { return e.causes.get() }

// Format prints the text whatever the verb: with one that does not fit, fmt
// would print the causes, whose texts are not redacted.
func (e *callError) Format(s fmt.State, verb rune) {
	if verb != 'q' && verb != 'x' && verb != 'X' {
		verb = 's'
	}
	fmt.Fprintf(s, fmt.FormatString(s, verb), e.text)
}

// redactedError is err with its text redacted and made one line.
func redactedError(err error, redact func(string) string) error {
	return newCallError(oneLine(redact(err.Error())), err)
}
