package wire

import "cmp"

// The roles of messages.
const (
	RoleUser      = "user"
	RoleAssistant = "assistant"
)

// Conversation is a conversation of the dashboard's chat. Only the reference pages
// have the fields from Agent on.
type Conversation struct {
	ID            string `json:"id"`
	AgentName     string `json:"agent_name,omitempty"`
	CreatedAt     Time   `json:"created_at"`
	LastMessageAt Time   `json:"last_message_at"`

	Agent        string `json:"agent,omitempty"`
	SessionID    string `json:"session_id,omitempty"`
	MessageCount int    `json:"message_count,omitempty"`
	StartedAt    Time   `json:"started_at,omitempty"`
	Status       string `json:"status,omitempty"`
}

// AnyAgent returns the agent's name or, in the reference pages' form, its slug.
func (c Conversation) AnyAgent() string { return cmp.Or(c.AgentName, c.Agent) }

// AnyCreatedAt returns when the conversation began, under either name.
func (c Conversation) AnyCreatedAt() Time { return cmp.Or(c.CreatedAt, c.StartedAt) }

// ConversationList is the reply of GET /v1/conversations. NextCursor is the offset of
// the next page; no endpoint has a parameter for it.
type ConversationList struct {
	Conversations []Conversation `json:"conversations"`
	HasMore       bool           `json:"has_more"`
	NextCursor    Text           `json:"next_cursor"`
	Total         int            `json:"total"`

	Limit  int  `json:"limit,omitempty"`  // only the reference pages have Limit and Offset,
	Offset *int `json:"offset,omitempty"` // and no has_more
}

// Paging returns the position of the page, from the fields of either form.
func (l ConversationList) Paging() Paging {
	hasMore := l.HasMore || l.Offset != nil && *l.Offset+len(l.Conversations) < l.Total
	return Paging{HasMore: hasMore, Total: l.Total}
}

// Check returns an error if the list is missing.
func (l ConversationList) Check() error {
	return need(member{"conversations", l.Conversations != nil})
}

// StoredMessage is a message of a conversation or a thread.
type StoredMessage struct {
	ID        string `json:"id"`
	Role      string `json:"role"`
	Content   string `json:"content"`
	CreatedAt Time   `json:"created_at"`
}

// MessageList is the reply of GET /v1/conversations/{id}/messages and of GET
// /v1/threads/{id}/messages. Only the latter has a thread_id.
type MessageList struct {
	Messages []StoredMessage `json:"messages"`
	ThreadID string          `json:"thread_id,omitempty"`
	Paging
}

// Check returns an error if the list is missing.
func (l MessageList) Check() error { return need(member{"messages", l.Messages != nil}) }
