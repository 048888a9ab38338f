package proof_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/internal/wire"
	"github.com/clawhq/clawhq-go/internal/wire/recorded"
)

// An endpointCall is the call that the public surface has for an endpoint. The
// recordings are played through it, and the secrets are passed to it.
type endpointCall struct {
	endpoint wire.Endpoint
	byDo     bool // only Client.Do calls the endpoint
	call     func(arguments) (any, error)
	shape    func(result any) any            // the result in the shape of the wire
	complete func(shape object, a arguments) // adds what the result does not have; may be nil
	exact    bool                            // the shape equals the recorded reply, zero values included
	values   []any                           // of the types that the call takes and returns
}

// calls has all endpoints. A new endpoint gets its row here.
var calls = slices.Concat(v1Calls, keyCalls, webhookCalls, doCalls)

// doCalls are the calls that have no method.
var doCalls = []endpointCall{byDo(wire.CreatePrediction), byDo(wire.GetPrediction), byDo(wire.VerifyAuditLog)}

// arguments are all that a call needs. Each call takes the arguments that it has
// parameters for.
type arguments struct {
	ctx    context.Context
	client *clawhq.Client
	opts   []clawhq.CallOption

	ids   []string
	page  clawhq.ListOptions
	days  int
	text  func(name, otherwise string) string // the text of that name; otherwise if there is none
	path  string                              // for Client.Do: path and query
	reply string                              // of the recording
}

// id returns the first id.
func (a arguments) id() string { return a.ids[0] }

// returning is the row of an endpoint whose call returns a value.
func returning[T any](e wire.Endpoint, call func(arguments) (T, error), shape func(T) any, values ...any) endpointCall {
	return endpointCall{
		endpoint: e,
		call:     func(a arguments) (any, error) { return call(a) },
		shape:    func(result any) any { return shape(result.(T)) },
		values:   values,
	}
}

// done is the row of an endpoint whose call returns nothing but an error. reply is
// the reply of a success.
func done(e wire.Endpoint, call func(arguments) error, reply object) endpointCall {
	return endpointCall{
		endpoint: e,
		call:     func(a arguments) (any, error) { return nil, call(a) },
		shape:    func(any) any { return reply },
	}
}

// byDo is the row of an endpoint that has no method.
func byDo(e wire.Endpoint) endpointCall {
	return endpointCall{
		endpoint: e,
		byDo:     true,
		call: func(a arguments) (any, error) {
			if a.reply == "" {
				return nil, a.client.Do(a.ctx, e.Method, a.path, nil, nil, a.opts...)
			}
			var out any
			err := a.client.Do(a.ctx, e.Method, a.path, nil, &out, a.opts...)
			return out, err
		},
		shape: func(result any) any { return result },
	}
}

// completed returns the row with a function that completes its shapes.
func (r endpointCall) completed(complete func(shape object, a arguments)) endpointCall {
	r.complete = complete
	return r
}

// exactly returns the row, whose shapes equal the recorded replies.
func (r endpointCall) exactly() endpointCall {
	r.exact = true
	return r
}

// callOf returns the row of a request to a path below the base URL, and the ids in
// the path. It fails the test if the endpoint is known and has no row.
func callOf(t *testing.T, method, path string) (row endpointCall, ids []string) {
	t.Helper()
	for _, e := range wire.Endpoints {
		ids, ok := e.Match(path)
		if !ok || e.Method != method {
			continue
		}
		for _, row := range calls {
			if row.endpoint == e {
				return row, ids
			}
		}
		t.Fatalf("%s %s has no row in calls", e.Method, e.Path)
	}
	return byDo(wire.Endpoint{Method: method}), nil
}

// Every endpoint has one row. Those that have a method also have a recorded success.
func TestEveryEndpointHasACall(t *testing.T) {
	t.Parallel()
	rows := map[wire.Endpoint]int{}
	for _, row := range calls {
		rows[row.endpoint]++
	}
	answered := map[wire.Endpoint]bool{}
	for _, e := range recorded.All() {
		if e.Status < http.StatusMultipleChoices {
			path, _, _ := strings.Cut(strings.TrimPrefix(e.URL, wire.BasePath), "?")
			row, _ := callOf(t, e.Method, path)
			answered[row.endpoint] = true
		}
	}
	for _, e := range wire.Endpoints {
		if rows[e] != 1 {
			t.Errorf("%s %s has %d rows in calls, want 1", e.Method, e.Path, rows[e])
		}
	}
	for _, row := range calls {
		if e := row.endpoint; !row.byDo && !answered[e] {
			t.Errorf("%s %s has no recorded success", e.Method, e.Path)
		}
	}
}
