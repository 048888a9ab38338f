package clawhq

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/clawhq/clawhq-go/internal/shaping"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// core is what the services of a Client share.
type core struct {
	base       *url.URL
	chatURL    *url.URL
	logger     *slog.Logger
	traces     traces // of WithTrace
	userAgent  string
	secrets    hidden[*secrets]
	http       hidden[*http.Client] // the caller's; each call copies it and takes the place of its Transport
	transports hidden[*transports]  // a transport may hold what was sent
	retry      RetryPolicy
	budget     *retryBudget
	limiter    Limiter       // the caller's own; nil if there is none
	shaping    *shaping.Set  // nil if calls are not shaped
	unshaped   bool          // shaping only enforces WithMaxRate
	rateLimit  lastRateLimit // for Client.RateLimit
	attemptMax time.Duration // of WithAttemptTimeout
	clientMax  time.Duration // the Timeout of the caller's http.Client
	idleMax    time.Duration // of WithStreamIdleTimeout
	contentMax time.Duration // of WithStreamContentTimeout
}

// secrets are a client's credentials.
type secrets struct {
	authorization string                                // header value with the API key; empty without one
	ask           func(context.Context) (string, error) // WithAPIKeyFunc; nil without it
	session       *session                              // nil without one
}

// forever stands for "no bound". It is longer than any program runs, and short
// enough that adding to it does not overflow a Duration.
const forever = 100 * 365 * 24 * time.Hour

// redact removes API keys and the session from a text that came from outside
// this package.
func (c *core) redact(s string) string {
	s = wire.Redact(s)
	if session := c.session(); session != nil {
		s = session.redact(s)
	}
	return s
}

// session returns the dashboard's session, nil without one.
func (c *core) session() *session { return c.secrets.get().session }
