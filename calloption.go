package clawhq

import "net/http"

// A CallOption configures one call.
type CallOption func(*callConfig)

type callConfig struct {
	info            *ResponseInfo
	idempotencyKey  *string
	clientRequestID *string
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
	Header          http.Header // the reply's header, keys redacted
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
// place of one. Default: a new UUID for each call, the same for all its
// attempts. Key management ignores it.
func WithIdempotencyKey(key string) CallOption {
	return func(c *callConfig) { c.idempotencyKey = &key }
}

// WithClientRequestID sets the X-Client-Request-Id, which the server echoes
// and errors carry: printable ASCII, not empty. Default: a new UUID for each
// call, the same for all its attempts.
func WithClientRequestID(id string) CallOption {
	return func(c *callConfig) { c.clientRequestID = &id }
}
