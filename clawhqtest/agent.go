package clawhqtest

import (
	"context"
	"iter"

	"github.com/clawhq/clawhq-go/internal/server"
)

// A Message is a message for an agent.
type Message struct {
	Text      string
	Agent     string // the slug of the agent
	SessionID string // empty if the message belongs to no session
	History   []Turn // the last 20 turns of the session or thread, the oldest first
}

// A Turn is an earlier message or answer of a conversation.
type Turn struct {
	Role    string // RoleUser or RoleAssistant
	Content string
}

// The roles of a [Turn].
const (
	RoleUser      = "user"
	RoleAssistant = "assistant"
)

// An AgentFunc answers a message in pieces. Each piece is a chunk of a streamed
// reply; if it ends within a character, the rest of the character is in the next
// piece. If the agent returns an error, the client gets the code model_error, or
// stream_error in a stream; only the journal has the text of the error. If the agent
// panics, the client gets internal_error, or stream_error in a stream.
//
// ctx ends when the server is closed and, in profile Documented, when the client
// disconnects. It also ends when the agent's time is up, and the client then gets
// model_timeout. In profile Documented the whole answer may take 60 seconds. In
// profile Live the first piece may take 60 seconds, and in a stream the rest 60 more.
// An agent that waits must return when ctx ends.
type AgentFunc func(ctx context.Context, m Message) iter.Seq2[string, error]

// Reply returns an agent that answers every message with the given chunks.
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

// forService returns the agent for package server. A nil AgentFunc, which stands
// for a built-in agent, stays nil.
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
