package clawhq

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/internal/sse"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// ChatChunk is a piece of an agent's answer.
type ChatChunk struct {
	Content string
}

// ChatStream sends a message to an agent and returns the answer in pieces, each
// as soon as it arrives:
//
//	for chunk, err := range client.ChatStream(ctx, req) {
//		if err != nil {
//			return err
//		}
//		fmt.Print(chunk.Content)
//	}
//
// Nothing is sent until the loop begins. When the loop ends, in whatever way,
// the request is ended and its connection is released. If the answer was not
// complete, the live service still lets the agent finish it. Ranging over the
// sequence again makes a new call.
//
// If the loop ends without an error, the answer is complete. If there is an
// error, it comes with the last pair, and the text before it is only a part of
// the answer. The errors are those of Chat. After the reply has begun, the
// error is a *StreamError, for example if the stream ends without the
// protocol's [DONE]. Failed attempts are repeated only until the first chunk
// was handed out. The service does not store streams, so a repeated attempt
// runs the agent again.
//
// Endpoint: POST /v1/chat
func (c *Client) ChatStream(ctx context.Context, req ChatRequest, opts ...CallOption) iter.Seq2[ChatChunk, error] {
	opts = slices.Clone(opts)
	return func(yield func(ChatChunk, error) bool) {
		call, err := c.core.do(ctx, c.core.chatRequest(req, true), opts)
		if err != nil {
			yield(ChatChunk{}, err)
			return
		}
		s := call.stream
		defer s.close()
		for {
			chunk, err := s.next()
			if err == io.EOF {
				return
			}
			if err == nil {
				s.chunks++
			} else {
				s.err = err
			}
			if !yield(chunk, err) || err != nil {
				return
			}
		}
	}
}

// CollectText returns the text of a whole stream. If the stream fails, it
// returns the text received so far together with the error.
func CollectText(seq iter.Seq2[ChatChunk, error]) (string, error) {
	var b strings.Builder
	for chunk, err := range seq {
		if err != nil {
			return b.String(), err
		}
		b.WriteString(chunk.Content)
	}
	return b.String(), nil
}

// maxEvent is the largest event of a stream, in bytes.
const maxEvent = 16 << 20

// drainTimeout is how long the client waits for the end of the reply after
// [DONE]. A connection can be reused only if its reply was read to the end.
const drainTimeout = 100 * time.Millisecond

var (
	errStreamIdle  = errors.New("stream is idle")
	errContentIdle = errors.New("stream has no content")
)

// A stream is a reply whose first chunk, or end, has arrived. It owns the attempt
// and the call that it is the reply to, and ends both.
type stream struct {
	call     *call
	attempt  *attempt
	exchange *exchange // the attempt's
	source   chunkReader

	first  ChatChunk // the next to be handed out while state is beginning or storedAnswer; set by begin or stored
	state  streamState
	due    time.Time // when WithStreamContentTimeout ends the wait for the next chunk; zero if there is no bound; set by read
	chunks int       // how many were handed out; counted by ChatStream
	err    error     // the error that ended the stream; set by ChatStream
}

type streamState int

const (
	beginning    streamState = iota // first was not handed out yet
	storedAnswer                    // likewise, and it is the whole answer
	running                         // first was handed out
	done                            // [DONE] was read
)

func newStream(a *attempt) *stream {
	s := &stream{call: a.call, attempt: a, exchange: &a.exchange}
	s.source.events = sse.NewDecoder(s, maxEvent)
	return s
}

// begin reads until the first chunk or the end has arrived.
func (s *stream) begin() (err *StreamError) {
	s.first, err = s.read()
	return err
}

// stored makes the answer in a reply that is not an event stream the only chunk.
func (s *stream) stored(resp *http.Response) outcome {
	a := s.attempt
	contentType := resp.Header.Get("Content-Type")
	if contentType == "" || strings.Contains(contentType, "json") {
		body, err := s.exchange.readAll(resp.ContentLength)
		a.info.Body = body
		if err != nil {
			return streamFailed(s.readError(err))
		}
		if answer, err := wire.DecodeChat(body); err == nil {
			s.first, s.state = ChatChunk{*answer.Response}, storedAnswer
			a.info.Body = nil // as for any stream
			return outcome{}
		}
	} else {
		a.info.Body = s.exchange.readErrorBody()
	}
	if reported := a.origin().errorIn(a.info.Body); reported.err != nil {
		return reported
	}
	redact := s.call.core.redact
	err := a.origin().streamError(CodeStreamMalformed, fmt.Sprintf("reply is %q, not %s", redact(contentType), wire.ContentTypeEventStream), nil)
	err.Body = excerpt(a.info.Body, redact)
	return streamFailed(err)
}

// Read reads from the body, within the bounds of WithStreamIdleTimeout and
// WithStreamContentTimeout.
func (s *stream) Read(p []byte) (int, error) {
	most, why := s.call.core.idleMax, errStreamIdle
	if left := time.Until(s.due); !s.due.IsZero() && left < most {
		most, why = left, errContentIdle
	}
	s.exchange.bound(most, why)
	n, err := s.exchange.Read(p)
	s.exchange.timer.Stop()
	if n > 0 {
		s.exchange.received()
	}
	return n, err
}

// next returns the next chunk, or io.EOF after the last.
func (s *stream) next() (ChatChunk, error) {
	switch s.state {
	case beginning:
		s.state = running
		return s.first, nil
	case storedAnswer:
		s.state = done
		return s.first, nil
	}
	if s.state == running {
		if s.call.ctx.Err() != nil { // even if the buffer has more chunks
			return ChatChunk{}, s.readError(nil)
		}
		chunk, err := s.read()
		if err != nil {
			return ChatChunk{}, err
		}
		if s.state == running {
			return chunk, nil
		}
	}
	return ChatChunk{}, io.EOF
}

// read returns the next chunk, or sets the state to done.
func (s *stream) read() (ChatChunk, *StreamError) {
	if most := s.call.core.contentMax; most < forever {
		s.due = time.Now().Add(most)
	}
	text, err := s.source.next()
	switch {
	case err == nil:
		return ChatChunk{text}, nil
	case err == io.EOF && s.source.done:
		s.state = done
		return ChatChunk{}, nil
	}
	var bad *eventError // declared here, since it is allocated
	switch {
	case !errors.As(err, &bad):
		return ChatChunk{}, s.readError(err)
	case bad.err == errEvent:
		e := s.call.origin().streamError("", "", nil)
		decodeError(e.APIError, bad.data, time.Now(), s.call.core.redact)
		if e.Code == "" {
			e.Code = CodeStreamError
		}
		if e.Message == "" {
			e.Message = "the agent failed"
		}
		return ChatChunk{}, e
	default:
		e := s.call.origin().streamError(CodeStreamMalformed, "event is not as documented", bad.err)
		e.Body = excerpt(bad.data, s.call.core.redact)
		return ChatChunk{}, e
	}
}

// readError returns the error of a stream that cannot be read further because of
// err.
func (s *stream) readError(err error) *StreamError {
	c := s.call
	idle := func(format string, d time.Duration) *StreamError {
		return c.origin().streamError(CodeStreamIdle, fmt.Sprintf(format, d), os.ErrDeadlineExceeded)
	}
	switch ctx := c.ctx; {
	case ctx.Err() != nil:
		err = ctx.Err()
		if cause := context.Cause(ctx); cause != err {
			err = fmt.Errorf("%w: %w", err, cause)
		}
		return c.origin().streamError(CodeStreamCancelled, "the caller's context ended", err)
	case context.Cause(s.exchange.ctx) == errStreamIdle:
		return idle("nothing received for %v", c.core.idleMax)
	case context.Cause(s.exchange.ctx) == errContentIdle:
		return idle("no content for %v", c.core.contentMax)
	case err == errReplyTooLarge:
		return c.origin().streamError(CodeStreamTooLarge, err.Error(), nil)
	case err == sse.ErrTooLarge:
		return c.origin().streamError(CodeStreamTooLarge, fmt.Sprintf("event is larger than %d MiB", maxEvent>>20), err)
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	case !errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("%w: %w", io.ErrUnexpectedEOF, err)
	}
	return c.origin().streamError(CodeStreamTruncated, "the stream ended without "+wire.StreamDone, err)
}

// close ends the stream and tells the Trace. If the stream is not done, this ends
// the request.
func (s *stream) close() {
	defer func() { s.end(s.err) }()
	defer func() {
		s.call.traces.streamEnd(s.attempt.traced, TraceStreamEnd{s.chunks, s.state == done && s.err == nil, s.err})
	}()
	if s.state == done && !s.exchange.whole {
		s.exchange.bound(drainTimeout, errStreamIdle)
		io.CopyN(io.Discard, s.exchange, maxErrorBody)
	}
}

// end ends the attempt and the call.
func (s *stream) end(err error) {
	s.attempt.result = outcome{err: err}
	defer s.call.traceEnd(err)
	s.attempt.end()
}
