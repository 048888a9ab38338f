package clawhq

import (
	"encoding/json"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// maxErrorExcerpt is how much of an undocumented reply an APIError keeps.
const maxErrorExcerpt = 4 << 10

// decodeError fills in e from the body of an error reply, which may have the
// documented shape, an older flat one, or any other. It reports whether the
// body names an error.
func decodeError(e *APIError, body []byte, now time.Time, redact func(string) string) (named bool) {
	var (
		top, inner map[string]json.RawMessage
		flat       string
	)
	documented := json.Unmarshal(wire.JSON(body), &top) == nil
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
		e.RetryAfter = parseRetryAfter(text(top["retry_after"]), time.Time{}, now)
	}
	if !documented {
		e.Body = excerpt(body, redact)
	}
	return inner != nil || flat != ""
}

// text returns the value of a JSON string. Of any other value it returns the
// JSON itself, so that a field of the wrong type is not lost. A missing or null
// field is empty.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// excerpt returns the first 4 KiB of a body, redacted; nil if it is empty.
func excerpt(body []byte, redact func(string) string) []byte {
	if len(body) == 0 {
		return nil
	}
	s := redact(string(body))
	return []byte(s[:min(len(s), maxErrorExcerpt)])
}
