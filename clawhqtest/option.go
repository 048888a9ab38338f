package clawhqtest

import (
	"log/slog"
	"time"

	"github.com/clawhq/clawhq-go/internal/server"
)

// An Option changes what [NewServer] starts.
type Option func(*config)

type config struct {
	server   server.Config
	inMemory bool
	agents   []struct {
		slug string
		fn   AgentFunc
	}
}

// WithInMemory makes server and clients talk over a network in memory, without
// sockets and without TLS, so that both can run inside a bubble of package
// testing/synctest. The base URL is https://clawhq.test/api, which only
// [Server.Client] and [Server.HTTPClient] reach.
func WithInMemory() Option { return func(c *config) { c.inMemory = true } }

// WithProfile sets the profile, [Documented] or [Live].
func WithProfile(p Profile) Option { return func(c *config) { c.server.Profile = server.Profile(p) } }

// WithPlan sets the account's plan. With any but "pro", which is the default
// and may be written in any case, calls are refused with plan_required.
func WithPlan(plan string) Option { return func(c *config) { c.server.Plan = plan } }

// WithPlainHTTP makes the server speak plain HTTP instead of TLS, with an
// http:// URL, for clients that cannot be told to trust its certificate.
// Without it, requests over plain HTTP get 400.
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

// WithAgentDelay makes the built-in agents pause before each chunk but the
// first. The default is no pause.
func WithAgentDelay(d time.Duration) Option { return func(c *config) { c.server.AgentDelay = d } }

// WithLogger sets a logger that gets a line a request: method, path, status,
// duration, request id and the key's prefix, never a key. The default is
// none.
func WithLogger(logger *slog.Logger) Option { return func(c *config) { c.server.Logger = logger } }

// WithStrictWebhookTargets makes the server refuse webhooks and callbacks of
// batches to loopback addresses, as the service does. Without it they are
// allowed, so that a test can receive them; other private addresses never
// are.
func WithStrictWebhookTargets() Option { return func(c *config) { c.server.StrictWebhooks = true } }

// WithJournalLimit bounds the journal to so many requests, and to about so many
// bytes of headers, bodies and what holds them; the oldest go first. GET
// /v1/usage counts those that are left. 0 is no limit. The default is a journal
// that grows until Reset.
func WithJournalLimit(requests, bytes int) Option {
	return func(c *config) {
		c.server.Limits.JournalEntries, c.server.Limits.JournalBytes = requests, bytes
	}
}

// WithMemoryLimit is for a server that runs long, among strangers: all that it
// keeps takes about so many bytes at most, half of them the journal, a quarter
// sessions, stored replies, threads, batches, files, audit entries and
// conversations, a quarter what webhooks were sent. Of each the oldest goes
// first. Of a request whose key or session is not good the body is not kept,
// and of others the journal shows 16 KiB; few bodies are read at once. The
// default is to keep everything.
func WithMemoryLimit(bytes int) Option {
	return func(c *config) { c.server.Limits = server.LimitsFor(bytes) }
}
