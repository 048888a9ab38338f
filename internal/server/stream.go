package server

import (
	"errors"
	"net/http"
	"strings"

	"github.com/clawhq/clawhq-go/internal/js"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// stream runs the agent and sends each chunk at once, as an event. Call it without
// s.mu.
func (c *call) stream(a *agent, m Message) error {
	out := newEventStream(c)
	var text strings.Builder
	sent, pending := 0, c.fault.onStream()
	// play plays the call's fault if it is due and has not been played yet.
	play := func(due bool) error {
		if !due || !pending {
			return nil
		}
		pending = false
		return c.playOnStream(out)
	}

	q := c.profile.quirks()
	var stop error
	err := c.fault.gateway()
	if err == nil && (pending || !q.streamsLate) {
		stop = errors.Join(out.begin(), play(c.fault.after == 0))
		err = stop
	}
	if err == nil {
		err = a.ask(c.agentContext(), m, q.streamLimit, func(chunk string) bool {
			if chunk == splitLine {
				stop = out.split()
				return stop == nil
			}
			text.WriteString(chunk)
			sent++
			if stop = out.content(chunk); stop == nil {
				stop = play(sent == c.fault.after)
			}
			return stop == nil
		})
	}
	if err == nil {
		err = stop
	}
	if err == nil {
		err = play(true)
	}
	unended := errors.Is(err, errUnended) || errors.Is(err, errGatewayNotJSON)
	if unended {
		err = out.begin()
	}
	if !errors.Is(err, errCut) {
		c.locked(func() { c.countChat(err) })
	}
	if err != nil && !out.begun {
		return c.agentFailed(err)
	}
	if err != nil {
		c.failed(err)
	}
	var coded streamError
	switch {
	case err == nil:
		c.locked(func() { c.answered(a, m, text.String()) })
	case errors.Is(err, errCut) || c.r.Context().Err() != nil:
		c.abort()
	case errors.As(err, &coded):
		out.error(string(coded), message(string(coded)))
	case errors.Is(err, errAgentTimeout):
		out.error(wire.CodeModelTimeout, c.profile.message(wire.CodeModelTimeout))
	case errors.Is(err, errClosing):
		out.error(wire.CodeStreamError, errClosing.Error())
	default:
		out.error(wire.CodeStreamError, message(wire.CodeStreamError))
	}
	if !unended {
		out.done()
	}
	return errAnswered
}

// eventStream writes the events of a streamed chat.
type eventStream struct {
	c       *call
	space   string // written after each colon
	begun   bool   // the header has been sent
	lost    bool   // drop the next chunk, whose line was split
	control *http.ResponseController
	buf     []byte
}

func newEventStream(c *call) *eventStream {
	return &eventStream{c: c, space: c.profile.quirks().jsonSpace, control: http.NewResponseController(c.w)}
}

// begin sends the header, unless it has been sent.
func (s *eventStream) begin() error {
	if s.begun {
		return nil
	}
	s.begun, s.c.streaming = true, true
	s.c.identify()
	h := s.c.w.Header()
	h.Set("Content-Type", wire.ContentTypeEventStream)
	h.Set("Cache-Control", "no-cache")
	s.c.limit.set(h)
	s.c.begun(http.StatusOK)
	return s.flush()
}

// content sends a chunk of the answer.
func (s *eventStream) content(chunk string) error {
	if s.lost || chunk == "" && s.c.profile.quirks().streamsLate {
		s.lost = false
		return nil
	}
	s.raw(`data: {"content":`, s.space)
	s.string(chunk)
	s.raw("}\n\n")
	return s.send()
}

// error sends an error event. Only done may be called after it.
func (s *eventStream) error(code, message string) error {
	s.raw(`data: {"error":`, s.space, `{"code":`, s.space)
	s.string(code)
	s.raw(`,`, s.space, `"message":`, s.space)
	s.string(message)
	s.raw("}}\n\n")
	return s.send()
}

// malformed sends what the live service sends for a chunk that it cannot parse: a
// line that is not JSON, followed by a single newline.
func (s *eventStream) malformed() error {
	s.raw("data: {malformed\n")
	return s.send()
}

// splitLine stands for a chunk whose line reaches the service in two parts. Only a
// built-in agent uses it.
const splitLine = "\xff split"

// split sends what the live service sends for such a chunk: the first part of its
// line, followed by a single newline.
func (s *eventStream) split() error {
	s.raw(`data: {"choices":[{"delta":{"c`, "\n")
	return s.send()
}

// done ends the stream. net/http flushes it when the handler returns, which is at
// once.
func (s *eventStream) done() error {
	s.raw("data: ", wire.StreamDone, "\n\n")
	return s.write()
}

func (s *eventStream) raw(parts ...string) {
	for _, p := range parts {
		s.buf = append(s.buf, p...)
	}
}

func (s *eventStream) string(v string) { s.buf = js.AppendQuoted(s.buf, v) }

func (s *eventStream) send() error { return errors.Join(s.write(), s.flush()) }

// write sends the contents of s.buf.
func (s *eventStream) write() error {
	if err := s.begin(); err != nil {
		return err
	}
	_, err := s.c.w.Write(s.buf)
	s.buf = s.buf[:0]
	return s.unlessOutlived(err)
}

func (s *eventStream) flush() error {
	if err := s.control.Flush(); !errors.Is(err, http.ErrNotSupported) {
		return s.unlessOutlived(err)
	}
	return nil
}

// unlessOutlived returns err, the error of a write. If agents outlive their clients,
// it returns nil, so that the agent goes on.
func (s *eventStream) unlessOutlived(err error) error {
	if s.c.profile.quirks().agentsOutlive {
		return nil
	}
	return err
}
