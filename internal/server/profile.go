package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// Profile determines how a server behaves where the documentation and the live
// service differ. All differences are methods of Profile, in the files
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

// allows reports whether a plan includes the API.
func (p Profile) allows(plan string) bool {
	plan = strings.ToLower(plan)
	return plan == wire.PlanPro || p == Live && (plan == "ultra" || plan == "enterprise")
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
		return strconv.FormatInt(absurd, 10), "Rate limit exceeded. Try again later."
	}
	retryAfter = strconv.FormatInt(max(1, int64((wait+time.Second-1)/time.Second)), 10)
	return retryAfter, "Rate limit exceeded. Retry after " + retryAfter + " seconds."
}

func minuteEnd(now time.Time) time.Time { return now.Truncate(time.Minute).Add(time.Minute) }

// jsonSpace is what stands after the colons in the JSON of a stream's events.
func (p Profile) jsonSpace() string {
	if p == Live {
		return ""
	}
	return " "
}

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

// replaysUnread reports whether a stored reply is sent whatever the body of the
// request.
func (p Profile) replaysUnread() bool { return p == Live }

// replayed removes the headers that a replayed reply does not have: in profile Live
// the rate limit and the client's id.
func (p Profile) replayed(c *call) {
	if p == Live {
		c.limit, c.clientID = rateLimit{}, ""
	}
}

const htmlType = "text/html; charset=utf-8"

// noRoute answers a request for an unknown path.
func (p Profile) noRoute(r *http.Request) *refusal {
	if p != Live {
		return refuse(wire.CodeNotFound, "Not found", "")
	}
	if to := strings.TrimRight(r.URL.Path, "/"); to != r.URL.Path && to != "" {
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
func (p Profile) text(o object, name string, documented *refusal) (string, error) {
	text, _, ok := field[string](o, name)
	if ok || p == Live && !truthy(o[name]) {
		return text, nil
	}
	return "", p.wrongType(documented)
}

// sessionID returns a chat's session, which live may be empty and of any
// type.
func (p Profile) sessionID(o object) (string, error) {
	id, present, ok := field[string](o, "session_id")
	if p == Live {
		if id, present, ok = fmt.Sprint(o["session_id"]), truthy(o["session_id"]), true; !present {
			id = ""
		}
	}
	if present && !(ok && wire.ValidSessionID(id)) {
		return "", refuse(wire.CodeInvalidParameter, fmt.Sprintf("session_id must be alphanumeric, max %d chars", wire.MaxSessionIDChars), "session_id")
	}
	return id, nil
}

// stream reports whether a chat asks for a stream: live by anything truthy.
func (p Profile) stream(o object) (bool, error) {
	stream, _, ok := field[bool](o, "stream")
	switch {
	case p == Live:
		return truthy(o["stream"]), nil
	case !ok:
		return false, refuse(wire.CodeInvalidParameter, "stream must be a boolean", "stream")
	}
	return stream, nil
}

// trim returns a chat's message as the agent gets it.
func (p Profile) trim(message string) string {
	if p == Live {
		return strings.TrimSpace(message)
	}
	return message
}

// parse parses a JSON object. Live what is JSON but no object has no members.
func (p Profile) parse(body []byte) (o object, ok bool) {
	o, ok = parseObject(body)
	return o, ok || p == Live && json.Valid(body)
}

// streamsLate reports whether a stream's header waits for its first chunk, so
// that an agent that fails before it gets an error's status.
func (p Profile) streamsLate() bool { return p == Live }

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
