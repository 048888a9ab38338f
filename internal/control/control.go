// Package control serves the control API of a reference server, with which tests
// in any language do over HTTP what tests in Go do with package clawhqtest: read
// the journal, inject faults, deploy agents, add keys and records, and advance
// the clock. docs/server.md documents it.
//
//	c, err := control.New(config)
//	mux.Handle(control.Path+"/", c)
//
// A Control accepts only requests from this machine that have its token. A
// Document describes the state that a server starts with, or that a request
// adds.
package control

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/wire"
	"github.com/clawhq/clawhq-go/webhook"
)

// Path is the path of the control API on the server's origin.
const Path = "/control"

// Config configures a Control. All fields except Start are required.
type Config struct {
	Server *clawhqtest.Server
	RPM    int      // of the server's first key
	Events []string // that webhooks can subscribe to
	Start  Document // what the server has from the start, and after a reset again
	Budget *Budget  // of the program; nil is one of the server alone

	Token     string    // in place of a random one; may be empty
	AnyHost   bool      // whether other machines may call
	Sandboxes Sandboxes // of the program; nil for a sandbox itself
}

// Sandboxes are further servers of the program.
type Sandboxes interface {
	// Create makes a sandbox that starts with a document or, if that is nil, as the
	// program has started. It returns what is to be known of it.
	Create(start *Document) (any, error)

	// List returns what may be told of all sandboxes.
	List() any

	// Delete ends a sandbox, and reports whether there was one with that id.
	Delete(id string) bool
}

// Control is the control API of one server.
type Control struct {
	server *clawhqtest.Server
	config Config
	token  func() string // out of reach of print verbs
	mux    *http.ServeMux
	faults queue
	keys   []Key // that Start gave the account

	mu     sync.Mutex     // held while a document or a reset takes effect
	agents map[string]int // the size of each, by its slug
}

// New returns the control API of a server, after applying config.Start. It returns
// an error if Start is not valid.
func New(config Config) (*Control, error) {
	token := cmp.Or(config.Token, rand.Text())
	c := &Control{server: config.Server, config: config, token: func() string { return token }, mux: http.NewServeMux()}
	c.faults.server = config.Server
	if c.config.Budget == nil {
		c.config.Budget = &Budget{}
	}
	for _, e := range []endpoint{
		{"GET /requests", c.requests, append([]string{"limit"}, requestFilters...)},
		{"DELETE /requests", c.clearRequests, nil},
		{"GET /requests/wait", c.waitRequests, append([]string{"count", "timeout"}, requestFilters...)},
		{"POST /reset", c.resetAll, nil},
		{"POST /config", c.apply(""), nil},
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
	} {
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
	c.config.Start.Keys = slices.Clone(start.Keys) // with their values, which a reset keeps
	for i := range c.config.Start.Keys {
		c.config.Start.Keys[i].ID = ""
	}
	return c, nil
}

// Token returns the token for the header Authorization: Bearer <token>.
func (c *Control) Token() string { return c.token() }

// Keys returns the keys that Start gave the account.
func (c *Control) Keys() []Key { return c.keys }

// ServeHTTP answers requests from this machine that have the token.
func (c *Control) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	w.Header().Set("Cache-Control", "no-store")
	switch {
	case !c.config.AnyHost && !fromThisMachine(r):
		writeJSON(w, http.StatusForbidden, wire.FlatError{Error: "the control API answers to its own machine only"})
	case !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare([]byte(token), []byte(c.token())) != 1:
		writeJSON(w, http.StatusUnauthorized, wire.FlatError{Error: "the control API wants Authorization: Bearer and the control token that the server printed"})
	default:
		c.mux.ServeHTTP(w, r)
	}
}

// fromThisMachine reports whether a request came from a loopback address, or
// from the very address that it was sent to.
func fromThisMachine(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	ip := net.ParseIP(host)
	if err != nil || ip == nil {
		return false
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ip.IsLoopback() || ok && local.IP.Equal(ip)
}

// An endpoint is a call of the control API.
type endpoint struct {
	pattern string // method and path, below Path
	handle  handler
	query   []string // the names of its parameters
}

// ServeHTTP refuses parameters that the endpoint does not have.
func (e endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	for name, values := range query {
		switch {
		case err != nil:
		case e.query == nil:
			err = fmt.Errorf("the query: %s has no parameters, such as %q", e.pattern, name)
		case len(values) > 1:
			err = fmt.Errorf("%s is there %d times", name, len(values))
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

// A handler answers with what is to be written as JSON. An error is the
// request's fault unless it is a failure.
type handler func(r *http.Request) (any, error)

// A failure is an error with a status of its own.
type failure struct {
	status int
	error
}

// Unavailable returns an error that is answered with status 503.
func Unavailable(err error) error { return failure{http.StatusServiceUnavailable, err} }

// made is a reply with status 201.
type made struct{ reply any }

func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, MaxDocumentBytes)
	reply, err := h(r)
	if created, ok := reply.(made); ok && err == nil {
		writeJSON(w, http.StatusCreated, created.reply)
		return
	}
	if err == nil {
		writeJSON(w, http.StatusOK, reply)
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
	e.Encode(v) // fails only when the client is gone
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

// Applied tells what a document has made.
type Applied struct {
	Keys          []Key    `json:"keys,omitempty"`
	Files         []string `json:"files,omitempty"` // ids
	Conversations []string `json:"conversations,omitempty"`
	AuditEntries  []string `json:"audit_entries,omitempty"`
	Faults        []Fault  `json:"faults"` // that wait now
}

// apply takes a document or, of one of its lists, an entry or several.
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

// asDocument returns the document whose one list the text is, or is in.
func asDocument(list string, text []byte) []byte {
	entries := strings.TrimSpace(string(text))
	if !strings.HasPrefix(entries, "[") {
		entries = "[" + entries + "]"
	}
	return []byte(fmt.Sprintf("{%q:%s}", list, entries))
}

// take puts a document into effect, or nothing of it on an error. Call it with
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

// reset returns the server to what it had when it started. The clock stays.
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

// dropAgents returns to the built-in agents. Call it with c.mu held.
func (c *Control) dropAgents() {
	c.server.ResetAgents()
	c.config.Budget.change(sum(c.agents), 0)
	c.agents = nil
}

// countAgents returns the sizes of the server's agents together with more, or an error
// if they are too large. Call it with c.mu held.
func (c *Control) countAgents(more []Agent) (map[string]int, error) {
	agents := maps.Clone(c.agents)
	if agents == nil {
		agents = map[string]int{}
	}
	for _, a := range more {
		agents[a.Slug] = a.size()
	}
	return agents, c.config.Budget.change(sum(c.agents), sum(agents))
}

func sum(sizes map[string]int) (n int) {
	for _, size := range sizes {
		n += size
	}
	return n
}

// Close gives back what the server's agents take of the Budget.
func (c *Control) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.config.Budget.change(sum(c.agents), 0)
	c.agents = nil
}

func (c *Control) listFaults(*http.Request) (any, error) {
	return map[string][]Fault{"faults": c.faults.list()}, nil
}

func (c *Control) clearFaults(r *http.Request) (any, error) {
	c.server.ClearFaults()
	return c.listFaults(r)
}

func (c *Control) listSandboxes(*http.Request) (any, error) { return c.config.Sandboxes.List(), nil }

// createSandbox takes a document, or nothing.
func (c *Control) createSandbox(r *http.Request) (any, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	var start *Document
	if len(bytes.TrimSpace(body)) > 0 {
		start = &Document{}
		if err := decode(body, start); err != nil {
			return nil, fmt.Errorf("the body: %w", err)
		}
	}
	reply, err := c.config.Sandboxes.Create(start)
	return made{reply}, err
}

func (c *Control) deleteSandbox(r *http.Request) (any, error) {
	if !c.config.Sandboxes.Delete(r.PathValue("id")) {
		return nil, failure{http.StatusNotFound, fmt.Errorf("there is no sandbox %q", r.PathValue("id"))}
	}
	return struct{}{}, nil
}

// clock tells the server's time.
func (c *Control) clock(*http.Request) (any, error) {
	return map[string]time.Time{"now": c.server.Now().UTC()}, nil
}

// maxAdvance bounds one advance and every delay, maxAhead all advances
// together: a time.Duration goes as far as 292 years.
const (
	maxAdvance = 366 * 24 * time.Hour
	maxAhead   = 100 * maxAdvance
)

// advance adds to the server's time.
func (c *Control) advance(r *http.Request) (any, error) {
	var body struct {
		Advance string `json:"advance"`
	}
	if err := read(r, &body); err != nil {
		return nil, err
	}
	d, err := parseWait("advance", body.Advance)
	switch {
	case err != nil:
		return nil, err
	case d == 0:
		return nil, fmt.Errorf("advance is missing: it must be a duration up to %v, for example 60s", maxAdvance)
	case time.Until(c.server.Now())+d > maxAhead:
		return nil, fmt.Errorf("advance %q: the clock would be more than %v ahead", body.Advance, maxAhead)
	}
	c.server.AdvanceClock(d)
	return advanced{c.server.Now().UTC(), c.server.PendingDeliveries()}, nil
}

// advanced is the reply to an advance of the clock.
type advanced struct {
	Now     time.Time `json:"now"`
	Pending int       `json:"pending"` // deliveries that are under way
}

// emit has an event happen.
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
		return nil, fmt.Errorf("data has to be a JSON object")
	}
	c.server.Emit(webhook.EventType(body.Event), body.Data)
	return showDeliveries(latest(c.server.Deliveries(), maxShown)), nil
}
