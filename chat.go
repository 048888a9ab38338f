package clawhq

import (
	"cmp"
	"context"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// ChatRequest is a message to an agent. A request that exceeds one of the
// limits below fails with an InvalidRequestError, whose StatusCode is 0, before
// anything is sent.
type ChatRequest struct {
	// Message is the text for the agent. It is required and must be valid
	// UTF-8, not blank, and at most 10,000 characters long. Characters are
	// counted in UTF-16 units, as the service counts them: most emoji count as
	// two. The encoded request may have 102,400 bytes at most.
	Message string

	// Agent is the slug or the name of the agent. Empty means the agent that
	// was deployed last.
	Agent string

	// SessionID is the id of a conversation: calls with the same id share its
	// history. It has 1 to 128 letters, digits, underscores and hyphens. Empty
	// means that the call belongs to no conversation.
	SessionID string
}

// ChatResponse is an agent's answer.
type ChatResponse struct {
	Response string // the text of the answer
	Agent    string // the slug of the agent that answered

	// RequestID is the server's id of the request that ran the agent. If the
	// server answered with a stored reply (see WithIdempotencyKey), it is the
	// id of the earlier request.
	RequestID string
}

// Chat sends a message to an agent and waits for the whole answer, which may
// take a minute. Failed attempts are repeated as RetryPolicy describes. All
// attempts have the same idempotency key: if the agent has finished an earlier
// attempt, the service replies with the stored answer. If the agent is still
// working on an earlier attempt, the live service runs the agent again. There,
// the agent also goes on when the caller's context ends. For agents that do
// more than answer, see
// https://github.com/clawhq/clawhq-go/blob/main/docs/acting-agents.md.
//
// An error reply of the server is an *APIError inside one of the specific
// types, such as *RateLimitError. If no reply came, the error wraps its cause.
// If rate shaping could not admit the call in time, the error matches
// ErrThrottled.
//
// Endpoint: POST /v1/chat
func (c *Client) Chat(ctx context.Context, req ChatRequest, opts ...CallOption) (*ChatResponse, error) {
	r := c.core.chatRequest(req, false)
	var body wire.ChatReply
	r.decode = func(b []byte) (err error) {
		body, err = wire.DecodeChat(b)
		return err
	}
	call, err := c.core.do(ctx, r, opts)
	if err != nil {
		return nil, err
	}
	if body.RequestID == "" {
		body.RequestID = call.seen.RequestID
	}
	return &ChatResponse{Response: *body.Response, Agent: body.Agent, RequestID: body.RequestID}, nil
}

// chatRequest checks and encodes req.
func (c *core) chatRequest(req ChatRequest, stream bool) request {
	r := to(wire.Chat)
	r.url, r.repeat, r.stream = c.chatURL, underKey, stream
	return r.carry(&wire.ChatRequest{Message: req.Message, Agent: req.Agent, SessionID: req.SessionID, Stream: stream}, req.validate())
}

func (req ChatRequest) validate() *InvalidRequestError {
	if req.SessionID != "" && !wire.ValidSessionID(req.SessionID) {
		return cmp.Or(checkMessage(req.Message), checkText("agent", req.Agent),
			invalid(CodeInvalidParameter, "session_id", "session_id is not 1 to %d letters, digits, underscores and hyphens", wire.MaxSessionIDChars))
	}
	return cmp.Or(checkMessage(req.Message), checkText("agent", req.Agent))
}
