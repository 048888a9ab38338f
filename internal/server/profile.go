package server

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/clawhq/clawhq-go/internal/js"
	"github.com/clawhq/clawhq-go/internal/postgres"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// Profile determines how a server behaves where the documentation and the live
// service differ. All differences are its quirks or its methods, in the files
// profile*.go.
type Profile int

const (
	// Documented follows the product page: a revoked key is 401, rate_limited
	// is a rate_limit_error, Retry-After and X-RateLimit-Reset count seconds,
	// and a tier that does not exist is refused.
	Documented Profile = iota

	// Live reproduces the live service with its quirks; package clawhqtest
	// names them.
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

// code returns how an error code is answered.
func (p Profile) code(code string) (c wire.Code, ok bool) {
	if p == Live {
		if c, ok = wire.LiveCodes[code]; ok {
			return c, true
		}
	}
	c, ok = wire.Codes[code]
	return c, ok
}

// message returns the text of an error code that is answered without one of
// its own.
func (p Profile) message(code string) string {
	if p == Live {
		switch code {
		case wire.CodePlanRequired:
			return "API access requires a Pro plan or higher"
		case wire.CodeModelTimeout:
			return "Agent took too long to respond"
		case wire.CodeAgentOffline:
			return "VPS is not running"
		}
	}
	return message(code)
}

// bearerScheme reports whether the scheme of a request's credential is
// written as it has to be.
func (p Profile) bearerScheme(r *http.Request) bool {
	return p != Live || strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ")
}

// keyFormat reports whether a key has a format that is looked up.
func (p Profile) keyFormat(key string) bool {
	if p == Live {
		return len(key) == wire.KeyLen && strings.HasPrefix(key, wire.KeyStart)
	}
	return wire.ValidKey(key)
}

// window returns the window in which calls of an endpoint count. According to the
// documentation it is that of the key for all endpoints.
func (p Profile) window(e wire.Endpoint) wire.Window {
	if p == Live || e.Auth == wire.SessionAuth {
		return e.Window
	}
	return wire.KeyWindow
}

// rateLimitReset returns the value of X-RateLimit-Reset: when the oldest call
// leaves the window or, live, when the clock's minute ends.
func (p Profile) rateLimitReset(now, oldest time.Time) string {
	if p == Live {
		return strconv.FormatInt(minuteEnd(now).UnixMilli(), 10)
	}
	return strconv.FormatInt(oldest.Add(wire.RateWindow+time.Second-1).Unix(), 10)
}

// rateLimited returns the Retry-After and the message of a 429. wait is the time
// until there is room again.
func (p Profile) rateLimited(now time.Time, wait time.Duration) (retryAfter, message string) {
	if p == Live {
		// The service subtracts seconds from milliseconds.
		absurd := minuteEnd(now).UnixMilli() - now.Unix()
		return strconv.FormatInt(absurd, 10), p.rateLimitedBy("")
	}
	retryAfter = strconv.FormatInt(max(1, int64((wait+time.Second-1)/time.Second)), 10)
	return retryAfter, p.rateLimitedBy(retryAfter)
}

// rateLimitedBy returns the message of a 429 with that Retry-After.
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

// idempotencyKey returns the idempotency key of a request. The live service ignores
// a key that is too long.
func (p Profile) idempotencyKey(header string) (string, error) {
	switch {
	case utf8.RuneCountInString(header) <= wire.MaxIdempotencyKeyChars:
		return header, nil
	case p == Live:
		return "", nil
	}
	return "", refuse(wire.CodeInvalidParameter,
		fmt.Sprintf("X-Idempotency-Key must be at most %d characters", wire.MaxIdempotencyKeyChars), "X-Idempotency-Key")
}

// replayed removes the headers that a replayed reply does not have: in profile Live
// the rate limit and the client's id.
func (p Profile) replayed(c *call) {
	if p == Live {
		c.limit, c.clientID = rateLimit{}, ""
	}
}

var repeatedSlashes = regexp.MustCompile("/{2,}")

const htmlType = "text/html; charset=utf-8"

// noRoute answers a request for an unknown path.
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

// noMethod answers a request with a method that the path does not have.
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

// wrongType answers a member of another JSON type than it has to be: live the
// handler's exception.
func (p Profile) wrongType(documented *refusal) error {
	if p == Live {
		return emptyBody(http.StatusInternalServerError)
	}
	return documented
}

// text returns a member that has to be text; absent, it is empty. Live all
// that is falsy counts as absent.
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

// givenText is text, except that live only what is absent or, unless it must not
// be, null counts as absent.
func (p Profile) givenText(o js.Object, name string, orNull bool, documented *refusal) (string, error) {
	if v, given := o.Get(name); p == Live && given && !(orNull && v == nil) {
		if _, ok := v.(string); !ok {
			return "", p.wrongType(documented)
		}
	}
	return p.text(o, name, documented)
}

// sessionID returns a chat's session, which live may be empty and of any
// type.
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

// stream reports whether a chat asks for a stream: live by anything truthy.
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

// chatReply returns the reply of a chat. Live an empty answer has a text in its
// place.
func (p Profile) chatReply(answer, agent, requestID string) js.Object {
	answer = p.cleaned(answer)
	if p == Live && answer == "" {
		answer = noAnswer
	}
	return js.Object{{Name: "response", Value: answer}, {Name: "agent", Value: agent}, {Name: "request_id", Value: requestID}}
}

// bodyForRepeats returns the body with which a repeated chat is answered. The live
// service takes it from its database.
func (p Profile) bodyForRepeats(reply js.Object) []byte {
	if p == Live {
		return js.Stringify(postgres.JSONB(reply))
	}
	return js.Stringify(reply)
}

// trim returns a chat's message as the agent gets it.
func (p Profile) trim(message string) string {
	if p == Live {
		return js.Trim(message)
	}
	return message
}

// parse parses the JSON object that an endpoint of /v1 takes. Live what is no
// object has no members, unless it is falsy, which is refused.
func (p Profile) parse(body []byte) (o js.Object, ok bool) {
	v, _ := js.Parse(body)
	o, ok = v.(js.Object)
	return o, ok || p == Live && js.Truthy(v)
}

// parseManaged parses the object that an endpoint of the dashboard takes. Live what
// is no object has no members; null is said to be so.
func (p Profile) parseManaged(body []byte) (o js.Object, null, ok bool) {
	v, valid := js.Parse(body)
	o, ok = v.(js.Object)
	return o, p == Live && valid && v == nil, ok || p == Live && v != nil
}

// wrongTypeCaught is wrongType where the service's handler catches it.
func (p Profile) wrongTypeCaught(documented *refusal) error {
	if p == Live {
		return refuse(wire.CodeInternalError, "", "")
	}
	return documented
}

// pastEnd answers a page that begins after the last row, which is empty by
// any sane reading; what are the rows.
func (p Profile) pastEnd(what string) error {
	if p == Live {
		return refuse(wire.CodeInternalError, "Failed to fetch "+what, "")
	}
	return nil
}

// time writes a time that comes from the database.
func (p Profile) time(t time.Time) wire.Time {
	if p == Live {
		return wire.DatabaseTime(t)
	}
	return wire.HandlerTime(t)
}
