package control

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/dashboard"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// A Fault is a failure that the server plays for the next requests that meet its
// conditions. In JSON it may be an object, or a string in the notation of
// ParseFaults.
type Fault struct {
	Fault  string `json:"fault"`            // in the notation of ParseFaults, such as 429:7
	Path   string `json:"path,omitempty"`   // below the base URL; {id} matches any segment
	Method string `json:"method,omitempty"` // such as POST
	Key    string `json:"key,omitempty"`    // id of an API key, or the key
	Agent  string `json:"agent,omitempty"`  // slug of the agent
	Nth    int    `json:"nth,omitempty"`    // of the requests that meet the other conditions; 0 means the first
	Times  *int   `json:"times,omitempty"`  // number of requests that get it; 0 means all until it is removed, nil means 1
}

// UnmarshalJSON reads an object or a string.
func (f *Fault) UnmarshalJSON(b []byte) error {
	type object Fault
	return textOr(b, &f.Fault, (*object)(f))
}

// maxNth bounds Fault.Nth and Fault.Times, maxFaultText each string of a Fault.
const (
	maxNth       = 1_000_000
	maxFaultText = 1000
)

var methods = []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete, http.MethodHead}

// knownKeys returns a function that reports whether a key, given by id or value, is
// one of the account or of a document that is to be applied.
func (c *Control) knownKeys(more []Key) func(key string) bool {
	return func(key string) bool {
		return c.server.FindKey(key) != "" || key != "" && slices.ContainsFunc(more, func(k Key) bool { return k.Key == key })
	}
}

// parse returns the fault for the server. known reports whether a key exists.
func (f Fault) parse(known func(key string) bool) (fault clawhqtest.Fault, err error) {
	if f.Fault == "" {
		return fault, errors.New("fault is missing, for example 429:7")
	}
	for name, text := range map[string]string{"fault": f.Fault, "path": f.Path, "agent": f.Agent} {
		if len(text) > maxFaultText {
			return fault, fmt.Errorf("%s has %d characters: the maximum is %d", name, len(text), maxFaultText)
		}
	}
	if fault, err = parseFault(f.Fault); err != nil {
		return fault, fmt.Errorf("fault %q: %w", f.Fault, err)
	}
	if f.Path != "" {
		if err := checkPath(f.Path); err != nil {
			return fault, err
		}
		if !served(f.Path) {
			return fault, fmt.Errorf("path %q: no endpoint has it, so no request would get the fault", f.Path)
		}
		fault = fault.On(clawhqtest.Path(f.Path))
	}
	if f.Method != "" {
		if !slices.Contains(methods, f.Method) {
			return fault, fmt.Errorf("method %q: it must be one of %s", f.Method, strings.Join(methods, ", "))
		}
		fault = fault.On(clawhqtest.Method(f.Method))
	}
	if f.Key != "" {
		if !known(f.Key) {
			return fault, fmt.Errorf("key %q: it must be the id or the value of a key of the account", wire.Redact(f.Key))
		}
		fault = fault.On(clawhqtest.Key(f.Key))
	}
	if f.Agent != "" {
		fault = fault.On(clawhqtest.AgentSlug(f.Agent))
	}
	if f.Nth < 0 || f.Nth > maxNth {
		return fault, fmt.Errorf("nth is %d: it must be from 1 to %d", f.Nth, maxNth)
	}
	if f.Nth > 0 {
		fault = fault.On(clawhqtest.Nth(f.Nth))
	}
	if f.Times != nil {
		if *f.Times < 0 || *f.Times > maxNth {
			return fault, fmt.Errorf("times is %d: it must be from 0 (until the fault is removed) to %d", *f.Times, maxNth)
		}
		fault = fault.Times(*f.Times)
	}
	return fault, nil
}

// served reports whether there is an endpoint with the path, which may have a method
// before it.
func served(path string) bool {
	method, pattern, found := strings.Cut(path, " ")
	if !found {
		method, pattern = "", path
	}
	sample := strings.ReplaceAll(pattern, "{id}", "id")
	return slices.ContainsFunc(wire.Endpoints, func(e wire.Endpoint) bool {
		_, matches := e.Match(sample)
		return matches && (method == "" || method == e.Method || method == http.MethodHead && e.Method == http.MethodGet)
	})
}

// checkPath refuses a path that no request below the base URL can have. It may have a
// method before it.
func checkPath(path string) error {
	if method, rest, found := strings.Cut(path, " "); found {
		if !slices.Contains(methods, method) {
			return fmt.Errorf("path %q: before the path, there can only be a method: %s", path, strings.Join(methods, ", "))
		}
		path = rest
	}
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, wire.BasePath+"/") {
		return fmt.Errorf("path %q: it must be a path below the base URL, such as /v1/chat", path)
	}
	return nil
}

// maxFaults bounds the number of faults in the queue.
const maxFaults = 1000

// queue is the server's queue of faults. It remembers their notation. All faults of
// the server are added through it.
type queue struct {
	server *clawhqtest.Server

	mu      sync.Mutex
	written map[string]Fault // by the String of the fault, which is unambiguous
}

// arm adds faults to the queue. If there is an error, it has added none.
func (q *queue) arm(faults []Fault, known func(key string) bool) error {
	parsed := make([]clawhqtest.Fault, len(faults))
	for i, f := range faults {
		var err error
		if parsed[i], err = f.parse(known); err != nil {
			return err
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	waiting := q.server.Faults()
	if len(waiting)+len(faults) > maxFaults {
		return fmt.Errorf("%d faults wait already: the maximum is %d", len(waiting), maxFaults)
	}
	written := map[string]Fault{} // without faults that were played
	for _, f := range waiting {
		written[f.String()] = q.written[f.String()]
	}
	for i, f := range faults {
		f.Key = wire.Redact(f.Key)
		written[parsed[i].String()] = f
	}
	q.written = written
	q.server.Inject(parsed...)
	return nil
}

// waiting returns the faults in the queue. Call it with q.mu held.
func (q *queue) waiting() []Fault {
	waiting := []Fault{}
	for _, f := range q.server.Faults() {
		waiting = append(waiting, q.written[f.String()])
	}
	return waiting
}

func (q *queue) list() []Fault {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting()
}

// Queue returns the server's queue of faults for the dashboard.
func (c *Control) Queue() dashboard.FaultQueue { return dashboardQueue{&c.faults} }

type dashboardQueue struct{ *queue }

func (q dashboardQueue) Forms() []dashboard.FaultForm { return faultForms }

func (q dashboardQueue) Arm(notation string) error {
	faults, err := ParseFaults(notation)
	if err != nil {
		return err
	}
	return q.arm(faults, nil) // the notation cannot name a key
}

func (q dashboardQueue) Queued() (texts []string) {
	for _, f := range q.list() {
		texts = append(texts, f.String())
	}
	return texts
}

func (q dashboardQueue) Clear() { q.server.ClearFaults() }

// String returns the notation and the conditions.
func (f Fault) String() string {
	text := f.Fault
	for _, part := range []string{f.Method, f.Path, f.Key, f.Agent} {
		if part != "" {
			text += " " + part
		}
	}
	if f.Nth > 0 {
		text += fmt.Sprintf(" #%d", f.Nth)
	}
	switch {
	case f.Times == nil:
	case *f.Times == 0:
		text += " always"
	default:
		text += fmt.Sprintf(" ×%d", *f.Times)
	}
	return text
}
