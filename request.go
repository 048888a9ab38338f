package clawhq

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"

	"github.com/clawhq/clawhq-go/internal/shaping"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// A request describes a call to an endpoint, for do.
type request struct {
	method string
	path   string     // below the base URL; ids in it are escaped
	route  string     // path with wildcards for ids, for a Trace
	query  url.Values // nil if there is none
	url    *url.URL   // the URL with path and query; prepare makes it if it is nil
	json   []byte     // the body; nil if there is none
	upload upload     // the body if it is not held in memory, else nil

	auth   wire.Auth
	repeat repeat
	window shaping.Window // the rate limit's window that the request counts in
	stream bool           // the reply is an event stream

	// decode decodes the body of a unary call's reply. If it is nil, the body is
	// dropped.
	decode func([]byte) error

	empty emptyReply

	// otherLimit reports whether a 429 with this message concerns a limit other
	// than the rate limit, for which waiting does not help. It is nil if the
	// endpoint has no such limit.
	otherLimit func(message string) bool

	// refused is the reason why the request must not be sent; nil if it may be.
	refused error
}

// repeat says when an attempt may be repeated after a failure that may be
// temporary.
type repeat int

const (
	freely   repeat = iota // always: the request is idempotent
	underKey               // always: the request has an idempotency key
	ifUnsent               // only if the failure proves that nothing happened
)

// emptyReply says when a successful reply without a body is taken for a success
// without decoding it.
type emptyReply int

const (
	neverEmpty  emptyReply = iota // something of the body is needed
	empty204                      // if its status says that there is no content
	alwaysEmpty                   // nothing of the body is needed
)

func (e emptyReply) allows(status int) bool {
	return e == alwaysEmpty || e == empty204 && status == http.StatusNoContent
}

// An upload is a body that is read while it is sent.
type upload interface {
	contentType() string

	// open returns the body from its beginning, and its size, or -1 if that is
	// not known. Each attempt calls open with its own context, which ends all
	// reads. The body of the attempt before may still be read at that time.
	open(ctx context.Context) (r io.ReadCloser, size int64, err error)

	// spent reports whether open can no longer be called.
	spent() bool
}

// to returns a request to an endpoint. ids replace the wildcards in its path; a
// request with an id that would make another path is refused.
func to(e wire.Endpoint, ids ...string) request {
	r := request{method: e.Method, path: e.Path, route: e.Path, auth: e.Auth, repeat: repeatOf(e.Method)}
	if len(ids) > 0 {
		r.path = e.Expand(ids...)
	}
	if e.Window != wire.KeyWindow {
		r.window = shaping.Window(e.Window)
	}
	if e == wire.CreateBatch {
		r.otherLimit = wire.IsBatchLimit
	}
	for _, id := range ids {
		r = r.unless(checkID(id))
	}
	return r
}

// repeatOf returns when an attempt with this method may be repeated: always if
// the method is idempotent (RFC 9110 §9.2.2).
func repeatOf(method string) repeat {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodOptions:
		return freely
	}
	return ifUnsent
}

// countsForKey reports whether the request counts in the window of the API key.
func (r *request) countsForKey() bool { return r.window == (shaping.Window{}) }

// repeatable reports whether the request may be sent again. unprocessed is whether it
// is certain that the service has done nothing.
func (r *request) repeatable(unprocessed bool) bool {
	return (unprocessed || r.repeat != ifUnsent) && (r.upload == nil || !r.upload.spent())
}

// unless returns the request. If refused is not nil, the request is refused,
// unless it was for another reason before.
func (r request) unless(refused *InvalidRequestError) request {
	if refused != nil && r.refused == nil {
		r.refused = refused
	}
	return r
}

// carry returns the request with v as its JSON body. If refused is not nil, or if
// the body is too large, the request is refused.
func (r request) carry(v any, refused *InvalidRequestError) request {
	if r = r.unless(refused); r.refused != nil {
		return r
	}
	b, err := json.Marshal(v)
	if len(b) > wire.MaxBodyBytes { // it may fit if <, > and & are not escaped
		var plain bytes.Buffer
		encoder := json.NewEncoder(&plain)
		encoder.SetEscapeHTML(false)
		err = encoder.Encode(v)
		b = bytes.TrimSuffix(plain.Bytes(), []byte("\n"))
	}
	switch {
	case err != nil:
		return r.unless(invalid(CodeInvalidRequest, "", "request cannot be encoded: %v", err))
	case len(b) > wire.MaxBodyBytes:
		return r.unless(invalid(CodeInvalidRequest, "", "request has %d bytes, at most %d are allowed", len(b), wire.MaxBodyBytes))
	}
	r.json = b
	return r
}

// check returns the reason why the call is refused, if any, and sets its retry
// policy.
func (c *call) check() error {
	if c.request.refused != nil {
		return c.request.refused
	}
	if id := c.options.ClientRequestID; id != nil && (*id == "" || !headerSafe(*id)) {
		return invalid(CodeInvalidParameter, wire.HeaderClientRequestID, "client request id is not printable ASCII")
	}
	if key := c.options.IdempotencyKey; key != nil && c.request.repeat == underKey &&
		(*key == "" || len(*key) > wire.MaxIdempotencyKeyChars || !headerSafe(*key)) {
		return invalid(CodeInvalidParameter, wire.HeaderIdempotencyKey,
			"idempotency key is not 1 to %d characters of printable ASCII", wire.MaxIdempotencyKeyChars)
	}
	for name, values := range c.options.Header {
		switch {
		case !token(name) || !headerSafe(values[0]):
			return invalid(CodeInvalidParameter, "header", "header %q or its value has characters that are not allowed", c.core.redact(name))
		case ownHeaders[name]:
			return invalid(CodeInvalidParameter, name, "header %s cannot be set: the client sets it itself", name)
		}
	}
	if policy := c.options.Retry; policy != nil {
		var err error
		if c.tries.policy, err = policy.withDefaults(); err != nil {
			return invalid(CodeInvalidParameter, "retry", "%v", err)
		}
	}
	if d := c.options.AttemptTimeout; d < 0 {
		return invalid(CodeInvalidParameter, "attempt_timeout", "attempt timeout %v is negative", d)
	}
	if c.request.auth == wire.SessionAuth && c.core.session() == nil {
		return &AuthenticationError{&APIError{
			Message: "this endpoint is authenticated by the dashboard's session cookie, which WithSession sets: an API key does not open it",
		}}
	}
	if secrets := c.core.secrets.get(); c.request.auth == wire.KeyAuth && secrets.authorization == "" && secrets.ask == nil {
		return &AuthenticationError{&APIError{
			Message: "this endpoint is authenticated by an API key: use WithAPIKey or set " + EnvAPIKey,
		}}
	}
	return nil
}

// ownHeaders are the headers that a caller may not set: credentials, ids, and
// headers that frame or describe the message.
var ownHeaders = map[string]bool{
	"Authorization": true, "Proxy-Authorization": true, "Cookie": true, "Cookie2": true,
	wire.HeaderClientRequestID: true, wire.HeaderIdempotencyKey: true, "Idempotency-Key": true, wire.HeaderRequestID: true,
	"Host": true, "Content-Length": true, "Transfer-Encoding": true, "Te": true, "Trailer": true, "Expect": true,
	"Connection": true, "Keep-Alive": true, "Proxy-Connection": true, "Upgrade": true, "Http2-Settings": true,
	"Content-Type": true, "Content-Encoding": true, "Accept": true, "Accept-Encoding": true,
}
