package server

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// Message is a message for an agent.
type Message struct {
	Text      string
	Agent     string // slug of the agent asked
	SessionID string // of the chat session; empty for any other message
	History   []Turn // earlier turns of the session or thread, oldest first
}

// Turn is an earlier message or answer of a conversation.
type Turn struct {
	Role    string // RoleUser or RoleAssistant
	Content string
}

// The roles of a Turn.
const (
	RoleUser      = wire.RoleUser
	RoleAssistant = wire.RoleAssistant
)

// AgentFunc answers a message in pieces, each of which is a chunk of a streamed
// reply. Its rules are those of clawhqtest.AgentFunc.
type AgentFunc func(ctx context.Context, m Message) iter.Seq2[string, error]

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

// ask runs the agent until emit returns false. It returns the agent's error or, if
// ctx ended first, the cause of that.
func (a *agent) ask(ctx context.Context, m Message, emit func(chunk string) bool) (err error) {
	if !a.prompt {
		var cancel context.CancelFunc
		ctx, cancel = a.clock.WithTimeoutCause(ctx, wire.AgentTimeout, errAgentTimeout)
		defer cancel()
	}
	stopped := false
	defer func() {
		if p := recover(); p != nil {
			err = agentPanic{p}
		} else if ctx.Err() != nil && !stopped {
			err = context.Cause(ctx)
		}
	}()
	m.Agent = a.slug
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

// usualAnswer is the length, in bytes, that few answers exceed.
const usualAnswer = 512

// askAll runs the agent and returns its whole answer.
func (a *agent) askAll(ctx context.Context, m Message) (string, error) {
	var text strings.Builder
	text.Grow(usualAnswer)
	err := a.ask(ctx, m, func(chunk string) bool {
		text.WriteString(chunk)
		return true
	})
	return text.String(), err
}

// noAnswer is the text that threads and batches have in place of an empty answer.
const noAnswer = "No response from agent"

// await runs the agent and returns its answer. Call it with s.mu held; it unlocks
// s.mu while the agent runs.
func (c *call) await(a *agent, m Message) (text string, err error) {
	c.entry.Agent = a.slug
	c.s.journalChanged()
	c.leave()
	c.body = nil
	c.unlocked(func() { text, err = a.askAll(c.ctx, m) })
	if err != nil {
		return "", c.agentFailed(err)
	}
	return text, nil
}

// agentFailed returns the refusal of a call whose agent failed, or whose context
// ended before the agent did.
func (c *call) agentFailed(err error) error {
	if c.ctx.Err() != nil {
		return c.interrupted()
	}
	return &refusal{code: agentErrorCode(err), cause: err}
}
