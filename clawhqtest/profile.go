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
	// is the default agent; a message may also name its agent by the id. Entries
	// of the audit log have integrity hashes. Replies have the fields of the
	// pages in addition to those of the live service, for example agent_id in
	// addition to id; the usage has them in place of the list of days. Four bytes
	// of a message and its answer count as one token.
	//
	// An agent stops when its client hangs up. While a request with an
	// idempotency key runs, others with the key get 409 request_in_progress.
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
	// is created with an invalid tier gets a limit of 60. The usage of a key
	// counts answered chats, its statistics also those whose agent failed.
	//
	// Requests: Values, parameters, dates and ids are read as JavaScript and
	// PostgreSQL read them, and what these cannot read gets status 500,
	// sometimes without a body. A page past the end gets 500, an unknown path
	// 404 with HTML, an unknown method 405 without a body, and a trailing or
	// repeated slash 308; without a session, all of /api but /api/v1/ gets 401.
	//
	// Idempotency: A stored reply is sent whatever the body of the request,
	// without X-RateLimit headers. Nothing is held while a request runs: another
	// with the same key runs the agent too, and the answer that is finished last
	// is stored. Streams are not stored.
	//
	// Agents: Slugs are made from names, so that Support Bot has the slug
	// support_bot. The agent deployed last is the default, at first
	// sales-assistant. Messages with certain words get content_blocked. An agent
	// goes on when its client hangs up. It has 60 seconds to begin its answer,
	// and in a stream 60 more to end it. A stream whose agent fails before its
	// first chunk gets the status of the error. Answers that are not streamed
	// are trimmed, and reasoning like <think>…</think> is removed.
	//
	// The built-in agents answer "Echo: " and the message. These words in a
	// message change that: with "[fail]" they fail at once, with "[cut]" after
	// the first chunk. With "[empty]" the answer is empty, with "[reason]" it is
	// all reasoning, with "[think]" a part of it is. With "[sleep 300]" they wait
	// 300 milliseconds. "[split]", "[reset]" and "[notjson]" do what
	// FaultStreamSplit, FaultGatewayDown and FaultGatewayNotJSON describe, except
	// that no text is lost.
	//
	// Webhooks: Events that only the pages document are refused. Failed
	// deliveries are retried after the webhook's interval and then every two
	// minutes without end, in a single entry of the log. The first event after
	// ten that failed at the first attempt disables the webhook; if it is
	// enabled again, the next event disables it again. A filter with which
	// JavaScript would fail keeps the event from its webhook, and from webhooks
	// that were created later.
	Live Profile = Profile(server.Live)
)

// String returns the name of the profile: documented or live.
func (p Profile) String() string { return server.Profile(p).String() }
