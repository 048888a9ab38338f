// Package server is the reference implementation of the ClawHQ service: an
// http.Handler that keeps one account with its keys, agents and other data in
// memory. It follows the documentation or, in profile Live, the live service, and
// plays faults. Package clawhqtest makes it public.
//
//	s, apiKey := server.New(server.Config{Profile: server.Live})
//	defer s.Close()
//	http.ListenAndServeTLS(addr, cert, key, s)
//
// ServeHTTP takes a call step by step (fault, authentication, rate limit)
// to its handler in the table of routes. Each service has a file. All
// differences between the profiles are in the files profile*.go.
package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/clawhq/clawhq-go/internal/clock"
	"github.com/clawhq/clawhq-go/internal/outbox"
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

	Transport      http.RoundTripper // sends callbacks and deliveries; nil is one over the network
	StrictWebhooks bool              // refuse loopback targets, as the service does

	Limits Limits
}

// Server is the service. Create it with New, end it with Close. All methods
// are safe for concurrent use.
type Server struct {
	cfg       Config
	accountID string
	session   func() string // the account's dashboard session, out of reach of print verbs
	firstKey  newKey
	clock     *clock.Clock
	started   time.Time
	outbox    *outbox.Outbox // of the account's webhooks, and of callbacks

	ctx     context.Context // of work that goes on after a reply; done when the server closes
	cancel  context.CancelCauseFunc
	bodies  bodySlots      // of a guarded server
	release func()         // gives back what the server has of shared memory
	running sync.WaitGroup // one for each of live and for each work that goes on

	changing sync.RWMutex // locked while requests that begin have to wait, by Change

	mu       sync.Mutex     // guards what follows and all that hangs on it
	live     map[*call]bool // being handled, and waited for by Close
	closed   bool
	state    *state
	arrived  uint64            // requests
	watchers map[*watcher]bool // of the journal
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
	serverClock := clock.New()
	s = &Server{
		cfg:       cfg,
		accountID: uuid.NewString(),
		session:   func() string { return session },
		firstKey:  first,
		clock:     serverClock,
		started:   serverClock.Now(),
		outbox: outbox.New(outbox.Config{
			Policy: cfg.Profile.deliveries(), Strict: cfg.StrictWebhooks, Transport: cfg.Transport, Clock: serverClock, MaxBytes: cfg.Limits.DeliveryBytes,
			Slots: cfg.Limits.slots(), Pool: cfg.Limits.pool(), OwnBytes: own(cfg.Limits.DeliveryBytes),
		}),
		bodies:   newBodySlots(),
		release:  func() {},
		live:     map[*call]bool{},
		watchers: map[*watcher]bool{},
	}
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	if shared := cfg.Limits.shared; shared != nil {
		s.bodies = shared.bodies
		reserved := own(cfg.Limits.JournalBytes) + own(cfg.Limits.StateBytes) + own(cfg.Limits.DeliveryBytes)
		shared.memory.Reserve(reserved)
		s.release = sync.OnceFunc(func() { shared.memory.Reserve(-reserved) })
	}
	s.state = &state{}
	s.deployBuiltins()
	s.Reset()
	return s, apiKey
}

// Reset returns the server to its first state but for the agents, which stay:
// all else that calls and tests have left is forgotten, and of the keys only
// the first remains, active and with the default limit.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	roster := s.state.roster
	s.state.close()
	s.state = newState(s.cfg.Limits)
	s.state.roster = roster
	s.state.agents = slices.Clone(roster.agents)
	s.outbox.Reset()
	s.state.keys.add(s.firstKey, s.clock.Now())
}

// Change calls change while no request begins: one sees all that change does, or
// nothing. change must not send requests to the server.
func (s *Server) Change(change func()) {
	s.changing.Lock()
	defer s.changing.Unlock()
	change()
}

// Close ends what is being served, live streams included, and returns when
// every handler has. Requests that come later are refused. It must not be
// called by an agent, which it would wait for.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.cancel(errClosing)
	for c := range s.live {
		c.stop()
	}
	s.mu.Unlock()
	s.running.Wait()
	s.outbox.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.close()
	s.release()
}

// background starts work that goes on after the reply, until the server
// closes, if it has not yet. Call it with s.mu held.
func (s *Server) background(work func(context.Context)) {
	if !s.closed {
		s.running.Go(func() {
			ctx, end := s.clock.Begin(s.ctx)
			defer end()
			work(ctx)
		})
	}
}

// AdvanceClock adds to the time that the server goes by, as clock.Advance does. It
// waits for deliveries that are under way before, so that their retries count among
// what is due, and for those that become due, as outbox.Wait does.
func (s *Server) AdvanceClock(d time.Duration) {
	deliveries := s.outbox.StartWait()
	defer deliveries.End()
	deliveries.Wait()
	s.clock.Advance(d, deliveries.Wait)
	deliveries.Wait()
}

// PendingDeliveries returns how many deliveries are under way.
func (s *Server) PendingDeliveries() int { return s.outbox.UnderWay() }

// Now returns the time that the server goes by.
func (s *Server) Now() time.Time { return s.clock.Now() }

// Sleep waits by that time, as an agent may. The error is the context's.
func (s *Server) Sleep(ctx context.Context, d time.Duration) error { return s.clock.Sleep(ctx, d) }

// Session returns the value of the account's session cookie.
func (s *Server) Session() string { return s.session() }

// AccountID returns the account's id, which integrity hashes are made with.
func (s *Server) AccountID() string { return s.accountID }

// ServeHTTP handles a request for the service, which lies under
// wire.BasePath.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := s.begin(w, r)
	defer c.end()
	c.answer(c.serve())
}

// serve takes the call from step to step, as far as it gets.
func (c *call) serve() (reply any, err error) {
	unmatched := c.findRoute()
	if c.ctx.Err() != nil {
		return nil, c.interrupted()
	}
	c.readBody()
	if !c.s.secure(c.r) {
		return nil, refuse(wire.CodeInvalidRequest, plainHTTPMessage, "")
	}
	if err := c.faulted(); err != nil {
		return nil, err
	}
	if unmatched != nil {
		return nil, c.unmatched(unmatched)
	}

	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if err := c.authenticate(); err != nil {
		return nil, err
	}
	if err := c.count(); err != nil {
		return nil, err
	}
	return c.route.handle(c)
}

// health answers GET /v1/health, the cheap way to check a key.
func (c *call) health() (any, error) {
	names := c.state.names()
	if c.lookupFails(LookupList) {
		names = []string{}
	}
	return c.profile.health(c, wire.Health{Status: wire.HealthOK, Plan: c.s.cfg.Plan, Agents: names}), nil
}

// hexID returns 32 random hexadecimal digits.
func hexID() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
