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

// WebhooksService manages the account's webhooks (product page, "Webhooks").
// Its endpoints are the dashboard's own: like KeysService it needs WithSession
// and does not wait for the rate limit of a key. An account may have ten
// webhooks. An unknown id is a NotFoundError. To receive what webhooks deliver,
// see package [github.com/clawhq/clawhq-go/webhook].
type WebhooksService struct{ core *core }

// Webhook is a webhook without its secret.
type Webhook struct {
	ID              string
	URL             string
	Description     string
	Events          []webhook.EventType
	Enabled         bool
	LastTriggeredAt time.Time     // zero if it never was
	LastStatus      WebhookStatus // of the newest delivery or test
	LastStatusCode  int           // what the receiver answered to it; 0 if it did not
	FailureCount    int           // deliveries in a row that failed at first; at 10 the service stops
	CreatedAt       time.Time

	// The service tells what follows on creations and updates only: in a
	// Webhook that List returns it is zero.

	AccountID      string          // the account's; VerifyAuditLog asks for it
	PausedAt       time.Time       // zero if it is not paused
	RetryInterval  time.Duration   // until the first retry
	MaxAttempts    int             // the live service keeps it and does not use it
	Filters        []WebhookFilter // nil if all events pass
	Transformation string          // empty if events are sent as they are
	EventVersion   string          // like "v1"
}

// WebhookStatus tells how a webhook's newest delivery ended.
type WebhookStatus string

// The statuses of a webhook; empty if nothing was delivered yet.
const (
	WebhookSucceeded WebhookStatus = wire.WebhookSucceeded
	WebhookFailed    WebhookStatus = wire.WebhookFailed
)

// WebhookFilter is a condition for events to be delivered. All of a webhook's
// must hold. Texts are compared without regard to case.
type WebhookFilter struct {
	Field    string `json:"field"`    // event_type, or a member of the event's data like agent
	Operator string `json:"operator"` // equals, not_equals, contains, or in
	Value    any    `json:"value"`    // a text or number; of in, a list of texts
}

// CreateWebhookRequest describes a new webhook, which is enabled at once.
type CreateWebhookRequest struct {
	URL         string // https, public, at most 2,048 characters
	Description string // at most 500 characters
	Events      []webhook.EventType
}

// UpdateWebhookRequest says what to change of a webhook. What is nil stays.
type UpdateWebhookRequest struct {
	URL           *string
	Description   *string
	Events        []webhook.EventType
	Enabled       *bool
	Paused        *bool            // a paused webhook logs what it misses; see RetryFailed
	RetryInterval *time.Duration   // 10s, 30s, 1m, 5m or 15m
	MaxAttempts   *int             // 1 to 10
	Filters       *[]WebhookFilter // empty takes them all away

	// Transformation is the JSON that is sent in place of the event, with
	// {{event.type}}, {{event.timestamp}} and {{data.x}} where their values
	// belong. Empty takes it away.
	Transformation *string
}

// CreatedWebhook is a new webhook. Its Secret, which deliveries are signed
// with, is handed out this once.
type CreatedWebhook struct {
	Webhook
	Secret Secret
}

// DeliveryResult is what became of a delivery that was asked for.
type DeliveryResult struct {
	Success    bool // the receiver answered 2xx
	StatusCode int  // what it answered
}

// Delivery is a row of a webhook's delivery log.
type Delivery struct {
	ID           string
	Event        webhook.EventType
	Success      bool   // a filtered event counts as one, too
	StatusCode   int    // what the receiver answered; 0 if it did not, or was not asked
	ResponseBody string // its first 1,024 characters, or why there is none
	Latency      time.Duration
	RetryCount   int
	CreatedAt    time.Time
}

// RetryResult counts what RetryFailed did.
type RetryResult struct{ Retried, Succeeded, Failed int }

// WebhookStats counts a webhook's deliveries of the last seven days.
type WebhookStats struct {
	WebhookID                 string
	Total, Successful, Failed int
	AverageLatency            time.Duration
	SuccessRate               float64 // percent, with one decimal
}

// Create makes a webhook. An account may have ten.
//
// A creation cannot be told from its repetition by the server, so it is
// retried only if the failure proves that nothing happened, as are Test,
// Replay and RetryFailed: on status 429 and where no connection could be made.
func (s *WebhooksService) Create(ctx context.Context, req CreateWebhookRequest, opts ...CallOption) (*CreatedWebhook, error) {
	r := to(wire.CreateWebhook).carry(wire.CreateWebhookRequest{
		URL: req.URL, Events: eventNames(req.Events), Description: req.Description,
	}, s.checkCreate(req))
	r.repeat = ifUnsent
	body, _, err := fetch[wire.CreatedWebhookReply](ctx, s.core, r, opts)
	if err != nil {
		return nil, err
	}
	return &CreatedWebhook{Webhook: webhookOf(body.Webhook), Secret: newSecret(body.Webhook.Secret)}, nil
}

// List returns the account's webhooks, the newest first.
func (s *WebhooksService) List(ctx context.Context, opts ...CallOption) ([]Webhook, error) {
	body, _, err := fetch[wire.WebhookList](ctx, s.core, to(wire.ListWebhooks), opts)
	if err != nil {
		return nil, err
	}
	return each(body.Webhooks, webhookOf), nil
}

// Update changes a webhook and returns it whole. The secret, which the service
// hands out again, is dropped.
//
// A webhook that ten failures in a row have stopped starts again by Enabled or
// Paused. By the product's page the service sends a test first, and only goes
// on if that succeeds: see what comes back. The live service stops such a
// webhook again at the next event; there, the way out is a new one.
func (s *WebhooksService) Update(ctx context.Context, id string, req UpdateWebhookRequest, opts ...CallOption) (*Webhook, error) {
	change, refused := s.change(id, req)
	body, _, err := fetch[wire.WebhookReply](ctx, s.core, to(wire.UpdateWebhook, id).carry(change, refused), opts)
	if err != nil {
		return nil, err
	}
	w := webhookOf(body.Webhook)
	return &w, nil
}

// Delete removes a webhook and its log. One that is gone already is a
// NotFoundError; so may be a deletion that succeeded though its reply was
// lost, after the retry.
func (s *WebhooksService) Delete(ctx context.Context, id string, opts ...CallOption) error {
	_, _, err := fetch[wire.Success](ctx, s.core, to(wire.DeleteWebhook, id).unless(checkID(id)), opts)
	return err
}

// Test has the service send the newest delivery's event again, or a message if
// there is none, marked as a test; also to a webhook that is disabled. A
// receiver that does not answer within 10 seconds is a ServerError, 502. Allow
// for that in the context's deadline.
func (s *WebhooksService) Test(ctx context.Context, id string, opts ...CallOption) (*DeliveryResult, error) {
	return s.deliver(ctx, to(wire.TestWebhook, id).unless(checkID(id)), opts)
}

// Deliveries returns the newest 50 rows of a webhook's log, the newest first.
func (s *WebhooksService) Deliveries(ctx context.Context, id string, opts ...CallOption) ([]Delivery, error) {
	body, _, err := fetch[wire.DeliveryList](ctx, s.core, to(wire.ListDeliveries, id).unless(checkID(id)), opts)
	if err != nil {
		return nil, err
	}
	return each(body.Deliveries, deliveryOf), nil
}

// Replay has the service send a delivery again, whatever became of it. A
// receiver tells it from news by its fingerprint. One that does not answer
// within 10 seconds is a ServerError, 502.
func (s *WebhooksService) Replay(ctx context.Context, id, deliveryID string, opts ...CallOption) (*DeliveryResult, error) {
	refused := checkID(id)
	if refused == nil {
		refused = checkID(deliveryID)
	}
	return s.deliver(ctx, to(wire.ReplayDelivery, id, deliveryID).unless(refused), opts)
}

// RetryFailed has the service send the newest 50 failed deliveries again, five
// at a time, and those that were held back by a pause. It may take 100 seconds
// where the receiver does not answer: allow for that in WithAttemptTimeout and
// in the context's deadline.
func (s *WebhooksService) RetryFailed(ctx context.Context, id string, opts ...CallOption) (*RetryResult, error) {
	r := to(wire.RetryDeliveries, id).unless(checkID(id))
	r.repeat = ifUnsent
	body, _, err := fetch[wire.RetriedDeliveries](ctx, s.core, r, opts)
	if err != nil {
		return nil, err
	}
	return &RetryResult{Retried: valueOr(body.Retried, 0), Succeeded: body.Succeeded, Failed: body.Failed}, nil
}

// Stats counts the deliveries of all webhooks in the last seven days. Those
// without any are missing.
func (s *WebhooksService) Stats(ctx context.Context, opts ...CallOption) ([]WebhookStats, error) {
	body, _, err := fetch[wire.WebhookStatsReply](ctx, s.core, to(wire.GetWebhookStats), opts)
	if err != nil {
		return nil, err
	}
	return each(body.Stats, webhookStatsOf), nil
}

// deliver makes a request that has the service send something.
func (s *WebhooksService) deliver(ctx context.Context, r request, opts []CallOption) (*DeliveryResult, error) {
	r.repeat = ifUnsent
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
		// Stored unchecked: what is no list of filters is none for the service too.
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

// valueOr returns what p points to, or otherwise.
func valueOr[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

// change returns the body of an update.
func (s *WebhooksService) change(id string, req UpdateWebhookRequest) (change wire.UpdateWebhookRequest, refused *InvalidRequestError) {
	change = wire.UpdateWebhookRequest{
		URL: req.URL, Description: req.Description, Enabled: req.Enabled, RetryMaxAttempts: req.MaxAttempts, Transformation: req.Transformation,
	}
	refuse := func(err *InvalidRequestError) {
		if refused == nil {
			refused = err
		}
	}
	refuse(checkID(id))
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
			refuse(invalid(CodeInvalidParameter, "retry_interval_seconds", "RetryInterval %v is none of 10s, 30s, 1m, 5m and 15m", *req.RetryInterval))
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
		return invalid(CodeInvalidParameter, "description", "description has %d characters, and at most %d are allowed", n, wire.MaxWebhookDescriptionChars)
	}
	return cmp.Or(checkText("description", req.Description), checkEvents(req.Events))
}

// checkURL refuses what the service would. This machine itself is private to
// the service and not to a reference server, which decides then.
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
		return invalid(CodeInvalidParameter, "url", "webhook URL points to a private or internal address")
	case n > wire.MaxWebhookURLChars:
		return invalid(CodeInvalidParameter, "url", "webhook URL has %d characters, and at most %d are allowed", n, wire.MaxWebhookURLChars)
	}
	return nil
}

func checkEvents(events []webhook.EventType) *InvalidRequestError {
	if len(events) == 0 {
		return invalid(CodeMissingParameter, "events", "a webhook needs at least one event")
	}
	for _, event := range events {
		if !slices.Contains(wire.WebhookEvents, string(event)) {
			return invalid(CodeInvalidParameter, "events", "%q is no event that a webhook can subscribe to", event)
		}
	}
	return nil
}
