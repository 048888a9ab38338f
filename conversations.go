package clawhq

import (
	"context"
	"iter"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// ConversationsService shows the conversations of the dashboard's chat.
// Nothing that is said over the API appears in them. A Client's is
// Client.Conversations.
type ConversationsService struct{ core *core }

// ConversationOptions chooses a page of the conversations.
type ConversationOptions struct {
	ListOptions

	// Agent is a part of an agent's name, in whatever case, to choose the
	// conversations with: "support" finds Support Bot, its slug does not. The
	// reference pages take a slug. Empty chooses all.
	Agent string
}

// Conversation is a conversation of the dashboard's chat. There is one for
// each agent.
type Conversation struct {
	ID            string
	AgentName     string // the slug, where the service sends that
	CreatedAt     time.Time
	LastMessageAt time.Time

	// These are the reference pages'; the live service does not send them.
	SessionID    string
	Status       string
	MessageCount int
}

// Role says who wrote a message.
type Role string

// The roles.
const (
	RoleUser      Role = wire.RoleUser
	RoleAssistant Role = wire.RoleAssistant // the agent
)

// StoredMessage is a message of a conversation or a thread.
type StoredMessage struct {
	ID        string
	Role      Role
	Content   string
	CreatedAt time.Time
}

// List returns a page of the conversations, the latest change first: 20
// without a Limit, 100 at most.
func (s *ConversationsService) List(ctx context.Context, opts ConversationOptions, callOpts ...CallOption) (*Page[Conversation], error) {
	r := page(wire.ListConversations, opts.ListOptions)
	r.filter("agent", opts.Agent)
	body, _, err := fetch[wire.ConversationList](ctx, s.core, r, callOpts)
	if err != nil {
		return nil, err
	}
	return pageOf(body.Paging(), body.Conversations, conversationOf), nil
}

// All returns the conversations from Offset on, Limit a request, as the loop
// goes. See [ConversationsService.List].
func (s *ConversationsService) All(ctx context.Context, opts ConversationOptions, callOpts ...CallOption) iter.Seq2[Conversation, error] {
	return all(opts.ListOptions, Conversation.id, func(at ListOptions) (*Page[Conversation], error) {
		return s.List(ctx, ConversationOptions{at, opts.Agent}, callOpts...)
	})
}

// Messages returns a page of a conversation's messages, the oldest first: 50
// without a Limit, 200 at most. An unknown conversation is a NotFoundError.
func (s *ConversationsService) Messages(ctx context.Context, id string, opts ListOptions, callOpts ...CallOption) (*Page[StoredMessage], error) {
	return messages(ctx, s.core, page(wire.ListConversationMessages, opts, id), callOpts)
}

// AllMessages returns a conversation's messages from Offset on, Limit a
// request, as the loop goes. See [ConversationsService.Messages].
func (s *ConversationsService) AllMessages(ctx context.Context, id string, opts ListOptions, callOpts ...CallOption) iter.Seq2[StoredMessage, error] {
	return all(opts, StoredMessage.id, func(at ListOptions) (*Page[StoredMessage], error) { return s.Messages(ctx, id, at, callOpts...) })
}

// messages asks for a page of messages.
func messages(ctx context.Context, c *core, r request, opts []CallOption) (*Page[StoredMessage], error) {
	body, _, err := fetch[wire.MessageList](ctx, c, r, opts)
	if err != nil {
		return nil, err
	}
	return pageOf(body.Paging, body.Messages, messageOf), nil
}

func (c Conversation) id() string { return c.ID }

func (m StoredMessage) id() string { return m.ID }

func conversationOf(c wire.Conversation) Conversation {
	return Conversation{
		ID: c.ID, AgentName: c.AnyAgent(), CreatedAt: c.AnyCreatedAt().Time(), LastMessageAt: c.LastMessageAt.Time(),
		SessionID: c.SessionID, Status: c.Status, MessageCount: c.MessageCount,
	}
}

func messageOf(m wire.StoredMessage) StoredMessage {
	return StoredMessage{ID: m.ID, Role: Role(m.Role), Content: m.Content, CreatedAt: m.CreatedAt.Time()}
}
