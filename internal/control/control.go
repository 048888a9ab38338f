// Package control serves the control API of a reference server. With it, tests in any
// language do over HTTP what tests in Go do with package clawhqtest: read the
// journal, inject faults, deploy agents, add keys and records, and advance the clock.
// docs/server.md documents it.
//
//	c, err := control.New(config)
//	mux.Handle(control.Path+"/", c)
//
// A Control accepts only requests that have its token and, unless AnyHost is set,
// come from this machine. A Document describes the state with which a server starts,
// or that a request adds.
package control

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/wire"
	"github.com/clawhq/clawhq-go/webhook"
)

// Path is the path of the control API on the server's origin.
const Path = "/control"

// Config configures a Control. Server, RPM and Events are required.
type Config struct {
	Server *clawhqtest.Server
	RPM    int      // limit of the server's first key
	Events []string // to which webhooks can subscribe
	Start  Document // the state of the server at the start and after a reset
	Budget *Budget  // of all servers of the program; nil means one for this server

	Token     string    // the control token; empty means a random one
	AnyHost   bool      // also accept requests from other machines
	Sandboxes Sandboxes // nil means that there are no endpoints for sandboxes
}

// Control is the control API of one server.
type Control struct {
	server *clawhqtest.Server
	config Config
	token  func() string // a function, so that printing a Control does not show it
	mux    *http.ServeMux
	faults queue
	keys   []Key // keys of Start

	ctx    context.Context // of requests; done when the control API is closed
	cancel context.CancelFunc

	mu     sync.Mutex       // held while a document or a reset is applied
	agents map[string]Agent // those of documents, by slug
}

// New returns the control API of a server, and applies config.Start. It returns an
// error if Start is not valid.
func New(config Config) (*Control, error) {
	token := cmp.Or(config.Token, rand.Text())
	c := &Control{server: config.Server, config: config, token: func() string { return token }, mux: http.NewServeMux()}
	c.faults.server = config.Server
	c.ctx, c.cancel = context.WithCancel(context.Background())
	if c.config.Budget == nil {
		c.config.Budget = &Budget{}
	}
	for _, e := range c.endpoints() {
		if config.Sandboxes == nil && strings.Contains(e.pattern, "/sandboxes") {
			continue
		}
		method, path, _ := strings.Cut(e.pattern, " ")
		c.mux.Handle(method+" "+Path+path, e)
	}
	c.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusNotFound, wire.FlatError{Error: fmt.Sprintf("the control API has no %s %s: see docs/server.md", r.Method, r.URL.Path)})
	})
	start, err := c.reset()
	if err != nil {
		return nil, err
	}
	c.keys = start.Keys
	c.config.Start.Keys = slices.Clone(start.Keys) // with their values, so that a reset keeps them
	for i := range c.config.Start.Keys {
		c.config.Start.Keys[i].ID = ""
	}
	return c, nil
}

// endpoints returns all calls of the API. A sandbox has none of sandboxes.
func (c *Control) endpoints() []endpoint {
	return []endpoint{
		{"GET /openapi.json", c.document, nil},
		{"GET /requests", c.requests, append([]string{"limit"}, requestFilters...)},
		{"DELETE /requests", c.clearRequests, nil},
		{"GET /requests/wait", c.waitRequests, append([]string{"count", "timeout"}, requestFilters...)},
		{"GET /requests/follow", c.followRequests, append([]string{"limit"}, requestFilters...)},
		{"POST /reset", c.resetAll, nil},
		{"POST /config", c.apply(""), nil},
		{"GET /agents", c.listAgents, nil},
		{"POST /agents", c.apply("agents"), nil},
		{"DELETE /agents", c.resetAgents, nil},
		{"GET /faults", c.listFaults, nil},
		{"POST /faults", c.apply("faults"), nil},
		{"DELETE /faults", c.clearFaults, nil},
		{"GET /keys", c.listKeys, nil},
		{"POST /keys", c.apply("keys"), nil},
		{"PATCH /keys/{id}", c.changeKey, nil},
		{"DELETE /keys/{id}", c.revokeKey, nil},
		{"POST /models", c.apply("models"), nil},
		{"POST /files", c.apply("files"), nil},
		{"POST /conversations", c.apply("conversations"), nil},
		{"POST /audit-entries", c.apply("audit_entries"), nil},
		{"POST /events", c.emit, nil},
		{"GET /deliveries", c.listDeliveries, append([]string{"limit"}, deliveryFilters...)},
		{"GET /deliveries/wait", c.waitDeliveries, append([]string{"count", "timeout"}, deliveryFilters...)},
		{"GET /clock", c.clock, nil},
		{"POST /clock", c.advance, nil},
		{"GET /sandboxes", c.listSandboxes, nil},
		{"POST /sandboxes", c.createSandbox, nil},
		{"DELETE /sandboxes/{id}", c.deleteSandbox, nil},
	}
}

// Token returns the token that requests have as Authorization: Bearer <token>.
func (c *Control) Token() string { return c.token() }

// Keys returns the keys of config.Start, as they were added.
func (c *Control) Keys() []Key { return c.keys }

// Refusals, for which the document has examples.
const (
	otherMachine = "the control API answers to its own machine only"
	noToken      = "the control API needs Authorization: Bearer and the control token that the server printed"
)

// ServeHTTP answers a request if it is allowed: see Control.
func (c *Control) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	w.Header().Set("Cache-Control", "no-store")
	switch {
	case !c.config.AnyHost && !fromThisMachine(r):
		writeJSON(w, http.StatusForbidden, wire.FlatError{Error: otherMachine})
	case !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare([]byte(token), []byte(c.token())) != 1:
		writeJSON(w, http.StatusUnauthorized, wire.FlatError{Error: noToken})
	default:
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(c.ctx, cancel)()
		c.mux.ServeHTTP(w, r.WithContext(ctx))
	}
}

// fromThisMachine reports whether a request comes from a loopback address, or from
// the same address to which it was sent.
func fromThisMachine(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	ip := net.ParseIP(host)
	if err != nil || ip == nil {
		return false
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ip.IsLoopback() || ok && local.IP.Equal(ip)
}

// Applied has what a document has added.
type Applied struct {
	Keys          []Key    `json:"keys,omitempty"`
	Files         []string `json:"files,omitempty"` // ids
	Conversations []string `json:"conversations,omitempty"`
	AuditEntries  []string `json:"audit_entries,omitempty"`
	Faults        []Fault  `json:"faults"` // the whole queue
}

// apply returns the handler for a document or, if list is not empty, for the entries
// of that list of a document: one entry, or a JSON list of them.
func (c *Control) apply(list string) handler {
	return func(r *http.Request) (any, error) {
		body, err := readBody(r)
		if err != nil {
			return nil, err
		}
		if list != "" {
			body = asDocument(list, body)
		}
		var d Document
		if err := decode(body, &d); err != nil {
			return nil, fmt.Errorf("the body: %w", err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		var applied Applied
		c.server.Change(func() { applied, err = c.take(d) })
		return applied, err
	}
}

// asDocument returns the document that has only the entries of one list. text is one
// entry, or a JSON list of entries.
func asDocument(list string, text []byte) []byte {
	entries := strings.TrimSpace(string(text))
	if !strings.HasPrefix(entries, "[") {
		entries = "[" + entries + "]"
	}
	return []byte(fmt.Sprintf("{%q:%s}", list, entries))
}

// take applies a document. If there is an error, it has applied nothing. Call it with
// c.mu held.
func (c *Control) take(d Document) (applied Applied, err error) {
	changes, err := c.check(d)
	if err != nil {
		return applied, err
	}
	agents, err := c.countAgents(d.Agents)
	if err != nil {
		return applied, err
	}
	if err := c.faults.arm(d.Faults, c.knownKeys(d.Keys)); err != nil {
		c.config.Budget.change(sum(agents), sum(c.agents))
		return applied, err
	}
	c.agents = agents
	for _, change := range changes {
		change(&applied)
	}
	applied.Faults = c.faults.list()
	return applied, nil
}

// reset returns the server to the state of config.Start. The clock stays.
func (c *Control) reset() (applied Applied, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.server.Change(func() {
		c.server.Reset()
		c.dropAgents()
		c.server.SetRateLimit(c.server.KeyID(), c.config.RPM)
		applied, err = c.take(c.config.Start)
	})
	return applied, err
}

func (c *Control) resetAll(*http.Request) (any, error) { return c.reset() }

func (c *Control) resetAgents(*http.Request) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropAgents()
	return struct{}{}, nil
}

func (c *Control) listFaults(*http.Request) (any, error) {
	return map[string][]Fault{"faults": c.faults.list()}, nil
}

func (c *Control) clearFaults(r *http.Request) (any, error) {
	c.server.ClearFaults()
	return c.listFaults(r)
}

// emit makes an event.
func (c *Control) emit(r *http.Request) (any, error) {
	var body struct {
		Event string          `json:"event"`
		Data  json.RawMessage `json:"data"`
	}
	if err := read(r, &body); err != nil {
		return nil, err
	}
	if err := oneOf("event", body.Event, c.config.Events); err != nil {
		return nil, err
	}
	switch {
	case body.Data == nil:
		body.Data = json.RawMessage("{}")
	case body.Data[0] != '{':
		return nil, fmt.Errorf("data must be a JSON object")
	}
	c.server.Emit(webhook.EventType(body.Event), body.Data)
	return showDeliveries(latest(c.server.Deliveries(), maxShown)), nil
}
