package clawhq

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// An outcome says what became of an attempt. The zero value is a usable reply.
type outcome struct {
	err         error         // why the attempt failed; nil if its reply is usable
	errorReply  error         // the error reply that err is or wraps; nil if the server sent none
	transient   bool          // a repetition may succeed
	unprocessed bool          // it is certain that the service has done nothing
	limited     bool          // the rate limit has refused the attempt
	inProgress  bool          // an earlier attempt is still being answered: 409 request_in_progress
	uncounted   bool          // the next attempt counts neither in MaxAttempts nor in the budget; after is all of its wait
	after       time.Duration // how long the server asks to wait; 0 if it does not
	early       time.Duration // how long to wait if there may be room before after is over; 0 if there cannot be
}

// An origin is what an error tells of the call that it comes from.
type origin struct {
	method, path    string
	clientRequestID string
	attempts        int
	info            ResponseInfo        // of the attempt's reply
	base            *url.URL            // the client's
	redact          func(string) string // removes the client's credentials
}

// lost returns the outcome of an attempt that got no reply.
func lost(err error) outcome {
	return outcome{err: err, transient: retryableTransport(err), unprocessed: neverSent(err)}
}

// errorReply returns the outcome of an attempt that got an error reply.
// otherLimit is the request's field.
func (o origin) errorReply(resp *http.Response, body []byte, otherLimit func(message string) bool) outcome {
	e := o.apiError()
	now := time.Now()
	date, _ := http.ParseTime(resp.Header.Get("Date"))
	retryAfter := resp.Header.Get(wire.HeaderRetryAfter)
	e.RetryAfter = parseRetryAfter(retryAfter, date, now)
	decodeError(e, body, now, o.redact)
	if to, err := resp.Location(); e.Message == "" && err == nil {
		to.RawQuery, to.Fragment = "", "" // they may contain secrets
		e.Message = "redirect to " + o.redact(to.Redacted()) + " is not followed: redirects must keep the method, stay on the same origin, and be within MaxAttempts"
	}
	if e.Message == "" && e.Code == "" && e.StatusCode == http.StatusNotFound {
		e.Message = "the reply is not one of the API: is the base URL right? It is " + o.redact(o.base.Redacted())
	}
	err := typed(e)
	rejected := e.StatusCode == http.StatusTooManyRequests
	lasting := rejected && otherLimit != nil && otherLimit(e.Message)
	out := outcome{
		err:         err,
		errorReply:  err,
		transient:   retryableReply(e) && !lasting,
		unprocessed: rejected,
		limited:     rejected && !lasting,
		inProgress:  e.StatusCode == http.StatusConflict && e.Code == CodeRequestInProgress,
		after:       e.RetryAfter,
	}
	if early := earlyPause(); out.limited && namesMinute(retryAfter) && early < out.after {
		out.early = early
	}
	return out
}

// errorIn returns the outcome of an attempt whose reply has a successful status
// and an error in its body. It is the zero value if the body has none.
func (o origin) errorIn(body []byte) outcome {
	e := o.apiError()
	if !decodeError(e, body, time.Now(), o.redact) {
		return outcome{}
	}
	e.Body = excerpt(body, o.redact)
	err := typed(e)
	return outcome{err: err, errorReply: err}
}

// unusable returns the outcome of an attempt whose reply has a successful status
// but a body that cannot be used, because of err.
func (o origin) unusable(body []byte, err error) outcome {
	e := o.apiError()
	decodeError(e, body, time.Now(), o.redact)
	e.Body = excerpt(body, o.redact)
	if e.Message == "" {
		e.Message = "reply is not usable"
	}
	reply := typed(e)
	return outcome{err: newCallError(reply.Error()+": "+oneLine(o.redact(err.Error())), reply, err), errorReply: reply}
}

// cutOff returns the outcome of an attempt whose reply was cut off.
func (o origin) cutOff(body []byte, err error) outcome {
	out := o.unusable(body, err)
	out.transient = true
	return out
}

// streamFailed returns the outcome of an attempt whose stream failed before its
// first chunk.
func streamFailed(err *StreamError) outcome {
	return outcome{err: err, errorReply: err, transient: transientStream(err.Code)}
}

// transientStream reports whether a stream that failed with this code may succeed
// when it is asked for again.
func transientStream(code ErrorCode) bool {
	switch code {
	case CodeStreamError, CodeModelTimeout, CodeModelError, CodeAgentOffline, CodeInternalError, CodeStreamTruncated, CodeStreamIdle:
		return true
	}
	return false
}

// streamError returns a StreamError with the given code, message and cause.
func (o origin) streamError(code ErrorCode, message string, cause error) *StreamError {
	e := o.apiError()
	e.Code, e.Message = code, message
	if cause != nil {
		cause = redactedError(cause, o.redact)
	}
	return &StreamError{e, cause}
}

// apiError returns an APIError without a code and a message.
func (o origin) apiError() *APIError {
	return &APIError{
		StatusCode:      o.info.StatusCode,
		RequestID:       o.info.RequestID,
		ClientRequestID: o.clientRequestID,
		RateLimit:       o.info.RateLimit,
		Attempts:        o.attempts,
		Method:          o.method,
		Path:            o.path,
	}
}

// callError returns the error of a call whose last attempt had the outcome last.
// earlier is the latest error reply of any attempt; it is part of the error. v
// is the verdict that ended the call, and wait is how long the next wait would
// have been; the error says what follows from them.
func (o origin) callError(ctx context.Context, last outcome, earlier error, v verdict, wait time.Duration) error {
	causes := []error{last.err}
	var text string
	if last.errorReply != nil {
		text = last.err.Error()
	} else {
		text = fmt.Sprintf("clawhq: %s %s: %s (client_request_id %s", o.method, o.path, oneLine(o.redact(last.err.Error())), o.clientRequestID)
		if o.attempts > 0 {
			text += fmt.Sprintf(", attempt %d", o.attempts)
		}
		text += ")"
		if earlier != nil {
			text += "; before that: " + strings.TrimPrefix(earlier.Error(), "clawhq: ")
			causes = append(causes, earlier)
		}
	}
	switch v {
	case ended:
		causes = append(causes, ctx.Err(), context.Cause(ctx))
	case cutShort:
		causes = append(causes, ctx.Err(), context.Cause(ctx))
		text += "; " + ctx.Err().Error() + " while waiting to retry"
	case tooLate:
		causes = append(causes, context.DeadlineExceeded)
		text += fmt.Sprintf("; a retry in %v would come after the context's deadline", wait.Round(time.Millisecond))
	case overBudget:
		text += "; not repeated, since the client's retry budget is spent"
	default:
		if last.errorReply != nil {
			return last.err
		}
	}
	return newCallError(text, causes...)
}

// isReply reports whether err is an error reply.
func isReply(err error) bool {
	var api *APIError
	return errors.As(err, &api)
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
