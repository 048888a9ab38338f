package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
)

// Headers of a webhook delivery. The spelling is canonical, so that
// http.Header may be indexed with them.
const (
	HeaderWebhookSignature = "X-Clawhq-Signature"
	HeaderWebhookEvent     = "X-Clawhq-Event"
	HeaderWebhookTimestamp = "X-Clawhq-Timestamp"
)

// DeliveryTimeout is how long a receiver has to answer a delivery.
const DeliveryTimeout = 10 * time.Second

// The events of webhooks.
const (
	EventMessageReceived     = "message.received"
	EventMessageSent         = "message.sent"
	EventAgentDeployed       = "agent.deployed"
	EventAgentUndeployed     = "agent.undeployed"
	EventChannelConnected    = "channel.connected"
	EventChannelDisconnected = "channel.disconnected"
	EventTicketCreated       = "ticket.created"
	EventTicketResolved      = "ticket.resolved"
	EventAPIRequest          = "api.request"
	EventDocumentIndexed     = "kb.document.indexed"
	EventSessionStarted      = "session.started"
	EventVPSStatusChanged    = "vps.status_changed"
	EventTest                = "test" // in the header alone, except before the first real event
)

// WebhookEvents are the events that can be subscribed to: those that the
// service knows and those that only the product's page does.
var WebhookEvents = append([]string{EventMessageSent, EventTicketCreated, EventTicketResolved}, LiveWebhookEvents...)

// LiveWebhookEvents are those that the live service knows.
var LiveWebhookEvents = []string{
	EventMessageReceived, EventAgentDeployed, EventAgentUndeployed, EventVPSStatusChanged, EventChannelConnected,
	EventChannelDisconnected, EventAPIRequest, EventDocumentIndexed, EventSessionStarted,
}

// WebhookBody is the body of a delivery, unless a transformation made it.
type WebhookBody struct {
	Event     string          `json:"event"`
	Data      json.RawMessage `json:"data"`
	Timestamp Time            `json:"timestamp"` // the event's, also on retries and replays
}

// WebhookSignature returns the signature of a delivery: lower-case
// hexadecimal HMAC-SHA256 of the timestamp's text as it stands in the header,
// a dot and the body's bytes, keyed with the text of the secret.
func WebhookSignature(secret, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp))
	mac.Write([]byte{'.'})
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}
