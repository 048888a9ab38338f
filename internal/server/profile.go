package server

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/internal/js"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// Profile determines how a server behaves where the documentation and the live
// service differ. All differences are fields of quirks or methods of Profile.
type Profile int

const (
	// Documented follows the documentation. For example, a revoked key is 401,
	// rate_limited is a rate_limit_error, Retry-After and X-RateLimit-Reset count
	// seconds, and an unknown tier is refused.
	Documented Profile = iota

	// Live reproduces the live service with its quirks. Package clawhqtest lists
	// them.
	Live
)

// String returns the profile's name: documented or live.
func (p Profile) String() string {
	switch p {
	case Documented:
		return "documented"
	case Live:
		return "live"
	}
	return fmt.Sprintf("Profile(%d)", int(p))
}

// code returns the status and type of an error code.
func (p Profile) code(code string) (c wire.Code, ok bool) {
	if c, ok = p.quirks().codes[code]; ok {
		return c, true
	}
	c, ok = wire.Codes[code]
	return c, ok
}

// message returns the message of an error code, for errors that have none of their
// own.
func (p Profile) message(code string) string {
	if m, ok := p.quirks().messages[code]; ok {
		return m
	}
	return message(code)
}

// rateLimitReset returns the value of X-RateLimit-Reset: when the oldest call leaves
// the window or, in profile Live, when the current minute of the clock ends.
func (p Profile) rateLimitReset(now, oldest time.Time) string {
	if p == Live {
		return strconv.FormatInt(minuteEnd(now).UnixMilli(), 10)
	}
	return strconv.FormatInt(oldest.Add(wire.RateWindow+time.Second-1).Unix(), 10)
}

// rateLimited returns the Retry-After and the message of a 429. wait is the time
// until the window has room again.
func (p Profile) rateLimited(now time.Time, wait time.Duration) (retryAfter, message string) {
	if p == Live {
		// The live service subtracts seconds from milliseconds.
		absurd := minuteEnd(now).UnixMilli() - now.Unix()
		return strconv.FormatInt(absurd, 10), p.rateLimitedBy("")
	}
	retryAfter = strconv.FormatInt(max(1, int64((wait+time.Second-1)/time.Second)), 10)
	return retryAfter, p.rateLimitedBy(retryAfter)
}

// rateLimitedBy returns the message of a 429 with a Retry-After.
func (p Profile) rateLimitedBy(retryAfter string) string {
	switch _, err := strconv.ParseUint(retryAfter, 10, 64); {
	case p == Live:
		return "Rate limit exceeded. Try again later."
	case err != nil:
		return message(wire.CodeRateLimited)
	}
	return "Rate limit exceeded. Retry after " + retryAfter + " seconds."
}

func minuteEnd(now time.Time) time.Time { return now.Truncate(time.Minute).Add(time.Minute) }

var repeatedSlashes = regexp.MustCompile("/{2,}")

const htmlType = "text/html; charset=utf-8"

// noRoute returns the refusal of a request for an unknown path.
func (p Profile) noRoute(r *http.Request) *refusal {
	if p != Live {
		return refuse(wire.CodeNotFound, "Not found", "")
	}
	to := repeatedSlashes.ReplaceAllString(r.URL.EscapedPath(), "/")
	if to == r.URL.EscapedPath() && to != "/" {
		to = strings.TrimSuffix(to, "/")
	}
	if to != r.URL.EscapedPath() {
		if r.URL.RawQuery != "" {
			to += "?" + r.URL.RawQuery
		}
		return &refusal{status: http.StatusPermanentRedirect, page: &page{body: to},
			header: http.Header{"Location": {to}, "Refresh": {"0;url=" + to}}}
	}
	return &refusal{status: http.StatusNotFound, page: &page{htmlType,
		"<!DOCTYPE html><html><head><title>404: This page could not be found.</title></head><body><h1>404</h1><h2>This page could not be found.</h2></body></html>"}}
}

// noMethod returns the refusal of a request with a method that its path does not
// have. methods are those that it has.
func (p Profile) noMethod(r *http.Request, methods []string) *refusal {
	switch {
	case p != Live:
		return &refusal{status: http.StatusMethodNotAllowed, code: wire.CodeInvalidRequest, message: "Method not allowed",
			header: http.Header{"Allow": {strings.Join(methods, ", ")}}}
	case r.Method != http.MethodOptions:
		return emptyBody(http.StatusMethodNotAllowed)
	}
	if slices.Contains(methods, http.MethodGet) {
		methods = append(methods, http.MethodHead)
	}
	methods = append(methods, http.MethodOptions)
	slices.Sort(methods)
	refused := emptyBody(http.StatusNoContent)
	refused.header = http.Header{"Allow": {strings.Join(methods, ", ")}}
	return refused
}

// wrongType returns the error for a member of the wrong JSON type: documented or, in
// profile Live, the reply of a handler that has thrown an exception.
func (p Profile) wrongType(documented *refusal) error {
	if p == Live {
		return emptyBody(http.StatusInternalServerError)
	}
	return documented
}

// text returns a member that must be a string; it is empty if absent. In profile Live
// every falsy value counts as absent.
func (p Profile) text(o js.Object, name string, documented *refusal) (string, error) {
	text, _, ok := field[string](o, name)
	switch {
	case p != Live && ok:
		return js.WellFormed(text), nil
	case ok || p == Live && !js.Truthy(member(o, name)):
		return text, nil
	}
	return "", p.wrongType(documented)
}

// givenText is text, except that in profile Live fewer values count as absent: only a
// missing member and, if orNull is set, null.
func (p Profile) givenText(o js.Object, name string, orNull bool, documented *refusal) (string, error) {
	if v, given := o.Get(name); p == Live && given && !(orNull && v == nil) {
		if _, ok := v.(string); !ok {
			return "", p.wrongType(documented)
		}
	}
	return p.text(o, name, documented)
}

// sessionID returns the session id of a chat. In profile Live it may be empty, and
// any type is converted to a string.
func (p Profile) sessionID(o js.Object) (string, error) {
	id, present, ok := field[string](o, "session_id")
	if v := member(o, "session_id"); p == Live {
		if id, present, ok = js.String(v), js.Truthy(v), true; !present {
			id = ""
		}
	}
	if present && !(ok && wire.ValidSessionID(id)) {
		return "", refuse(wire.CodeInvalidParameter, fmt.Sprintf("session_id must be alphanumeric, max %d chars", wire.MaxSessionIDChars), "session_id")
	}
	return id, nil
}

// stream reports whether a chat asks for a stream. In profile Live any truthy value
// does.
func (p Profile) stream(o js.Object) (bool, error) {
	stream, _, ok := field[bool](o, "stream")
	switch {
	case p == Live:
		return js.Truthy(member(o, "stream")), nil
	case !ok:
		return false, refuse(wire.CodeInvalidParameter, "stream must be a boolean", "stream")
	}
	return stream, nil
}

// wrongTypeCaught is wrongType for a handler that catches the exception.
func (p Profile) wrongTypeCaught(documented *refusal) error {
	if p == Live {
		return refuse(wire.CodeInternalError, "", "")
	}
	return documented
}

// time returns a time from the database in the form of a reply.
func (p Profile) time(t time.Time) wire.Time {
	if p == Live {
		return wire.DatabaseTime(t)
	}
	return wire.HandlerTime(t)
}
