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

// Do calls an endpoint that this package has no method for. Like all other
// calls, it has ids, typed errors, retries and rate shaping.
//
// path is appended to the base URL. It begins with a slash and may have a query.
// Characters that must be escaped are escaped unless they already are. A path
// with a fragment, or with an empty, "." or ".." segment, even an escaped one,
// is refused with an InvalidRequestError before anything is sent.
//
// If in is not nil, it is encoded as JSON and sent as the body. If out is not
// nil, it must be a pointer, and the reply is decoded into it as by
// json.Unmarshal, unless its status is 204. If out is nil, the body of the
// reply is dropped. A reply with the body of an error is that error, also if
// its status is 200.
//
// A path outside /v1 belongs to the dashboard: if the client has a session (see
// WithSession), the session authenticates the call. The API key authenticates
// all other calls. Calls with the API key wait for the rate limit of their
// endpoint; endpoints that this package does not know are taken to share one
// limit.
//
// A failed GET, HEAD, PUT, DELETE or OPTIONS is repeated as RetryPolicy
// describes. With any other method, which need not be idempotent (RFC 9110
// §9.2.2), a failed attempt is repeated only if the failure proves that nothing
// happened.
func (c *Client) Do(ctx context.Context, method, path string, in, out any, opts ...CallOption) error {
	r, refused := c.core.anywhere(method, path)
	if v := reflect.ValueOf(out); out != nil && (v.Kind() != reflect.Pointer || v.IsNil()) {
		refused = cmp.Or(refused, invalid(CodeInvalidRequest, "", "out is %T; it must be a pointer that is not nil", out))
	}
	if in != nil {
		body, err := json.Marshal(in)
		if err != nil {
			refused = cmp.Or(refused, invalid(CodeInvalidRequest, "", "in cannot be encoded: %v", err))
		}
		r.json = body
	}
	r.empty = alwaysEmpty
	if out != nil && method != http.MethodHead {
		r.empty = empty204
		r.decode = func(b []byte) error {
			if wire.ReportsError(b) {
				return wire.ErrReported
			}
			return json.Unmarshal(wire.JSON(b), out)
		}
	}
	_, err := c.core.do(ctx, r.unless(refused), opts)
	return err
}

// anywhere returns a request for a path below the base URL, or the reason why
// it is refused.
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
	r.path, r.query = escaped, query
	if e.Auth == wire.SessionAuth && c.secrets.get().session == nil {
		r.auth = wire.KeyAuth
	}
	return r, nil
}

// escapePath returns the path with all characters escaped that must be, or the
// reason why it is refused: it might lead out of the base URL.
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

// endpointOf returns the endpoint of a request, with the method of the request.
// An endpoint that is not known counts in wire.OtherWindow.
func endpointOf(method, path string) wire.Endpoint {
	known := method
	if method == http.MethodHead { // answered by what answers GET
		known = http.MethodGet
	}
	for _, e := range wire.Endpoints {
		if _, ok := e.Match(path); ok && e.Method == known {
			e.Method = method
			return e
		}
	}
	e := wire.Endpoint{Method: method, Window: wire.OtherWindow}
	if path != "/v1" && !strings.HasPrefix(path, "/v1/") {
		e.Auth = wire.SessionAuth
	}
	return e
}
