// Package webhook receives what ClawHQ sends to webhooks: it tells deliveries
// from forgeries, repeats from news, and tests from the real thing.
//
// # Receiving
//
// [Handler] does it all. It calls a function for each event and answers the
// service by what the function returns:
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
//		return nil // an event nobody waits for: not to be sent again
//	}))
//
// An error makes the service send the event again later. The service waits 10
// seconds for an answer, so the context ends before that; what takes longer
// belongs into a queue.
//
// Behind a framework with requests of its own, [Verify] takes the header and
// the raw body. A body that was decoded and encoded again does not verify.
//
// # What is signed
//
// Each webhook has a secret, shown when it is created. X-ClawHQ-Signature is
// the lower-case hexadecimal HMAC-SHA256 of the header X-ClawHQ-Timestamp, a
// dot and the body, keyed with the secret as text, whsec_ included. The header
// X-ClawHQ-Event is not signed; where the signed body names the event, the two
// must agree. A timestamp farther than five minutes from this machine's clock
// is refused ([Options].Tolerance), so a delivery that somebody recorded is
// soon worthless.
//
// # Repeats
//
// The service sends an event again when no 2xx came in time, and when somebody
// replays it in the dashboard. Then the header's timestamp and the signature
// are new and the body's members stand in another order; there is no id.
// [Event.Fingerprint] is the same all the same, and a Handler with a [Seen]
// store runs its function once an event. [MemorySeen] serves one process; its
// interface says what a store for several has to do.
//
// # Tests
//
// The dashboard's Test button sends the newest real event's data again, or a
// short message if there is none. Only the unsigned header says so: the body
// looks real. Such an event has Type [EventTest] and Test set, whatever it is
// a sample of, so that no one acts on it who looks at the Type.
//
// # Data
//
// The service's data differ from those that the product's page on webhooks
// shows. Types like [MessageReceived] have the fields of both; those that a
// delivery lacks are zero. A webhook with a transformation sends what the
// transformation makes: then [Event].Transformed is set and Data is the whole
// body, but retries and replays come without the transformation.
//
// # Testing
//
// [Sign] makes a request a delivery, for tests of one's own handler.
package webhook
