package relay

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strconv"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// Options configure [SSE]. The zero value is ready to use.
type Options struct {
	// Heartbeat is the longest time without an event or a comment: after it, a
	// comment is sent. If nothing was sent before the comment, the status 200 is
	// sent with it, so that a later error is an event. Default: 15 seconds, as
	// WHATWG HTML §9.2.7 advises; a negative value means no heartbeats.
	Heartbeat time.Duration

	// WriteTimeout bounds how long the browser may take to accept an event. It
	// replaces the WriteTimeout of http.Server, which would bound the whole
	// answer. It has no effect if the ResponseWriter does not support write
	// deadlines. Default: 10 seconds; a negative value means no bound.
	WriteTimeout time.Duration

	// Explain returns the status, from 400 to 599, and the message that the
	// browser gets for an error. The message is sent unchanged except that API
	// keys are redacted; it should not be err.Error(), which is not meant for
	// users. 0 means Status(err), and an empty message means a general message
	// for the status. Nil means both.
	Explain func(err error) (status int, message string)

	// Resume returns the rest of an answer, for a browser that has lost its
	// connection: the chunks from index after on, counted from 0. It is called
	// for a request with the Last-Event-ID of an event of SSE, in place of
	// ranging over seq. Nil, or a nil sequence for an answer that is not known or
	// whose end the browser has, means that there is no more: the browser gets
	// 204, and SSE returns ErrReconnected.
	//
	// An answer that is to be resumed must outlive the request that has begun it,
	// so it must not be made with r.Context(). The package comment shows how.
	Resume func(r *http.Request, after int) iter.Seq2[clawhq.ChatChunk, error]
}

const (
	defaultHeartbeat    = 15 * time.Second
	defaultWriteTimeout = 10 * time.Second
)

// ErrReconnected reports that a browser has reconnected to get the rest of an
// answer, but there is none. SSE has answered 204 and has not run the agent.
var ErrReconnected = errors.New("relay: the browser asked for the rest of an answer")

// SSE answers the request with the text of seq as server-sent events, which the
// package comment describes. Each event is sent as soon as its chunk is there.
// seq should be made with r.Context(), or a context derived from it, so that the
// call ends when the browser disconnects. SSE ranges over seq in the caller's
// goroutine.
//
// SSE returns nil if it has sent the whole answer. Otherwise it returns the
// error of seq or of the connection. If the browser has disconnected, the error
// matches context.Canceled as well, whatever seq has returned; if the request's
// context has ended for another reason, it matches that context's error and its
// cause. For a request with the header Last-Event-ID, it returns
// [ErrReconnected] if Options.Resume gives no rest of the answer. In every case
// the response is complete, and the caller must not write to w.
//
// A HEAD request is answered with the headers only.
func SSE(w http.ResponseWriter, r *http.Request, seq iter.Seq2[clawhq.ChatChunk, error], opts Options) error {
	opts.Heartbeat = cmp.Or(opts.Heartbeat, defaultHeartbeat)
	opts.WriteTimeout = cmp.Or(opts.WriteTimeout, defaultWriteTimeout)
	after := 0
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		if after, seq = opts.resume(r, id); seq == nil {
			w.Header().Set("Cache-Control", "no-store")
			w.WriteHeader(http.StatusNoContent)
			return ErrReconnected
		}
	}
	if r.Method == http.MethodHead {
		writeHeader(w)
		return nil
	}
	readBody(r)
	out := newSender(w, opts, after)
	defer out.close()
	for chunk, err := range seq {
		if gone := r.Context().Err(); err == nil && gone != nil { // seq goes on although the context has ended
			err = fmt.Errorf("relay: %w", gone)
		}
		if err != nil {
			refuse(out, opts.refusal(err))
			return because(r.Context(), err)
		}
		data, err := json.Marshal(wire.StreamEvent{Content: &chunk.Content})
		if err != nil {
			return fmt.Errorf("relay: %w", err)
		}
		if err := out.event("", data); err != nil {
			return lost(r.Context(), err)
		}
	}
	if err := out.event("done", []byte(wire.StreamDone)); err != nil {
		return lost(r.Context(), err)
	}
	return nil
}

// resume returns the rest of an answer of which the browser has the event with
// this id, and how many events it has; nil if there is none.
func (o Options) resume(r *http.Request, id string) (after int, rest iter.Seq2[clawhq.ChatChunk, error]) {
	after, err := strconv.Atoi(id)
	if o.Resume == nil || err != nil || after < 1 || strconv.Itoa(after) != id {
		return 0, nil
	}
	return after, o.Resume(r, after)
}

// readBody reads the rest of the request's body. Only after its end does
// net/http watch an HTTP/1 connection and notice that the browser disconnects.
// net/http would read the same amount when the response begins.
func readBody(r *http.Request) {
	if r.Body != nil && r.ProtoMajor == 1 {
		io.CopyN(io.Discard, r.Body, 256<<10)
	}
}

// writeHeader begins a response of events.
func writeHeader(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", wire.ContentTypeEventStream)
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
}

// refuse sends an error to the browser: as a status if nothing was sent yet,
// otherwise as an event. It ignores errors of writing, since the answer has
// failed already.
func refuse(out *sender, told refusal) {
	body, _ := json.Marshal(told) // of numbers and strings: no error is possible
	if !out.claim() {
		out.event("failure", body)
		return
	}
	h := out.w.Header()
	h.Set("Content-Type", wire.ContentTypeJSON)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if told.Error.RetryAfter > 0 {
		h.Set(wire.HeaderRetryAfter, strconv.Itoa(told.Error.RetryAfter))
	}
	out.w.WriteHeader(told.Error.Status)
	out.w.Write(body)
}

// lost returns the error of a response that could not be written. The browser has
// disconnected, even if the context does not say so yet: over HTTP/2, net/http lets
// a write fail before it cancels the context.
func lost(ctx context.Context, err error) error {
	err = fmt.Errorf("relay: %w", err)
	if ctx.Err() == nil {
		return fmt.Errorf("%w: %w", context.Canceled, err)
	}
	return because(ctx, err)
}

// because returns err. If the context has ended, the returned error also
// wraps the reasons.
func because(ctx context.Context, err error) error {
	for _, reason := range []error{ctx.Err(), context.Cause(ctx)} {
		if reason != nil && !errors.Is(err, reason) {
			err = fmt.Errorf("%w: %w", reason, err)
		}
	}
	return err
}
