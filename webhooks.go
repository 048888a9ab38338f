package clawhq

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
	"github.com/clawhq/clawhq-go/webhook"
)

// WebhooksService manages the account's webhooks (product page, "Webhooks"). Use
// Client.Webhooks. To receive the events that a webhook delivers, see package
// [github.com/clawhq/clawhq-go/webhook].
//
// Like those of KeysService, the methods need the session of WithSession and do
// not wait for the rate limit of a key. A method that takes the id of a webhook
// returns a NotFoundError if there is no such webhook.
type WebhooksService struct{ core *core }

// Webhook describes a webhook. It does not have the webhook's secret.
type Webhook struct {
	ID              string
	URL             string
	Description     string
	Events          []webhook.EventType
	Enabled         bool
	LastTriggeredAt time.Time     // zero if nothing was delivered yet
	LastStatus      WebhookStatus // of the newest delivery or test; empty if there is none
	LastStatusCode  int           // HTTP status of the receiver's reply to it; 0 if there was no reply
	FailureCount    int           // how many deliveries in a row failed at the first attempt; at 10 the service stops the webhook
	CreatedAt       time.Time

	// The following fields are set by Create and Update only; in a Webhook that
	// List returns they are zero.

	AccountID      string          // the id of the account, for VerifyAuditLog
	PausedAt       time.Time       // zero if the webhook is not paused
	RetryInterval  time.Duration   // time until the first retry of a delivery
	MaxAttempts    int             // the live service stores this value but does not use it
	Filters        []WebhookFilter // nil if all events are delivered
	Transformation string          // empty if events are delivered unchanged
	EventVersion   string          // like "v1"
}

// WebhookStatus tells how a webhook's newest delivery ended.
type WebhookStatus string

// The values of Webhook.LastStatus.
const (
	WebhookSucceeded WebhookStatus = wire.WebhookSucceeded
	WebhookFailed    WebhookStatus = wire.WebhookFailed
)

// WebhookFilter is a condition on events. A webhook delivers an event only if all
// of its filters hold. Texts are compared without regard to case. With the operator
// "in" and a value that is not a text, the live service delivers the event neither
// to this webhook nor to the account's webhooks after it.
type WebhookFilter struct {
	Field    string `json:"field"`    // event_type, or a member of the event's data, like agent
	Operator string `json:"operator"` // equals, not_equals, contains or in
	Value    any    `json:"value"`    // a text or a number; for the operator "in", one text with commas between the texts
}

// CreateWebhookRequest describes a new webhook, which is enabled at once.
type CreateWebhookRequest struct {
	URL         string              // https URL of a public host, at most 2,048 characters
	Description string              // at most 500 characters; may be empty
	Events      []webhook.EventType // at least one
}

// UpdateWebhookRequest has the changes of a webhook. A nil field is not changed.
type UpdateWebhookRequest struct {
	URL           *string             // limits as in CreateWebhookRequest
	Description   *string             // limits as in CreateWebhookRequest
	Events        []webhook.EventType // at least one
	Enabled       *bool
	Paused        *bool            // a paused webhook records the events that it does not deliver; see RetryFailed
	RetryInterval *time.Duration   // 10s, 30s, 1m, 5m or 15m
	MaxAttempts   *int             // 1 to 10
	Filters       *[]WebhookFilter // an empty slice removes all filters

	// Transformation is the JSON that is delivered in place of an event. In
	// it, {{event.type}}, {{event.timestamp}} and {{data.x}} are replaced by
	// their values. An empty text removes the transformation.
	Transformation *string
}

// CreatedWebhook is a new webhook. Its deliveries are signed with Secret, which
// only Create returns.
type CreatedWebhook struct {
	Webhook
	Secret Secret
}

// DeliveryResult is the result of Test and Replay.
type DeliveryResult struct {
	Success    bool // the receiver replied with a 2xx status
	StatusCode int  // HTTP status of the receiver's reply
}

// Delivery is an entry of a webhook's delivery log.
type Delivery struct {
	ID           string
	Event        webhook.EventType
	Success      bool   // true also for an event that a filter held back
	StatusCode   int    // HTTP status of the receiver's reply; 0 if there was no reply, or no request
	ResponseBody string // the first 1,024 characters of the reply, or the reason why there is none
	Latency      time.Duration
	RetryCount   int
	CreatedAt    time.Time
}

// RetryResult counts the deliveries that RetryFailed sent again.
type RetryResult struct{ Retried, Succeeded, Failed int }

// WebhookStats counts a webhook's deliveries in the last seven days.
type WebhookStats struct {
	WebhookID                 string
	Total, Successful, Failed int
	AverageLatency            time.Duration
	SuccessRate               float64 // in percent, with one decimal
}

// Create creates a webhook. An account may have ten.
//
// Since repeating the request would create another webhook, it is retried only
// if the failure proves that nothing happened (see RetryPolicy). The same holds
// for Test, Replay and RetryFailed.
//
// Endpoint: POST /webhooks
func (s *WebhooksService) Create(ctx context.Context, req CreateWebhookRequest, opts ...CallOption) (*CreatedWebhook, error) {
	r := to(wire.CreateWebhook).carry(wire.CreateWebhookRequest{
		URL: req.URL, Events: eventNames(req.Events), Description: req.Description,
	}, s.checkCreate(req))
	body, _, err := fetch[wire.CreatedWebhookReply](ctx, s.core, r, opts)
	if err != nil {
		return nil, err
	}
	return &CreatedWebhook{Webhook: webhookOf(body.Webhook), Secret: NewSecret(body.Webhook.Secret)}, nil
}

// List returns all webhooks of the account, the newest first.
//
// Endpoint: GET /webhooks
func (s *WebhooksService) List(ctx context.Context, opts ...CallOption) ([]Webhook, error) {
	body, _, err := fetch[wire.WebhookList](ctx, s.core, to(wire.ListWebhooks), opts)
	if err != nil {
		return nil, err
	}
	return each(body.Webhooks, webhookOf), nil
}

// Update changes a webhook and returns all of it except its secret.
//
// The service stops a webhook after ten failed deliveries in a row. Setting
// Enabled to true or Paused to false starts it again. According to the product
// page the service then sends a test and starts the webhook only if the test
// succeeds: check the returned Webhook. The live service stops such a webhook
// again at the next event; there, create a new webhook instead.
//
// Endpoint: PATCH /webhooks/{id}
func (s *WebhooksService) Update(ctx context.Context, id string, req UpdateWebhookRequest, opts ...CallOption) (*Webhook, error) {
	change, refused := s.change(req)
	r := to(wire.UpdateWebhook, id).carry(change, refused)
	r.repeat = freely // setting the same values again changes nothing
	body, _, err := fetch[wire.WebhookReply](ctx, s.core, r, opts)
	if err != nil {
		return nil, err
	}
	w := webhookOf(body.Webhook)
	return &w, nil
}

// Delete deletes a webhook and its delivery log. A NotFoundError can also mean
// that an earlier attempt deleted it but its reply was lost.
//
// Endpoint: DELETE /webhooks/{id}
func (s *WebhooksService) Delete(ctx context.Context, id string, opts ...CallOption) error {
	return drop[wire.Success](ctx, s.core, to(wire.DeleteWebhook, id), opts)
}

// Test makes the service send a test to the webhook's receiver, even if the
// webhook is disabled. The test has the data of the newest delivery, or a short
// message if there is none. If the receiver does not reply within 10 seconds,
// Test returns a ServerError with status 502; the deadline of ctx should allow
// for that.
//
// Endpoint: POST /webhooks/{id}/test
func (s *WebhooksService) Test(ctx context.Context, id string, opts ...CallOption) (*DeliveryResult, error) {
	return s.deliver(ctx, to(wire.TestWebhook, id), opts)
}

// Deliveries returns the newest 50 entries of a webhook's delivery log, the
// newest first.
//
// Endpoint: GET /webhooks/{id}/deliveries
func (s *WebhooksService) Deliveries(ctx context.Context, id string, opts ...CallOption) ([]Delivery, error) {
	body, _, err := fetch[wire.DeliveryList](ctx, s.core, to(wire.ListDeliveries, id), opts)
	if err != nil {
		return nil, err
	}
	return each(body.Deliveries, deliveryOf), nil
}

// Replay makes the service send a delivery again, whether or not it succeeded.
// The receiver recognizes it by webhook.Event.Fingerprint. If the receiver does
// not reply within 10 seconds, Replay returns a ServerError with status 502.
//
// Endpoint: POST /webhooks/{id}/deliveries/{delivery}/replay
func (s *WebhooksService) Replay(ctx context.Context, id, deliveryID string, opts ...CallOption) (*DeliveryResult, error) {
	return s.deliver(ctx, to(wire.ReplayDelivery, id, deliveryID), opts)
}

// RetryFailed makes the service send the newest 50 failed deliveries again, five
// at a time. Events that a paused webhook did not deliver are among them. If the
// receiver does not reply, this takes up to 100 seconds: WithAttemptTimeout and
// the deadline of ctx should allow for that.
//
// Endpoint: POST /webhooks/{id}/deliveries/bulk-retry
func (s *WebhooksService) RetryFailed(ctx context.Context, id string, opts ...CallOption) (*RetryResult, error) {
	r := to(wire.RetryDeliveries, id)
	body, _, err := fetch[wire.RetriedDeliveries](ctx, s.core, r, opts)
	if err != nil {
		return nil, err
	}
	return &RetryResult{Retried: valueOr(body.Retried, 0), Succeeded: body.Succeeded, Failed: body.Failed}, nil
}

// Stats returns the deliveries of the last seven days, counted per webhook.
// Webhooks without deliveries are missing.
//
// Endpoint: GET /webhooks/stats
func (s *WebhooksService) Stats(ctx context.Context, opts ...CallOption) ([]WebhookStats, error) {
	body, _, err := fetch[wire.WebhookStatsReply](ctx, s.core, to(wire.GetWebhookStats), opts)
	if err != nil {
		return nil, err
	}
	return each(body.Stats, webhookStatsOf), nil
}

// deliver makes a request upon which the service sends a delivery.
func (s *WebhooksService) deliver(ctx context.Context, r request, opts []CallOption) (*DeliveryResult, error) {
	body, _, err := fetch[wire.Delivered](ctx, s.core, r, opts)
	if err != nil {
		return nil, err
	}
	return &DeliveryResult{Success: body.Success, StatusCode: body.StatusCode}, nil
}

func webhookOf(w wire.Webhook) Webhook {
	out := Webhook{
		ID: w.ID, URL: w.URL, Description: string(w.Description), Enabled: w.Enabled,
		Events:          each(w.Events, func(name string) webhook.EventType { return webhook.EventType(name) }),
		LastTriggeredAt: w.LastTriggeredAt.Time(), LastStatus: WebhookStatus(w.LastStatus), LastStatusCode: valueOr(w.LastStatusCode, 0),
		FailureCount: w.FailureCount, CreatedAt: w.CreatedAt.Time(),
	}
	if d := w.WebhookDetails; d != nil {
		out.AccountID, out.PausedAt, out.EventVersion = w.UserID, d.PausedAt.Time(), d.EventVersion
		out.RetryInterval, out.MaxAttempts = time.Duration(d.RetryIntervalSeconds)*time.Second, valueOr(d.RetryMaxAttempts, 0)
		out.Transformation = string(d.Transformation)
		// The service stores this unchecked. It ignores what is not a list of
		// filters, and so does the client.
		_ = json.Unmarshal(d.FilterConditions, &out.Filters)
	}
	return out
}

func deliveryOf(d wire.Delivery) Delivery {
	return Delivery{
		ID: d.ID, Event: webhook.EventType(d.EventType), Success: d.Success, StatusCode: valueOr(d.StatusCode, 0),
		ResponseBody: string(d.ResponseBody), Latency: milliseconds(d.LatencyMS), RetryCount: d.RetryCount, CreatedAt: d.CreatedAt.Time(),
	}
}

func webhookStatsOf(w wire.WebhookStats) WebhookStats {
	return WebhookStats{
		WebhookID: w.WebhookID, Total: w.TotalDeliveries, Successful: w.SuccessfulDeliveries, Failed: w.FailedDeliveries,
		AverageLatency: milliseconds(w.AverageLatencyMS), SuccessRate: w.SuccessRate,
	}
}

func eventNames(events []webhook.EventType) []string {
	return each(events, func(event webhook.EventType) string { return string(event) })
}

// valueOr returns the value that p points to; otherwise if p is nil.
func valueOr[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

// change returns the body of an update.
func (s *WebhooksService) change(req UpdateWebhookRequest) (change wire.UpdateWebhookRequest, refused *InvalidRequestError) {
	change = wire.UpdateWebhookRequest{
		URL: req.URL, Description: req.Description, Enabled: req.Enabled, RetryMaxAttempts: req.MaxAttempts, Transformation: req.Transformation,
	}
	refuse := func(err *InvalidRequestError) {
		if refused == nil {
			refused = err
		}
	}
	refuse(checkText("description", valueOr(req.Description, "")))
	refuse(checkText("transformation", valueOr(req.Transformation, "")))
	if req.URL != nil {
		refuse(s.checkURL(*req.URL))
	}
	if req.Events != nil {
		change.Events = eventNames(req.Events)
		refuse(checkEvents(req.Events))
	}
	if req.Paused != nil {
		change.PausedAt = json.RawMessage("null")
		if *req.Paused {
			change.PausedAt, _ = json.Marshal(wire.HandlerTime(time.Now()))
		}
	}
	if req.RetryInterval != nil {
		seconds := int(*req.RetryInterval / time.Second)
		change.RetryIntervalSeconds = &seconds
		if *req.RetryInterval%time.Second != 0 || !slices.Contains(wire.WebhookRetryIntervals, seconds) {
			refuse(invalid(CodeInvalidParameter, "retry_interval_seconds", "RetryInterval %v is not one of 10s, 30s, 1m, 5m and 15m", *req.RetryInterval))
		}
	}
	if n := req.MaxAttempts; n != nil && (*n < 1 || *n > wire.MaxRetryAttempts) {
		refuse(invalid(CodeInvalidParameter, "retry_max_attempts", "MaxAttempts %d is not 1 to %d", *n, wire.MaxRetryAttempts))
	}
	if req.Filters != nil {
		change.FilterConditions = json.RawMessage("null")
		if len(*req.Filters) > 0 {
			var err error
			if change.FilterConditions, err = json.Marshal(*req.Filters); err != nil {
				refuse(invalid(CodeInvalidParameter, "filter_conditions", "Filters cannot be encoded: %v", err))
			}
		}
	}
	if req.URL == nil && req.Description == nil && req.Events == nil && req.Enabled == nil && req.Paused == nil &&
		req.RetryInterval == nil && req.MaxAttempts == nil && req.Filters == nil && req.Transformation == nil {
		refuse(invalid(CodeMissingParameter, "", "nothing to change: all fields are nil"))
	}
	return change, refused
}

func (s *WebhooksService) checkCreate(req CreateWebhookRequest) *InvalidRequestError {
	if err := s.checkURL(req.URL); err != nil {
		return err
	}
	if n := wire.UTF16Len(req.Description); n > wire.MaxWebhookDescriptionChars {
		return invalid(CodeInvalidParameter, "description", "description has %d characters, at most %d are allowed", n, wire.MaxWebhookDescriptionChars)
	}
	return cmp.Or(checkText("description", req.Description), checkEvents(req.Events))
}

// checkURL returns the reason why the service would refuse the URL of a webhook.
// The service refuses a URL of this machine. A reference server may allow it, so
// the client leaves that check to the server.
func (s *WebhooksService) checkURL(url string) *InvalidRequestError {
	theService := strings.HasPrefix(DefaultBaseURL, "https://"+s.core.base.Host+"/")
	if !theService && wire.LoopbackURL(url) {
		return nil
	}
	n := wire.UTF16Len(url)
	switch {
	case !wire.SecureURL(url):
		return invalid(CodeInvalidParameter, "url", "webhook URL is not an https URL")
	case !wire.PublicURL(url):
		return invalid(CodeInvalidParameter, "url", "webhook URL is malformed, or points to a private or internal address")
	case n > wire.MaxWebhookURLChars:
		return invalid(CodeInvalidParameter, "url", "webhook URL has %d characters, at most %d are allowed", n, wire.MaxWebhookURLChars)
	}
	return nil
}

func checkEvents(events []webhook.EventType) *InvalidRequestError {
	if len(events) == 0 {
		return invalid(CodeMissingParameter, "events", "a webhook needs at least one event")
	}
	for _, event := range events {
		if !slices.Contains(wire.WebhookEvents, string(event)) {
			return invalid(CodeInvalidParameter, "events", "%q is not an event that a webhook can subscribe to", event)
		}
	}
	return nil
}
