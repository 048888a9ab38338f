package clawhq

import (
	"cmp"
	"context"
	"encoding/json"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// ChatRequest is a message to an agent. Its limits are those of the service;
// a request outside them is refused before it is sent, with an
// InvalidRequestError whose StatusCode is 0.
type ChatRequest struct {
	// Message is what is said to the agent: required, not blank, valid UTF-8,
	// at most 10,000 characters, counted in UTF-16 units as the service does:
	// most emoji have two. The whole request may have 102,400 bytes.
	Message string

	// Agent is the slug or the name of the agent. Empty means the agent that
	// was deployed last.
	Agent string

	// SessionID ties calls together: those with one id share their history.
	// 1 to 128 letters, digits, underscores and hyphens; empty means that the
	// call stands alone.
	SessionID string
}

// ChatResponse is an agent's answer.
type ChatResponse struct {
	Response string // the text
	Agent    string // the slug of the agent that answered

	// RequestID is the server's id of the request that ran the agent: of an
	// earlier one, if the reply was replayed under an idempotency key.
	RequestID string
}

// Chat sends a message to an agent and waits for its whole answer, which may
// take a minute. Failed attempts are repeated as RetryPolicy says, all under
// one idempotency key, so that the agent's answer is made once.
//
// Every error that the server answers is an *APIError inside one of the
// specific types; a failure of the network keeps its cause; a call that rate
// shaping could not admit in time is ErrThrottled.
func (c *Client) Chat(ctx context.Context, req ChatRequest, opts ...CallOption) (*ChatResponse, error) {
	r := c.core.chatRequest(req, false)
	var body wire.ChatReply
	r.decode = func(b []byte) error { // strictly: an answer of another type is none
		body = wire.ChatReply{}
		if err := json.Unmarshal(b, &body); err != nil {
			return err
		}
		return body.Check()
	}
	reply, err := c.core.do(ctx, r, opts)
	if err != nil {
		return nil, err
	}
	if body.RequestID == "" {
		body.RequestID = reply.requestID
	}
	return &ChatResponse{Response: *body.Response, Agent: body.Agent, RequestID: body.RequestID}, nil
}

// chatRequest checks and encodes req.
func (c *core) chatRequest(req ChatRequest, stream bool) request {
	r := to(wire.Chat)
	r.url, r.repeat, r.stream = c.chatURL, underKey, stream
	return r.carry(wire.ChatRequest{Message: req.Message, Agent: req.Agent, SessionID: req.SessionID, Stream: stream}, req.validate())
}

func (req ChatRequest) validate() *InvalidRequestError {
	if req.SessionID != "" && !wire.ValidSessionID(req.SessionID) {
		return cmp.Or(checkMessage(req.Message), checkText("agent", req.Agent),
			invalid(CodeInvalidParameter, "session_id", "session_id is not 1 to %d letters, digits, underscores and hyphens", wire.MaxSessionIDChars))
	}
	return cmp.Or(checkMessage(req.Message), checkText("agent", req.Agent))
}
