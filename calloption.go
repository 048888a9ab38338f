package clawhq

import (
	"net/http"
	"time"
)

// A CallOption configures one call. If several options set the same thing, the
// last one counts. The call checks the values before it sends anything.
//
// A fake of a Client in a test can apply the options that it is called with and
// see what they say: clawhqtest.OptionsOf does so.
type CallOption func(*CallOptions)

// CallOptions is what the options of a call say. The zero value is that of a call
// without options.
type CallOptions struct {
	IdempotencyKey  *string       // WithIdempotencyKey; nil: a new UUID
	ClientRequestID *string       // WithClientRequestID; nil: a new UUID
	Header          http.Header   // WithHeader; names are in canonical form
	Retry           *RetryPolicy  // WithCallRetry; nil: the client's
	AttemptTimeout  time.Duration // WithCallAttemptTimeout; 0: the client's
	Background      bool          // WithBackground
	Info            *ResponseInfo // WithResponseInfo: filled in when the call ends
	Trace           *Trace        // WithCallTrace: called after those of the client
}

// ResponseInfo describes the last reply that a call got. A later attempt may have
// got none. See WithResponseInfo.
type ResponseInfo struct {
	RequestID       string      // the server's id of the request (X-Request-Id)
	ClientRequestID string      // the client's id of the call, the same for all attempts (X-Client-Request-Id)
	StatusCode      int         // 0 if no reply came
	Attempts        int         // how many requests were sent; 0 if the call failed before the first
	RateLimit       RateLimit   // zero if the reply reports no limit, as replies with an error do not
	Replayed        bool        // the service stored this reply for an earlier call with the same idempotency key
	Header          http.Header // the header of the reply; keys and cookies are redacted

	// Body is the body of the reply, decompressed; keys and the session are redacted. For an
	// error it has at most the first 64 KiB. It is nil for a stream.
	Body []byte
}

// WithResponseInfo makes the call fill in info, whether it succeeds or fails. A
// stream fills it in before it hands out its first chunk.
func WithResponseInfo(info *ResponseInfo) CallOption {
	return func(o *CallOptions) { o.Info = info }
}

// WithIdempotencyKey sets the X-Idempotency-Key of a chat: 1 to 64 characters
// of printable ASCII. Default: a new UUID for each call, the same for all its
// attempts. Calls other than Chat and ChatStream ignore the option.
//
// For 24 hours, the server answers a request whose key it has answered before
// with the stored reply, without running the agent again and without comparing
// the messages. A reply is stored when the agent has finished: the live service
// runs the agent again for a request that comes earlier. Keys are stored per
// account, not per API key: tenants whose API keys belong to one account must not
// use the same idempotency key, or the second tenant gets the first tenant's
// answer. The server does not store streams. A stream that is sent with the key
// of a stored reply hands out that reply as one chunk, and ResponseInfo.Replayed
// is true.
func WithIdempotencyKey(key string) CallOption {
	return func(o *CallOptions) { o.IdempotencyKey = &key }
}

// WithClientRequestID sets the X-Client-Request-Id: printable ASCII, not empty.
// The server echoes it, and errors contain it. Default: a new UUID for each
// call, the same for all its attempts.
func WithClientRequestID(id string) CallOption {
	return func(o *CallOptions) { o.ClientRequestID = &id }
}

// WithHeader sets a header of every request of the call. It replaces a header
// of the same name that the client or an earlier WithHeader sets.
//
// The call fails with an InvalidRequestError, before anything is sent, if the
// name or the value is not valid in a header (RFC 9110 §5), or if the name is
// one that the client must set itself: credentials (Authorization, Cookie, …),
// ids (X-Client-Request-Id, X-Idempotency-Key, …), and headers that frame or
// describe the message (Host, Content-Length, Content-Type, Accept-Encoding,
// …).
func WithHeader(name, value string) CallOption {
	return func(o *CallOptions) {
		if o.Header == nil {
			o.Header = http.Header{}
		}
		o.Header.Set(name, value)
	}
}

// WithCallRetry sets the retry policy of this call. Zero fields take the
// values of DefaultRetryPolicy. The call draws on the client's retry budget; a
// negative Budget lets it retry without drawing on it.
func WithCallRetry(policy RetryPolicy) CallOption {
	return func(o *CallOptions) { o.Retry = &policy }
}

// WithCallAttemptTimeout bounds each attempt of this call, in place of the
// client's WithAttemptTimeout; the Timeout of the http.Client counts if it is
// shorter. 0 leaves the client's bound; a negative value is refused.
func WithCallAttemptTimeout(d time.Duration) CallOption {
	return func(o *CallOptions) { o.AttemptTimeout = d }
}

// WithBackground makes the call yield to others, for bulk work beside callers that
// must not wait. It is sent after all waiting calls of its window that are not in the
// background, retries included. Calls in the background are spread evenly over the
// window, and they leave a tenth of the window free as long as anyone else uses it:
// calls of this client that are not in the background, or calls of others with the
// key, which replies show. While the limit is not known, calls in the background are
// sent one at a time.
//
// If the other calls of a client use the whole limit, its calls in the background are
// never sent. LimitRequest.Background tells a WindowLimiter that a call is in the
// background. With WithRateLimit(0) the option has no effect.
func WithBackground() CallOption {
	return func(o *CallOptions) { o.Background = true }
}

// WithCallTrace makes the client call the functions of trace at each step of
// this call, after those of its own Traces. nil adds none.
func WithCallTrace(trace *Trace) CallOption {
	return func(o *CallOptions) { o.Trace = trace }
}
