package clawhq

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// ErrorCode is the machine-readable code of an error (product page, "Error
// Handling"). The server may send codes that are not listed here. An ErrorCode
// is itself an error, for use with errors.Is: it matches every error that has
// this code.
//
//	if errors.Is(err, clawhq.CodeRateLimited) { … }
type ErrorCode string

// Error returns the code.
func (c ErrorCode) Error() string { return string(c) }

// The error codes of the /v1 API. Older error replies have codes like
// RATE_LIMITED; the client translates them to these and keeps the reply in
// APIError.Body.
const (
	CodeInvalidRequest      ErrorCode = wire.CodeInvalidRequest
	CodeMissingParameter    ErrorCode = wire.CodeMissingParameter
	CodeInvalidParameter    ErrorCode = wire.CodeInvalidParameter
	CodeContentBlocked      ErrorCode = wire.CodeContentBlocked
	CodeFileTooLarge        ErrorCode = wire.CodeFileTooLarge
	CodeUnsupportedFileType ErrorCode = wire.CodeUnsupportedFileType
	CodeBatchTooLarge       ErrorCode = wire.CodeBatchTooLarge
	CodeInvalidAPIKey       ErrorCode = wire.CodeInvalidAPIKey
	CodeRevokedAPIKey       ErrorCode = wire.CodeRevokedAPIKey
	CodePlanRequired        ErrorCode = wire.CodePlanRequired
	CodeAgentNotFound       ErrorCode = wire.CodeAgentNotFound
	CodeThreadNotFound      ErrorCode = wire.CodeThreadNotFound
	CodeNotFound            ErrorCode = wire.CodeNotFound
	CodeRequestInProgress   ErrorCode = wire.CodeRequestInProgress
	CodeRateLimited         ErrorCode = wire.CodeRateLimited
	CodeInternalError       ErrorCode = wire.CodeInternalError
	CodeModelError          ErrorCode = wire.CodeModelError
	CodeAgentOffline        ErrorCode = wire.CodeAgentOffline
	CodeModelTimeout        ErrorCode = wire.CodeModelTimeout
)

// The codes of a StreamError. It may also have CodeModelTimeout, or any other
// code that the service sends in an error event.
const (
	CodeStreamError     ErrorCode = wire.CodeStreamError // the service reported that the agent failed
	CodeStreamTruncated ErrorCode = "stream_truncated"   // the stream ended without [DONE]
	CodeStreamCancelled ErrorCode = "stream_cancelled"   // the caller's context ended
	CodeStreamMalformed ErrorCode = "stream_malformed"   // an event is not as documented, or the reply is not an event stream
	CodeStreamIdle      ErrorCode = "stream_idle"        // the stream was silent for longer than WithStreamIdleTimeout or WithStreamContentTimeout allows
	CodeStreamTooLarge  ErrorCode = "stream_too_large"   // an event is larger than 16 MiB
)

// ErrorType is the class of an error as the server names it. Prefer the Go
// types, such as RateLimitError, which are more reliable: the live service
// sends api_error where the product page documents rate_limit_error.
type ErrorType string

// APIError is an error reply of the server, or of a proxy in front of it; or a
// request that the client refused to send, with StatusCode 0. Every specific error
// type embeds an *APIError, and errors.As finds both; a fake of a Client that
// returns a specific type must set the embedded *APIError, which is nil in
// &RateLimitError{}. No field holds an API key or a session.
type APIError struct {
	StatusCode      int           // HTTP status; 0 if the client refused to send the request
	Code            ErrorCode     // empty if the reply has none
	Type            ErrorType     // as the server sent it; empty if the reply has none
	Message         string        // description for people
	Param           string        // the parameter at fault, if the reply names one
	RequestID       string        // the server's id of the request; quote it to support
	ClientRequestID string        // the client's id of the call
	RetryAfter      time.Duration // how long the server asked to wait, at most 24 hours; 0 if it did not, or asked for longer
	RateLimit       RateLimit     // zero if the reply reports no limit, as most error replies do not
	Attempts        int           // how many requests the call had sent
	Method, Path    string        // of the request; the path is relative to the base URL

	// Body has the first 4 KiB of a reply that is not the documented JSON. API
	// keys in it are redacted. It is nil for a documented reply.
	Body []byte
}

// Error returns a single line, for example
//
//	clawhq: POST /v1/chat: 429 rate_limited: Rate limit exceeded. (request_id req_abc123, attempt 3)
func (e *APIError) Error() string {
	if e == nil {
		return "clawhq: unknown error"
	}
	var b strings.Builder
	b.WriteString("clawhq: ")
	if e.Method != "" || e.Path != "" {
		b.WriteString(strings.TrimSpace(e.Method+" "+e.Path) + ": ")
	}
	what := string(e.Code)
	if e.StatusCode != 0 {
		what = strconv.Itoa(e.StatusCode)
		if e.Code != "" {
			what += " " + string(e.Code)
		} else if text := http.StatusText(e.StatusCode); text != "" {
			what += " " + text
		}
	}
	switch {
	case what == "" && e.Message == "":
		b.WriteString("unknown error")
	case what == "":
		b.WriteString(oneLine(e.Message))
	case e.Message == "":
		b.WriteString(oneLine(what))
	default:
		b.WriteString(oneLine(what) + ": " + oneLine(e.Message))
	}
	var ids []string
	if e.Param != "" {
		ids = append(ids, "param "+oneLine(e.Param))
	}
	if e.RequestID != "" {
		ids = append(ids, "request_id "+oneLine(e.RequestID))
	} else if e.ClientRequestID != "" {
		ids = append(ids, "client_request_id "+oneLine(e.ClientRequestID))
	}
	if e.Attempts > 0 {
		ids = append(ids, "attempt "+strconv.Itoa(e.Attempts))
	}
	if ids != nil {
		b.WriteString(" (" + strings.Join(ids, ", ") + ")")
	}
	return b.String()
}

// Is reports whether target is the error's code.
func (e *APIError) Is(target error) bool {
	code, ok := target.(ErrorCode)
	return ok && e != nil && code != "" && code == e.Code
}

// maxErrorLine bounds, in bytes, a text from outside this package within an
// error's line.
const maxErrorLine = 512

// oneLine makes a text fit for a line of an error: control characters become
// spaces, and a text longer than maxErrorLine is cut.
func oneLine(s string) string {
	if len(s) > maxErrorLine {
		n := maxErrorLine
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n] + "…"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
}

// AuthenticationError reports that the API key or the session is missing,
// malformed, unknown or revoked. It stands for the codes invalid_api_key and
// revoked_api_key and, for replies without a known code, for status 401.
// StatusCode is 0 if the client has no valid key or session for the attempt, and
// did not send it.
type AuthenticationError struct{ *APIError }

// PermissionError reports that the account's plan does not allow the call. It
// stands for the code plan_required and, for replies without a known code, for
// status 403.
type PermissionError struct{ *APIError }

// InvalidRequestError reports that the request is at fault. It stands for the
// codes invalid_request, missing_parameter, invalid_parameter, content_blocked,
// file_too_large, unsupported_file_type and batch_too_large and, for replies
// without a known code, for every 4xx status that has no other type. StatusCode
// is 0 if the client refused the request; see Upload for the only one that may
// have been sent in part.
type InvalidRequestError struct{ *APIError }

// NotFoundError reports that an agent, thread or other thing does not exist. It
// stands for the codes agent_not_found, thread_not_found and not_found and, for
// replies without a known code, for status 404.
type NotFoundError struct{ *APIError }

// ConflictError reports that a call with the same idempotency key is still
// being answered. It stands for the code request_in_progress and, for replies
// without a known code, for status 409.
type ConflictError struct{ *APIError }

// RateLimitError reports that a rate limit is exhausted. It stands for the code
// rate_limited and, for replies without a known code, for status 429. As the
// server says, another call will be admitted after RetryAfter at the latest.
type RateLimitError struct{ *APIError }

// AgentError reports that the agent or its model failed. It stands for the
// codes model_error, model_timeout and agent_offline.
type AgentError struct{ *APIError }

// ServerError reports that the service failed. It stands for the code
// internal_error and, for replies without a known code, for every 5xx status;
// also for a reply of status 200 whose body the client cannot use.
type ServerError struct{ *APIError }

// StreamError reports that a stream failed after the headers of the reply had
// arrived. The text received so far is not the whole answer. StatusCode is that
// of the reply, 200.
type StreamError struct {
	*APIError

	// Err is the cause. It is nil if the service itself reported the failure.
	// It matches io.ErrUnexpectedEOF if the stream ended without [DONE], the
	// context's error if the caller's context ended, and
	// os.ErrDeadlineExceeded if the stream was idle. For a malformed event it
	// is the decoder's error.
	Err error
}

// Unwrap returns the APIError.
func (e *AuthenticationError) Unwrap() error { return e.unwrap() }

// Unwrap returns the APIError.
func (e *PermissionError) Unwrap() error { return e.unwrap() }

// Unwrap returns the APIError.
func (e *InvalidRequestError) Unwrap() error { return e.unwrap() }

// Unwrap returns the APIError.
func (e *NotFoundError) Unwrap() error { return e.unwrap() }

// Unwrap returns the APIError.
func (e *ConflictError) Unwrap() error { return e.unwrap() }

// Unwrap returns the APIError.
func (e *RateLimitError) Unwrap() error { return e.unwrap() }

// Unwrap returns the APIError.
func (e *AgentError) Unwrap() error { return e.unwrap() }

// Unwrap returns the APIError.
func (e *ServerError) Unwrap() error { return e.unwrap() }

// Unwrap returns the APIError and the cause.
func (e *StreamError) Unwrap() []error {
	var errs []error
	for _, err := range []error{e.unwrap(), e.Err} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// Error returns the APIError's line and the cause.
func (e *StreamError) Error() string {
	s := e.APIError.Error()
	if e.Err != nil {
		s += ": " + oneLine(wire.Redact(e.Err.Error()))
	}
	return s
}

// unwrap returns e as an error, which is nil if e is nil.
func (e *APIError) unwrap() error {
	if e == nil {
		return nil
	}
	return e
}

// typed returns e inside its specific type. The code decides; the status counts
// only if the code is missing or unknown.
func typed(e *APIError) error {
	switch e.Code {
	case CodeInvalidAPIKey, CodeRevokedAPIKey:
		return &AuthenticationError{e}
	case CodePlanRequired:
		return &PermissionError{e}
	case CodeInvalidRequest, CodeMissingParameter, CodeInvalidParameter, CodeContentBlocked,
		CodeFileTooLarge, CodeUnsupportedFileType, CodeBatchTooLarge:
		return &InvalidRequestError{e}
	case CodeAgentNotFound, CodeThreadNotFound, CodeNotFound:
		return &NotFoundError{e}
	case CodeRequestInProgress:
		return &ConflictError{e}
	case CodeRateLimited:
		return &RateLimitError{e}
	case CodeModelError, CodeModelTimeout, CodeAgentOffline:
		return &AgentError{e}
	case CodeInternalError:
		return &ServerError{e}
	}
	switch status := e.StatusCode; {
	case status == http.StatusUnauthorized:
		return &AuthenticationError{e}
	case status == http.StatusForbidden:
		return &PermissionError{e}
	case status == http.StatusNotFound:
		return &NotFoundError{e}
	case status == http.StatusConflict:
		return &ConflictError{e}
	case status == http.StatusTooManyRequests:
		return &RateLimitError{e}
	case 400 <= status && status < 500:
		return &InvalidRequestError{e}
	default:
		return &ServerError{e}
	}
}

// invalid returns the error of a request that is refused before it is sent.
func invalid(code ErrorCode, param, format string, args ...any) *InvalidRequestError {
	return &InvalidRequestError{&APIError{Code: code, Type: wire.TypeValidation, Param: param, Message: fmt.Sprintf(format, args...)}}
}

// ErrThrottled reports that the client's own rate shaping did not send an attempt:
// the context ended while it waited, or the client could prove at once that there
// would be no room before the context's deadline. Earlier attempts of the call may
// have been sent; ResponseInfo.Attempts counts them. An error that matches
// ErrThrottled also matches the context's error, context.DeadlineExceeded or
// context.Canceled.
var ErrThrottled = errors.New("clawhq: not admitted by the rate limit")
