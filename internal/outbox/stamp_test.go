package outbox_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go/internal/outbox"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// No two events or tests have the same time, however many happen at once. Their times
// have their order, and are again those of the clock as soon as it has caught up.
func TestEventsDiffer(t *testing.T) {
	t.Parallel()
	bubble(t, logging, func(t *testing.T, o *outbox.Outbox, r *receiver, id string) {
		start := time.Now()
		const n = 3000
		for range n / 3 {
			emit(o, `{}`)
			o.Emit(t.Context(), "agent.deployed", json.RawMessage(`{}`))() // nobody has subscribed to it
			if _, err := o.Test(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		last := start.Add(-time.Millisecond)
		for i, a := range o.Attempts() {
			var body wire.WebhookBody
			if err := json.Unmarshal(a.Body, &body); err != nil {
				t.Fatal(err)
			}
			if at := body.Timestamp.Time(); !at.After(last) || at.After(start.Add(n*time.Millisecond)) {
				t.Fatalf("event %d bears %v, after one of %v", i, at, last)
			} else {
				last = at
			}
			if stamp := a.Header.Get(wire.HeaderWebhookTimestamp); stamp != string(body.Timestamp) {
				t.Fatalf("the header of event %d says %s, its body %s", i, stamp, body.Timestamp)
			}
		}
		time.Sleep(n*time.Millisecond + time.Microsecond)
		emit(o, `{}`)
		all := o.Attempts()
		want(t, "time of a later event", string(wire.HandlerTime(time.Now())), all[len(all)-1].Header.Get(wire.HeaderWebhookTimestamp))
	})
}
