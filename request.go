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
	url    *url.URL   // the URL with path and query; do makes it if it is nil
	json   []byte     // the body; nil if there is none
	upload upload     // the body if it is not held in memory, else nil

	auth   wire.Auth
	repeat repeat
	window shaping.Window // the rate limit's window that the request counts in
	stream bool           // the reply is an event stream

	// decode decodes the body of a unary call's reply. If it is nil, the body is
	// dropped.
	decode func([]byte) error

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

// to returns a request to an endpoint. ids replace the wildcards in its path.
func to(e wire.Endpoint, ids ...string) request {
	r := request{method: e.Method, path: e.Path, route: e.Path, auth: e.Auth}
	if len(ids) > 0 {
		r.path = e.Expand(ids...)
	}
	if e.Window != wire.KeyWindow {
		r.window = shaping.Window(e.Window)
	}
	if e.Method == http.MethodPost {
		r.repeat = ifUnsent
	}
	if e == wire.CreateBatch {
		r.otherLimit = wire.IsBatchLimit
	}
	return r
}

// unless returns the request. If refused is not nil, the request is refused.
func (r request) unless(refused *InvalidRequestError) request {
	if refused != nil {
		r.refused = refused
	}
	return r
}

// carry returns the request with v as its JSON body. If refused is not nil, or if
// the body is too large, the request is refused.
func (r request) carry(v any, refused *InvalidRequestError) request {
	if refused != nil {
		return r.unless(refused)
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
