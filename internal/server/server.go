// Package server is the reference implementation of the ClawHQ service: an
// http.Handler that keeps one account, with its keys, agents and other data, in
// memory. It follows the documentation or, in profile Live, the live service. On
// request it plays faults. Package clawhqtest is its public face.
//
//	s, apiKey := server.New(server.Config{Profile: server.Live})
//	defer s.Close()
//	http.ListenAndServeTLS(addr, cert, key, s)
//
// ServeHTTP takes a call through its steps (route, body, fault, authentication, rate
// limit) to its handler in the table of routes. Each service has a file of its own.
// The differences between the profiles are in the files profile*.go.
package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/clawhq/clawhq-go/internal/clock"
	"github.com/clawhq/clawhq-go/internal/outbox"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// Config configures a Server. The zero value makes a server that follows the
// documentation.
type Config struct {
	Profile    Profile
	Plan       string        // the account's plan; empty means wire.PlanPro
	PlainHTTP  bool          // serve requests that did not come over TLS
	AgentDelay time.Duration // pause of a built-in agent before each chunk except the first
	Logger     *slog.Logger  // gets one line for each request; nil means no log

	Transport      http.RoundTripper // sends callbacks and deliveries; nil means over the network
	StrictWebhooks bool              // refuse loopback URLs, as the service does

	Limits Limits
}

// Server is the service. New creates it, and Close ends it. Its methods are safe for
// concurrent use.
type Server struct {
	cfg       Config
	accountID string
	session   func() string // the dashboard's session cookie; a function, so that printing a Server does not show it
	firstKey  newKey
	clock     *clock.Clock
	started   time.Time
	outbox    *outbox.Outbox // delivers to webhooks and callbacks

	ctx     context.Context // for work that goes on after a reply; done when the server closes
	cancel  context.CancelCauseFunc
	bodies  bodySlots      // used only by a guarded server
	release func()         // returns the server's part of shared memory
	running sync.WaitGroup // the calls in live, and the work of background

	changing sync.RWMutex // locked by Change; a request holds it for reading while it begins

	mu       sync.Mutex     // guards the fields below and everything that they refer to
	live     map[*call]bool // calls that are being handled; Close waits for them
	closed   bool
	state    *state
	arrived  uint64            // number of requests that the journal has had
	watchers map[*watcher]bool // wait for changes of the journal
}

var errClosing = errors.New("the server is shutting down")

// New returns a server and the first API key of its account. The server stores only
// the key's hash, so the caller must keep the key.
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
			Policy: cfg.Profile.quirks().deliveries, Strict: cfg.StrictWebhooks, Transport: cfg.Transport, Clock: serverClock, MaxBytes: cfg.Limits.DeliveryBytes,
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

// Reset returns the server to its first state, except for the agents, which stay. It
// drops everything else that calls and tests have created. The first key becomes the
// only key, active and with the default limit.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	roster := s.state.roster
	s.dropJournal()
	s.state.close()
	s.state = newState(s.cfg.Limits)
	s.state.roster = roster
	s.state.agents = slices.Clone(roster.agents)
	s.outbox.Reset()
	s.state.keys.add(s.firstKey, s.clock.Now())
}

// Change calls change and lets no request begin until change returns. So no request
// begins between two steps of the change. change must not send requests to the
// server: they would wait forever.
func (s *Server) Change(change func()) {
	s.changing.Lock()
	defer s.changing.Unlock()
	change()
}

// Close ends all calls, including streams, and returns when every handler has
// returned. Later requests are refused. An agent must not call Close, since Close
// waits for agents.
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

// background runs work that goes on after the reply, until the server closes. On a
// closed server it does nothing. Call it with s.mu held.
func (s *Server) background(work func(context.Context)) {
	if !s.closed {
		s.running.Go(func() {
			ctx, end := s.clock.Begin(s.ctx)
			defer end()
			work(ctx)
		})
	}
}

// AdvanceClock advances the server's time, as clock.Advance does. Before the advance
// it waits for the deliveries under way, so that their retries are among the timers
// that fall due. During the advance and after it, it waits for the deliveries that
// fall due. See outbox.Wait.
func (s *Server) AdvanceClock(d time.Duration) {
	deliveries := s.outbox.StartWait()
	defer deliveries.End()
	deliveries.Wait()
	s.clock.Advance(d, deliveries.Wait)
	deliveries.Wait()
}

// PendingDeliveries returns the number of deliveries under way.
func (s *Server) PendingDeliveries() int { return s.outbox.UnderWay() }

// NextRetry returns when the next retry of a delivery to a webhook is due; the zero
// time if none waits.
func (s *Server) NextRetry() time.Time { return s.outbox.NextRetry() }

// Now returns the server's time.
func (s *Server) Now() time.Time { return s.clock.Now() }

// Sleep waits until the server's time has advanced by d, for agents that take time.
// If ctx ends first, Sleep returns its error.
func (s *Server) Sleep(ctx context.Context, d time.Duration) error { return s.clock.Sleep(ctx, d) }

// Session returns the value of the account's session cookie.
func (s *Server) Session() string { return s.session() }

// AccountID returns the account's id, which is part of the integrity hashes.
func (s *Server) AccountID() string { return s.accountID }

// ServeHTTP handles a request. The paths of the service begin with wire.BasePath; its
// OpenAPI document is at openapi.Path.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.asksForDocument(r) {
		serveDocument(w, r)
		return
	}
	c := s.begin(w, r)
	defer c.end()
	c.answer(c.serve())
}

// serve takes the call through the steps of the service until one of them answers it.
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

// health answers GET /v1/health, a cheap way to check a key.
func (c *call) health() (any, error) {
	names := c.state.names()
	if c.lookupFails(LookupList) {
		names = []string{}
	}
	shown := wire.Health{Status: wire.HealthOK, Plan: c.s.cfg.Plan, Agents: names}
	if c.profile.quirks().pageFields {
		now := c.s.clock.Now()
		uptime := math.Floor(now.Sub(c.s.started).Seconds())
		shown.Timestamp, shown.Version, shown.UptimeSeconds = wire.HandlerTime(now), wire.HealthVersion, &uptime
		shown.Components = wire.Components{"api": "healthy", "database": "healthy", "agents": "healthy"}
		if c.state.offline {
			shown.Components["agents"] = "offline"
		}
	}
	return shown, nil
}

// hexID returns 32 random hexadecimal digits.
func hexID() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
