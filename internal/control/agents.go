package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// An Agent gives its replies in order, one for each message, and then repeats the
// last one. An agent without replies answers as a built-in one.
type Agent struct {
	Slug    string  `json:"slug"`
	Replies []Reply `json:"replies"`
}

// deployed is a deployed agent, as a list shows it.
type deployed struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Agent
}

// listAgents shows the deployed agents, with the replies that documents gave them.
func (c *Control) listAgents(*http.Request) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := []deployed{}
	for _, a := range c.server.Agents() {
		given, ok := c.agents[a.Slug]
		if !ok {
			given = c.agents[a.Name] // live, the slug may be another than that of the document
		}
		list = append(list, deployed{a.ID, a.Name, Agent{a.Slug, append([]Reply{}, given.Replies...)}})
	}
	return map[string]any{"agents": list, "offline": c.server.Offline()}, nil
}

// UnmarshalJSON reads an agent, and refuses unknown fields.
func (a *Agent) UnmarshalJSON(b []byte) error {
	var text struct {
		Slug    string          `json:"slug"`
		Replies json.RawMessage `json:"replies"`
	}
	if err := decode(b, &text); err != nil {
		return err
	}
	a.Slug = text.Slug
	return decodeList(text.Replies, "replies", &a.Replies)
}

// A Reply is the answer to a message. In JSON it may be an object, or a string: its
// Text.
type Reply struct {
	Text       string `json:"text,omitempty"`        // sent as one chunk
	Chunks     chunks `json:"chunks,omitempty"`      // instead of Text
	Delay      string `json:"delay,omitempty"`       // before the first chunk, in the server's time
	ChunkDelay string `json:"chunk_delay,omitempty"` // before each other chunk
	Error      string `json:"error,omitempty"`       // the error of the agent after its chunks, which the journal shows
}

// chunks are the chunks of an answer. A program in JavaScript may cut an answer
// between the halves of a surrogate pair.
type chunks []string

// UnmarshalJSON joins the halves of surrogate pairs, and keeps the number of chunks.
func (c *chunks) UnmarshalJSON(b []byte) error {
	var pieces []json.RawMessage
	if err := json.Unmarshal(b, &pieces); err != nil || pieces == nil {
		return err
	}
	*c = make(chunks, len(pieces))
	var j wire.TextJoiner
	for i, piece := range pieces {
		var err error
		if (*c)[i], err = j.Decode(piece); err != nil {
			return err
		}
	}
	if j.Holds() {
		(*c)[len(pieces)-1] += j.Rest()
	}
	return nil
}

// UnmarshalJSON reads an object or a string.
func (r *Reply) UnmarshalJSON(b []byte) error {
	type object Reply
	return textOr(b, &r.Text, (*object)(r))
}

// Limits of agents.
const (
	maxSlugChars = 100
	maxChunks    = 10_000 // of one reply
)

// A parsedReply is a Reply that has been checked.
type parsedReply struct {
	chunks            []string
	delay, chunkDelay time.Duration
	err               error
}

func (r Reply) parse() (parsed parsedReply, err error) {
	parsed.chunks = r.Chunks
	switch {
	case r.Text != "" && r.Chunks != nil:
		return parsed, errors.New("has a text and chunks: it can have only one of them")
	case r.Text != "":
		parsed.chunks = []string{r.Text}
	case len(r.Chunks) > maxChunks:
		return parsed, fmt.Errorf("has %d chunks: the maximum is %d", len(r.Chunks), maxChunks)
	}
	if parsed.delay, err = parseWait("delay", r.Delay); err != nil {
		return parsed, err
	}
	if parsed.chunkDelay, err = parseWait("chunk_delay", r.ChunkDelay); err != nil {
		return parsed, err
	}
	if r.Error != "" {
		parsed.err = errors.New(r.Error)
	}
	return parsed, nil
}

// parse returns the agent's function, or nil for a built-in agent.
func (a Agent) parse(server *clawhqtest.Server) (clawhqtest.AgentFunc, error) {
	switch {
	case strings.TrimSpace(a.Slug) == "":
		return nil, errors.New("slug is missing")
	case len(a.Slug) > maxSlugChars:
		return nil, fmt.Errorf("slug has %d characters: the maximum is %d", len(a.Slug), maxSlugChars)
	case len(a.Replies) > maxItems:
		return nil, fmt.Errorf("has %d replies: the maximum is %d", len(a.Replies), maxItems)
	case len(a.Replies) == 0:
		return nil, nil
	}
	replies := make([]parsedReply, len(a.Replies))
	for i, r := range a.Replies {
		var err error
		if replies[i], err = r.parse(); err != nil {
			return nil, at(err, "replies", i)
		}
	}
	var mu sync.Mutex
	given := 0
	return func(ctx context.Context, _ clawhqtest.Message) iter.Seq2[string, error] {
		mu.Lock()
		r := replies[min(given, len(replies)-1)]
		given++
		mu.Unlock()
		return r.say(ctx, server.Sleep)
	}, nil
}

// say gives the reply, chunk by chunk.
func (r parsedReply) say(ctx context.Context, sleep func(context.Context, time.Duration) error) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := sleep(ctx, r.delay); err != nil {
			yield("", err)
			return
		}
		for i, chunk := range r.chunks {
			if i > 0 {
				if err := sleep(ctx, r.chunkDelay); err != nil {
					yield("", err)
					return
				}
			}
			if !yield(chunk, nil) {
				return
			}
		}
		if r.err != nil {
			yield("", r.err)
		}
	}
}
