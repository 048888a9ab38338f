package redislimit

import (
	"log/slog"
	"time"
)

// An Option configures a Limiter. Machines that share a key should agree on
// all of them but the timeout and the logger.
type Option func(*config)

type config struct {
	prefix  string
	timeout time.Duration
	margin  time.Duration
	limit   int
	most    int
	logger  *slog.Logger
}

func defaults() config {
	return config{prefix: DefaultPrefix, timeout: DefaultTimeout, margin: DefaultMargin}
}

// DefaultPrefix is what names in Redis begin with.
const DefaultPrefix = "clawhq:limit:"

// WithPrefix sets what all names in Redis begin with, so that programs can
// share a Redis without sharing limits. Default: DefaultPrefix.
func WithPrefix(prefix string) Option { return func(c *config) { c.prefix = prefix } }

// DefaultTimeout is how long Redis may take to answer.
const DefaultTimeout = 100 * time.Millisecond

// WithTimeout sets how long Redis may take to answer before the client shapes
// by itself. It holds whatever the timeouts of the Redis client are; time in
// which the process did not get to run does not count. Default,
// and for anything but a positive duration: DefaultTimeout.
func WithTimeout(d time.Duration) Option {
	return func(c *config) {
		if c.timeout = d; d <= 0 {
			c.timeout = DefaultTimeout
		}
	}
}

// DefaultMargin is how long a slot outlasts the server's window of 60 seconds.
const DefaultMargin = 250 * time.Millisecond

// WithMargin sets how long a slot outlasts the server's window: by how much
// the times may differ that calls take to arrive. Without it, the first call
// of a new window arrives before the last one that it follows has left.
// Default: DefaultMargin.
func WithMargin(d time.Duration) Option { return func(c *config) { c.margin = max(d, 0) } }

// WithRateLimit sets beforehand what otherwise the first reply tells: how many
// calls a minute the key allows. What replies say is followed all the same.
// Default: not known, and 30 calls a minute, the smallest tier, until it is.
func WithRateLimit(rpm int) Option { return func(c *config) { c.limit = max(rpm, 0) } }

// WithMaxRate keeps all machines together at or below that many calls a
// minute, whatever the key allows, to leave a part of it to others. It bounds
// each window. Default: 0, no bound.
func WithMaxRate(rpm int) Option { return func(c *config) { c.most = max(rpm, 0) } }

// WithLogger sets where the Limiter says, once each time, that Redis went away
// (a warning) and that it is back. Default: nowhere.
func WithLogger(logger *slog.Logger) Option { return func(c *config) { c.logger = logger } }
