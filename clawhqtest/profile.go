package clawhqtest

import "github.com/clawhq/clawhq-go/internal/server"

// A Profile determines how a server behaves where the documentation and the live
// service differ.
type Profile int

const (
	// Documented, the default, follows the product pages, and the live service
	// where the pages say nothing. A request with a revoked key gets 401. An
	// error with the code rate_limited has the type rate_limit_error. All calls
	// with a key count together. Retry-After and X-RateLimit-Reset count
	// seconds. The error of an invalid request names the parameter. support-bot
	// is the default agent. Entries of the audit log have integrity hashes.
	// Replies have the fields of the pages in addition to those of the live
	// service, for example agent_id in addition to id.
	//
	// Failed deliveries of webhooks are retried after 30 seconds, 5 minutes and
	// 30 minutes, and the log has each attempt. After ten deliveries in a row
	// that failed at the first attempt, the webhook is paused; setting Enabled
	// or Paused then sends a test, and resumes only if the test succeeds.
	Documented Profile = Profile(server.Documented)

	// Live reproduces the live service with its quirks.
	//
	// Keys and limits: A request with a revoked key gets 403. An error with the
	// code rate_limited has the type api_error and an absurd Retry-After.
	// X-RateLimit-Reset counts milliseconds. Only chats and messages to threads
	// count in the window of the key; every other endpoint has a window of the
	// account. The word bearer in lower case counts as a missing key. A key that
	// is created with an invalid tier gets a limit of 60.
	//
	// Requests: An invalid id, page or type is interpreted as JavaScript does,
	// or gets status 500, sometimes without a body. A page past the end gets
	// 500, an unknown path 404 with HTML, an unknown method 405 without a body,
	// and a trailing slash 308. A stored reply is sent whatever the body of the
	// request, without X-RateLimit headers.
	//
	// Agents: Slugs are made from names, so that Support Bot has the slug
	// support_bot. The agent deployed last is the default, at first
	// sales-assistant. Messages with certain words get content_blocked. A stream
	// whose agent fails before its first chunk gets the status of the error. The
	// built-in agents answer "Echo: " and the message. "[fail]" in a message
	// makes them fail at once, "[cut]" after the first chunk; "[empty]" makes
	// the answer empty; "[sleep 300]" makes them wait 300 milliseconds.
	//
	// Webhooks: Events that only the pages document are refused. Failed
	// deliveries are retried after the webhook's interval and then every two
	// minutes without end, in a single entry of the log. The first event after
	// ten that failed at the first attempt disables the webhook; if it is
	// enabled again, so does the next event.
	Live Profile = Profile(server.Live)
)

// String returns the name of the profile: documented or live.
func (p Profile) String() string { return server.Profile(p).String() }
