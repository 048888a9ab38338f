package clawhqtest

import (
	"context"
	"iter"

	"github.com/clawhq/clawhq-go/internal/server"
)

// A Message is what an agent is asked.
type Message struct {
	Text      string
	Agent     string // slug of the agent asked
	SessionID string // empty for a message that stands alone
	History   []Turn // the session's earlier turns, oldest first
}

// A Turn is one side's part of a conversation.
type Turn struct {
	Role    string // RoleUser or RoleAssistant
	Content string
}

// The roles of a [Turn].
const (
	RoleUser      = "user"
	RoleAssistant = "assistant"
)

// An AgentFunc answers a message, piece by piece; each piece is a chunk of a
// streamed reply. An error ends the reply: the client gets model_error, or
// stream_error in a stream, and only the journal has the error's text. A
// panic is an internal_error, or stream_error. The context is done when the
// client leaves, when the server closes, and after 60 seconds, which is
// model_timeout: an agent that waits for anything must watch it.
type AgentFunc func(ctx context.Context, m Message) iter.Seq2[string, error]

// Reply returns an agent that gives the same answer to everything, in these
// chunks.
func Reply(chunks ...string) AgentFunc {
	return func(context.Context, Message) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			for _, c := range chunks {
				if !yield(c, nil) {
					return
				}
			}
		}
	}
}

// forService returns the agent as the service calls it; nil stays nil, which
// is a built-in agent.
func (fn AgentFunc) forService() server.AgentFunc {
	if fn == nil {
		return nil
	}
	return func(ctx context.Context, m server.Message) iter.Seq2[string, error] {
		var history []Turn
		for _, t := range m.History {
			history = append(history, Turn(t))
		}
		return fn(ctx, Message{Text: m.Text, Agent: m.Agent, SessionID: m.SessionID, History: history})
	}
}
