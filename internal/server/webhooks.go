package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/clawhq/clawhq-go/internal/outbox"
	"github.com/clawhq/clawhq-go/internal/wire"
)

var (
	errWebhookURL     = flat(http.StatusBadRequest, "HTTPS URL is required")
	errWebhookPrivate = flat(http.StatusBadRequest, "URL must point to a public endpoint")
	errNoEvents       = flat(http.StatusBadRequest, "At least one event is required")
	errNotSaved       = flat(http.StatusInternalServerError, "Failed to update webhook")
)

// Emit sends an event to the webhooks that subscribed to it, and returns what
// waits for the first attempts.
func (s *Server) Emit(event string, data json.RawMessage) (wait func()) {
	return s.outbox.Emit(event, data)
}

// DeliverTo makes a handler the receiver of all that is sent.
func (s *Server) DeliverTo(handler http.Handler) { s.outbox.DeliverTo(handler) }

// Deliveries returns a copy of the journal of what was sent.
func (s *Server) Deliveries() []outbox.Attempt { return s.outbox.Attempts() }

// tellWebhooks tells of a chat that was answered.
func (c *call) tellWebhooks(a *agent) {
	if !c.s.outbox.Subscribed(wire.EventAPIRequest) {
		return
	}
	c.s.outbox.Emit(wire.EventAPIRequest, encodeJSON(c.profile.requestData(c, a)))
}

// webhookRefused answers what the outbox would not do.
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

// listWebhooks answers GET /webhooks: all webhooks, newest first, of whose
// secrets the end is shown.
func (c *call) listWebhooks() (any, error) {
	list := wire.WebhookList{Webhooks: []wire.Webhook{}}
	for _, w := range slices.Backward(c.s.outbox.Webhooks()) {
		w = c.s.shown(w)
		w.Secret = "••••••••••••" + w.Secret[len(w.Secret)-4:]
		w.UserID = ""
		if !c.aside() { // the dashboard shows what is paused
			w.WebhookDetails = nil
		}
		list.Webhooks = append(list.Webhooks, w)
	}
	return list, nil
}

// shown returns a webhook as the profile writes it.
func (s *Server) shown(w wire.Webhook) wire.Webhook {
	p := s.cfg.Profile
	w.UserID = s.accountID
	w.CreatedAt = p.time(w.CreatedAt.Time())
	w.LastTriggeredAt = p.time(w.LastTriggeredAt.Time())
	w.PausedAt = p.time(w.PausedAt.Time())
	return w
}

// createWebhook answers POST /webhooks.
func (c *call) createWebhook() (any, error) {
	body, err := c.readManagement(errBadJSON)
	if err != nil {
		return nil, err
	}
	w := wire.Webhook{}
	if w.URL, err = c.readWebhookURL(body, fmt.Sprintf("URL too long (max %d characters)", wire.MaxWebhookURLChars)); err != nil {
		return nil, err
	}
	description, err := c.profile.text(body, "description", flat(http.StatusBadRequest, "Description must be text"))
	if err != nil {
		return nil, err
	}
	if wire.UTF16Len(description) > wire.MaxWebhookDescriptionChars {
		return nil, flat(http.StatusBadRequest, fmt.Sprintf("Description must be at most %d characters", wire.MaxWebhookDescriptionChars))
	}
	w.Description = wire.Text(strings.TrimSpace(description))
	if w.Events, err = c.readEvents(body); err != nil {
		return nil, err
	}
	w, err = c.s.outbox.Create(w)
	if err != nil {
		return nil, webhookRefused(err, "")
	}
	c.logManagement(wire.AuditWebhookCreated, wire.AuditWebhooks, w.ID, map[string]any{"url": w.URL, "events": w.Events})
	return wire.WebhookReply{Webhook: c.s.shown(w)}, nil
}

// readWebhookURL returns where a webhook leads. This machine may be reached
// without TLS, if at all.
func (c *call) readWebhookURL(body object, tooLong string) (string, error) {
	url, err := c.profile.text(body, "url", errWebhookURL)
	if err != nil {
		return "", err
	}
	loopback := wire.LoopbackURL(url) && c.s.outbox.Allowed(url)
	switch {
	case !wire.SecureURL(url) && !loopback:
		return "", errWebhookURL
	case !c.s.outbox.Allowed(url):
		return "", errWebhookPrivate
	case wire.UTF16Len(url) > wire.MaxWebhookURLChars:
		return "", flat(http.StatusBadRequest, tooLong)
	}
	return url, nil
}

// readEvents returns what a webhook subscribes to.
func (c *call) readEvents(body object) ([]string, error) {
	list, ok := body["events"].([]any)
	if !ok && truthy(body["events"]) {
		return nil, c.profile.wrongType(errNoEvents)
	}
	var events, unknown []string
	for _, item := range list {
		event := fmt.Sprint(item)
		events = append(events, event)
		if !slices.Contains(c.profile.events(), event) {
			unknown = append(unknown, event)
		}
	}
	switch {
	case len(events) == 0:
		return nil, errNoEvents
	case unknown != nil:
		return nil, flat(http.StatusBadRequest, "Invalid events: "+strings.Join(unknown, ", "))
	}
	return events, nil
}

// updateWebhook answers PATCH /webhooks/{id}.
func (c *call) updateWebhook() (any, error) {
	body, err := c.readManagement("Invalid request body")
	if err != nil {
		return nil, err
	}
	changes, err := c.readChanges(body)
	if err != nil {
		return nil, err
	}
	if len(changes) == 0 {
		return nil, flat(http.StatusBadRequest, "No updates provided")
	}
	paused, unpausing := body["paused_at"]
	resume := body["enabled"] == true || unpausing && paused == nil
	var w wire.Webhook
	c.unlocked(func() { // it may send a test first
		w, err = c.s.outbox.Update(c.ctx, c.ids[0], resume, func(w *wire.Webhook) {
			for _, change := range changes {
				change(w)
			}
		})
	})
	if err != nil {
		return nil, webhookRefused(err, "")
	}
	c.logManagement(wire.AuditWebhookUpdated, wire.AuditWebhooks, w.ID, nil)
	return wire.WebhookReply{Webhook: c.s.shown(w)}, nil
}

// readChanges returns what an update changes.
func (c *call) readChanges(body object) (changes []func(*wire.Webhook), err error) {
	p := c.profile
	change := func(f func(*wire.Webhook)) { changes = append(changes, f) }
	if _, ok := body["url"]; ok {
		url, err := c.readWebhookURL(body, "URL too long")
		if err != nil {
			return nil, err
		}
		change(func(w *wire.Webhook) { w.URL = url })
	}
	if _, ok := body["events"]; ok {
		events, err := c.readEvents(body)
		if err != nil {
			return nil, err
		}
		change(func(w *wire.Webhook) { w.Events = events })
	}
	if v, ok := body["enabled"]; ok {
		enabled, isBool := v.(bool)
		if !isBool {
			return nil, errNotSaved
		}
		change(func(w *wire.Webhook) { w.Enabled = enabled })
	}
	if v, ok := body["description"]; ok {
		if v == nil && p.nullDescription() != nil {
			return nil, p.nullDescription()
		}
		text, _, isText := field[string](body, "description")
		if !isText {
			return nil, p.wrongType(errNotSaved)
		}
		change(func(w *wire.Webhook) { w.Description = wire.Text(strings.TrimSpace(text)) })
	}
	if v, ok := body["filter_conditions"]; ok {
		filters := wire.JSONB(encodeJSON(v))
		if v == nil {
			filters = nil
		}
		change(func(w *wire.Webhook) { w.FilterConditions = filters })
	}
	if _, ok := body["transformation"]; ok {
		text, _, isText := field[string](body, "transformation")
		if !isText {
			return nil, errNotSaved
		}
		change(func(w *wire.Webhook) { w.Transformation = wire.Text(text) })
	}
	if v, ok := body["retry_max_attempts"]; ok {
		var attempts *int // null where it is no number
		if n, isNumber := v.(float64); isNumber {
			clamped := int(min(max(n, 1), wire.MaxRetryAttempts))
			attempts = &clamped
		}
		change(func(w *wire.Webhook) { w.RetryMaxAttempts = attempts })
	}
	if v, ok := body["retry_interval_seconds"]; ok {
		seconds := wire.DefaultRetryInterval
		if n, isNumber := v.(float64); isNumber && n == float64(int(n)) && slices.Contains(wire.WebhookRetryIntervals, int(n)) {
			seconds = int(n)
		}
		change(func(w *wire.Webhook) { w.RetryIntervalSeconds = seconds })
	}
	if v, ok := body["paused_at"]; ok {
		text, _, _ := field[string](body, "paused_at")
		at := wire.Time(text).Time()
		if v != nil && at.IsZero() {
			return nil, errNotSaved
		}
		change(func(w *wire.Webhook) { w.PausedAt = wire.DatabaseTime(at) })
	}
	return changes, nil
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

// delivered tells what a receiver has answered, if it has.
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
