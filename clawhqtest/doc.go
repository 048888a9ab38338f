// Package clawhqtest provides a ClawHQ service for tests: a reference
// implementation of the whole API, which keeps all data in memory. A test starts
// its own server in one line:
//
//	func TestGreeting(t *testing.T) {
//		s := clawhqtest.NewTestServer(t)
//		client := s.Client()
//		...
//	}
//
// A new server has one account on the Pro plan, one API key limited to 60 calls
// a minute, and two built-in agents: support-bot, which is the default, and
// sales-assistant. Their answers depend only on the message and on the
// conversation before it. [Server.HandleAgent] adds agents that answer as a test
// needs.
//
// The server has all endpoints of /v1, of key management and of webhooks, and
// keeps their state: a thread that one call creates is found by the next. Methods
// like [Server.AddConversation] and [Server.AddAuditEntry] add what no call can
// create. An OpenAPI document of the API is at /openapi.json on the host of
// [Server.URL].
//
// # Faults
//
// [Server.Inject] queues faults, each of which is played for one request:
// errors, rate limits, closed connections, delays, and broken streams. [Fault.On]
// restricts a fault to a path, a method, a key, an agent or the n-th request. A
// server of [NewTestServer] fails the test if a fault is left at its end.
//
// # Webhooks
//
// The server delivers events to webhooks that a test creates, with signatures,
// retries and a log. After [Server.DeliverTo], all deliveries go to a handler of
// the test, without sockets and whatever the webhooks' URLs. [Server.Emit] makes
// an event, and [Server.Deliveries] returns the deliveries and their replies.
//
// # Virtual time
//
// With [WithInMemory] the server uses no sockets, so that server and clients can
// run inside a bubble of package testing/synctest, where waiting for a rate
// limit or an agent takes no time. The server must be created, used and closed
// inside the bubble; [NewTestServer] closes it if it is given the testing.T of
// the bubble.
//
// Outside a bubble, [Server.AdvanceClock] advances the server's time: a full
// window of the rate limit has room again, webhooks are retried, and agents that
// wait go on.
//
// # Profiles
//
// The documentation and the live service differ in places. By default the server
// follows the documentation; with [WithProfile] and [Live] it follows the live
// service, so that a program can be tested against both.
package clawhqtest
