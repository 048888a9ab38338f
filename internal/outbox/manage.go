package outbox

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// Create adds a webhook and returns it with its id and secret. It returns ErrFull if
// there are wire.MaxWebhooks already.
func (o *Outbox) Create(w wire.Webhook) (wire.Webhook, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.hooks) >= wire.MaxWebhooks {
		return wire.Webhook{}, ErrFull
	}
	w.ID = uuid.NewString()
	w.Secret = newSecret()
	w.Enabled = true
	w.CreatedAt = wire.DatabaseTime(o.config.Clock.Now().Truncate(time.Millisecond))
	attempts := wire.DefaultRetryAttempts
	w.WebhookDetails = &wire.WebhookDetails{
		RetryMaxAttempts: &attempts, RetryIntervalSeconds: wire.DefaultRetryInterval, EventVersion: "v1",
	}
	h := &hook{Webhook: w}
	o.hooks = append(o.hooks, h)
	return h.whole(), nil
}

// Webhooks returns all webhooks with their details, in the order of creation.
func (o *Outbox) Webhooks() []wire.Webhook {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := make([]wire.Webhook, len(o.hooks))
	for i, h := range o.hooks {
		all[i] = h.whole()
	}
	return all
}

// Has reports whether there is a webhook with that id.
func (o *Outbox) Has(id string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, err := o.find(id)
	return err == nil
}

// Update changes a webhook. resume says that the webhook is meant to deliver again.
// If the policy is Pausing and the webhook was paused by its failures, it is resumed
// only if a test succeeds.
func (o *Outbox) Update(ctx context.Context, id string, resume bool, change func(*wire.Webhook)) (wire.Webhook, error) {
	o.mu.Lock()
	h, err := o.find(id)
	if err != nil {
		o.mu.Unlock()
		return wire.Webhook{}, err
	}
	tripped := o.config.Policy.Pausing && h.PausedAt != "" && h.FailureCount >= MaxFailures
	change(&h.Webhook)
	if tripped && h.PausedAt == "" {
		h.PausedAt = wire.DatabaseTime(o.config.Clock.Now()) // until the test succeeds
	}
	o.mu.Unlock()

	ping := tripped && resume && o.test(ctx, h).OK()
	o.mu.Lock()
	defer o.mu.Unlock()
	if ping {
		h.PausedAt, h.FailureCount = "", 0
	}
	return h.whole(), nil
}

// Delete removes a webhook, with its log and its retries.
func (o *Outbox) Delete(id string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	h, err := o.find(id)
	if err != nil {
		return err
	}
	o.drop(h)
	o.hooks = slices.DeleteFunc(o.hooks, func(other *hook) bool { return other == h })
	return nil
}

// find returns the webhook with that id. Call it with o.mu held.
func (o *Outbox) find(id string) (*hook, error) {
	for _, h := range o.hooks {
		if h.ID == id {
			return h, nil
		}
	}
	return nil, ErrNotFound
}

// findAllowed is find for methods that send to the webhook: its URL must be allowed.
func (o *Outbox) findAllowed(id string) (*hook, error) {
	h, err := o.find(id)
	if err == nil && !o.Allowed(h.URL) {
		err = ErrPrivate
	}
	return h, err
}

// Restore adds a webhook as it is, with its log, oldest row first. The events in the
// log have a type but no data.
func (o *Outbox) Restore(w wire.Webhook, log ...wire.Delivery) {
	o.mu.Lock()
	defer o.mu.Unlock()
	h := &hook{Webhook: w}
	for _, d := range log {
		body := wire.WebhookBody{Event: d.EventType, Data: json.RawMessage("{}"), Timestamp: wire.HandlerTime(d.CreatedAt.Time())}
		h.log = append(h.log, &row{delivery: delivery{d.EventType, wire.JSONB(encode(body))}, Delivery: d})
	}
	o.hooks = append(o.hooks, h)
}
