package outbox

import (
	"context"
	"encoding/json"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// Test sends a webhook a test: the event and the data of its newest delivery, or a
// message if it has none.
func (o *Outbox) Test(ctx context.Context, id string) (Result, error) {
	o.mu.Lock()
	h, err := o.findAllowed(id)
	o.mu.Unlock()
	if err != nil {
		return Result{}, err
	}
	return o.test(ctx, h), nil
}

func (o *Outbox) test(ctx context.Context, h *hook) Result {
	data, _ := json.Marshal(map[string]string{"message": "This is a test event from ClawHQ", "webhook_id": h.ID})
	body := wire.WebhookBody{Event: wire.EventTest, Data: data}
	o.mu.Lock()
	if n := len(h.log); n > 0 {
		json.Unmarshal(h.log[n-1].payload, &body) // cannot fail: encode made it
	}
	now := o.stamp()
	o.mu.Unlock()
	body.Timestamp = now
	r := o.send(ctx, h, message{event: wire.EventTest, body: encode(body), at: now})
	o.mu.Lock()
	defer o.mu.Unlock()
	h.triggered(r, now)
	return r
}

// Replay sends a delivery again. The attempt is a new row of the log.
func (o *Outbox) Replay(ctx context.Context, id, deliveryID string) (Result, error) {
	o.mu.Lock()
	h, err := o.findAllowed(id)
	var d delivery
	if err == nil {
		d, err = h.find(deliveryID)
	}
	o.mu.Unlock()
	if err != nil {
		return Result{}, err
	}
	row := uuid.NewString()
	r := o.send(ctx, h, message{row: row, event: d.event, body: d.payload, at: wire.HandlerTime(o.config.Clock.Now())})
	o.mu.Lock()
	defer o.mu.Unlock()
	o.add(h, row, d, r)
	return r, nil
}

// Bounds on RetryFailed: rows in all, and rows at a time.
const (
	maxRetried    = 50
	retriedAtOnce = 5
)

// RetryFailed sends the newest failed deliveries again, including those that were not
// sent because the webhook was paused. It returns how many they were, and how many
// succeeded.
func (o *Outbox) RetryFailed(ctx context.Context, id string) (retried, succeeded int, err error) {
	o.mu.Lock()
	h, err := o.findAllowed(id)
	if err != nil {
		o.mu.Unlock()
		return 0, 0, err
	}
	var failed []*row
	for _, r := range slices.Backward(h.log) {
		if !r.Success && !r.retried && len(failed) < maxRetried {
			failed = append(failed, r)
		}
	}
	o.mu.Unlock()

	var all sync.WaitGroup
	slots := make(chan struct{}, retriedAtOnce)
	for _, r := range failed {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			got := o.send(ctx, h, message{row: r.ID, event: r.event, body: r.payload, at: wire.HandlerTime(o.config.Clock.Now())})
			o.mu.Lock()
			defer o.mu.Unlock()
			if got.OK() {
				latency := r.LatencyMS
				r.become(got)
				r.LatencyMS = latency
				succeeded++
			}
		})
	}
	all.Wait()
	o.mu.Lock()
	defer o.mu.Unlock()
	if succeeded > 0 {
		h.LastStatus = wire.WebhookFailed
		if 2*succeeded > len(failed) {
			h.LastStatus = wire.WebhookSucceeded
		}
	}
	return len(failed), succeeded, nil
}
