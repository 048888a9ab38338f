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

// A Profile says whose protocol a server speaks where the documentation and
// the live service disagree.
type Profile = server.Profile

const (
	// Documented, the default, follows the product page: a revoked key is
	// 401, rate_limited is a rate_limit_error, Retry-After and
	// X-RateLimit-Reset count seconds, a rate tier that does not exist is
	// refused.
	Documented = server.Documented

	// Live reproduces the live service with its quirks: a revoked key is 403,
	// rate_limited is an api_error whose Retry-After is absurd,
	// X-RateLimit-Reset counts milliseconds, a replayed reply has no
	// X-RateLimit headers, a key created with a tier that does not exist gets
	// 60, the agent deployed last is the default, and the built-in agents
	// reply "Echo: " and the message; "[fail]" in it makes them fail at once,
	// "[cut]" after the first chunk.
	Live = server.Live
)

// WithInMemory makes server and clients talk over a network in memory, without
// sockets and without TLS, so that both can run inside a bubble of package
// testing/synctest. The base URL is https://clawhq.test/api, which only
// [Server.Client] and [Server.HTTPClient] reach.
func WithInMemory() Option { return func(c *config) { c.inMemory = true } }

// WithProfile sets the profile, [Documented] or [Live].
func WithProfile(p Profile) Option { return func(c *config) { c.server.Profile = p } }

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
