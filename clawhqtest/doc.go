// Package clawhqtest provides a ClawHQ service for tests: a reference
// implementation of the API, started in a line, one per test, all in memory.
//
//	func TestGreeting(t *testing.T) {
//		s := clawhqtest.NewTestServer(t)
//		client := s.Client()
//		...
//	}
//
// A new server has one account on the Pro plan, one API key limited to 60
// calls a minute, and the agents support-bot, which is the default, and
// sales-assistant, whose replies depend on nothing but the message and the
// conversation before it. [Server.HandleAgent] adds agents that answer as a
// test needs.
//
// All endpoints of /v1 are there: what calls create, threads and files for
// example, other calls find again. What no call can create,
// [Server.AddConversation] and [Server.AddAuditEntry] add.
//
// # Faults
//
// [Server.Inject] queues failures, each for one request: errors of every
// shape, rate limits, resets, delays, streams that break in all the ways a
// stream can. [Fault.On] aims one at a path, a method, a key, an agent or the
// n-th request. [NewTestServer] reports those that no request met.
//
// # Webhooks
//
// Webhooks that a test creates, with [clawhq.WebhooksService] for example, are
// delivered for real: signed, retried, logged. [Server.DeliverTo] makes a
// handler their receiver, whatever their URL, without sockets; [Server.Emit]
// makes events that no call brings about; [Server.Deliveries] shows what was
// sent and what came back.
//
// # Virtual time
//
// With [WithInMemory] no socket is used, and server and clients can run inside
// a bubble of package testing/synctest, where waiting for a rate limit or an
// agent takes no time. The server must be made, used and closed inside the
// bubble; [NewTestServer] with the bubble's own testing.T sees to the last.
//
// Outside of a bubble [Server.AdvanceClock] moves the server's time on: a full
// rate window has room again, a webhook is retried, an agent is done waiting.
//
// # Two profiles
//
// By default the server does what the documentation says. [WithProfile] with
// [Live] makes it do what the service does today where the two disagree, so
// that a program can be tested against both.
package clawhqtest
