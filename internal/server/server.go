// Package server is the reference implementation of the ClawHQ service: an
// http.Handler with one Pro account, its keys, agents and chat sessions, all
// in memory. It speaks the documented protocol or, on request, the live
// service's, and plays faults. Package clawhqtest is its public face.
package server

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/clawhq/clawhq-go/internal/window"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// Config is what a Server is made from. The zero value is a server that
// follows the documentation.
type Config struct {
	Profile    Profile
	Plan       string        // the account's plan; empty is wire.PlanPro
	PlainHTTP  bool          // serve requests that did not come over TLS
	AgentDelay time.Duration // pause before each chunk of the built-in agents but the first
	Logger     *slog.Logger  // gets a line a request; nil is none
}

// Server is the service. Create it with New, end it with Close. All methods
// are safe for concurrent use.
type Server struct {
	cfg      Config
	session  func() string // the account's dashboard session, out of reach of print verbs
	firstKey newKey

	running sync.WaitGroup // one for each of live

	mu     sync.Mutex     // guards what follows and all that hangs on it
	live   map[*call]bool // being handled, and waited for by Close
	closed bool
	agents []*agent // in the order of deployment
	state  *state
}

// state is what Reset starts afresh. A request keeps to the one that it began
// with.
type state struct {
	keys     keyring
	sessions map[string][]Turn
	replies  replies
	faults   []Fault
	journal  []*Request
	managed  map[string]*window.Log // calls of key management by method
}

var errClosing = errors.New("the server is shutting down")

// New returns a server and its first key, the only time that the key is
// shown.
func New(cfg Config) (s *Server, apiKey string) {
	if cfg.Plan == "" {
		cfg.Plan = wire.PlanPro
	}
	first, apiKey := generateKey("default", wire.DefaultTier)
	session := hexID()
	s = &Server{cfg: cfg, session: func() string { return session }, firstKey: first, live: map[*call]bool{}}
	s.agents = s.builtinAgents()
	s.Reset()
	return s, apiKey
}

// Reset returns the server to its first state but for the agents, which stay:
// faults, journal, chat sessions, stored replies, rate windows and statistics
// are forgotten, and of the keys only the first remains, active and with the
// default limit.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = &state{
		sessions: map[string][]Turn{},
		managed:  map[string]*window.Log{},
	}
	s.state.keys.add(s.firstKey, time.Now())
}

// Close ends what is being served, live streams included, and returns when
// every handler has. Requests that come later are refused. It must not be
// called by an agent, which it would wait for.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	for c := range s.live {
		c.stop()
	}
	s.mu.Unlock()
	s.running.Wait()
}

// Session returns the value of the account's session cookie.
func (s *Server) Session() string { return s.session() }

// ServeHTTP handles a request for the service, which lies under
// wire.BasePath.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := s.begin(w, r)
	defer c.end()

	path, inside := strings.CutPrefix(r.URL.Path, wire.BasePath)
	keyID, oneKey := strings.CutPrefix(path, wire.PathKeys+"/")
	managing := inside && (path == wire.PathKeys || oneKey)
	if !managing {
		c.setRequestID() // key management has none
		c.echoClientRequestID()
	}

	if c.ctx.Err() != nil {
		c.interrupted()
		return
	}
	c.readBody()
	switch {
	case !s.secure(r):
		c.fail(wire.CodeInvalidRequest, plainHTTPMessage, "")
	case inside && c.faulted(path):
	case path == wire.PathChat && inside:
		c.route(methods{http.MethodPost: c.chat})
	case path == wire.PathHealth && inside:
		c.route(methods{http.MethodGet: c.health})
	case path == wire.PathKeys && inside:
		c.route(methods{http.MethodGet: c.listKeys, http.MethodPost: c.createKey})
	case managing && keyID != "" && !strings.Contains(keyID, "/"):
		c.route(methods{
			http.MethodPatch:  func() { c.updateKey(keyID) },
			http.MethodDelete: func() { c.revokeKey(keyID) },
		})
	default:
		c.fail(wire.CodeNotFound, "Not found", "")
	}
}

// methods are the handlers of one path.
type methods map[string]func()

// route answers with the handler of the request's method, or 405.
func (c *call) route(m methods) {
	if handle, ok := m[c.r.Method]; ok {
		handle()
		return
	}
	allow := make([]string, 0, len(m))
	for method := range m {
		allow = append(allow, method)
	}
	slices.Sort(allow)
	c.w.Header().Set("Allow", strings.Join(allow, ", "))
	c.failAs(http.StatusMethodNotAllowed, wire.CodeInvalidRequest, "Method not allowed", "")
}

// health answers GET /v1/health, the cheap way to check a key.
func (c *call) health() {
	if !c.authorize() {
		return
	}
	c.succeed(wire.Health{Status: wire.HealthOK, Plan: c.s.cfg.Plan, Agents: c.s.agentNames()})
}

// hexID returns 32 random hexadecimal digits.
func hexID() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
