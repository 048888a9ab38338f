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

// Options are what [SSE] may be told. The zero value is fit for use.
type Options struct {
	// Heartbeat is how long the stream may be silent before a comment is
	// sent. The first one also sends the status, 200, so that an error after
	// it is an event. Default: 15 seconds, as WHATWG HTML §9.2.7 advises;
	// negative means never.
	Heartbeat time.Duration

	// WriteTimeout is how long the browser may take to accept an event before
	// it is given up. It takes the place of http.Server's WriteTimeout, which
	// would bound the whole answer. It needs a ResponseWriter that supports
	// write deadlines, and has no effect on others. Default: 10 seconds;
	// negative means no bound.
	WriteTimeout time.Duration

	// Explain returns what the browser is told of an error: a status from 400
	// to 599, and a sentence for people. What it returns goes out as it is,
	// but for API keys, which are redacted: err.Error() is not for browsers.
	// 0 and "" stand for the default, which is Status and a sentence that
	// depends on nothing but the status.
	Explain func(err error) (status int, message string)
}

const (
	defaultHeartbeat    = 15 * time.Second
	defaultWriteTimeout = 10 * time.Second
)

// ErrReconnected says that a browser asked for the rest of an answer. It was
// answered with 204, and the agent did not run.
var ErrReconnected = errors.New("relay: the browser asked for the rest of an answer")

// SSE answers the request with the text of seq, as server-sent events, each
// sent as soon as it is there; the package comment says which. seq is to be
// made with r.Context(), or a context derived from it, so that the browser's
// leaving ends the agent. It is ranged over in the caller's goroutine.
//
// SSE returns nil if the browser was sent the whole answer. Else it returns
// the error of seq, or what went wrong with the connection; either matches
// context.Canceled if the browser left. It returns [ErrReconnected] for a
// request that bears Last-Event-ID. The response is complete in any case:
// nothing may be written to w afterwards.
//
// A HEAD request is answered by the headers alone.
func SSE(w http.ResponseWriter, r *http.Request, seq iter.Seq2[clawhq.ChatChunk, error], opts Options) error {
	opts.Heartbeat = cmp.Or(opts.Heartbeat, defaultHeartbeat)
	opts.WriteTimeout = cmp.Or(opts.WriteTimeout, defaultWriteTimeout)
	switch {
	case r.Header.Get("Last-Event-ID") != "":
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent)
		return ErrReconnected
	case r.Method == http.MethodHead:
		writeHeader(w)
		return nil
	}
	readBody(r)
	out := newSender(w, opts)
	defer out.close()
	for chunk, err := range seq {
		if err == nil && r.Context().Err() != nil {
			err = fmt.Errorf("relay: %w", context.Cause(r.Context()))
		}
		if err != nil {
			refuse(out, opts.refuse(err))
			return err
		}
		data, err := json.Marshal(wire.StreamEvent{Content: &chunk.Content})
		if err != nil {
			return fmt.Errorf("relay: %w", err)
		}
		if err := out.event("", data); err != nil {
			return lost(r, err)
		}
	}
	if err := out.event("done", []byte(wire.StreamDone)); err != nil {
		return lost(r, err)
	}
	return nil
}

// readBody reads what the handler has left of the request's body: not before
// its end does net/http watch an HTTP/1 connection, and sees the browser
// leave. When the response begins it would read as much itself.
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

// refuse tells the browser of an error: by a status, if it is not too late. An
// error of writing is of no interest after that.
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

// lost is the error of a response that could not be written: most often
// because the browser has left.
func lost(r *http.Request, err error) error {
	if cause := context.Cause(r.Context()); cause != nil {
		return fmt.Errorf("relay: %w: %w", cause, err)
	}
	return fmt.Errorf("relay: %w", err)
}
