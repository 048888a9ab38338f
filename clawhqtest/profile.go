package clawhqtest

import "github.com/clawhq/clawhq-go/internal/server"

// A Profile says whose protocol a server speaks where the documentation and
// the live service disagree.
type Profile int

const (
	// Documented, the default, follows the product page: a revoked key is
	// 401, rate_limited is a rate_limit_error, Retry-After and
	// X-RateLimit-Reset count seconds, a rate tier that does not exist is
	// refused.
	Documented Profile = Profile(server.Documented)

	// Live reproduces the live service with its quirks: a revoked key is 403,
	// rate_limited is an api_error whose Retry-After is absurd,
	// X-RateLimit-Reset counts milliseconds, a replayed reply has no
	// X-RateLimit headers, a key created with a tier that does not exist gets
	// 60, the agent deployed last is the default, and the built-in agents
	// reply "Echo: " and the message; "[fail]" in it makes them fail at once,
	// "[cut]" after the first chunk.
	Live Profile = Profile(server.Live)
)

// String returns the profile's name: documented or live.
func (p Profile) String() string { return server.Profile(p).String() }
