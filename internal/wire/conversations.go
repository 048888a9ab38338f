package wire

import "cmp"

// The roles of those who write messages.
const (
	RoleUser      = "user"
	RoleAssistant = "assistant"
)

// Conversation is a conversation of the dashboard's chat. The fields from
// Agent on are the reference pages'.
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

// AnyAgent returns the agent's name or, on the pages, its slug.
func (c Conversation) AnyAgent() string { return cmp.Or(c.AgentName, c.Agent) }

// AnyCreatedAt returns when the conversation began, whatever it is called.
func (c Conversation) AnyCreatedAt() Time { return cmp.Or(c.CreatedAt, c.StartedAt) }

// ConversationList is the reply of GET /v1/conversations. NextCursor is the
// next page's offset; no endpoint takes a cursor.
type ConversationList struct {
	Conversations []Conversation `json:"conversations"`
	HasMore       bool           `json:"has_more"`
	NextCursor    Text           `json:"next_cursor"`
	Total         int            `json:"total"`

	Limit  int  `json:"limit,omitempty"`  // these two on the reference pages
	Offset *int `json:"offset,omitempty"` // in place of has_more
}

// Paging returns where the page lies.
func (l ConversationList) Paging() Paging {
	hasMore := l.HasMore || l.Offset != nil && *l.Offset+len(l.Conversations) < l.Total
	return Paging{HasMore: hasMore, Total: l.Total}
}

// Check tells whether the list is there.
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
// /v1/threads/{id}/messages; a conversation's has no thread_id.
type MessageList struct {
	Messages []StoredMessage `json:"messages"`
	ThreadID string          `json:"thread_id,omitempty"`
	Paging
}

// Check tells whether the list is there.
func (l MessageList) Check() error { return need(member{"messages", l.Messages != nil}) }
