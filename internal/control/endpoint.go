package control

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// An endpoint is an endpoint of the control API.
type endpoint struct {
	pattern string // method and path, below Path
	handle  handler
	query   []string // names of its query parameters
}

// ServeHTTP refuses query parameters that the endpoint does not have.
func (e endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	for name, values := range query {
		switch {
		case err != nil:
		case e.query == nil:
			err = fmt.Errorf("the query: %s has no parameters, such as %q", e.pattern, name)
		case len(values) > 1:
			err = fmt.Errorf("%s is given %d times", name, len(values))
		default:
			err = oneOf("the query", name, e.query)
		}
	}
	if err != nil {
		writeJSON(w, http.StatusBadRequest, wire.FlatError{Error: err.Error()})
		return
	}
	e.handle.ServeHTTP(w, r)
}

// A handler returns a value to be written as JSON. Its error is answered with 400,
// unless it is a failure.
type handler func(r *http.Request) (any, error)

// A failure is an error with a status of its own.
type failure struct {
	status int
	error
}

// Unavailable returns err as an error that is answered with 503.
func Unavailable(err error) error { return failure{http.StatusServiceUnavailable, err} }

// made is a reply that is sent with status 201.
type made struct{ reply any }

// streamed is a reply that is written as it comes.
type streamed func(w http.ResponseWriter)

func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, MaxDocumentBytes)
	reply, err := h(r)
	if err == nil {
		switch reply := reply.(type) {
		case made:
			writeJSON(w, http.StatusCreated, reply.reply)
		case streamed:
			reply(w)
		default:
			writeJSON(w, http.StatusOK, reply)
		}
		return
	}
	status := http.StatusBadRequest
	if f, ok := err.(failure); ok {
		status = f.status
	}
	writeJSON(w, status, wire.FlatError{Error: err.Error()})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", wire.ContentTypeJSON)
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.Encode(v) // fails only if the client has left
}

// readBody returns a request's body.
func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if _, tooLong := err.(*http.MaxBytesError); tooLong {
		return nil, failure{http.StatusRequestEntityTooLarge, fmt.Errorf("the body is longer than %d bytes", MaxDocumentBytes)}
	}
	return body, err
}

// read reads a request's body into v.
func read(r *http.Request, v any) error {
	body, err := readBody(r)
	if err != nil {
		return err
	}
	if err := decode(body, v); err != nil {
		return fmt.Errorf("the body: %w", err)
	}
	return nil
}
