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
	Agent     string // slug of the agent
	SessionID string // of the chat session; empty outside a session
	History   []Turn // the last 20 turns of the session or thread, oldest first
	earlier   int    // number of earlier exchanges in the session
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

// AgentFunc answers a message in chunks, which are also the chunks of a streamed
// reply. Its rules are those of clawhqtest.AgentFunc.
type AgentFunc func(ctx context.Context, m Message) iter.Seq2[string, error]

var errAgentTimeout = fmt.Errorf("the agent took longer than %v", wire.AgentTimeout)

// Failures of the gateway through which the service reaches its agents.
var (
	errGatewayDown    = errors.New("the agent's gateway is down")
	errGatewayNotJSON = errors.New("the agent's gateway does not answer with JSON")
)

// agentPanic is the error of an agent that panicked. value is what it panicked with.
type agentPanic struct{ value any }

func (p agentPanic) Error() string { return fmt.Sprintf("agent panicked: %v", p.value) }

// agentErrorCode returns the error code for an agent's error.
func agentErrorCode(err error) string {
	var p agentPanic
	switch {
	case errors.Is(err, errAgentTimeout):
		return wire.CodeModelTimeout
	case errors.Is(err, errGatewayDown) || errors.Is(err, errGatewayNotJSON) || errors.As(err, &p):
		return wire.CodeInternalError
	}
	return wire.CodeModelError
}

// ask runs the agent until it ends or emit returns false. It returns the agent's
// error or, if ctx ended first, the cause of ctx.
func (a *agent) ask(ctx context.Context, m Message, limit timeLimit, emit func(chunk string) bool) (err error) {
	ctx, begun, end := a.limited(ctx, limit)
	defer end()
	stopped := false
	defer func() {
		if p := recover(); p != nil {
			err = agentPanic{p}
		} else if ctx.Err() != nil && !stopped {
			err = context.Cause(ctx)
		}
	}()
	m.Agent = a.slug
	held := "" // an incomplete UTF-8 character, whose end is in the next chunk
	for chunk, err := range a.answer(ctx, m) {
		if err != nil || ctx.Err() != nil {
			return err
		}
		begun()
		if chunk, held = wholeCharacters(held + chunk); chunk == "" && held != "" {
			continue
		}
		if !emit(chunk) {
			stopped = true
			return nil
		}
	}
	if held != "" {
		stopped = !emit(held)
	}
	return nil
}

// timeLimit says which time wire.AgentTimeout limits.
type timeLimit int

const (
	wholeAnswer timeLimit = iota // the time of the whole answer
	firstChunk                   // the time until the first chunk
	eachPart                     // the time until the first chunk, and again the time after it
)

// limited returns a context that ends when the agent's time is up. The caller must
// call begun at each chunk, and end after the answer.
func (a *agent) limited(ctx context.Context, limit timeLimit) (limited context.Context, begun, end func()) {
	if a.instant {
		return ctx, func() {}, func() {}
	}
	if limit == wholeAnswer {
		limited, cancel := a.clock.WithTimeoutCause(ctx, wire.AgentTimeout, errAgentTimeout)
		return limited, func() {}, cancel
	}
	limited, cancel := context.WithCancelCause(ctx)
	up := func() {
		a.clock.Wake(ctx)
		cancel(errAgentTimeout)
	}
	timer := a.clock.AfterFunc(wire.AgentTimeout, up)
	first := true
	begun = func() {
		if first && timer.Stop() && limit == eachPart {
			timer = a.clock.AfterFunc(wire.AgentTimeout, up)
		}
		first = false
	}
	return limited, begun, func() {
		timer.Stop()
		cancel(nil)
	}
}

// wholeCharacters cuts a text before the incomplete character at its end, if there
// is one.
func wholeCharacters(s string) (whole, rest string) {
	n := len(s) - wire.CutUTF8(s)
	return s[:n], s[n:]
}

// usualAnswer is a length in bytes that few answers exceed.
const usualAnswer = 512

// askAll runs the agent and returns its whole answer.
func (a *agent) askAll(ctx context.Context, m Message, limit timeLimit) (string, error) {
	var text strings.Builder
	text.Grow(usualAnswer)
	err := a.ask(ctx, m, limit, func(chunk string) bool {
		if chunk != splitLine {
			text.WriteString(chunk)
		}
		return true
	})
	return text.String(), err
}

// agentContext returns the context in which the call's agent runs. It outlives the
// call if the profile's agents outlive their clients.
func (c *call) agentContext() context.Context {
	if c.profile.quirks().agentsOutlive {
		return c.s.clock.Join(c.s.ctx, c.ctx)
	}
	return c.ctx
}

// await runs the agent and returns its answer. Call it with s.mu held; it unlocks
// s.mu while the agent runs.
func (c *call) await(a *agent, m Message) (text string, err error) {
	c.entry.Agent = a.slug
	c.journalChanged()
	c.releaseBodySlot()
	c.body = nil
	if err = c.fault.gateway(); err == nil {
		c.unlocked(func() { text, err = a.askAll(c.agentContext(), m, c.profile.quirks().plainLimit) })
	}
	if err != nil {
		return "", c.agentFailed(err)
	}
	return text, nil
}

// agentFailed returns the refusal of a call whose agent failed, or whose context
// ended before the agent did.
func (c *call) agentFailed(err error) error {
	if c.agentContext().Err() != nil {
		return c.interrupted()
	}
	return &refusal{code: agentErrorCode(err), cause: err}
}
