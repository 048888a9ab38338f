package server

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
)

// Message is what an agent is asked.
type Message struct {
	Text      string
	Agent     string // slug of the agent asked
	SessionID string // empty for a message that stands alone
	History   []Turn // the session's earlier turns, oldest first
}

// Turn is one side's part of a conversation.
type Turn struct {
	Role    string // RoleUser or RoleAssistant
	Content string
}

// The roles of a Turn.
const (
	RoleUser      = "user"
	RoleAssistant = "assistant"
)

// AgentFunc answers a message, piece by piece; each piece is a chunk of a
// streamed reply. An error ends the reply: the client gets model_error, or
// stream_error in a stream, and the journal the error's text. A panic is an
// internal_error. The context is done when the client leaves, the server
// closes or the agent has taken 60 seconds: an agent that waits must end with
// it.
type AgentFunc func(ctx context.Context, m Message) iter.Seq2[string, error]

// agent is a deployed agent.
type agent struct {
	slug, name string
	answer     AgentFunc
}

// defaultAgent answers, by the documentation's profile, messages that name no
// agent.
const defaultAgent = "support-bot"

// HandleAgent deploys fn under slug, in place of the agent that has it
// already, if one does. A nil fn stands for a built-in agent. Profile
// Documented keeps support-bot as the default agent, so that a test that adds
// one does not change what others get; in profile Live the agent deployed
// last becomes it.
func (s *Server) HandleAgent(slug string, fn AgentFunc) {
	if slug == "" {
		panic("clawhqtest: HandleAgent: empty slug")
	}
	if fn == nil {
		fn = s.builtin(supportDesk)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := &agent{slug, slug, fn}
	if i := slices.IndexFunc(s.agents, func(a *agent) bool { return a.slug == slug }); i >= 0 {
		a.name = s.agents[i].name
		s.agents = slices.Delete(s.agents, i, i+1)
	}
	s.agents = append(s.agents, a)
}

// findAgent returns the agent with that slug or, failing that, name; for an
// empty one the default agent. It is nil if there is none. Call it with s.mu
// held.
func (s *Server) findAgent(name string) *agent {
	if name == "" {
		if s.cfg.Profile == Live {
			return s.agents[len(s.agents)-1]
		}
		name = defaultAgent
	}
	for _, is := range []func(*agent) bool{
		func(a *agent) bool { return a.slug == name },
		func(a *agent) bool { return a.name == name },
	} {
		if i := slices.IndexFunc(s.agents, is); i >= 0 {
			return s.agents[i]
		}
	}
	return nil
}

func (s *Server) agentNames() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := make([]string, len(s.agents))
	for i, a := range s.agents {
		names[i] = a.name
	}
	return names
}

// builtinAgents are the agents of a new server.
func (s *Server) builtinAgents() []*agent {
	return []*agent{
		{"sales-assistant", "sales-assistant", s.builtin(salesDesk)},
		{defaultAgent, "Support Bot", s.builtin(supportDesk)},
	}
}

// builtin returns an agent that answers as d or, in profile Live, with an
// echo; word by word, with the configured delay in between.
func (s *Server) builtin(d desk) AgentFunc {
	reply := d.reply
	if s.cfg.Profile == Live {
		reply = echo
	}
	return func(ctx context.Context, m Message) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			text, failAfter := reply(m)
			for i, word := range strings.SplitAfter(text, " ") {
				if i == failAfter {
					yield("", errEchoFailed)
					return
				}
				if i > 0 && !pause(ctx, s.cfg.AgentDelay) || !yield(word, nil) {
					return
				}
			}
		}
	}
}

// pause waits and reports whether the context lasted.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

var errEchoFailed = errors.New("the message asked for a failure")

// echo is the live service's agent behind the recordings: "[fail]" in a
// message makes it fail at once, "[cut]" after the first word.
func echo(m Message) (text string, failAfter int) {
	failAfter = -1
	switch {
	case strings.Contains(m.Text, "[fail]"):
		failAfter = 0
	case strings.Contains(m.Text, "[cut]"):
		failAfter = 1
	}
	return "Echo: " + m.Text, failAfter
}

// desk is a built-in agent of profile Documented. What it says depends on the
// message and the history alone.
type desk struct {
	greeting string
	answers  []struct{ word, text string } // the first whose word is in the message
	closing  string
}

var supportDesk = desk{
	greeting: "Thanks for reaching out to support.",
	answers: []struct{ word, text string }{
		{"hour", "Our support hours are Monday to Friday, 9:00 to 18:00 UTC."},
		{"webhook", "Webhooks are HTTP callbacks that notify your server when something happens."},
		{"key", "You can create, change and revoke keys on the API Access page."},
		{"limit", "Each key has its own limit, counted over a sliding window of 60 seconds."},
	},
	closing: "Is there anything else I can help you with?",
}

var salesDesk = desk{
	greeting: "Thanks for your interest in ClawHQ.",
	answers: []struct{ word, text string }{
		{"price", "API access is part of the Pro plan."},
		{"plan", "API access is part of the Pro plan."},
		{"demo", "I would be glad to set up a demo for your team."},
	},
	closing: "Shall I tell you more about what ClawHQ can do for you?",
}

// maxQuote bounds what a desk repeats of a message, in characters.
const maxQuote = 120

func (d desk) reply(m Message) (text string, failAfter int) {
	opening := d.greeting
	if n := len(m.History)/2 + 1; n > 1 {
		opening = fmt.Sprintf("This is message %d of our conversation.", n)
	}
	quote := []rune(m.Text)
	if len(quote) > maxQuote {
		quote = append(quote[:maxQuote], '…')
	}
	parts := []string{opening, fmt.Sprintf("You asked: “%s”", string(quote))}
	lower := strings.ToLower(m.Text)
	for _, a := range d.answers {
		if strings.Contains(lower, a.word) {
			parts = append(parts, a.text)
			break
		}
	}
	return strings.Join(append(parts, d.closing), " "), -1
}
