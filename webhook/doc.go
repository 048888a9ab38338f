// Package webhook receives the events that ClawHQ delivers to webhooks. It
// verifies signatures, and recognizes repeated deliveries and tests.
//
// # Receiving
//
// [Handler] returns an http.Handler that calls a function for each event, and
// answers the service according to the function's result:
//
//	http.Handle("/hooks/clawhq", webhook.Handler(webhook.Options{
//		Secrets: []string{os.Getenv("CLAWHQ_WEBHOOK_SECRET")},
//		Seen:    new(webhook.MemorySeen),
//	}, func(ctx context.Context, ev *webhook.Event) error {
//		switch ev.Type {
//		case webhook.EventAPIRequest:
//			var data webhook.APIRequest
//			if err := ev.Decode(&data); err != nil {
//				return err
//			}
//			return count(ctx, data.Agent)
//		}
//		return nil // ignore other events
//	}))
//
// If the function returns an error, the service delivers the event again later.
// The service waits 10 seconds for a reply, and the function's context ends
// before that. Work that takes longer belongs in a queue.
//
// If your framework does not use http.Handler, call [Verify] with the header
// and the raw body. A body that was decoded and encoded again does not verify.
//
// # Signatures
//
// Each webhook has a secret, which the service shows when the webhook is
// created. The header X-ClawHQ-Signature is the HMAC-SHA256, in lower-case
// hexadecimal digits, of the header X-ClawHQ-Timestamp, a dot and the body. Its
// key is the text of the secret, including whsec_. The header X-ClawHQ-Event is
// not signed; if the signed body names the event, the two must be equal.
//
// A delivery whose timestamp differs from this machine's clock by more than
// [Options].Tolerance, by default five minutes, is refused, so that a recorded
// delivery cannot be used again later.
//
// # Repeated deliveries
//
// The service delivers an event again if it got no 2xx reply in time, and if
// someone replays it in the dashboard. A repeated delivery has no id in common
// with the first one: its timestamp and signature are new, and the members of
// its body may be in another order. [Event.Fingerprint] is the same for all
// deliveries of an event. With a [Seen] store, a Handler drops the repeats of
// events that were handled, so that an event is handled at least once, and again
// only if a process is killed at the wrong moment. [MemorySeen] is a store for a
// single process, redisclawhq.NewSeen one for several. To handle each event
// exactly once takes a database transaction: see docs/exactly-once.md.
//
// # Tests
//
// The Test button of the dashboard delivers the data of the newest event again,
// or a short message if there is none. The body looks like that of a real
// event; only the unsigned header X-ClawHQ-Event tells that it is a test. Such
// an Event has the Type [EventTest], so that code that looks at the Type does
// not take it for a real one.
//
// # Data
//
// The data that the service sends differ from those in the documentation on the
// product page. Types like [MessageReceived] have the fields of both; fields
// that a delivery does not have are zero. If the webhook has a transformation,
// the body is the output of the transformation: then [Event].Transformed is
// true and Data is the whole body. Retries and replays are sent without the
// transformation.
//
// # Testing
//
// [Sign] signs a request, for tests of a receiver.
package webhook
