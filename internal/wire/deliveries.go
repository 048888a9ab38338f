package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
)

// Headers of a webhook's delivery, in canonical spelling, so that they can index an
// http.Header.
const (
	HeaderWebhookSignature = "X-Clawhq-Signature"
	HeaderWebhookEvent     = "X-Clawhq-Event"
	HeaderWebhookTimestamp = "X-Clawhq-Timestamp"
)

// DeliveryTimeout is the time that the receiver of a delivery or a callback has to
// answer.
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
	EventTest                = "test" // only in the header, unless there has been no real event yet
)

// WebhookEvents are the events to which a webhook can subscribe: those of the live
// service, and those that only the product page has.
var WebhookEvents = append([]string{EventMessageSent, EventTicketCreated, EventTicketResolved}, LiveWebhookEvents...)

// LiveWebhookEvents are the events of the live service.
var LiveWebhookEvents = []string{
	EventMessageReceived, EventAgentDeployed, EventAgentUndeployed, EventVPSStatusChanged, EventChannelConnected,
	EventChannelDisconnected, EventAPIRequest, EventDocumentIndexed, EventSessionStarted,
}

// WebhookBody is the body of a delivery, unless the webhook has a transformation.
type WebhookBody struct {
	Event     string          `json:"event"`
	Data      json.RawMessage `json:"data"`
	Timestamp Time            `json:"timestamp"` // time of the event, the same on retries and replays
}

// WebhookSignature returns the signature of a delivery: the HMAC-SHA256, in
// lower-case hexadecimal, of the timestamp as in the header, a dot and the body. The
// key is the text of the secret.
func WebhookSignature(secret, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp))
	mac.Write([]byte{'.'})
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}
