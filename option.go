package clawhq

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// An Option configures a Client. Of options that set the same thing the last
// one counts. Values are checked by NewClient.
type Option func(*config)

type config struct {
	apiKey, baseURL, product, session string

	apiKeyFunc     func(context.Context) (string, error)
	httpClient     *http.Client
	logger         *slog.Logger
	traces         []*Trace
	retry          RetryPolicy
	limiter        Limiter
	shaped         bool // by the client itself, or by limiter
	rateLimit      int
	maxRate        int
	attemptTimeout time.Duration
	idleTimeout    time.Duration
	contentTimeout time.Duration
	insecureHTTP   bool
}

// WithAPIKey sets the API key: clw_ and 32 letters or digits (product page,
// "Key Format"). Default: the environment variable CLAWHQ_API_KEY. A Client
// that is given no key, but WithSession, is for what the session opens; a call
// that needs a key then fails before anything is sent, with an
// AuthenticationError.
func WithAPIKey(key string) Option {
	return func(c *config) { c.apiKey, c.apiKeyFunc = key, nil }
}

// WithAPIKeyFunc has key asked for the API key before each call that needs
// one, with the call's context, so that a key is rotated without a restart.
// The attempts of a call share what it returns. If it fails, so does the call,
// with an error that wraps its own; a malformed key is an AuthenticationError.
// Nothing is sent then. It is called by many goroutines at once, and should
// remember its answer. It takes the place of WithAPIKey, and WithAPIKey of it.
func WithAPIKeyFunc(key func(context.Context) (string, error)) Option {
	return func(c *config) { c.apiKeyFunc = key }
}

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

// WithTrace has the functions of trace told what happens within calls. Given
// several times, each Trace is told, in the order of the options. A nil Trace
// is none. Without the option nothing is spent on it. Default: none.
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

// WithSession sets the dashboard's session, which management endpoints are
// authenticated by (an API key cannot manage keys): the value of a Cookie
// header as a browser sends it, name=value; name.0=value; name.1=value, with
// as many cookies as the session has, or the value alone of the cookie named
// session. What replies renew of these cookies by Set-Cookie is used from then
// on, by all goroutines: the one given here may be dead soon. A call that is
// answered by 401 since another has renewed the session meanwhile is repeated.
// Default: none, and Client.Keys and Client.Webhooks fail.
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

// WithStreamIdleTimeout bounds how long a stream's connection may be silent
// while the caller waits for the next chunk. Any byte counts as life, that of a
// comment too; the time that the caller spends on a chunk does not count. Past
// it the stream ends with a StreamError of code stream_idle. A stream has no
// bound on its whole length but the caller's context. Default:
// DefaultStreamIdleTimeout; 0 means no bound.
func WithStreamIdleTimeout(d time.Duration) Option {
	return func(c *config) { c.idleTimeout = d }
}

// WithStreamContentTimeout bounds how long the caller waits for a stream's
// next chunk, the first one included, whatever else is sent meanwhile, like
// the comments that keep a connection alive. Past it the stream ends with a
// StreamError of code stream_idle. Default: 0, no bound.
func WithStreamContentTimeout(d time.Duration) Option {
	return func(c *config) { c.contentTimeout = d }
}

// WithInsecureHTTP allows an http:// base URL for a host other than loopback.
// The key then crosses the network in the clear.
func WithInsecureHTTP() Option { return func(c *config) { c.insecureHTTP = true } }

// A CallOption configures one call.
type CallOption func(*callConfig)

type callConfig struct {
	info            *ResponseInfo
	idempotencyKey  *string
	clientRequestID *string
	header          http.Header
	retry           *RetryPolicy
}

// ResponseInfo is what is known of a reply beside its body. See
// WithResponseInfo.
type ResponseInfo struct {
	RequestID       string      // the server's id of the last attempt (X-Request-Id)
	ClientRequestID string      // the caller's id, the same for all attempts (X-Client-Request-Id)
	StatusCode      int         // 0 if no reply came
	Attempts        int         // requests sent; 0 if the call failed before
	RateLimit       RateLimit   // zero if the reply does not tell, as errors do not
	Replayed        bool        // the reply is the stored one of an earlier call with this idempotency key
	Header          http.Header // the reply's header, keys and cookies redacted

	// Body is the body of a unary call's reply as it came, keys and the
	// session redacted; of an error the first 64 KiB. Nil for a stream.
	Body []byte
}

// WithResponseInfo has info filled in by the call, whether it succeeds or
// fails; by a stream, before its first chunk is handed out.
func WithResponseInfo(info *ResponseInfo) CallOption {
	return func(c *callConfig) { c.info = info }
}

// WithIdempotencyKey sets the X-Idempotency-Key of a chat: 1 to 64 characters
// of printable ASCII. For 24 hours the server answers a key it has answered
// before with the stored reply, without running the agent again; streams are
// not stored, and a stream under the key of a stored reply would get that in
// place of one. The server knows a key by account, not by API key or by what
// the request says: tenants whose API keys belong to one account must not use
// the same, or the second gets the first's answer. Default: a new UUID for
// each call, the same for all its attempts, which cannot meet another.
// Whatever is not a chat ignores it.
func WithIdempotencyKey(key string) CallOption {
	return func(c *callConfig) { c.idempotencyKey = &key }
}

// WithClientRequestID sets the X-Client-Request-Id, which the server echoes
// and errors carry: printable ASCII, not empty. Default: a new UUID for each
// call, the same for all its attempts.
func WithClientRequestID(id string) CallOption {
	return func(c *callConfig) { c.clientRequestID = &id }
}

// WithHeader adds a header to every request of the call, in place of the one
// that the client would send, or an option before it. Refused, with an
// InvalidRequestError before anything is sent, are names and values that no
// header may have (RFC 9110 §5), credentials (Authorization, Cookie, …), ids
// (X-Client-Request-Id, X-Idempotency-Key, …), and what frames or describes
// the messages (Host, Content-Length, Content-Type, Accept-Encoding, …).
func WithHeader(name, value string) CallOption {
	return func(c *callConfig) {
		if c.header == nil {
			c.header = http.Header{}
		}
		c.header.Set(name, value)
	}
}

// WithCallRetry sets the retry policy of this call. Zero fields take the
// values of DefaultRetryPolicy. The budget stays the client's, except that a
// negative Budget lets this call retry without it.
func WithCallRetry(policy RetryPolicy) CallOption {
	return func(c *callConfig) { c.retry = &policy }
}
