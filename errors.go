package clawhq

import (
	"encoding/json"
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
// Handling"). The server may send codes that are not listed here. A code is
// an error value, which every error with that code matches:
//
//	if errors.Is(err, clawhq.CodeRateLimited) { … }
type ErrorCode string

// Error returns the code.
func (c ErrorCode) Error() string { return string(c) }

// The codes of the /v1 API. Errors of the older shapes, with codes like
// RATE_LIMITED, carry today's code; what was sent is in APIError.Body.
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

// The codes of a StreamError, beside CodeModelTimeout and whatever code the
// service puts into a stream's error event.
const (
	CodeStreamError     ErrorCode = wire.CodeStreamError // the service reported that the agent failed
	CodeStreamTruncated ErrorCode = "stream_truncated"   // the stream ended without [DONE]
	CodeStreamCancelled ErrorCode = "stream_cancelled"   // the caller's context ended
	CodeStreamMalformed ErrorCode = "stream_malformed"   // an event, or the whole reply, is not as documented
	CodeStreamIdle      ErrorCode = "stream_idle"        // silent for longer than WithStreamIdleTimeout or WithStreamContentTimeout allows
	CodeStreamTooLarge  ErrorCode = "stream_too_large"   // an event of more than 16 MiB
)

// ErrorType is the class of an error on the wire. The types in Go are more
// reliable: the live service sends api_error where the product page has
// rate_limit_error.
type ErrorType string

// The types that the service sends.
const (
	TypeValidation     ErrorType = wire.TypeValidation
	TypeAuthentication ErrorType = wire.TypeAuthentication
	TypeAuthorization  ErrorType = wire.TypeAuthorization
	TypeAgent          ErrorType = wire.TypeAgent
	TypeAPI            ErrorType = wire.TypeAPI
	TypeRateLimit      ErrorType = wire.TypeRateLimit
	TypeModel          ErrorType = wire.TypeModel
)

// APIError is what the server, or something in front of it, answered instead
// of a usable reply. Every specific error type embeds one, and errors.As finds
// both. No field of it holds an API key or a session.
type APIError struct {
	StatusCode      int           // 0 for a request that was refused before it was sent
	Code            ErrorCode     // empty if the reply names none
	Type            ErrorType     // as sent; empty if the reply names none
	Message         string        // for people
	Param           string        // the parameter at fault, if the server names one
	RequestID       string        // the server's id of the request, to quote to support
	ClientRequestID string        // the id that the client sent along
	RetryAfter      time.Duration // what the server asked for, 0 if nothing; saturates instead of overflowing
	RateLimit       RateLimit     // zero where the reply does not tell, which errors seldom do
	Attempts        int           // how many requests the call had sent by then
	Method, Path    string        // of the request; the path is relative to the base URL

	// Body holds the first 4 KiB of a reply that is not the documented JSON,
	// keys redacted.
	Body []byte
}

// Error returns one line, like
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

// maxErrorLine bounds a foreign text within an error's line, in bytes.
const maxErrorLine = 512

// oneLine makes a foreign text fit to stand in a line: control characters
// become spaces, and what is too long is cut.
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

// AuthenticationError says that the key, or the session, is missing, malformed,
// unknown or revoked: codes invalid_api_key and revoked_api_key whatever the
// status, else status 401.
type AuthenticationError struct{ *APIError }

// PermissionError says that the account may not do this: code plan_required,
// else status 403.
type PermissionError struct{ *APIError }

// InvalidRequestError says that the request is at fault: codes invalid_request,
// missing_parameter, invalid_parameter, content_blocked, file_too_large,
// unsupported_file_type and batch_too_large, else any 4xx status without a
// type of its own. StatusCode is 0 if the client itself refused the request,
// before it was sent.
type InvalidRequestError struct{ *APIError }

// NotFoundError says that something does not exist, or not any more: codes
// agent_not_found, thread_not_found and not_found, else status 404.
type NotFoundError struct{ *APIError }

// ConflictError says that a call with the same idempotency key is still being
// answered: code request_in_progress, else status 409.
type ConflictError struct{ *APIError }

// RateLimitError says that the key has used up its calls: code rate_limited,
// else status 429. RetryAfter says when there will be room.
type RateLimitError struct{ *APIError }

// AgentError says that the agent or its model failed: codes model_error,
// model_timeout and agent_offline.
type AgentError struct{ *APIError }

// ServerError says that the service failed, or that its reply makes no sense:
// code internal_error, else any 5xx status, and any status whose reply is not
// usable.
type ServerError struct{ *APIError }

// StreamError says that a stream failed after its headers: its text so far is
// not the whole answer. StatusCode is that of the reply, 200.
type StreamError struct {
	*APIError

	// Err is the cause, nil if the service itself reported the failure: it
	// matches io.ErrUnexpectedEOF where the stream ended without [DONE], the
	// context's error where the caller's context ended, os.ErrDeadlineExceeded
	// where the stream was idle, and is the decoder's error for a malformed
	// event.
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

// unwrap is e as an error, nil if e is nil.
func (e *APIError) unwrap() error {
	if e == nil {
		return nil
	}
	return e
}

// typed returns the specific type of e. The code decides; the status only
// where the code is missing or unknown.
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

// maxErrorExcerpt is how much of an undocumented reply an APIError keeps.
const maxErrorExcerpt = 4 << 10

// decodeError fills in e from the body of an error reply, whatever its shape:
// the documented envelope, the older flat ones, or something else altogether.
// It reports whether the body names an error.
func decodeError(e *APIError, body []byte, now time.Time, redact func(string) string) (named bool) {
	var (
		top, inner map[string]json.RawMessage
		flat       string
	)
	documented := json.Unmarshal(body, &top) == nil
	fields := top
	switch raw := top["error"]; {
	case json.Unmarshal(raw, &inner) == nil && inner != nil:
		fields = inner
		for _, name := range []string{"code", "message"} {
			documented = documented && json.Unmarshal(inner[name], new(string)) == nil
		}
	case json.Unmarshal(raw, &flat) == nil:
		documented = false
		e.Message = flat
	default:
		documented = false
	}

	e.Code = ErrorCode(redact(text(fields["code"])))
	if code, ok := wire.LegacyCodes[string(e.Code)]; ok {
		e.Code = ErrorCode(code)
	}
	e.Type = ErrorType(redact(text(fields["type"])))
	e.Param = redact(text(fields["param"]))
	if e.Message == "" {
		e.Message = text(fields["message"])
	}
	e.Message = redact(e.Message)
	if e.RequestID == "" {
		e.RequestID = redact(text(fields["request_id"]))
	}
	if e.RetryAfter == 0 {
		e.RetryAfter, _ = parseRetryAfter(text(top["retry_after"]), now)
	}
	if !documented {
		e.Body = excerpt(body, redact)
	}
	return inner != nil || flat != ""
}

// text reads a JSON string, and anything else as its JSON text, so that a
// wrongly typed field is not lost. A missing or null field is empty.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// excerpt returns the first 4 KiB of a body, redacted, or nil.
func excerpt(body []byte, redact func(string) string) []byte {
	if len(body) == 0 {
		return nil
	}
	s := redact(string(body))
	return []byte(s[:min(len(s), maxErrorExcerpt)])
}

// invalid is the error of a request that is refused before it is sent.
func invalid(code ErrorCode, param, format string, args ...any) *InvalidRequestError {
	return &InvalidRequestError{&APIError{Code: code, Type: TypeValidation, Param: param, Message: fmt.Sprintf(format, args...)}}
}

// ErrThrottled says that the client's own rate shaping could not admit a call
// before its context ended, or saw at once that it could not. The error also
// matches the context's: context.DeadlineExceeded or context.Canceled.
var ErrThrottled = errors.New("clawhq: not admitted by the rate limit")
