package clawhq

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// ThreadsService keeps conversations with agents on the service, which gives
// an agent the last 20 messages of the thread with each new one. A Client's is
// Client.Threads.
type ThreadsService struct{ core *core }

// CreateThreadRequest describes a new thread.
type CreateThreadRequest struct {
	// Agent is the slug of the agent that the thread is with. The service
	// keeps it as it is: that the agent does not exist shows when a message is
	// sent. Empty means an agent named "default".
	Agent string

	// Metadata is kept with the thread: 4,000 characters at most as JSON,
	// counted in UTF-16 units, and 5 levels deep, where the map is the first
	// and a value in it is on the second.
	Metadata map[string]any
}

// Thread is a conversation that the service keeps.
type Thread struct {
	ID        string
	Agent     string
	Metadata  json.RawMessage // {} if there is none
	CreatedAt time.Time
	UpdatedAt time.Time // zero in the reply to Create
}

// ThreadReply is an agent's answer to a message in a thread.
type ThreadReply struct {
	Response  string
	MessageID string // the answer's; the question's is in the list of messages
	ThreadID  string
	RequestID string // the server's id of the request
}

// Create makes a thread. A creation cannot be told from its repetition by the
// server, so it is retried only if the failure proves that nothing happened.
func (s *ThreadsService) Create(ctx context.Context, req CreateThreadRequest, opts ...CallOption) (*Thread, error) {
	metadata, refused := encodeMetadata(req.Metadata)
	refused = cmp.Or(checkText("agent", req.Agent), refused)
	body, _, err := fetch[wire.ThreadReply](ctx, s.core,
		to(wire.CreateThread).carry(wire.CreateThreadRequest{Agent: req.Agent, Metadata: metadata}, refused), opts)
	if err != nil {
		return nil, err
	}
	thread := threadOf(body.Thread)
	return &thread, nil
}

// Get returns the thread with an id. An unknown one is a NotFoundError.
func (s *ThreadsService) Get(ctx context.Context, id string, opts ...CallOption) (*Thread, error) {
	body, _, err := fetch[wire.ThreadReply](ctx, s.core, to(wire.GetThread, id).unless(checkID(id)), opts)
	if err != nil {
		return nil, err
	}
	thread := threadOf(body.Thread)
	return &thread, nil
}

// List returns a page of the threads, the one with the latest message first:
// 20 without a Limit, 100 at most.
func (s *ThreadsService) List(ctx context.Context, opts ListOptions, callOpts ...CallOption) (*Page[Thread], error) {
	body, _, err := fetch[wire.ThreadList](ctx, s.core, page(wire.ListThreads, opts), callOpts)
	if err != nil {
		return nil, err
	}
	return pageOf(body.Paging, body.Threads, threadOf), nil
}

// All returns the threads from Offset on, Limit a request, as the loop goes.
// See [ThreadsService.List]. To delete them all, collect their ids first: the
// live service answers a page past the end of a list with status 500.
func (s *ThreadsService) All(ctx context.Context, opts ListOptions, callOpts ...CallOption) iter.Seq2[Thread, error] {
	return all(opts, Thread.id, func(at ListOptions) (*Page[Thread], error) { return s.List(ctx, at, callOpts...) })
}

// Delete deletes a thread with its messages. An unknown one is a
// NotFoundError; so may be one that was deleted though the reply was lost,
// after the retry.
func (s *ThreadsService) Delete(ctx context.Context, id string, opts ...CallOption) error {
	_, _, err := fetch[wire.Deleted](ctx, s.core, to(wire.DeleteThread, id).unless(checkID(id)), opts)
	return err
}

// Send says something to a thread's agent and returns its whole answer, which
// may take a minute. The message has the limits of ChatRequest.Message.
//
// The service stores the message before it asks the agent and keeps it if that
// fails, and it takes no idempotency key here. So a failed Send is retried only
// if the failure proves that nothing happened; of an AgentError the message
// stays in the thread, unanswered, and sending it again adds it again.
func (s *ThreadsService) Send(ctx context.Context, id, message string, opts ...CallOption) (*ThreadReply, error) {
	r := to(wire.SendThreadMessage, id).carry(wire.ThreadMessageRequest{Message: message}, cmp.Or(checkID(id), checkMessage(message)))
	body, reply, err := fetch[wire.ThreadAnswer](ctx, s.core, r, opts)
	if err != nil {
		return nil, err
	}
	return &ThreadReply{Response: *body.Response, MessageID: body.MessageID, ThreadID: cmp.Or(body.ThreadID, id), RequestID: reply.requestID}, nil
}

// Messages returns a page of a thread's messages, the oldest first: 50 without
// a Limit, 200 at most. An unknown thread is a NotFoundError.
func (s *ThreadsService) Messages(ctx context.Context, id string, opts ListOptions, callOpts ...CallOption) (*Page[StoredMessage], error) {
	return messages(ctx, s.core, page(wire.ListThreadMessages, opts, id), callOpts)
}

// AllMessages returns a thread's messages from Offset on, Limit a request, as
// the loop goes. See [ThreadsService.Messages].
func (s *ThreadsService) AllMessages(ctx context.Context, id string, opts ListOptions, callOpts ...CallOption) iter.Seq2[StoredMessage, error] {
	return all(opts, StoredMessage.id, func(at ListOptions) (*Page[StoredMessage], error) { return s.Messages(ctx, id, at, callOpts...) })
}

func (t Thread) id() string { return t.ID }

func threadOf(t wire.Thread) Thread {
	return Thread{ID: t.ID, Agent: t.Agent, Metadata: t.Metadata, CreatedAt: t.CreatedAt.Time(), UpdatedAt: t.UpdatedAt.Time()}
}

// encodeMetadata returns the JSON of a thread's metadata, nil for none, or why
// the service would refuse it.
func encodeMetadata(metadata map[string]any) (json.RawMessage, *InvalidRequestError) {
	if metadata == nil {
		return nil, nil
	}
	text, err := json.Marshal(metadata)
	if err != nil {
		return nil, invalid(CodeInvalidParameter, "metadata", "metadata cannot be encoded: %v", err)
	}
	if n := wire.JSONChars(text); n > wire.MaxMetadataChars {
		return nil, invalid(CodeInvalidParameter, "metadata", "metadata has %d characters as JSON, at most %d are allowed", n, wire.MaxMetadataChars)
	}
	if n := wire.JSONLevels(text); n > wire.MaxMetadataLevels {
		return nil, invalid(CodeInvalidParameter, "metadata", "metadata has %d levels, at most %d are allowed", n, wire.MaxMetadataLevels)
	}
	return text, nil
}

// checkMessage refuses what the service would not take for a message to an
// agent. It counts characters as the service does, in UTF-16 units.
func checkMessage(message string) *InvalidRequestError {
	switch n := wire.UTF16Len(message); {
	case strings.TrimSpace(message) == "":
		return invalid(CodeMissingParameter, "message", "message is required")
	case !utf8.ValidString(message):
		return invalid(CodeInvalidParameter, "message", "message is not valid UTF-8")
	case n > wire.MaxMessageChars:
		return invalid(CodeInvalidRequest, "message", "message has %d characters, at most %d are allowed", n, wire.MaxMessageChars)
	}
	return nil
}

// checkText refuses what cannot be sent as it is.
func checkText(field, text string) *InvalidRequestError {
	if !utf8.ValidString(text) {
		return invalid(CodeInvalidParameter, field, "%s is not valid UTF-8", field)
	}
	return nil
}
