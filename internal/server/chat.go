package server

import (
	"cmp"
	"slices"

	"github.com/clawhq/clawhq-go/internal/js"
	"github.com/clawhq/clawhq-go/internal/postgres"
	"github.com/clawhq/clawhq-go/internal/wire"
)

const (
	errBodyTooLarge = "Request body too large (max 100KB)"
	errBadJSON      = "Invalid JSON body"
)

var (
	errMessageMissing = refuse(wire.CodeMissingParameter, "message field is required", "message")
	errAgentType      = refuse(wire.CodeInvalidParameter, "agent must be a string", "agent")
)

// chat answers POST /v1/chat.
func (c *call) chat() (any, error) {
	p, q := c.profile, c.profile.quirks()
	idempotencyKey, err := c.idempotencyKey()
	if err != nil {
		return nil, err
	}
	if stored := c.state.replies.find(idempotencyKey, c.s.clock.Now()); stored != nil && q.replaysUnread {
		return c.replay(stored)
	}
	req, err := c.readChat()
	if err != nil {
		return nil, err
	}
	a := c.state.find(p, req.Agent)
	switch {
	case a == nil || c.lookupFails(LookupAgent):
		return nil, refuse(wire.CodeAgentNotFound, agentNotFound(req.Agent), "")
	case c.lookupFails(LookupServer):
		return nil, refuse(wire.CodeAgentOffline, "No VPS provisioned", "")
	case c.state.offline:
		return nil, refuse(wire.CodeAgentOffline, "", "")
	}

	stored := &storedReply{key: idempotencyKey}
	if idempotencyKey != "" && q.holdsKeys {
		var first bool
		stored, first = c.state.replies.claim(idempotencyKey, c.s.clock.Now())
		switch {
		case !first && stored.body != nil:
			return c.replay(stored)
		case !first:
			return nil, refuse(wire.CodeRequestInProgress, "", "")
		}
		defer c.state.replies.release(stored)
	}
	m := Message{Text: req.Message, SessionID: req.SessionID}
	if m.SessionID != "" {
		if said := c.state.sessions[sessionKey{c.key.id, m.SessionID}]; said != nil {
			m.History, m.earlier = slices.Clone(said.turns), said.count
		}
	}
	if req.Stream {
		c.entry.Agent = a.slug
		c.journalChanged()
		c.releaseBodySlot()
		c.body = nil
		c.unlocked(func() { err = c.stream(a, m) })
		return nil, err
	}
	if c.fault.onStream() {
		c.unlocked(func() { err = c.playWithoutStream() })
		if c.fault.kind == faultStreamError {
			c.countChat(err)
		}
		return nil, err
	}
	text, err := c.await(a, m)
	c.countChat(err)
	if err != nil {
		return nil, err
	}
	c.answered(a, m, text)
	reply := js.Object{{Name: "response", Value: cmp.Or(p.cleaned(text), q.emptyAnswer)}, {Name: "agent", Value: a.slug}, {Name: "request_id", Value: c.id}}
	body := js.Stringify(reply)
	if p.storable("", reply) == nil {
		replayed := body
		if q.storesJSONB {
			replayed = js.Stringify(postgres.JSONB(reply))
		}
		c.state.replies.store(stored, replayed, c.s.clock.Now())
	}
	return encoded(body), nil
}

// answered records a chat's answer: in the session, in the usage, and for the
// webhooks.
func (c *call) answered(a *agent, m Message, text string) {
	c.remember(m, text)
	if c.profile.quirks().countsTokens {
		c.entry.tokens = int64((len(m.Text) + len(text) + tokenBytes - 1) / tokenBytes)
	}
	c.tellWebhooks(a)
}

// countChat counts a chat that reached an agent, in the usage of the key. It does
// so if the profile counts chats and not calls. err is the agent's error.
func (c *call) countChat(err error) {
	now := c.s.clock.Now()
	switch {
	case !c.profile.quirks().countsAnswers:
	case err == nil:
		c.key.usage.called(now)
	default:
		c.key.usage.on(now).calls++
		c.key.usage.failed(now)
	}
}

// agentNotFound returns the message for an unknown agent. As in a JavaScript
// template, the name is not escaped.
func agentNotFound(name string) string { return `Agent "` + name + `" not found or not deployed` }

// replay answers with the stored reply of the call's idempotency key.
func (c *call) replay(stored *storedReply) (any, error) {
	c.w.Header().Set(wire.HeaderIdempotencyReplay, "true")
	if c.profile.quirks().replaysBare {
		c.limit, c.clientID = rateLimit{}, ""
	}
	return encoded(stored.body), nil
}

// remember adds a message and its answer to the session, if there is one.
func (c *call) remember(m Message, answer string) {
	if m.SessionID == "" {
		return
	}
	state, k := c.state, sessionKey{c.key.id, m.SessionID}
	said := state.sessions[k]
	if said == nil {
		said = &session{}
		state.sessions[k] = said
		said.item = state.kept.Keep(len(m.SessionID), func() { delete(state.sessions, k) })
	}
	said.count++
	said.turns = append(said.turns, Turn{RoleUser, m.Text}, Turn{RoleAssistant, answer})
	grown := 2*messageBytes + len(m.Text) + len(answer)
	for len(said.turns) > historyTurns {
		grown -= messageBytes + len(said.turns[0].Content)
		said.turns = slices.Delete(said.turns, 0, 1)
	}
	state.kept.Grow(said.item, grown)
}

// readChat reads and checks the body of a chat.
func (c *call) readChat() (req wire.ChatRequest, err error) {
	p := c.profile
	body, err := c.readObject()
	if err != nil {
		return req, err
	}
	if req.Message, err = p.givenText(body, "message", true, errMessageMissing); err != nil {
		return req, err
	}
	switch {
	case wire.Blank(req.Message):
		return req, errMessageMissing
	case wire.UTF16Len(req.Message) > wire.MaxMessageChars:
		return req, refuse(wire.CodeInvalidRequest, "Message too long (max 10,000 characters)", "")
	}
	if p.quirks().trimsMessages {
		req.Message = js.Trim(req.Message)
	}
	if err := c.moderate(req.Message); err != nil {
		return req, err
	}
	if req.SessionID, err = p.sessionID(body); err != nil {
		return req, err
	}
	if req.Agent, err = p.text(body, "agent", errAgentType); err != nil {
		return req, err
	}
	req.Stream, err = p.stream(body)
	return req, err
}

// readObject checks the size of the body and parses it as a JSON object.
func (c *call) readObject() (js.Object, error) {
	if c.oversized() {
		return nil, refuse(wire.CodeInvalidRequest, errBodyTooLarge, "")
	}
	v, _ := js.Parse(c.body)
	body, ok := v.(js.Object)
	if !ok && !(c.profile.quirks().anyBody && js.Truthy(v)) {
		return nil, refuse(wire.CodeInvalidRequest, errBadJSON, "")
	}
	return body, nil
}
