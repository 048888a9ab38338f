package webhook

import (
	"encoding/json"
	"math"
	"time"
)

// The fields of the types below are marked by where they are seen: in what the
// service sends, or on the product's page on webhooks only.

// MessageReceived tells that a user's message was received, and answered.
type MessageReceived struct {
	ConversationID string `json:"conversation_id,omitempty"` // service
	AgentID        string `json:"agent_id,omitempty"`        // service
	MessageID      string `json:"message_id,omitempty"`      // page
	Channel        string `json:"channel,omitempty"`         // page: like "web-chat"
	Agent          string `json:"agent,omitempty"`           // page: the agent's slug
	Content        string `json:"content,omitempty"`         // page
	UserID         string `json:"user_id,omitempty"`         // page
}

// MessageSent tells that an agent answered a user. The service does not send
// it so far.
type MessageSent struct {
	MessageID    string        `json:"message_id,omitempty"` // page
	Channel      string        `json:"channel,omitempty"`    // page
	Agent        string        `json:"agent,omitempty"`      // page: the agent's slug
	Content      string        `json:"content,omitempty"`    // page
	ResponseTime time.Duration `json:"-"`                    // page: response_time_ms, in milliseconds
}

// AgentDeployed tells that an agent was deployed.
type AgentDeployed struct {
	AgentID    string `json:"agent_id,omitempty"`    // service
	AgentName  string `json:"agent_name,omitempty"`  // both
	DeployedBy string `json:"deployed_by,omitempty"` // page: an e-mail address
}

// AgentUndeployed tells that an agent was undeployed.
type AgentUndeployed struct {
	AgentID      string `json:"agent_id,omitempty"`      // service
	AgentName    string `json:"agent_name,omitempty"`    // both
	Action       string `json:"action,omitempty"`        // service: "undeployed"
	UndeployedBy string `json:"undeployed_by,omitempty"` // page: an e-mail address
}

// ChannelConnected tells that a channel, like Slack, was connected.
type ChannelConnected struct {
	ChannelType string `json:"channel_type,omitempty"` // both: like "webchat", "slack"
	ChannelID   string `json:"channel_id,omitempty"`   // service
	ChannelName string `json:"channel_name,omitempty"` // page
}

// ChannelDisconnected tells that a channel was disconnected.
type ChannelDisconnected struct {
	ChannelType string `json:"channel_type,omitempty"` // both
	ChannelID   string `json:"channel_id,omitempty"`   // service
	ChannelName string `json:"channel_name,omitempty"` // page
	Reason      string `json:"reason,omitempty"`       // page: like "manual"
}

// TicketCreated tells that a support ticket was opened. The service does not
// send it so far.
type TicketCreated struct {
	TicketID  string `json:"ticket_id,omitempty"`  // page
	Subject   string `json:"subject,omitempty"`    // page
	Priority  string `json:"priority,omitempty"`   // page: like "high"
	CreatedBy string `json:"created_by,omitempty"` // page: an e-mail address
}

// TicketResolved tells that a support ticket was resolved. The service does
// not send it so far.
type TicketResolved struct {
	TicketID       string        `json:"ticket_id,omitempty"`   // page
	Subject        string        `json:"subject,omitempty"`     // page
	ResolvedBy     string        `json:"resolved_by,omitempty"` // page: an e-mail address
	ResolutionTime time.Duration `json:"-"`                     // page: resolution_time_hours, in hours
}

// APIRequest tells that a call of the API was answered. The service sends it
// for chats that succeeded alone, streamed ones included.
type APIRequest struct {
	Agent        string        `json:"agent,omitempty"`        // service: the agent's slug
	ResponseTime time.Duration `json:"-"`                      // both: response_time_ms or, on the page, latency_ms
	Method       string        `json:"method,omitempty"`       // page
	Path         string        `json:"path,omitempty"`         // page
	APIKeyName   string        `json:"api_key_name,omitempty"` // page
	StatusCode   int           `json:"status_code,omitempty"`  // page
}

// DocumentIndexed tells that a document is in the knowledge base. The service
// sends it for documents added in the dashboard, not for files uploaded over
// the API.
type DocumentIndexed struct {
	DocumentName string `json:"document_name,omitempty"` // service
	ChunkCount   int    `json:"chunk_count,omitempty"`   // service
	FileSize     int64  `json:"file_size,omitempty"`     // service: in bytes
}

// SessionStarted tells that a user began a new session with an agent in the
// dashboard's chat.
type SessionStarted struct {
	ConversationID string `json:"conversation_id,omitempty"` // service
	AgentID        string `json:"agent_id,omitempty"`        // service
	AgentName      string `json:"agent_name,omitempty"`      // service
}

// VPSStatusChanged tells that the account's server is told to change.
type VPSStatusChanged struct {
	Status string `json:"status,omitempty"` // service: "starting", "stopped" or "restarting"
	Action string `json:"action,omitempty"` // service: "start", "stop" or "restart"
}

// TestMessage is what a test delivers before the webhook has seen a real
// event.
type TestMessage struct {
	Message   string `json:"message,omitempty"`    // service
	WebhookID string `json:"webhook_id,omitempty"` // service
}

// UnmarshalJSON decodes both shapes of the data.
func (d *APIRequest) UnmarshalJSON(b []byte) error {
	type plain APIRequest
	wire := struct {
		*plain
		Service float64 `json:"response_time_ms"`
		Page    float64 `json:"latency_ms"`
	}{plain: (*plain)(d)}
	if err := json.Unmarshal(b, &wire); err != nil {
		return err
	}
	d.ResponseTime = duration(max(wire.Service, wire.Page), time.Millisecond)
	return nil
}

// MarshalJSON encodes the data as the service does.
func (d APIRequest) MarshalJSON() ([]byte, error) {
	type plain APIRequest
	return json.Marshal(struct {
		plain
		Milliseconds float64 `json:"response_time_ms,omitempty"`
	}{plain(d), d.ResponseTime.Seconds() * 1000})
}

// UnmarshalJSON decodes the data as the product's page shows them.
func (d *MessageSent) UnmarshalJSON(b []byte) error {
	type plain MessageSent
	wire := struct {
		*plain
		Milliseconds float64 `json:"response_time_ms"`
	}{plain: (*plain)(d)}
	if err := json.Unmarshal(b, &wire); err != nil {
		return err
	}
	d.ResponseTime = duration(wire.Milliseconds, time.Millisecond)
	return nil
}

// MarshalJSON encodes the data as the product's page shows them.
func (d MessageSent) MarshalJSON() ([]byte, error) {
	type plain MessageSent
	return json.Marshal(struct {
		plain
		Milliseconds float64 `json:"response_time_ms,omitempty"`
	}{plain(d), d.ResponseTime.Seconds() * 1000})
}

// UnmarshalJSON decodes the data as the product's page shows them.
func (d *TicketResolved) UnmarshalJSON(b []byte) error {
	type plain TicketResolved
	wire := struct {
		*plain
		Hours float64 `json:"resolution_time_hours"`
	}{plain: (*plain)(d)}
	if err := json.Unmarshal(b, &wire); err != nil {
		return err
	}
	d.ResolutionTime = duration(wire.Hours, time.Hour)
	return nil
}

// MarshalJSON encodes the data as the product's page shows them.
func (d TicketResolved) MarshalJSON() ([]byte, error) {
	type plain TicketResolved
	return json.Marshal(struct {
		plain
		Hours float64 `json:"resolution_time_hours,omitempty"`
	}{plain(d), d.ResolutionTime.Hours()})
}

// duration returns so many units, or the longest duration there is.
func duration(n float64, unit time.Duration) time.Duration {
	if n *= float64(unit); n < math.MaxInt64 {
		return time.Duration(math.Round(max(n, 0)))
	}
	return math.MaxInt64
}
