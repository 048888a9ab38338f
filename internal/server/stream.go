package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// stream runs the agent and sends each chunk as an event as soon as it is
// there. Call it without s.mu.
func (c *call) stream(a *agent, m Message) error {
	out := newEventStream(c)
	var text strings.Builder
	sent, pending := 0, c.fault.onStream()
	// play plays the call's fault once its time has come.
	play := func(due bool) error {
		if !due || !pending {
			return nil
		}
		pending = false
		return c.playOnStream(out)
	}

	var stop error
	if pending || !c.profile.streamsLate() {
		stop = errors.Join(out.begin(), play(c.fault.after == 0))
	}
	err := stop
	if stop == nil {
		err = a.ask(c.ctx, m, func(chunk string) bool {
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
	if err != nil && !out.begun {
		return c.agentFailed(err)
	}
	if err != nil {
		c.failed(err)
	}
	var coded streamError
	switch {
	case err == nil:
		c.locked(func() {
			c.remember(m, text.String())
			c.tellWebhooks(a)
		})
	case errors.Is(err, errCut) || c.r.Context().Err() != nil:
		c.abort()
	case errors.As(err, &coded):
		out.error(string(coded), message(string(coded)))
	case errors.Is(err, errAgentTimeout):
		out.error(wire.CodeModelTimeout, out.profile.message(wire.CodeModelTimeout))
	case errors.Is(err, errClosing):
		out.error(wire.CodeStreamError, errClosing.Error())
	default:
		out.error(wire.CodeStreamError, message(wire.CodeStreamError))
	}
	out.done()
	return errAnswered
}

// eventStream writes the events of a streamed chat.
type eventStream struct {
	c       *call
	profile Profile
	begun   bool // the header is sent
	control *http.ResponseController
	buf     bytes.Buffer
	encoder *json.Encoder // into buf
}

func newEventStream(c *call) *eventStream {
	s := &eventStream{c: c, profile: c.profile, control: http.NewResponseController(c.w)}
	s.encoder = json.NewEncoder(&s.buf)
	s.encoder.SetEscapeHTML(false)
	return s
}

// begin sends the header, unless it is sent.
func (s *eventStream) begin() error {
	if s.begun {
		return nil
	}
	s.begun = true
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
	s.raw(`data: {"content":`, s.profile.jsonSpace())
	s.string(chunk)
	s.raw("}\n\n")
	return s.send()
}

// error sends an error, which leaves only done to be sent.
func (s *eventStream) error(code, message string) error {
	s.raw(`data: {"error":`, s.profile.jsonSpace(), `{"code":`, s.profile.jsonSpace())
	s.string(code)
	s.raw(`,`, s.profile.jsonSpace(), `"message":`, s.profile.jsonSpace())
	s.string(message)
	s.raw("}}\n\n")
	return s.send()
}

// malformed sends what the live service makes of a chunk that it could not
// parse: a line that is not JSON, and one newline.
func (s *eventStream) malformed() error {
	s.raw("data: {malformed\n")
	return s.send()
}

// done ends the stream. It is flushed when the handler returns, which is now.
func (s *eventStream) done() error {
	s.raw("data: ", wire.StreamDone, "\n\n")
	return s.write()
}

func (s *eventStream) raw(parts ...string) {
	for _, p := range parts {
		s.buf.WriteString(p)
	}
}

func (s *eventStream) string(v string) {
	s.encoder.Encode(v)
	s.buf.Truncate(s.buf.Len() - 1) // the newline
}

func (s *eventStream) send() error { return errors.Join(s.write(), s.flush()) }

// write writes what was put together.
func (s *eventStream) write() error {
	if err := s.begin(); err != nil {
		return err
	}
	_, err := s.c.w.Write(s.buf.Bytes())
	s.buf.Reset()
	return err
}

func (s *eventStream) flush() error {
	if err := s.control.Flush(); !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}
