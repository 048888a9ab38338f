package server

import (
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// Conversation is a conversation of the dashboard's chat. No API call creates one.
type Conversation struct {
	ID            string // empty means a new one
	Agent         string // slug or name; empty means the default agent
	CreatedAt     time.Time
	LastMessageAt time.Time
	Messages      []StoredMessage
}

// StoredMessage is a message of a conversation.
type StoredMessage struct {
	ID        string // empty means a new one
	Role      string // RoleUser or RoleAssistant
	Content   string
	CreatedAt time.Time // zero means the time of the message before, or of the conversation
}

// conversation is a stored conversation, with all fields filled in.
type conversation struct {
	Conversation
	slug string
}

// AddConversation adds a conversation and returns its id. It fills in missing ids
// and times.
func (s *Server) AddConversation(add Conversation) (id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := &conversation{Conversation: add, slug: add.Agent}
	if a := s.state.find(s.cfg.Profile, add.Agent); a != nil {
		kept.Agent, kept.slug = a.name, a.slug
	}
	if kept.ID == "" {
		kept.ID = uuid.NewString()
	}
	at := s.clock.Now().UTC()
	if kept.CreatedAt.IsZero() {
		kept.CreatedAt = at
	}
	kept.Messages = slices.Clone(add.Messages)
	last := kept.CreatedAt
	for i := range kept.Messages {
		m := &kept.Messages[i]
		if m.ID == "" {
			m.ID = uuid.NewString()
		}
		if m.CreatedAt.IsZero() {
			m.CreatedAt = last
		}
		last = m.CreatedAt
	}
	if kept.LastMessageAt.IsZero() {
		kept.LastMessageAt = last
	}
	state, size := s.state, 0
	state.conversations = append(state.conversations, kept)
	for _, m := range kept.Messages {
		size += messageBytes + len(m.Content)
	}
	state.kept.Keep(size, func() {
		state.conversations = slices.DeleteFunc(state.conversations, func(other *conversation) bool { return other == kept })
	})
	return kept.ID
}

// listConversations answers GET /v1/conversations. The conversation with the latest
// message comes first.
func (c *call) listConversations() (any, error) {
	p := c.profile
	limit, offset := c.pageAsked()
	list := wire.ConversationList{Conversations: []wire.Conversation{}}
	if p.quirks().pageFields {
		list.Limit, list.Offset = limit, &offset
	}
	asked := c.query("agent")
	var found []*conversation
	known := slices.ContainsFunc(c.state.agents, func(a *agent) bool { return p.isOf(a.name, a.slug, asked) })
	for _, kept := range slices.Backward(c.state.conversations) {
		if p.isOf(kept.Agent, kept.slug, asked) {
			found, known = append(found, kept), true
		}
	}
	if asked != "" && !known { // then even an offset past the end is no error
		return list, nil
	}
	slices.SortStableFunc(found, func(a, b *conversation) int { return b.LastMessageAt.Compare(a.LastMessageAt) })
	page, paging, err := pageOf(c, found, "conversations")
	if err != nil {
		return nil, err
	}
	list.HasMore, list.Total = paging.HasMore, paging.Total
	for _, kept := range page {
		list.Conversations = append(list.Conversations, c.showConversation(kept))
	}
	if paging.HasMore {
		list.NextCursor = wire.Text(strconv.Itoa(offset + len(page)))
	}
	return list, nil
}

// showConversation returns a conversation in the form of a list.
func (c *call) showConversation(kept *conversation) wire.Conversation {
	p := c.profile
	shown := wire.Conversation{
		ID:            kept.ID,
		AgentName:     kept.Agent,
		CreatedAt:     p.time(kept.CreatedAt),
		LastMessageAt: p.time(kept.LastMessageAt),
	}
	if p.quirks().pageFields {
		shown.Agent, shown.MessageCount, shown.StartedAt, shown.Status = kept.slug, len(kept.Messages), shown.CreatedAt, "active"
	}
	return shown
}

// listConversationMessages answers GET /v1/conversations/{id}/messages, oldest first.
func (c *call) listConversationMessages() (any, error) {
	i := slices.IndexFunc(c.state.conversations, func(kept *conversation) bool { return kept.ID == c.ids[0] })
	if i < 0 {
		return nil, refuse(wire.CodeNotFound, "Conversation not found", "")
	}
	return c.listMessages(c.state.conversations[i].Messages, "")
}

// listMessages returns a page of messages of a conversation, or of a thread if
// threadID is not empty.
func (c *call) listMessages(messages []StoredMessage, threadID string) (any, error) {
	page, paging, err := pageOf(c, messages, "messages")
	if err != nil {
		return nil, err
	}
	list := wire.MessageList{Messages: []wire.StoredMessage{}, ThreadID: threadID, Paging: paging}
	for _, m := range page {
		list.Messages = append(list.Messages, wire.StoredMessage{ID: m.ID, Role: m.Role, Content: m.Content, CreatedAt: c.profile.time(m.CreatedAt)})
	}
	return list, nil
}
