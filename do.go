package clawhq

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// Do makes a call to any endpoint below the base URL, for what this package
// has no method for. It has all that other calls have: ids, typed errors,
// retries, rate shaping.
//
// The path begins with a slash and may have a query; both are escaped where
// they are not. It stays below the base URL: a path with an empty, "." or ".."
// segment, escaped or not, is refused, as is a fragment.
//
// in is sent as JSON, json.RawMessage as it is; nil means no body. The reply
// is decoded into out, a pointer, as by json.Unmarshal; nil drops it.
//
// A path outside /v1 is the dashboard's, and authenticated by the session of
// WithSession if there is one; all else is by the API key. A call by the key
// waits for the rate limit in the window of its endpoint; those that are not
// known are taken to share one. With POST, PATCH and other methods that
// are not idempotent (RFC 9110 §9.2.2), a failed attempt is repeated only if
// the failure proves that nothing happened.
func (c *Client) Do(ctx context.Context, method, path string, in, out any, opts ...CallOption) error {
	r, refused := c.core.anywhere(method, path)
	if v := reflect.ValueOf(out); out != nil && (v.Kind() != reflect.Pointer || v.IsNil()) {
		refused = cmp.Or(refused, invalid(CodeInvalidRequest, "", "out is %T, and must be a pointer that is not nil", out))
	}
	if in != nil {
		body, err := json.Marshal(in)
		if err != nil {
			refused = cmp.Or(refused, invalid(CodeInvalidRequest, "", "in cannot be encoded: %v", err))
		}
		r.json = body
	}
	if out != nil && method != http.MethodHead {
		r.decode = func(b []byte) error { return json.Unmarshal(b, out) }
	}
	_, err := c.core.do(ctx, r.unless(refused), opts)
	return err
}

// anywhere returns the request with a method for a path below the base URL,
// which may have a query, or why there is none.
func (c *core) anywhere(method, path string) (request, *InvalidRequestError) {
	if method == "" || strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" || method == http.MethodConnect {
		return request{method: method, path: path}, invalid(CodeInvalidRequest, "", "%q is not a method, like GET or POST", method)
	}
	before, after, _ := strings.Cut(path, "?")
	escaped, refused := escapePath(before)
	query, err := url.ParseQuery(after)
	if err != nil {
		refused = cmp.Or(refused, invalid(CodeInvalidRequest, "", "query is malformed: %v", err))
	}
	if strings.Contains(path, "#") {
		refused = cmp.Or(refused, invalid(CodeInvalidRequest, "", "path has a fragment"))
	}
	if refused != nil {
		return request{method: method, path: before}, refused
	}

	e := endpointOf(method, escaped)
	r := to(e)
	r.method, r.path, r.query = method, escaped, query
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodOptions:
		r.repeat = freely
	default:
		r.repeat = ifUnsent
	}
	if e.Auth == wire.SessionAuth && c.secrets.get().session == nil {
		r.auth = wire.KeyAuth
	}
	return r, nil
}

// escapePath returns a path with all escaped that has to be, or why it is not
// one that stays below the base URL.
func escapePath(path string) (string, *InvalidRequestError) {
	if !strings.HasPrefix(path, "/") {
		return "", invalid(CodeInvalidRequest, "", "path does not begin with a slash")
	}
	segments := strings.Split(path[1:], "/")
	for i, segment := range segments {
		text, err := url.PathUnescape(segment)
		if err != nil {
			return "", invalid(CodeInvalidRequest, "", "path is malformed: %v", err)
		}
		if text == "" && i < len(segments)-1 { // JoinPath would drop it
			return "", invalid(CodeInvalidRequest, "", "path has an empty segment")
		}
		for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '/' || r == '\\' }) {
			if part == "." || part == ".." {
				return "", invalid(CodeInvalidRequest, "", "path has a segment %q", part)
			}
		}
		segments[i] = url.PathEscape(text)
	}
	return "/" + strings.Join(segments, "/"), nil
}

// endpointOf returns the endpoint that a request goes to: one of those known,
// or one of which nobody knows where it counts.
func endpointOf(method, path string) wire.Endpoint {
	if method == http.MethodHead { // answered by what answers GET
		method = http.MethodGet
	}
	for _, e := range wire.Endpoints {
		if _, ok := e.Match(path); ok && e.Method == method {
			return e
		}
	}
	e := wire.Endpoint{Window: wire.OtherWindow}
	if path != "/v1" && !strings.HasPrefix(path, "/v1/") {
		e.Auth = wire.SessionAuth
	}
	return e
}
