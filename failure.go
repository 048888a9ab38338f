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

// A failure describes why an attempt failed, and whether it may be repeated.
type failure struct {
	err        error
	retryable  bool
	retryAfter time.Duration
	limited    bool // the rate limit has refused the attempt
}

// transportFailure returns the failure of an attempt that got no reply.
func (a *attempt) transportFailure(err error) failure {
	a.unsent = neverSent(err)
	return failure{err: err, retryable: retryableTransport(err) && a.repeatable(a.unsent)}
}

// repeatable reports whether the request may be sent again. unsent is whether
// the failure proves that the service has done nothing.
func (r *request) repeatable(unsent bool) bool {
	return (unsent || r.repeat != ifUnsent) && (r.upload == nil || !r.upload.spent())
}

// replyFailure returns the failure of an attempt that got an error reply.
func (c *call) replyFailure(resp *http.Response, body []byte) failure {
	e := c.apiError()
	now := time.Now()
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		now = date // a Retry-After with a date is by the server's clock
	}
	e.RetryAfter, _ = parseRetryAfter(resp.Header.Get(wire.HeaderRetryAfter), now)
	decodeError(e, body, now, c.redact)
	if to, err := resp.Location(); e.Message == "" && err == nil {
		to.RawQuery, to.Fragment = "", "" // they may contain secrets
		e.Message = "redirect to " + c.redact(to.Redacted()) + " is not followed: redirects must have status 307 or 308, stay on the same origin, and be within MaxAttempts"
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

// errorIn returns the error in the body of a reply with a successful status, or
// nil if the body has none.
func (c *call) errorIn(body []byte) error {
	e := c.apiError()
	if !decodeError(e, body, time.Now(), c.redact) {
		return nil
	}
	e.Body = excerpt(body, c.redact)
	c.errorReply = typed(e)
	return c.errorReply
}

// badReply returns the failure of an attempt whose reply has a successful status
// but cannot be used.
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

// cutOff returns the failure of an attempt whose reply was cut off.
func (c *call) cutOff(body []byte, err error) failure {
	f := c.badReply(body, err)
	f.retryable = c.repeatable(false)
	return f
}

// streamFailure returns the failure of an attempt whose stream failed before its
// first chunk.
func (c *call) streamFailure(err *StreamError) failure {
	c.errorReply = err
	f := failure{err: err}
	switch err.Code {
	case CodeStreamError, CodeModelTimeout, CodeModelError, CodeAgentOffline, CodeInternalError, CodeStreamTruncated, CodeStreamIdle:
		f.retryable = c.repeatable(false)
	}
	return f
}

// error returns the error of a failed call. It has the last failure. If an
// earlier attempt got an error reply, it has the latest of these as well; and if
// the call might have gone on, the reason why it did not.
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

// isReply reports whether err is an error reply.
func isReply(err error) bool {
	var api *APIError
	return errors.As(err, &api)
}

// apiError returns an APIError for the call and its last reply, without a code
// and message.
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

// A callError is the error of a call that failed for several reasons, or for one
// that is not an error reply. It matches each of its causes.
type callError struct {
	text   string
	causes hidden[[]error] // hidden, since their texts are not redacted
}

func newCallError(text string, causes ...error) *callError {
	return &callError{text, hide(causes)}
}

func (e *callError) Error() string   { return e.text }
func (e *callError) Unwrap() []error { return e.causes.get() }

// Format prints the text, whatever the verb. For a verb that does not fit, fmt
// would otherwise print the causes, whose texts are not redacted.
func (e *callError) Format(s fmt.State, verb rune) {
	if verb != 'q' && verb != 'x' && verb != 'X' {
		verb = 's'
	}
	fmt.Fprintf(s, fmt.FormatString(s, verb), e.text)
}

// redactedError returns an error that wraps err. Its text is that of err,
// redacted and in one line.
func redactedError(err error, redact func(string) string) error {
	return newCallError(oneLine(redact(err.Error())), err)
}
