package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/clawhq/clawhq-go/internal/outbox"
	"github.com/clawhq/clawhq-go/internal/wire"
)

var (
	errWebhookURL     = flat(http.StatusBadRequest, "HTTPS URL is required")
	errWebhookPrivate = flat(http.StatusBadRequest, "URL must point to a public endpoint")
	errNoEvents       = flat(http.StatusBadRequest, "At least one event is required")
	errNotSaved       = flat(http.StatusInternalServerError, "Failed to update webhook")
)

// Emit sends an event to the webhooks that have subscribed to it. The returned
// function waits for the first attempts.
func (s *Server) Emit(event string, data json.RawMessage) (wait func()) {
	return s.outbox.Emit(s.ctx, event, data)
}

// DeliverTo makes handler receive everything that is sent. If handler is nil, it goes
// over the network again.
func (s *Server) DeliverTo(handler http.Handler) { s.outbox.DeliverTo(handler) }

// Deliveries returns a copy of all attempts that were made.
func (s *Server) Deliveries() []outbox.Attempt { return s.outbox.Attempts() }

// WaitDeliveries waits for attempts, as outbox.WaitAttempts does.
func (s *Server) WaitDeliveries(ctx context.Context, n int, match func(outbox.Attempt) bool) ([]outbox.Attempt, error) {
	return s.outbox.WaitAttempts(ctx, n, match)
}

// tellWebhooks sends the event of a chat that was answered.
func (c *call) tellWebhooks(a *agent) {
	if !c.s.outbox.Subscribed(wire.EventAPIRequest) {
		return
	}
	p := c.profile
	took := c.s.clock.Since(c.entry.Time).Milliseconds()
	data := map[string]any{"agent": p.slug(a.slug, a.name), "response_time_ms": took}
	if p.quirks().pageFields {
		data["method"], data["path"] = c.route.Method, c.route.Path
		data["api_key_name"], data["status_code"], data["latency_ms"] = c.key.name, http.StatusOK, took
	}
	c.s.outbox.Emit(c.ctx, wire.EventAPIRequest, encodeJSON(data))
}

// webhookRefused returns the answer for an error of the outbox. private is the
// message for a URL that is not allowed.
func webhookRefused(err error, private string) error {
	switch {
	case errors.Is(err, outbox.ErrNotFound):
		return flat(http.StatusNotFound, "Webhook not found")
	case errors.Is(err, outbox.ErrNoDelivery):
		return flat(http.StatusNotFound, "Delivery not found")
	case errors.Is(err, outbox.ErrPrivate):
		return flat(http.StatusBadRequest, private)
	case errors.Is(err, outbox.ErrFull):
		return flat(http.StatusBadRequest, fmt.Sprintf("Maximum %d webhooks allowed. Delete an existing one first.", wire.MaxWebhooks))
	}
	return err
}

// listWebhooks answers GET /webhooks: all webhooks, newest first. Only the last four
// characters of a secret are shown. The dashboard also gets the details and, to verify
// signatures, the whole secret.
func (c *call) listWebhooks() (any, error) {
	list := wire.WebhookList{Webhooks: []wire.Webhook{}}
	for _, w := range slices.Backward(c.s.outbox.Webhooks()) {
		w = c.s.shown(w)
		w.UserID = ""
		if !c.fromDashboard() {
			w.Secret = "••••••••••••" + w.Secret[len(w.Secret)-4:]
			w.WebhookDetails = nil
		}
		list.Webhooks = append(list.Webhooks, w)
	}
	return list, nil
}

// shown returns a webhook in the form of the profile.
func (s *Server) shown(w wire.Webhook) wire.Webhook {
	p := s.cfg.Profile
	w.UserID = s.accountID
	w.CreatedAt = p.time(w.CreatedAt.Time())
	w.LastTriggeredAt = p.time(w.LastTriggeredAt.Time())
	w.PausedAt = p.time(w.PausedAt.Time())
	return w
}

// deleteWebhook answers DELETE /webhooks/{id}.
func (c *call) deleteWebhook() (any, error) {
	if err := c.s.outbox.Delete(c.ids[0]); err != nil {
		return nil, webhookRefused(err, "")
	}
	c.logManagement(wire.AuditWebhookDeleted, wire.AuditWebhooks, c.ids[0], nil)
	return wire.Success{Success: true}, nil
}

// testWebhook answers POST /webhooks/{id}/test.
func (c *call) testWebhook() (got any, err error) {
	c.unlocked(func() {
		var r outbox.Result
		if r, err = c.s.outbox.Test(c.ctx, c.ids[0]); err == nil {
			got, err = delivered(r, "Request failed or timed out")
		}
	})
	return got, webhookRefused(err, "Webhook URL points to a private address")
}

// replayDelivery answers POST /webhooks/{id}/deliveries/{delivery}/replay.
func (c *call) replayDelivery() (got any, err error) {
	c.unlocked(func() {
		var r outbox.Result
		if r, err = c.s.outbox.Replay(c.ctx, c.ids[0], c.ids[1]); err == nil {
			got, err = delivered(r, "Replay failed")
		}
	})
	return got, webhookRefused(err, "Webhook URL is private")
}

// delivered returns the reply about an attempt. failed is the message if the receiver
// has not answered.
func delivered(r outbox.Result, failed string) (any, error) {
	if r.Status == 0 {
		body := encodeJSON(wire.Delivered{Error: failed})
		return nil, &refusal{status: http.StatusBadGateway, message: failed, page: &page{wire.ContentTypeJSON, string(body)}}
	}
	return wire.Delivered{Success: r.OK(), StatusCode: r.Status}, nil
}

// retryDeliveries answers POST /webhooks/{id}/deliveries/bulk-retry.
func (c *call) retryDeliveries() (any, error) {
	var retried, succeeded int
	var err error
	c.unlocked(func() { retried, succeeded, err = c.s.outbox.RetryFailed(c.ctx, c.ids[0]) })
	if err != nil {
		return nil, webhookRefused(err, "Webhook URL is private")
	}
	return wire.RetriedDeliveries{Retried: &retried, Succeeded: succeeded, Failed: retried - succeeded}, nil
}

// listDeliveries answers GET /webhooks/{id}/deliveries.
func (c *call) listDeliveries() (any, error) {
	rows, err := c.s.outbox.Deliveries(c.ids[0])
	if err != nil {
		return nil, webhookRefused(err, "")
	}
	for i := range rows {
		rows[i].CreatedAt = c.profile.time(rows[i].CreatedAt.Time())
	}
	return wire.DeliveryList{Deliveries: rows}, nil
}

// webhookStats answers GET /webhooks/stats.
func (c *call) webhookStats() (any, error) {
	return wire.WebhookStatsReply{Stats: c.s.outbox.Stats()}, nil
}
