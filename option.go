package clawhq

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// An Option configures a Client. If several options set the same thing, the
// last one counts. NewClient checks the values.
type Option func(*config)

type config struct {
	apiKey, baseURL, product, session string

	apiKeyFunc     func(context.Context) (string, error)
	httpClient     *http.Client
	logger         *slog.Logger
	traces         traces
	retry          RetryPolicy
	limiter        Limiter
	shaped         bool // calls are shaped, by the client itself or by limiter
	rateLimit      int
	maxRate        int
	attemptTimeout time.Duration
	idleTimeout    time.Duration
	contentTimeout time.Duration
	insecureHTTP   bool
}

// WithAPIKey sets the API key: clw_ followed by 32 letters or digits (product
// page, "Key Format"). Default: the environment variable CLAWHQ_API_KEY.
//
// A Client with WithSession and without a key can call the endpoints that are
// authenticated by the session. Any other call fails with an
// AuthenticationError before anything is sent.
func WithAPIKey(key string) Option {
	return func(c *config) { c.apiKey, c.apiKeyFunc = key, nil }
}

// WithAPIKeyFunc makes the client call key for the API key of each attempt that
// needs one, so that a key can be rotated without a restart. key is called when
// the rate limit has admitted the attempt, since the wait for that may outlast a
// key, and is given the context of the call. If the service refuses a key, it is
// called once more; if it then returns another key, the attempt is repeated with
// that, once in a call and whatever RetryPolicy.MaxAttempts says.
//
// If key returns an error, the call fails with an error that wraps it. If it
// returns a malformed key, the call fails with an AuthenticationError. In both
// cases the attempt is not sent. key must be safe for concurrent use, and should
// cache its answer, since every attempt waits for it. WithAPIKeyFunc replaces an
// earlier WithAPIKey, and the other way around.
func WithAPIKeyFunc(key func(context.Context) (string, error)) Option {
	return func(c *config) { c.apiKeyFunc = key }
}

// WithBaseURL sets the base URL. Paths like /v1/chat are appended to its path.
// A path that ends with /api/v1 is used without the /v1. At the host of
// DefaultBaseURL, no path or /v1 stands for /api, and any other path is an
// error. Default: the environment variable CLAWHQ_BASE_URL or, if that is
// empty, DefaultBaseURL.
func WithBaseURL(url string) Option { return func(c *config) { c.baseURL = url } }

// WithHTTPClient sets the http.Client whose Transport, Jar and CheckRedirect
// are used. The http.Client is copied and never changed, and its idle
// connections are never closed. Its Timeout bounds each attempt, as
// WithAttemptTimeout does (the shorter one counts); it does not bound the
// length of a stream. Default: an http.Client that uses http.DefaultTransport, as
// that variable is when a call is made.
//
// When an attempt over HTTP/2 runs out of time, its connection may be dead
// although no error says so, and net/http would go on using it. If Transport is an
// *http.Transport, later attempts use a clone of it, which makes its own
// connections and pings them when they are silent (protocols registered by
// RegisterProtocol are not cloned). A RoundTripper that wraps an *http.Transport
// should set the HTTP2.SendPingTimeout of that Transport, to 15 seconds for
// example.
func WithHTTPClient(client *http.Client) Option { return func(c *config) { c.httpClient = client } }

// WithLogger sets the logger for attempts, waits and their causes. They are
// logged at debug level, with request ids; keys, bodies and query strings are
// never logged. Default: nothing is logged.
func WithLogger(logger *slog.Logger) Option { return func(c *config) { c.logger = logger } }

// WithTrace makes the client call the functions of trace at each step of a
// call. The option can be given more than once: then every Trace is called, in
// the order of the options. A nil Trace is ignored. A client without a Trace
// allocates nothing for tracing. Default: none.
func WithTrace(trace *Trace) Option {
	return func(c *config) {
		if trace != nil {
			c.traces = append(c.traces, trace)
		}
	}
}

// WithUserAgent adds a product, like "myapp/1.2", to the User-Agent header
// (RFC 9110 §10.1.5). It may hold printable ASCII only.
func WithUserAgent(product string) Option { return func(c *config) { c.product = product } }

// WithRetry sets the retry policy. Zero fields take the values of
// DefaultRetryPolicy; RetryPolicy{MaxAttempts: 1} turns retries off.
func WithRetry(policy RetryPolicy) Option { return func(c *config) { c.retry = policy } }

// WithRateLimit sets how many calls per minute the key allows, which the client
// otherwise learns from its first reply. The client still follows the limit
// that later replies report, up and down. 0 turns rate shaping off; a negative
// number is an error.
func WithRateLimit(rpm int) Option {
	return func(c *config) { c.limiter, c.rateLimit, c.shaped = nil, rpm, rpm != 0 }
}

// WithMaxRate bounds the calls that the client makes in any 60 seconds to rpm,
// whatever the server allows, so that a part of the key's limit is left to
// other programs. The bound applies to each window of the rate limit, and also
// together with WithRateLimit and WithLimiter. Default: 0, no such bound; a
// negative number is an error.
func WithMaxRate(rpm int) Option { return func(c *config) { c.maxRate = rpm } }

// WithLimiter replaces the client's own rate shaping by limiter: every attempt
// of a call to the /v1 API, retries included, calls its Wait before the request
// is sent. A reply of status 429 still pauses all callers of the client before
// they reach the Limiter. A nil Limiter turns rate shaping off.
func WithLimiter(limiter Limiter) Option {
	return func(c *config) { c.limiter, c.rateLimit, c.shaped = limiter, 0, limiter != nil }
}

// WithSession sets the dashboard's session, which authenticates the endpoints
// of Client.Keys and Client.Webhooks (an API key cannot manage keys). cookie is
// the value of a Cookie header as a browser sends it, with all cookies of the
// session, like "name.0=value; name.1=value"; or only the value of the cookie
// named session.
//
// When a reply renews one of these cookies by Set-Cookie, all later calls use
// the new value; the value given here may then no longer be valid. A call that
// is answered with 401 because another call has just renewed the session is
// repeated. Default: no session; the methods of Client.Keys and Client.Webhooks
// then return an AuthenticationError.
func WithSession(cookie string) Option { return func(c *config) { c.session = cookie } }

// DefaultAttemptTimeout is the bound on one attempt unless WithAttemptTimeout
// is given. An agent may take 60 seconds to answer; the rest is for the
// network.
const DefaultAttemptTimeout = 90 * time.Second

// WithAttemptTimeout bounds one attempt of a call, from the sending of the
// request until its reply has been read or, for a stream, until the reply's
// headers have arrived. While the bytes of an upload flow, it bounds silence only.
// Waiting for the rate limit and between attempts does not count. An attempt that
// timed out is retried as [RetryPolicy] describes. Default: DefaultAttemptTimeout;
// 0 means no bound, a negative value is an error.
func WithAttemptTimeout(d time.Duration) Option {
	return func(c *config) { c.attemptTimeout = d }
}

// DefaultStreamIdleTimeout is how long a stream may be silent unless
// WithStreamIdleTimeout is given. It is longer than the 60 seconds after which
// the service itself reports model_timeout.
const DefaultStreamIdleTimeout = 90 * time.Second

// WithStreamIdleTimeout bounds how long a stream's connection may be silent
// while the caller waits for the next chunk. Every received byte starts the
// time anew, also that of a comment; the time that the caller spends on a chunk
// does not count. When the time is over, the stream ends with a StreamError of
// code stream_idle. Only the caller's context bounds the length of a whole
// stream. Default: DefaultStreamIdleTimeout; 0 means no bound, a negative value
// is an error.
func WithStreamIdleTimeout(d time.Duration) Option {
	return func(c *config) { c.idleTimeout = d }
}

// WithStreamContentTimeout bounds how long the caller waits for the next chunk
// of a stream, the first one included. Unlike WithStreamIdleTimeout it does not
// count comments, which servers send to keep a connection alive. When the time
// is over, the stream ends with a StreamError of code stream_idle. Default: 0,
// no bound; a negative value is an error.
func WithStreamContentTimeout(d time.Duration) Option {
	return func(c *config) { c.contentTimeout = d }
}

// WithInsecureHTTP allows an http:// base URL for a host other than loopback.
// The key then crosses the network in the clear.
func WithInsecureHTTP() Option { return func(c *config) { c.insecureHTTP = true } }
