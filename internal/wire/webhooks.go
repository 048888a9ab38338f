package wire

import "encoding/json"

// Limits of webhooks.
const (
	MaxWebhooks                = 10 // of an account
	MaxWebhookURLChars         = 2048
	MaxWebhookDescriptionChars = 500
	MaxRetryAttempts           = 10
	DefaultRetryAttempts       = 3
	DefaultRetryInterval       = 30 // seconds
	MaxDeliveriesListed        = 50 // the newest ones
	MaxResponseExcerpt         = 1024
)

// WebhookRetryIntervals are the intervals between retries that a webhook can have, in
// seconds.
var WebhookRetryIntervals = []int{10, 30, 60, 300, 900}

// WebhookSecretStart is the beginning of every webhook secret. 48 hexadecimal digits
// follow.
const WebhookSecretStart = "whsec_"

// The values of a webhook's last_status.
const (
	WebhookSucceeded = "success"
	WebhookFailed    = "failed"
)

// Webhook is a webhook in a reply. GET /webhooks masks the secret, and has neither
// UserID nor the details.
type Webhook struct {
	ID              string   `json:"id"`
	UserID          string   `json:"user_id,omitempty"`
	URL             string   `json:"url"`
	Secret          string   `json:"secret"`
	Events          []string `json:"events"`
	Enabled         bool     `json:"enabled"`
	Description     Text     `json:"description"`
	LastTriggeredAt Time     `json:"last_triggered_at"`
	LastStatus      Text     `json:"last_status"`
	LastStatusCode  *int     `json:"last_status_code"`
	FailureCount    int      `json:"failure_count"`
	CreatedAt       Time     `json:"created_at"`

	*WebhookDetails
}

// WebhookDetails are the fields that only the replies of POST and PATCH have.
type WebhookDetails struct {
	FilterConditions     json.RawMessage `json:"filter_conditions"`
	RetryMaxAttempts     *int            `json:"retry_max_attempts"`
	RetryIntervalSeconds int             `json:"retry_interval_seconds"`
	Transformation       Text            `json:"transformation"`
	PausedAt             Time            `json:"paused_at"`
	EventVersion         string          `json:"event_version"`
}

// WebhookList is the reply of GET /webhooks.
type WebhookList struct {
	Webhooks []Webhook `json:"webhooks"`
}

// Check returns an error if the list is missing.
func (l WebhookList) Check() error { return need(member{"webhooks", l.Webhooks != nil}) }

// CreatedWebhookReply is the reply of POST /webhooks.
type CreatedWebhookReply struct {
	Webhook Webhook `json:"webhook"`
}

// Check returns an error if the secret is missing, which is shown only once.
func (r CreatedWebhookReply) Check() error {
	return need(member{"secret", r.Webhook.Secret != ""})
}

// WebhookReply is the reply of PATCH /webhooks/{id}.
type WebhookReply struct {
	Webhook Webhook `json:"webhook"`
}

// Check returns an error if the webhook is missing.
func (r WebhookReply) Check() error { return need(member{"webhook id", r.Webhook.ID != ""}) }

// CreateWebhookRequest is the body of POST /webhooks.
type CreateWebhookRequest struct {
	URL         string   `json:"url"`
	Events      []string `json:"events"`
	Description string   `json:"description,omitempty"`
}

// UpdateWebhookRequest is the body of PATCH /webhooks/{id}. PausedAt is a time, or
// null, which resumes the webhook.
type UpdateWebhookRequest struct {
	URL                  *string         `json:"url,omitempty"`
	Events               []string        `json:"events,omitempty"`
	Enabled              *bool           `json:"enabled,omitempty"`
	Description          *string         `json:"description,omitempty"`
	FilterConditions     json.RawMessage `json:"filter_conditions,omitempty"`
	Transformation       *string         `json:"transformation,omitempty"`
	RetryMaxAttempts     *int            `json:"retry_max_attempts,omitempty"`
	RetryIntervalSeconds *int            `json:"retry_interval_seconds,omitempty"`
	PausedAt             json.RawMessage `json:"paused_at,omitempty"`
}

// Delivered is the reply about a webhook's test or a delivery's replay. StatusCode is
// the status of the receiver's reply; it is missing if there was none.
type Delivered struct {
	Success    bool   `json:"success"`
	StatusCode int    `json:"status_code,omitempty"`
	Error      string `json:"error,omitempty"`
}

// Check returns nil: an empty reply means a delivery that failed.
func (Delivered) Check() error { return nil }

// Delivery is an entry in a webhook's log: an attempt to deliver an event. StatusCode
// and ResponseBody are null if there was no reply.
type Delivery struct {
	ID           string  `json:"id"`
	EventType    string  `json:"event_type"`
	StatusCode   *int    `json:"status_code"`
	ResponseBody Text    `json:"response_body"` // the beginning of the body
	LatencyMS    float64 `json:"latency_ms"`
	Success      bool    `json:"success"`
	RetryCount   int     `json:"retry_count"`
	CreatedAt    Time    `json:"created_at"`
}

// DeliveryList is the reply of GET /webhooks/{id}/deliveries.
type DeliveryList struct {
	Deliveries []Delivery `json:"deliveries"`
}

// Check returns an error if the list is missing.
func (l DeliveryList) Check() error { return need(member{"deliveries", l.Deliveries != nil}) }

// RetriedDeliveries is the reply of POST /webhooks/{id}/deliveries/bulk-retry.
type RetriedDeliveries struct {
	Retried   *int `json:"retried"`
	Succeeded int  `json:"succeeded"`
	Failed    int  `json:"failed"`
}

// Check returns an error if the count is missing.
func (r RetriedDeliveries) Check() error { return need(member{"retried", r.Retried != nil}) }

// WebhookStats counts a webhook's deliveries of the last seven days.
type WebhookStats struct {
	WebhookID            string  `json:"webhook_id"`
	TotalDeliveries      int     `json:"total_deliveries"`
	SuccessfulDeliveries int     `json:"successful_deliveries"`
	FailedDeliveries     int     `json:"failed_deliveries"`
	AverageLatencyMS     float64 `json:"avg_latency_ms"`
	SuccessRate          float64 `json:"success_rate"` // in percent, with one decimal
}

// WebhookStatsReply is the reply of GET /webhooks/stats.
type WebhookStatsReply struct {
	Stats []WebhookStats `json:"stats"`
}

// Check returns an error if the list is missing.
func (r WebhookStatsReply) Check() error { return need(member{"stats", r.Stats != nil}) }
