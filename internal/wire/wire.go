// Package wire has everything that client and server must agree on: endpoints,
// header names, limits, the types of JSON bodies, the format of keys, and error
// codes. Each of these is defined here and nowhere else.
//
//	path := wire.GetThread.Expand(id)       // the client makes a path
//	ids, ok := wire.GetThread.Match(path)   // the server finds the route and the ids
//	var reply wire.ThreadReply
//	err := wire.Decode(body, &reply)        // the client reads the reply's body
package wire

import (
	"time"

	"github.com/clawhq/clawhq-go/internal/window"
)

// BasePath is the path of the base URL. The paths of all endpoints follow it.
const BasePath = "/api"

// Headers in canonical spelling, so that they can index an http.Header.
const (
	HeaderRequestID          = "X-Request-Id"
	HeaderClientRequestID    = "X-Client-Request-Id"
	HeaderIdempotencyKey     = "X-Idempotency-Key"
	HeaderIdempotencyReplay  = "X-Idempotency-Replayed"
	HeaderRateLimitLimit     = "X-Ratelimit-Limit"
	HeaderRateLimitRemaining = "X-Ratelimit-Remaining"
	HeaderRateLimitReset     = "X-Ratelimit-Reset"
	HeaderRetryAfter         = "Retry-After"

	ContentTypeJSON        = "application/json"
	ContentTypeEventStream = "text/event-stream"
)

// Limits of the service.
const (
	MaxMessageChars        = 10_000
	MaxBodyBytes           = 102_400
	MaxSessionIDChars      = 128
	MaxIdempotencyKeyChars = 64
	MaxKeyNameChars        = 100
	MaxActiveKeys          = 5

	RateWindow     = window.Length  // the length of the sliding windows in which calls are counted
	AgentTimeout   = time.Minute    // the longest an agent may take to answer
	IdempotencyTTL = 24 * time.Hour // how long a stored reply is replayed
)

// The tiers of the rate limit, in calls per minute.
const (
	Tier30  = 30
	Tier60  = 60
	Tier120 = 120
	Tier300 = 300

	DefaultTier  = Tier60
	SmallestTier = Tier30
)

// ValidTier reports whether rpm is one of the tiers.
func ValidTier(rpm int) bool {
	return rpm == Tier30 || rpm == Tier60 || rpm == Tier120 || rpm == Tier300
}

// PlanPro is the lowest of Plans.
const PlanPro = "pro"

// Plans are the plans that include API access: "Pro plan and above", says the product
// page.
var Plans = []string{PlanPro, "ultra", "enterprise"}

// RequestIDStart is the beginning of every request id.
const RequestIDStart = "req_"

// StreamDone is the data of the event that ends a stream.
const StreamDone = "[DONE]"

// SessionCookie is the name of the dashboard's session cookie, the credential of the
// endpoints with SessionAuth.
const SessionCookie = "session"
