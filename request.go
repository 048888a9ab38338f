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

// A request is what a public method asks do for.
type request struct {
	method string
	path   string     // below the base URL, ids in it escaped
	route  string     // the same with wildcards for ids, for a Trace
	query  url.Values // nil for none
	url    *url.URL   // of path and query; nil has do make it
	json   []byte     // the body; nil for none
	upload upload     // the body, if it is not held in memory

	auth   wire.Auth
	repeat repeat
	window shaping.Window // the rate limit's window that the request counts in
	stream bool           // the reply is an event stream

	// decode takes the body of a unary call's reply; nil drops it.
	decode func([]byte) error

	// otherLimit tells by its message whether a 429 is of another limit than
	// that of the rate: no room that time makes cures it. Nil if there is none.
	otherLimit func(message string) bool

	// refused is why the request is not to be sent, if it is not.
	refused error
}

// repeat says when an attempt may be repeated whose failure is of a kind that
// may pass.
type repeat int

const (
	freely   repeat = iota // twice has the effect of once
	underKey               // the same, since the request carries an idempotency key
	ifUnsent               // only if the failure proves that nothing happened
)

// An upload is a body that is read as it is sent.
type upload interface {
	contentType() string

	// open returns the body from its beginning, and its size or -1. Each
	// attempt opens it anew, with its context, which ends all reads; what the
	// one before got may then still be read.
	open(ctx context.Context) (r io.ReadCloser, size int64, err error)

	// spent reports whether it cannot be opened any more.
	spent() bool
}

// to returns a request to an endpoint, with what is in its path.
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

// unless returns the request, not to be sent if there is a reason against it.
func (r request) unless(refused *InvalidRequestError) request {
	if refused != nil {
		r.refused = refused
	}
	return r
}

// carry returns the request with v as its JSON body, which has a bound, not to
// be sent if there is a reason against it.
func (r request) carry(v any, refused *InvalidRequestError) request {
	if refused != nil {
		return r.unless(refused)
	}
	b, err := json.Marshal(v)
	if len(b) > wire.MaxBodyBytes { // perhaps only since Marshal escapes <, > and &
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
