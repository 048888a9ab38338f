package clawhq

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// ThreadsService manages threads: conversations with agents that the service
// stores. With each new message the service gives the agent the last 20
// messages of the thread. Use Client.Threads.
type ThreadsService struct{ core *core }

// CreateThreadRequest describes a new thread.
type CreateThreadRequest struct {
	// Agent is the slug of the agent that answers in the thread. The live service
	// does not check it: if there is no such agent, the default agent answers,
	// without a word. Empty means an agent named "default", which is that one.
	Agent string

	// Metadata is stored with the thread. Its JSON may have 4,000 characters,
	// counted in UTF-16 units, and be nested 5 levels deep: the map is the
	// first level, its values are the second.
	Metadata map[string]any
}

// Thread is a conversation that the service stores.
type Thread struct {
	ID        string
	Agent     string
	Metadata  json.RawMessage // {} if there is none
	CreatedAt time.Time
	UpdatedAt time.Time // zero in the Thread that Create returns

	// Title and MessageCount are documented, but the live service does not send
	// them.
	Title        string
	MessageCount int
}

// ThreadReply is an agent's answer to a message in a thread.
type ThreadReply struct {
	Response  string
	MessageID string // the id of the answer; Messages has that of the question
	ThreadID  string
	RequestID string // the server's id of the request
}

// Create creates a thread. Since repeating the request would create another
// thread, it is retried only if the failure proves that nothing happened (see
// RetryPolicy).
//
// Endpoint: POST /v1/threads
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

// Get returns the thread with the given id. It returns a NotFoundError if there
// is no such thread.
//
// Endpoint: GET /v1/threads/{id}
func (s *ThreadsService) Get(ctx context.Context, id string, opts ...CallOption) (*Thread, error) {
	body, _, err := fetch[wire.ThreadReply](ctx, s.core, to(wire.GetThread, id), opts)
	if err != nil {
		return nil, err
	}
	thread := threadOf(body.Thread)
	return &thread, nil
}

// List returns a page of the threads, the one with the latest message first. A
// page has 20 threads by default and 100 at most.
//
// Endpoint: GET /v1/threads
func (s *ThreadsService) List(ctx context.Context, opts ListOptions, callOpts ...CallOption) (*Page[Thread], error) {
	body, _, err := fetch[wire.ThreadList](ctx, s.core, page(wire.ListThreads, opts), callOpts)
	if err != nil {
		return nil, err
	}
	return pageOf(body.Paging, body.Threads, threadOf), nil
}

// All returns an iterator over the threads from opts.Offset on. It requests page
// after page, opts.Limit threads each, as the loop proceeds. See
// [ThreadsService.List] and [ListOptions].
//
// To delete all threads, collect their ids first: if the list becomes shorter
// than the offset of the next page, the live service answers with status 500.
func (s *ThreadsService) All(ctx context.Context, opts ListOptions, callOpts ...CallOption) iter.Seq2[Thread, error] {
	return all(opts, callOpts, Thread.id, func(at ListOptions, callOpts []CallOption) (*Page[Thread], error) {
		return s.List(ctx, at, callOpts...)
	})
}

// Delete deletes a thread and its messages. It returns a NotFoundError if there
// is no such thread, which can also mean that an earlier attempt deleted it but
// its reply was lost.
//
// Endpoint: DELETE /v1/threads/{id}
func (s *ThreadsService) Delete(ctx context.Context, id string, opts ...CallOption) error {
	return drop[wire.Deleted](ctx, s.core, to(wire.DeleteThread, id), opts)
}

// Send sends a message to a thread's agent and returns the whole answer, which
// may take a minute. The limits of ChatRequest.Message apply to message.
//
// The service stores the message before it asks the agent, and keeps it if the
// agent fails; it does not support idempotency keys for threads. Therefore Send
// is retried only if the failure proves that nothing happened (see
// RetryPolicy). After an AgentError the message stays in the thread without an
// answer, and sending it again adds it a second time.
//
// Endpoint: POST /v1/threads/{id}/messages
func (s *ThreadsService) Send(ctx context.Context, id, message string, opts ...CallOption) (*ThreadReply, error) {
	r := to(wire.SendThreadMessage, id).carry(wire.ThreadMessageRequest{Message: message}, checkMessage(message))
	body, call, err := fetch[wire.ThreadAnswer](ctx, s.core, r, opts)
	if err != nil {
		return nil, err
	}
	return &ThreadReply{Response: *body.Response, MessageID: body.MessageID, ThreadID: cmp.Or(body.ThreadID, id), RequestID: call.seen.RequestID}, nil
}

// Messages returns a page of a thread's messages, the oldest first. A page has
// 50 messages by default and 200 at most. It returns a NotFoundError if there is
// no such thread.
//
// Endpoint: GET /v1/threads/{id}/messages
func (s *ThreadsService) Messages(ctx context.Context, id string, opts ListOptions, callOpts ...CallOption) (*Page[StoredMessage], error) {
	return messages(ctx, s.core, page(wire.ListThreadMessages, opts, id), callOpts)
}

// AllMessages returns an iterator over a thread's messages from opts.Offset on.
// It requests page after page, opts.Limit messages each, as the loop proceeds.
// See [ThreadsService.Messages] and [ListOptions].
func (s *ThreadsService) AllMessages(ctx context.Context, id string, opts ListOptions, callOpts ...CallOption) iter.Seq2[StoredMessage, error] {
	return all(opts, callOpts, StoredMessage.id, func(at ListOptions, callOpts []CallOption) (*Page[StoredMessage], error) {
		return s.Messages(ctx, id, at, callOpts...)
	})
}

func (t Thread) id() string { return t.ID }

func threadOf(t wire.Thread) Thread {
	return Thread{
		ID: t.ID, Agent: t.Agent, Metadata: t.Metadata, CreatedAt: t.CreatedAt.Time(), UpdatedAt: t.UpdatedAt.Time(),
		Title: t.Title, MessageCount: t.MessageCount,
	}
}

// encodeMetadata returns the JSON of a thread's metadata, nil if there is none,
// or the reason why the service would refuse it.
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
