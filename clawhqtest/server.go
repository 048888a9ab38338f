package clawhqtest

import (
	"crypto/x509"
	"net/http"
	"testing"

	"github.com/clawhq/clawhq-go/internal/server"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// A Server is a ClawHQ service. Create it with [NewServer] or [NewTestServer].
// All methods are safe for concurrent use.
type Server struct {
	service *server.Server
	apiKey  func() string // a function, so that printing a Server does not show it
	network network
}

// NewServer starts a server, by default with TLS on a free port of the loopback
// interface. The caller must close it. NewServer panics if it cannot listen.
func NewServer(opts ...Option) *Server {
	var cfg config
	for _, opt := range opts {
		opt(&cfg)
	}
	service, apiKey := server.New(cfg.server)
	for _, a := range cfg.agents {
		service.HandleAgent(a.slug, a.fn.forService())
	}
	return &Server{service: service, apiKey: func() string { return apiKey }, network: listen(service, cfg)}
}

// NewTestServer starts a server that is closed when the test ends. The test fails
// if there are faults that were not played by then, as often as Fault.Times says.
func NewTestServer(t testing.TB, opts ...Option) *Server {
	t.Helper()
	s := NewServer(opts...)
	t.Cleanup(func() {
		s.Close()
		for _, f := range s.Faults() {
			if !f.fault.Met() {
				t.Errorf("clawhqtest: no request met the fault %v", f)
			}
		}
	})
	return s
}

// Close ends all requests, including streams, and stops the server. It returns
// when all handlers have returned, so an agent must not call it. Closing a
// server again does nothing.
func (s *Server) Close() {
	s.service.Close()
	s.network.close()
}

// URL returns the base URL for clients: the scheme and host of the server, and
// the path /api.
func (s *Server) URL() string { return s.network.origin + wire.BasePath }

// HTTPClient returns an http.Client that reaches the server and trusts its
// certificate, for requests without the SDK. Every call returns the same
// http.Client, which must not be changed.
func (s *Server) HTTPClient() *http.Client { return s.network.client }

// Certificate returns the server's TLS certificate, for clients other than
// [Server.HTTPClient] that must trust it. It is nil for a server in memory or
// over plain HTTP.
func (s *Server) Certificate() *x509.Certificate { return s.network.certificate }

// Handler returns the service as an http.Handler, which another server can serve
// under the same paths, like /api/v1/chat and /openapi.json. It rejects requests without TLS, as
// the product page requires, unless [WithPlainHTTP] is given.
func (s *Server) Handler() http.Handler { return s.service }

// APIKey returns the first API key of the account, which every server has.
func (s *Server) APIKey() string { return s.apiKey() }

// KeyID returns the id of the key that APIKey returns, for example for
// SetRateLimit and RevokeKey.
func (s *Server) KeyID() string { return s.service.FirstKeyID() }

// AccountID returns the id of the server's only account. See
// clawhq.VerifyAuditLog.
func (s *Server) AccountID() string { return s.service.AccountID() }

// Session returns the value of the cookie "session", the dashboard's session,
// which authenticates the management of keys and webhooks. See
// clawhq.WithSession.
func (s *Server) Session() string { return s.service.Session() }

// CreateKey adds a key with a limit of rpm calls per minute to the account, and
// returns its id and the key itself. Unlike the API it accepts any positive
// limit and any number of keys. It panics if rpm is less than 1, or if name is
// blank or longer than 100 characters.
func (s *Server) CreateKey(name string, rpm int) (id, key string) {
	return s.service.CreateKey(name, rpm)
}

// AddKey adds the given key, clw_ followed by 32 letters or digits, with a limit
// of rpm calls per minute to the account, and returns its id, which depends only
// on the key. A key that exists gets the new name and limit, and is active again.
// AddKey panics if the key, the name or the limit is not valid.
func (s *Server) AddKey(name, key string, rpm int) (id string) {
	return s.service.AddKey(name, key, rpm)
}

// A KeyInfo describes a key of the account. It does not have the key itself.
type KeyInfo struct {
	ID      string
	Name    string
	Prefix  string // the first twelve characters of the key
	RPM     int    // calls per minute
	Revoked bool
}

// Keys returns all keys of the account, including revoked ones, in the order of
// creation.
func (s *Server) Keys() []KeyInfo {
	var keys []KeyInfo
	for _, k := range s.service.Keys() {
		keys = append(keys, KeyInfo(k))
	}
	return keys
}

// FindKey returns the id of a key, given by its id or its value, even if it is
// revoked. The id is empty if there is no such key.
func (s *Server) FindKey(key string) (id string) { return s.service.FindKey(key) }

// RevokeKey revokes a key. Requests with the key that begin after RevokeKey has
// returned are refused. RevokeKey panics if there is no key with that id.
func (s *Server) RevokeKey(id string) { s.service.RevokeKey(id) }

// SetRateLimit changes the limit of a key to rpm calls per minute, which may be
// any positive number. The calls of the last 60 seconds count against the new
// limit. SetRateLimit panics if rpm is less than 1 or there is no key with that
// id.
func (s *Server) SetRateLimit(id string, rpm int) { s.service.SetRateLimit(id, rpm) }

// HandleAgent deploys an agent. It replaces an agent with the same slug. If fn is
// nil, the agent answers as a built-in one. In profile [Documented], support-bot
// stays the default agent; in profile [Live], the agent deployed last becomes the
// default, as in the live service. HandleAgent panics if slug is empty.
func (s *Server) HandleAgent(slug string, fn AgentFunc) { s.service.HandleAgent(slug, fn.forService()) }

// ResetAgents removes all agents except the built-in ones, and undoes
// SetOffline. Requests that are being answered keep their agent.
func (s *Server) ResetAgents() { s.service.ResetAgents() }

// An AgentInfo describes a deployed agent.
type AgentInfo struct {
	ID   string
	Slug string // that chats take
	Name string
}

// Agents returns the deployed agents, in the order of deployment.
func (s *Server) Agents() []AgentInfo {
	var agents []AgentInfo
	for _, a := range s.service.Agents() {
		agents = append(agents, AgentInfo(a))
	}
	return agents
}

// Offline reports whether [Server.SetOffline] has stopped the agents.
func (s *Server) Offline() bool { return s.service.Offline() }

// SetOffline stops the machine on which the agents run, or starts it again. While it
// is stopped, messages are answered with 503 agent_offline, and batches fail without
// an answer.
func (s *Server) SetOffline(offline bool) { s.service.SetOffline(offline) }

// Change calls change, which may call other methods of the server, and lets no
// request begin until change returns. So a request that begins later sees everything
// that change does. Requests in progress go on; if change calls Reset first, they see
// nothing of what it does after that. change must not send requests to the server:
// they would wait forever.
func (s *Server) Change(change func()) { s.service.Change(change) }

// Reset returns the server to the state of a new server, except for the agents and
// the handler of DeliverTo. It removes the journal, the deliveries, faults, chat
// sessions, stored replies, statistics, everything that calls and tests have added,
// and all keys but the first, which is active again with a limit of 60 calls per
// minute; no calls count against that limit. Requests, batches and deliveries in
// progress go on, but are not recorded.
func (s *Server) Reset() { s.service.Reset() }
