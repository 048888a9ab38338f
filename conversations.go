package clawhq

import (
	"context"
	"iter"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// ConversationsService lists the conversations of the dashboard's chat. Chats
// and threads of the API are not among them. Use Client.Conversations.
type ConversationsService struct{ core *core }

// ConversationOptions selects a page of the conversations.
type ConversationOptions struct {
	ListOptions

	// Agent selects the conversations with agents whose name contains this
	// text, in upper or lower case: "support" finds Support Bot, "support-bot"
	// does not. (The reference pages document a slug here; the live service
	// does not accept it.) Empty selects all conversations.
	Agent string
}

// Conversation is a conversation of the dashboard's chat. There is one for
// each agent.
type Conversation struct {
	ID            string
	AgentName     string // the agent's name, or its slug if the service sends that instead
	CreatedAt     time.Time
	LastMessageAt time.Time

	// The reference pages document the following fields; the live service does
	// not send them.
	SessionID    string
	Status       string
	MessageCount int
}

// Role tells who wrote a message.
type Role string

// The roles of a StoredMessage.
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

// List returns a page of the conversations, the latest changed first. A page
// has 20 conversations by default and 100 at most.
//
// Endpoint: GET /v1/conversations
func (s *ConversationsService) List(ctx context.Context, opts ConversationOptions, callOpts ...CallOption) (*Page[Conversation], error) {
	r := page(wire.ListConversations, opts.ListOptions)
	r.filter("agent", opts.Agent)
	body, _, err := fetch[wire.ConversationList](ctx, s.core, r, callOpts)
	if err != nil {
		return nil, err
	}
	return pageOf(body.Paging(), body.Conversations, conversationOf), nil
}

// All returns an iterator over the conversations from opts.Offset on. It
// requests page after page, opts.Limit conversations each, as the loop
// proceeds. See [ConversationsService.List] and [ListOptions].
func (s *ConversationsService) All(ctx context.Context, opts ConversationOptions, callOpts ...CallOption) iter.Seq2[Conversation, error] {
	return all(opts.ListOptions, callOpts, Conversation.id, func(at ListOptions, callOpts []CallOption) (*Page[Conversation], error) {
		return s.List(ctx, ConversationOptions{at, opts.Agent}, callOpts...)
	})
}

// Messages returns a page of a conversation's messages, the oldest first. A
// page has 50 messages by default and 200 at most. It returns a NotFoundError
// if there is no such conversation.
//
// Endpoint: GET /v1/conversations/{id}/messages
func (s *ConversationsService) Messages(ctx context.Context, id string, opts ListOptions, callOpts ...CallOption) (*Page[StoredMessage], error) {
	return messages(ctx, s.core, page(wire.ListConversationMessages, opts, id), callOpts)
}

// AllMessages returns an iterator over a conversation's messages from
// opts.Offset on. It requests page after page, opts.Limit messages each, as the
// loop proceeds. See [ConversationsService.Messages] and [ListOptions].
func (s *ConversationsService) AllMessages(ctx context.Context, id string, opts ListOptions, callOpts ...CallOption) iter.Seq2[StoredMessage, error] {
	return all(opts, callOpts, StoredMessage.id, func(at ListOptions, callOpts []CallOption) (*Page[StoredMessage], error) {
		return s.Messages(ctx, id, at, callOpts...)
	})
}

// messages requests a page of messages.
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
