package webhook

import (
	"encoding/json"
	"math"
	"time"
)

// The comment on each field of the types below tells where the field is found:
// in what the live service sends, in the documentation on the product page, or
// in both.

// MessageReceived reports that a user's message was received and answered.
type MessageReceived struct {
	ConversationID string `json:"conversation_id,omitempty"` // service
	AgentID        string `json:"agent_id,omitempty"`        // service
	MessageID      string `json:"message_id,omitempty"`      // page
	Channel        string `json:"channel,omitempty"`         // page: like "web-chat"
	Agent          string `json:"agent,omitempty"`           // page: the agent's slug
	Content        string `json:"content,omitempty"`         // page
	UserID         string `json:"user_id,omitempty"`         // page
}

// MessageSent reports that an agent answered a user. The live service does not
// send it.
type MessageSent struct {
	MessageID    string        `json:"message_id,omitempty"` // page
	Channel      string        `json:"channel,omitempty"`    // page
	Agent        string        `json:"agent,omitempty"`      // page: the agent's slug
	Content      string        `json:"content,omitempty"`    // page
	ResponseTime time.Duration `json:"-"`                    // page: response_time_ms, in milliseconds
}

// AgentDeployed reports that an agent was deployed.
type AgentDeployed struct {
	AgentID    string `json:"agent_id,omitempty"`    // service
	AgentName  string `json:"agent_name,omitempty"`  // both
	DeployedBy string `json:"deployed_by,omitempty"` // page: an e-mail address
}

// AgentUndeployed reports that an agent was undeployed.
type AgentUndeployed struct {
	AgentID      string `json:"agent_id,omitempty"`      // service
	AgentName    string `json:"agent_name,omitempty"`    // both
	Action       string `json:"action,omitempty"`        // service: "undeployed"
	UndeployedBy string `json:"undeployed_by,omitempty"` // page: an e-mail address
}

// ChannelConnected reports that a channel, like Slack, was connected.
type ChannelConnected struct {
	ChannelType string `json:"channel_type,omitempty"` // both: like "webchat", "slack"
	ChannelID   string `json:"channel_id,omitempty"`   // service
	ChannelName string `json:"channel_name,omitempty"` // page
}

// ChannelDisconnected reports that a channel was disconnected.
type ChannelDisconnected struct {
	ChannelType string `json:"channel_type,omitempty"` // both
	ChannelID   string `json:"channel_id,omitempty"`   // service
	ChannelName string `json:"channel_name,omitempty"` // page
	Reason      string `json:"reason,omitempty"`       // page: like "manual"
}

// TicketCreated reports that a support ticket was opened. The live service does
// not send it.
type TicketCreated struct {
	TicketID  string `json:"ticket_id,omitempty"`  // page
	Subject   string `json:"subject,omitempty"`    // page
	Priority  string `json:"priority,omitempty"`   // page: like "high"
	CreatedBy string `json:"created_by,omitempty"` // page: an e-mail address
}

// TicketResolved reports that a support ticket was resolved. The live service
// does not send it.
type TicketResolved struct {
	TicketID       string        `json:"ticket_id,omitempty"`   // page
	Subject        string        `json:"subject,omitempty"`     // page
	ResolvedBy     string        `json:"resolved_by,omitempty"` // page: an e-mail address
	ResolutionTime time.Duration `json:"-"`                     // page: resolution_time_hours, in hours
}

// APIRequest reports that an API call was answered. The live service sends it
// only for chats that succeeded, including streamed chats.
type APIRequest struct {
	Agent        string        `json:"agent,omitempty"`        // service: the agent's slug
	ResponseTime time.Duration `json:"-"`                      // both: response_time_ms or, on the page, latency_ms
	Method       string        `json:"method,omitempty"`       // page
	Path         string        `json:"path,omitempty"`         // page
	APIKeyName   string        `json:"api_key_name,omitempty"` // page
	StatusCode   int           `json:"status_code,omitempty"`  // page
}

// DocumentIndexed reports that a document was added to the knowledge base. The
// live service sends it for documents added in the dashboard, not for files
// uploaded over the API.
type DocumentIndexed struct {
	DocumentName string `json:"document_name,omitempty"` // service
	ChunkCount   int    `json:"chunk_count,omitempty"`   // service
	FileSize     int64  `json:"file_size,omitempty"`     // service: in bytes
}

// SessionStarted reports that a user began a new session with an agent in the
// dashboard's chat.
type SessionStarted struct {
	ConversationID string `json:"conversation_id,omitempty"` // service
	AgentID        string `json:"agent_id,omitempty"`        // service
	AgentName      string `json:"agent_name,omitempty"`      // service
}

// VPSStatusChanged reports that the account's server begins to start, stop or
// restart.
type VPSStatusChanged struct {
	Status string `json:"status,omitempty"` // service: "starting", "stopped" or "restarting"
	Action string `json:"action,omitempty"` // service: "start", "stop" or "restart"
}

// TestMessage is the data of a test of a webhook that has not delivered an event
// yet.
type TestMessage struct {
	Message   string `json:"message,omitempty"`    // service
	WebhookID string `json:"webhook_id,omitempty"` // service
}

// UnmarshalJSON decodes the data of the live service and of the documentation.
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

// duration returns n units, or the longest Duration if that does not fit.
func duration(n float64, unit time.Duration) time.Duration {
	if n *= float64(unit); n < math.MaxInt64 {
		return time.Duration(math.Round(max(n, 0)))
	}
	return math.MaxInt64
}
