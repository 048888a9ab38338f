package redisclawhq

import (
	"log/slog"
	"time"
)

// An Option configures a Limiter. Machines that share an API key should use the
// same options, except for the timeout, the logger, and what WithMaxRate says of
// jobs in the background.
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

// DefaultPrefix is the prefix of the names of keys in Redis.
const DefaultPrefix = "clawhq:limit:"

// WithPrefix sets the prefix of the names of keys in Redis. Programs that use
// different prefixes can share a Redis without sharing a limit. Default:
// DefaultPrefix.
func WithPrefix(prefix string) Option { return func(c *config) { c.prefix = prefix } }

// DefaultTimeout is how long Redis may take to answer unless WithTimeout is
// given.
const DefaultTimeout = 100 * time.Millisecond

// WithTimeout sets how long Redis may take to answer. After that the client
// shapes its calls by itself. If the Redis client must connect first, or load the
// script, it may take a second longer. The timeout applies whatever the timeouts of
// the Redis client are. Time in which the process could not run does not count. It
// also bounds Close. Default, also for a duration that is not positive:
// DefaultTimeout.
func WithTimeout(d time.Duration) Option {
	return func(c *config) {
		if c.timeout = d; d <= 0 {
			c.timeout = DefaultTimeout
		}
	}
}

// DefaultMargin is the margin unless WithMargin is given.
const DefaultMargin = 250 * time.Millisecond

// WithMargin sets how long a slot stays taken after the server's window of 60
// seconds. The margin allows for network delays that differ: when a fast call
// takes the slot of an earlier slow call, the server may still count the slow
// one. A negative margin is taken as 0. Default: DefaultMargin.
func WithMargin(d time.Duration) Option { return func(c *config) { c.margin = max(d, 0) } }

// WithRateLimit sets how many calls per minute the key allows, which the Limiter
// otherwise learns from the first reply. The Limiter still follows the limit
// that later replies report. Default: 30 calls per minute, the smallest tier,
// until the first reply.
func WithRateLimit(rpm int) Option { return func(c *config) { c.limit = max(rpm, 0) } }

// WithMaxRate bounds the calls of all machines together to rpm per minute,
// whatever the key allows, so that a part of the key's limit is left to other
// programs. The bound applies to each window. The machines of a job whose calls are
// all in the background may have a lower bound than the others: they then only send
// while all machines together have sent fewer calls. Default: 0, no bound.
func WithMaxRate(rpm int) Option { return func(c *config) { c.most = max(rpm, 0) } }

// WithLogger sets a logger that gets a warning when Redis is unavailable, unless
// only a single answer was late, and an entry when it is available again. Default:
// none.
func WithLogger(logger *slog.Logger) Option { return func(c *config) { c.logger = logger } }
