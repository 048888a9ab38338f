package clawhqtest

import (
	"crypto/x509"
	"net/http"
	"testing"

	"github.com/clawhq/clawhq-go/internal/server"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// Server is a ClawHQ service of one's own. Create it with [NewServer] or
// [NewTestServer]; all methods are safe for concurrent use.
type Server struct {
	service *server.Server
	apiKey  func() string // out of reach of print verbs
	network network
}

// NewServer starts a server: over TLS on a free port of the loopback
// interface, unless an option says otherwise. Close it when done. It panics
// if it cannot listen.
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

// NewTestServer starts a server that is closed when the test ends. Faults
// that no request has met by then fail the test.
func NewTestServer(t testing.TB, opts ...Option) *Server {
	t.Helper()
	s := NewServer(opts...)
	t.Cleanup(func() {
		s.Close()
		for _, f := range s.Faults() {
			t.Errorf("clawhqtest: no request met the fault %v", f)
		}
	})
	return s
}

// Close ends what is being served, live streams included, and stops the
// server. It returns when every handler has; an agent must not call it. A
// second Close does nothing.
func (s *Server) Close() {
	s.service.Close()
	s.network.close()
}

// URL returns the base URL for clients: scheme and host of the server, and
// the path /api.
func (s *Server) URL() string { return s.network.origin + wire.BasePath }

// HTTPClient returns a client that reaches the server and trusts its
// certificate, for requests without the SDK. It is the same at each call, and
// it must not be changed.
func (s *Server) HTTPClient() *http.Client { return s.network.client }

// Certificate returns the certificate that the server identifies itself with,
// for clients that are told to trust it by other means than [Server.HTTPClient];
// nil if it has none, in memory or over plain HTTP.
func (s *Server) Certificate() *x509.Certificate { return s.network.certificate }

// Handler returns the service itself, to be served elsewhere under the same
// paths, /api/v1/chat and so on. It rejects requests that did not come over
// TLS, as the product page demands, unless [WithPlainHTTP] was given.
func (s *Server) Handler() http.Handler { return s.service }

// APIKey returns the API key that a new server has.
func (s *Server) APIKey() string { return s.apiKey() }

// KeyID returns the id of the key that APIKey returns, for SetRateLimit and
// RevokeKey.
func (s *Server) KeyID() string { return s.service.FirstKeyID() }

// AccountID returns the id of the server's one account, which its integrity
// hashes are made with: see clawhq.VerifyAuditLog.
func (s *Server) AccountID() string { return s.service.AccountID() }

// Session returns the value of the dashboard's session cookie, "session",
// which key management asks for in place of an API key.
func (s *Server) Session() string { return s.service.Session() }

// CreateKey adds a key to the account, limited to rpm calls a minute, and
// returns its id and the key itself. Unlike the API it takes any positive
// limit and does not count the keys. It panics on a limit below 1 and on a
// name that is blank or longer than 100 characters.
func (s *Server) CreateKey(name string, rpm int) (id, key string) {
	return s.service.CreateKey(name, rpm)
}

// AddKey adds a key of a value of one's own, clw_ and 32 letters or digits, to
// the account, limited to rpm calls a minute, and returns its id, which is the
// same each time the same key is added. A key that is there already takes the name and the limit, and is active again. It panics on
// a key, a name or a limit that no key can have.
func (s *Server) AddKey(name, key string, rpm int) (id string) {
	return s.service.AddKey(name, key, rpm)
}

// A KeyInfo is what may be told of a key of the account.
type KeyInfo struct {
	ID      string
	Name    string
	Prefix  string // the first twelve characters of the key
	RPM     int    // calls a minute
	Revoked bool
}

// Keys returns the account's keys in the order of creation, revoked ones too.
func (s *Server) Keys() []KeyInfo {
	var keys []KeyInfo
	for _, k := range s.service.Keys() {
		keys = append(keys, KeyInfo(k))
	}
	return keys
}

// RevokeKey revokes a key: a request that begins after RevokeKey has returned
// is refused. It panics if there is no key with that id.
func (s *Server) RevokeKey(id string) { s.service.RevokeKey(id) }

// SetRateLimit changes the limit of a key to rpm calls a minute, any positive
// number, from the next request on. Calls of the last 60 seconds count
// against the new limit too. It panics if there is no key with that id.
func (s *Server) SetRateLimit(id string, rpm int) { s.service.SetRateLimit(id, rpm) }

// HandleAgent deploys an agent, or replaces the one that has the slug. A nil
// fn stands for a built-in agent. In profile [Documented] support-bot stays
// the default agent, so that adding one does not change what others get; in
// profile [Live] the agent deployed last becomes the default, as in the real
// service. It panics on an empty slug.
func (s *Server) HandleAgent(slug string, fn AgentFunc) { s.service.HandleAgent(slug, fn.forService()) }

// ResetAgents returns to the agents of a new server: the built-in ones, on a
// machine that runs. Messages under way keep the agent that they have.
func (s *Server) ResetAgents() { s.service.ResetAgents() }

// SetOffline stops the machine that the agents run on, or starts it again.
// While it is stopped, messages are answered 503 agent_offline and batches
// fail without an answer.
func (s *Server) SetOffline(offline bool) { s.service.SetOffline(offline) }

// Reset returns the server to its first state but for the agents and the
// handler of DeliverTo, which stay: the journals, faults, chat sessions, stored
// replies, rate windows, statistics and all that calls and tests have added are
// forgotten. Of the keys only the first remains, the same, active, with 60
// calls a minute. Requests, batches and deliveries in flight go on, unseen.
func (s *Server) Reset() { s.service.Reset() }
