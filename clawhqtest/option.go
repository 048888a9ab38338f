package clawhqtest

import (
	"log/slog"
	"time"

	"github.com/clawhq/clawhq-go/internal/server"
)

// An Option configures a server.
type Option func(*config)

type config struct {
	server   server.Config
	inMemory bool
	agents   []struct {
		slug string
		fn   AgentFunc
	}
}

// WithInMemory makes the server use a network in memory, without sockets and
// without TLS, so that server and clients can run inside a bubble of package
// testing/synctest. The base URL is https://clawhq.test/api. Only
// [Server.Client] and [Server.HTTPClient] can reach it.
func WithInMemory() Option { return func(c *config) { c.inMemory = true } }

// WithProfile sets the profile, [Documented] or [Live]. Default: Documented.
func WithProfile(p Profile) Option { return func(c *config) { c.server.Profile = server.Profile(p) } }

// WithPlan sets the account's plan. Unless it is pro, ultra or enterprise, in any
// case, calls are refused with plan_required. Default: pro.
func WithPlan(plan string) Option { return func(c *config) { c.server.Plan = plan } }

// WithPlainHTTP makes the server use plain HTTP instead of TLS, with an http://
// URL, for clients that cannot be made to trust its certificate. Without this
// option, requests over plain HTTP get status 400.
func WithPlainHTTP() Option { return func(c *config) { c.server.PlainHTTP = true } }

// WithAgent deploys an agent from the start, as [Server.HandleAgent] does.
func WithAgent(slug string, fn AgentFunc) Option {
	return func(c *config) {
		c.agents = append(c.agents, struct {
			slug string
			fn   AgentFunc
		}{slug, fn})
	}
}

// WithAgentDelay makes the built-in agents pause before each chunk except the
// first. Default: no pause.
func WithAgentDelay(d time.Duration) Option { return func(c *config) { c.server.AgentDelay = d } }

// WithLogger sets a logger that gets an entry for each request: its method,
// path, status, duration, request id and the prefix of its API key, never the
// key. Default: none.
func WithLogger(logger *slog.Logger) Option { return func(c *config) { c.server.Logger = logger } }

// WithStrictWebhookTargets makes the server refuse loopback addresses for
// webhooks and callbacks of batches, as the service does. Without this option
// they are allowed, so that a test can receive deliveries. Other private
// addresses are always refused.
func WithStrictWebhookTargets() Option { return func(c *config) { c.server.StrictWebhooks = true } }

// WithJournalLimit bounds the journal to a number of requests and, approximately,
// to a number of bytes in memory. The oldest requests are dropped first; GET
// /v1/usage does not count dropped requests. 0 means no bound. Default: the
// journal grows until Reset.
func WithJournalLimit(requests, bytes int) Option {
	return func(c *config) {
		c.server.Limits.JournalEntries, c.server.Limits.JournalBytes = requests, bytes
	}
}

// WithMemoryLimit bounds, approximately, the memory for everything that the server
// stores. It is for a server that runs long, or serves clients that are not trusted.
// Half of the bytes are for the journal, a quarter for sessions, stored replies,
// threads, batches, files, audit entries and conversations, and a quarter for
// deliveries; in each part the oldest entries are dropped first. The journal then has
// at most 16 KiB of each body, and no bodies of requests without a valid key or
// session. Only a few bodies are read at the same time. Default: no bound.
//
// Servers share the limit if they are made with the same Option, the value that one
// call of WithMemoryLimit has returned. Each of them is guaranteed 1/200 of the
// bytes; they compete for the rest.
func WithMemoryLimit(bytes int) Option {
	limits := server.SharedLimits(bytes)
	return func(c *config) { c.server.Limits = limits }
}
