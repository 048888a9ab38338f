package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/clawhq/clawhq-go/internal/wire"
)

const (
	errBodyTooLarge = "Request body too large (max 100KB)"
	errBadJSON      = "Invalid JSON body"
)

// chat answers POST /v1/chat.
func (c *call) chat() {
	if !c.authorize() {
		return
	}
	idempotencyKey := c.r.Header.Get(wire.HeaderIdempotencyKey)
	if utf8.RuneCountInString(idempotencyKey) > wire.MaxIdempotencyKeyChars {
		c.fail(wire.CodeInvalidParameter,
			fmt.Sprintf("X-Idempotency-Key must be at most %d characters", wire.MaxIdempotencyKeyChars), "X-Idempotency-Key")
		return
	}
	req, ok := c.readChat()
	if !ok {
		return
	}
	c.s.mu.Lock()
	a := c.s.findAgent(req.Agent)
	c.s.mu.Unlock()
	if a == nil {
		c.fail(wire.CodeAgentNotFound, fmt.Sprintf("Agent %q not found or not deployed", req.Agent), "")
		return
	}

	var place *storedReply
	if idempotencyKey != "" {
		if place = c.claim(idempotencyKey); place == nil {
			return
		}
		defer c.unclaim(place)
	}
	m := c.message(req, a)
	if req.Stream {
		c.stream(a, m)
	} else {
		c.answer(a, m, place)
	}
}

// readChat checks the body. If something is amiss it answers and ok
// is false.
func (c *call) readChat() (req wire.ChatRequest, ok bool) {
	if len(c.body) > wire.MaxBodyBytes {
		c.fail(wire.CodeInvalidRequest, errBodyTooLarge, "")
		return req, false
	}
	body, ok := parseObject(c.body)
	if !ok {
		c.fail(wire.CodeInvalidRequest, errBadJSON, "")
		return req, false
	}
	var session, agentOK, streamOK, sessionOK bool
	req.Message, _, _ = field[string](body, "message")
	req.SessionID, session, sessionOK = field[string](body, "session_id")
	req.Agent, _, agentOK = field[string](body, "agent")
	req.Stream, _, streamOK = field[bool](body, "stream")
	switch {
	case strings.TrimSpace(req.Message) == "":
		c.fail(wire.CodeMissingParameter, "message field is required", "message")
	case utf8.RuneCountInString(req.Message) > wire.MaxMessageChars:
		c.fail(wire.CodeInvalidRequest, "Message too long (max 10,000 characters)", "")
	case session && !(sessionOK && wire.ValidSessionID(req.SessionID)):
		c.fail(wire.CodeInvalidParameter, fmt.Sprintf("session_id must be alphanumeric, max %d chars", wire.MaxSessionIDChars), "session_id")
	case !agentOK:
		c.fail(wire.CodeInvalidParameter, "agent must be a string", "agent")
	case !streamOK:
		c.fail(wire.CodeInvalidParameter, "stream must be a boolean", "stream")
	default:
		return req, true
	}
	return req, false
}

// claim takes an idempotency key for this call, or answers and returns nil:
// with the reply that the key has already or, while the first call that bears
// it goes on, with a conflict.
func (c *call) claim(key string) *storedReply {
	c.s.mu.Lock()
	place, first := c.state.replies.claim(key, time.Now())
	body := place.body
	c.s.mu.Unlock()
	switch {
	case first:
		return place
	case body == nil:
		c.fail(wire.CodeRequestInProgress, "", "")
	default:
		c.w.Header().Set(wire.HeaderIdempotencyReplay, "true")
		if c.s.cfg.Profile == Documented {
			c.limit.set(c.w.Header())
		}
		c.reply(http.StatusOK, wire.ContentTypeJSON, body)
	}
	return nil
}

func (c *call) unclaim(place *storedReply) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.state.replies.release(place)
}

// message returns what the agent is asked.
func (c *call) message(req wire.ChatRequest, a *agent) Message {
	m := Message{Text: req.Message, Agent: a.slug, SessionID: req.SessionID}
	if m.SessionID != "" {
		c.s.mu.Lock()
		m.History = slices.Clone(c.state.sessions[m.SessionID])
		c.s.mu.Unlock()
	}
	return m
}

// remember adds a message and its reply to the session's history.
func (c *call) remember(m Message, reply string) {
	if m.SessionID == "" {
		return
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.state.sessions[m.SessionID] = append(c.state.sessions[m.SessionID],
		Turn{RoleUser, m.Text}, Turn{RoleAssistant, reply})
}

// answer runs the agent and replies with all it says.
func (c *call) answer(a *agent, m Message, place *storedReply) {
	if c.fault.onStream() {
		c.playWithoutStream()
		return
	}
	var text strings.Builder
	err := c.run(a, m, func(chunk string) bool {
		text.WriteString(chunk)
		return true
	})
	if err != nil {
		if c.ctx.Err() != nil {
			c.interrupted()
			return
		}
		c.failed(err)
		c.fail(agentErrorCode(err), "", "")
		return
	}
	reply := text.String()
	body := encodeJSON(wire.ChatReply{Response: &reply, Agent: a.slug, RequestID: c.id})
	c.remember(m, reply)
	if place != nil {
		c.s.mu.Lock()
		c.state.replies.store(place, body, time.Now())
		c.s.mu.Unlock()
	}
	c.limit.set(c.w.Header())
	c.reply(http.StatusOK, wire.ContentTypeJSON, body)
}

var errAgentTimeout = fmt.Errorf("the agent took longer than %v", wire.AgentTimeout)

// agentPanic is what an agent panicked with.
type agentPanic struct{ value any }

func (p agentPanic) Error() string { return fmt.Sprintf("agent panicked: %v", p.value) }

// agentErrorCode returns the code for an agent's failure.
func agentErrorCode(err error) string {
	var p agentPanic
	switch {
	case errors.Is(err, errAgentTimeout):
		return wire.CodeModelTimeout
	case errors.As(err, &p):
		return wire.CodeInternalError
	}
	return wire.CodeModelError
}

// run has the agent answer, as long as emit takes what it says. The error is
// the agent's or, if the context ended first, the reason for that.
func (c *call) run(a *agent, m Message, emit func(chunk string) bool) (err error) {
	c.record(func(e *Request) { e.Agent = a.slug })
	ctx, cancel := context.WithTimeoutCause(c.ctx, wire.AgentTimeout, errAgentTimeout)
	defer cancel()
	stopped := false
	defer func() {
		if p := recover(); p != nil {
			err = agentPanic{p}
		} else if ctx.Err() != nil && !stopped {
			err = context.Cause(ctx)
		}
	}()
	for chunk, err := range a.answer(ctx, m) {
		if err != nil || ctx.Err() != nil {
			return err
		}
		if !emit(chunk) {
			stopped = true
			break
		}
	}
	return nil
}
