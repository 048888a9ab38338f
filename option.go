package clawhq

import (
	"log/slog"
	"net/http"
	"time"
)

// An Option configures a Client. Of options that set the same thing the last
// one counts. Values are checked by NewClient.
type Option func(*config)

type config struct {
	apiKey, baseURL, product, session string

	httpClient     *http.Client
	logger         *slog.Logger
	retry          RetryPolicy
	limiter        Limiter
	shaped         bool // by the client itself, or by limiter
	rateLimit      int
	maxRate        int
	attemptTimeout time.Duration
	idleTimeout    time.Duration
	insecureHTTP   bool
	err            error // the first option that could not be applied
}

// WithAPIKey sets the API key: clw_ and 32 letters or digits (product page,
// "Key Format"). Default: the environment variable CLAWHQ_API_KEY.
func WithAPIKey(key string) Option { return func(c *config) { c.apiKey = key } }

// WithBaseURL sets the base URL that paths like /v1/chat are appended to; a
// path of its own is kept. Default: the environment variable CLAWHQ_BASE_URL
// or, if that is empty, DefaultBaseURL.
func WithBaseURL(url string) Option { return func(c *config) { c.baseURL = url } }

// WithHTTPClient sets the http.Client whose Transport, Jar and CheckRedirect
// are used. It is copied, never changed, and its idle connections are never
// closed. A Timeout of it bounds each attempt, as WithAttemptTimeout does (the
// shorter one counts), but not the length of a stream. Default: a client that
// uses http.DefaultTransport.
func WithHTTPClient(client *http.Client) Option { return func(c *config) { c.httpClient = client } }

// WithLogger sets where attempts, waits and their causes are logged, at debug
// level, with request ids, and without keys, bodies or query strings.
// Default: nowhere.
func WithLogger(logger *slog.Logger) Option { return func(c *config) { c.logger = logger } }

// WithUserAgent adds a product, like "myapp/1.2", to the User-Agent header
// (RFC 9110 §10.1.5). It may hold printable ASCII only.
func WithUserAgent(product string) Option { return func(c *config) { c.product = product } }

// WithRetry sets the retry policy. Zero fields take the values of
// DefaultRetryPolicy; RetryPolicy{MaxAttempts: 1} turns retries off.
func WithRetry(policy RetryPolicy) Option { return func(c *config) { c.retry = policy } }

// WithRateLimit sets beforehand what the client otherwise learns from its
// first reply: how many calls a minute the key allows. What the server says
// later is followed all the same, up and down. 0 turns rate shaping off; a
// negative number is an error.
func WithRateLimit(rpm int) Option {
	return func(c *config) { c.limiter, c.rateLimit, c.shaped = nil, rpm, rpm != 0 }
}

// WithMaxRate has the client make no more than rpm calls in any 60 seconds to
// one window, whatever the server allows, so that a part of a key is left to
// others. It holds beside WithRateLimit and WithLimiter, too. Default: 0, no
// such bound; a negative number is an error.
func WithMaxRate(rpm int) Option { return func(c *config) { c.maxRate = rpm } }

// WithLimiter has limiter make room for attempts instead of the client's own
// log of them: every attempt of a call to the /v1 API waits for it, retries
// included. What a 429 tells is heeded all the same: it pauses all callers of
// the client before they reach the Limiter. A nil Limiter turns shaping off.
func WithLimiter(limiter Limiter) Option {
	return func(c *config) { c.limiter, c.rateLimit, c.shaped = limiter, 0, limiter != nil }
}

// WithSession sets the dashboard's session cookie, which key management is
// authenticated by (an API key cannot manage keys): either the value of the
// cookie named session, or name=value. Default: none, and Client.Keys fails.
func WithSession(cookie string) Option { return func(c *config) { c.session = cookie } }

// DefaultAttemptTimeout is how long one attempt may take: an agent may take 60
// seconds to answer, and the network needs its share.
const DefaultAttemptTimeout = 90 * time.Second

// WithAttemptTimeout bounds one attempt of a call, from when it is sent to
// when its reply is read; of a streaming call, to when its headers are there.
// Waiting for the rate limit and between attempts does not count. An attempt
// that timed out is retried. Default: DefaultAttemptTimeout; 0 means no bound.
func WithAttemptTimeout(d time.Duration) Option {
	return func(c *config) { c.attemptTimeout = d }
}

// DefaultStreamIdleTimeout is how long a stream may be silent. It is longer
// than the 60 seconds after which the service itself reports model_timeout.
const DefaultStreamIdleTimeout = 90 * time.Second

// WithStreamIdleTimeout bounds how long a stream may be silent while the
// caller waits for its next chunk. Any byte counts as life, a comment too; the
// time that the caller spends on a chunk does not count. Past it the stream
// ends with a StreamError of code stream_idle. A stream has no bound on its
// whole length but the caller's context. Default: DefaultStreamIdleTimeout;
// 0 means no bound.
func WithStreamIdleTimeout(d time.Duration) Option {
	return func(c *config) { c.idleTimeout = d }
}

// WithInsecureHTTP allows an http:// base URL for a host other than loopback.
// The key then crosses the network in the clear.
func WithInsecureHTTP() Option { return func(c *config) { c.insecureHTTP = true } }
