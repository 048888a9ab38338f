package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/internal/js"
	"github.com/clawhq/clawhq-go/internal/ledger"
	"github.com/clawhq/clawhq-go/internal/postgres"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// thread is a conversation that API callers create and continue.
type thread struct {
	id, agent, title     string
	metadata             json.RawMessage
	createdAt, updatedAt time.Time
	messages             []StoredMessage
	item                 *ledger.Item
}

// thread returns the thread with that id, or nil.
func (s *state) thread(id string) *thread {
	i := slices.IndexFunc(s.threads, func(t *thread) bool { return t.id == id })
	if i < 0 {
		return nil
	}
	return s.threads[i]
}

func (s *state) deleteThread(t *thread) {
	s.threads = slices.DeleteFunc(s.threads, func(kept *thread) bool { return kept == t })
}

// thread returns the thread whose id is in the path.
func (c *call) thread() (*thread, error) {
	if t := c.state.thread(c.ids[0]); t != nil && !c.lookupFails(LookupThread) {
		return t, nil
	}
	return nil, refuse(wire.CodeThreadNotFound, "", "")
}

// lookUp returns the name that finds the agent of a stored thread or batch: an empty
// one for the default agent.
func lookUp(stored string) string {
	if stored == wire.DefaultThreadAgent {
		return ""
	}
	return stored
}

// createThread answers POST /v1/threads.
func (c *call) createThread() (any, error) {
	p := c.profile
	body, ok := parseObject(c.body)
	if !ok && !p.quirks().anyBody && len(bytes.TrimSpace(c.body)) > 0 {
		return nil, refuse(wire.CodeInvalidRequest, errBadJSON, "")
	}
	var err error
	t := &thread{metadata: json.RawMessage("{}")}
	if t.agent, err = p.threadAgent(&c.state.roster, body); err != nil {
		return nil, err
	}
	metadata := member(body, "metadata")
	if js.Truthy(metadata) {
		t.metadata = js.Stringify(postgres.JSONB(metadata))
	}
	switch {
	case wire.JSONChars(t.metadata) > wire.MaxMetadataChars:
		return nil, refuse(wire.CodeInvalidParameter, fmt.Sprintf("metadata exceeds maximum size of %d characters", wire.MaxMetadataChars), "metadata")
	case wire.JSONLevels(t.metadata) > wire.MaxMetadataLevels:
		return nil, refuse(wire.CodeInvalidParameter, fmt.Sprintf("metadata exceeds maximum depth of %d levels", wire.MaxMetadataLevels), "metadata")
	}
	if err := p.storable("Failed to create thread", t.agent, metadata); err != nil {
		return nil, err
	}
	message := ""
	if p.quirks().pageFields {
		t.title, _, _ = field[string](body, "title")
		message, _, _ = field[string](body, "message")
		message = strings.TrimSpace(message)
	}
	t.id = "thread_" + hexID()
	t.createdAt = c.s.clock.Now().UTC()
	t.updatedAt = t.createdAt
	c.state.threads = append(c.state.threads, t)
	state := c.state
	t.item = state.kept.Keep(len(t.agent)+len(t.title)+len(t.metadata), func() { state.deleteThread(t) })

	reply := wire.ThreadReply{Thread: c.showThread(t)}
	reply.Thread.UpdatedAt = ""
	if message != "" {
		answer, err := c.converse(t, message)
		if err != nil {
			return nil, err
		}
		reply.Response, reply.Thread.MessageCount = answer.Content, len(t.messages)
	}
	return reply, nil
}

// showThread returns a thread in the form of a reply.
func (c *call) showThread(t *thread) wire.Thread {
	p := c.profile
	shown := wire.Thread{ID: t.id, Agent: t.agent, Metadata: t.metadata, CreatedAt: p.time(t.createdAt), UpdatedAt: p.time(t.updatedAt)}
	if p.quirks().pageFields {
		shown.Title, shown.MessageCount = t.title, len(t.messages)
	}
	return shown
}

// listThreads answers GET /v1/threads. The thread that was changed last comes first.
func (c *call) listThreads() (any, error) {
	threads := slices.Clone(c.state.threads)
	slices.Reverse(threads)
	slices.SortStableFunc(threads, func(a, b *thread) int { return b.updatedAt.Compare(a.updatedAt) })
	page, paging, err := pageOf(c, threads, "threads")
	if err != nil {
		return nil, err
	}
	list := wire.ThreadList{Threads: []wire.Thread{}, Paging: paging}
	for _, t := range page {
		list.Threads = append(list.Threads, c.showThread(t))
	}
	return list, nil
}

// getThread answers GET /v1/threads/{id}.
func (c *call) getThread() (any, error) {
	t, err := c.thread()
	if err != nil {
		return nil, err
	}
	return wire.ThreadReply{Thread: c.showThread(t)}, nil
}

// deleteThread answers DELETE /v1/threads/{id}. The messages are deleted too.
func (c *call) deleteThread() (any, error) {
	t, err := c.thread()
	if err != nil {
		return nil, err
	}
	c.state.kept.Forget(t.item)
	c.state.deleteThread(t)
	return wire.Deleted{Deleted: true}, nil
}

// listThreadMessages answers GET /v1/threads/{id}/messages, oldest first.
func (c *call) listThreadMessages() (any, error) {
	t, err := c.thread()
	if err != nil {
		return nil, err
	}
	return c.listMessages(t.messages, t.id)
}

// sendThreadMessage answers POST /v1/threads/{id}/messages.
func (c *call) sendThreadMessage() (any, error) {
	t, err := c.thread()
	if err != nil {
		return nil, err
	}
	body, err := c.readObject()
	if err != nil {
		return nil, err
	}
	missing := refuse(wire.CodeMissingParameter, "message is required", "message")
	message, _, ok := field[string](body, "message")
	if !ok {
		return nil, c.profile.wrongTypeCaught(missing)
	}
	message = js.Trim(message)
	switch {
	case message == "":
		return nil, missing
	case js.Len(message) > wire.MaxMessageChars:
		return nil, refuse(wire.CodeInvalidRequest, fmt.Sprintf("message must be %d characters or fewer", wire.MaxMessageChars), "message")
	}
	if err := c.moderate(message); err != nil {
		return nil, err
	}
	answer, err := c.converse(t, message)
	if err != nil {
		return nil, err
	}
	return wire.ThreadAnswer{Response: &answer.Content, MessageID: answer.ID, ThreadID: t.id}, nil
}

// historyTurns is how many earlier messages of a thread or a session an agent gets.
const historyTurns = 20

// converse adds a message to a thread, asks the thread's agent and adds the answer.
// If the agent fails, the message stays.
func (c *call) converse(t *thread, message string) (answer StoredMessage, err error) {
	if err := c.profile.storable("Failed to save message", message); err != nil {
		return answer, err
	}
	m := Message{Text: message}
	for _, said := range t.messages[max(0, len(t.messages)-historyTurns):] {
		m.History = append(m.History, Turn{said.Role, said.Content})
	}
	c.addMessage(t, RoleUser, message)
	a := c.state.any(c.profile, lookUp(t.agent))
	if a == nil || c.state.offline || c.lookupFails(LookupServer) {
		return answer, refuse(wire.CodeAgentOffline, "", "")
	}
	text, err := c.await(a, m)
	if err != nil {
		return answer, err
	}
	text = c.profile.cleaned(text)
	if text == "" {
		text = noAnswer
	}
	return c.addMessage(t, RoleAssistant, text), nil
}

// addMessage adds a message to a thread.
func (c *call) addMessage(t *thread, role, content string) StoredMessage {
	m := StoredMessage{ID: "msg_" + hexID(), Role: role, Content: content, CreatedAt: c.s.clock.Now().UTC()}
	t.messages = append(t.messages, m)
	t.updatedAt = m.CreatedAt
	c.state.kept.Grow(t.item, messageBytes+len(content))
	return m
}
