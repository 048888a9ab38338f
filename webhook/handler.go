package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

const (
	// handleTimeout is how long the body of a delivery and handle may take together:
	// the 10 seconds that the service waits, less one for the network.
	handleTimeout = wire.DeliveryTimeout - time.Second

	// settleTimeout bounds Done and Forget of Options.Seen, which are called
	// even when the service has disconnected.
	settleTimeout = 5 * time.Second
)

// Handler returns an http.Handler that receives deliveries and calls handle for
// the event of each delivery.
//
// Its answer is 200 if handle returned nil in time. The answer is 500 if handle
// or Options.Seen failed or panicked; the service then delivers the event again,
// according to the product page after 30 seconds, 5 minutes and 30 minutes.
//
// handle is not called for a delivery that cannot be verified. The answer is 401
// if the signature or the timestamp is wrong, 400 if the body or the name of the
// event is wrong, 408 if the body is not complete after 9 seconds, 413 if it is
// larger than MaxBodyBytes, and 405 if the method is not POST. The reason is
// logged (see Options.Logger). The answer has the reason as well, unless the
// reason concerns only the receiver.
//
// The context of handle ends 9 seconds after the header of the delivery has
// arrived, since the service waits 10 seconds, or when the service disconnects. If
// handle returns nil when the service no longer waits, the service counts the
// delivery as failed and repeats it; Options.Seen recognizes that repeat. For the
// body, the 9 seconds replace the ReadTimeout of http.Server. If a wrapper of the
// ResponseWriter hides the connection (see [http.ResponseController]), the answer
// comes in time, but the connection of a slow sender is held until ReadTimeout.
//
// With Options.Seen, an event whose handling was recorded is not handled again,
// however often it is delivered: see [Seen] for what that means when a process
// is killed. If the event was handled, a repeated delivery is answered with 200
// at once. If the event is being handled, the delivery waits for the result, and
// is answered with 500 if there is none in time. If handling the event failed,
// it is handled again. Without Options.Seen, handle must itself recognize
// repeated deliveries.
//
// handle must be safe for concurrent use. Events may arrive in any order. handle
// is also called for tests; see [Event].Test. No printer shows the secrets of the
// returned handler.
func Handler(opts Options, handle func(context.Context, *Event) error) http.Handler {
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	return &handler{(&receiver{opts, handle}).serve}
}

// A handler is what Handler returns. It holds a function, since printers show
// everything else, unexported fields included.
type handler struct{ serve http.HandlerFunc }

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.serve(w, r) }

type receiver struct {
	opts   Options
	handle func(context.Context, *Event) error
}

func (rc *receiver) serve(w http.ResponseWriter, r *http.Request) {
	arrived := time.Now()
	ctx, cancel := context.WithTimeout(r.Context(), handleTimeout)
	defer cancel()
	conn := http.NewResponseController(w)
	deadline := conn.SetReadDeadline(arrived.Add(handleTimeout)) == nil
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "deliveries are POST requests", http.StatusMethodNotAllowed)
		return
	}
	body, err := readBody(ctx, r, deadline)
	if err != nil {
		w.Header().Set("Connection", "close") // the rest of the body is not read
		rc.refuse(w, r, fmt.Errorf("webhook: %w", err))
		return
	}
	conn.SetReadDeadline(time.Time{}) // when the deadline passed, net/http would end the request's context
	event, err := Verify(r.Header, body, rc.opts)
	if err != nil {
		rc.refuse(w, r, err)
		return
	}
	repeat, err := rc.once(ctx, event)
	if took := time.Since(arrived); err == nil && (took >= wire.DeliveryTimeout || r.Context().Err() != nil) {
		err = fmt.Errorf("handled only after %v, when the service no longer waited", took)
	}
	switch {
	case err != nil:
		rc.opts.Logger.ErrorContext(ctx, "webhook event not handled", "event", event.Type,
			"timestamp", event.Timestamp, "fingerprint", event.Fingerprint(), "error", err)
		http.Error(w, "the receiver failed to handle the event", http.StatusInternalServerError)
	case repeat:
		fmt.Fprintln(w, "handled before")
	default:
		fmt.Fprintln(w, "ok")
	}
}

// readBody reads the body. If the connection has no deadline for that, it gives up
// when ctx ends, and leaves a goroutine behind until the server closes the body.
func readBody(ctx context.Context, r *http.Request, deadline bool) ([]byte, error) {
	if r.Body == nil { // as in a request that no server has read
		return nil, nil
	}
	type result struct {
		body []byte
		err  error
	}
	results := make(chan result, 1)
	readAll := func() {
		body, err := io.ReadAll(io.LimitReader(r.Body, MaxBodyBytes+1))
		results <- result{body, err}
	}
	ended := ctx.Done()
	if deadline {
		readAll()
		ended = nil // ctx may have ended by now, with the read
	} else {
		go readAll()
	}
	select {
	case got := <-results:
		switch {
		case got.err != nil:
			return nil, fmt.Errorf("%w: %w", ErrBody, got.err)
		case len(got.body) > MaxBodyBytes:
			return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, MaxBodyBytes)
		}
		return got.body, nil
	case <-ended:
		return nil, fmt.Errorf("%w: %w", ErrBody, context.Cause(ctx))
	}
}

// refuse answers a delivery that does not verify.
func (rc *receiver) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status, level := http.StatusBadRequest, slog.LevelWarn
	switch {
	case errors.Is(err, ErrSignature), errors.Is(err, ErrTimestamp):
		status = http.StatusUnauthorized
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		status = http.StatusRequestTimeout
	case errors.Is(err, ErrTooLarge):
		status = http.StatusRequestEntityTooLarge
	case errors.Is(err, ErrOptions):
		status, level = http.StatusInternalServerError, slog.LevelError
	}
	rc.opts.Logger.Log(r.Context(), level, "webhook delivery refused", "status", status, "remote", r.RemoteAddr, "error", err)
	text := err.Error()
	if status == http.StatusInternalServerError {
		text = "the receiver is not set up" // the sender need not know the details
	}
	http.Error(w, text, status)
}

// once handles the event unless it was handled before.
func (rc *receiver) once(ctx context.Context, event *Event) (repeat bool, err error) {
	handle := func() error { return rc.handle(ctx, event) }
	if rc.opts.Seen == nil {
		return false, protected(handle)
	}
	fingerprint := event.Fingerprint()
	var claimed bool
	err = protected(func() (err error) {
		claimed, err = rc.opts.Seen.Claim(ctx, fingerprint)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("Seen.Claim: %w", err)
	}
	if !claimed {
		return true, nil
	}
	settle := rc.opts.Seen.Forget
	defer func() { // also if handle ends its goroutine
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
		defer cancel()
		if err := protected(func() error { return settle(ctx, fingerprint) }); err != nil {
			rc.opts.Logger.ErrorContext(ctx, "webhook event not settled, its repeats may be handled late or twice",
				"event", event.Type, "fingerprint", fingerprint, "error", err)
		}
	}()
	if err := protected(handle); err != nil {
		return false, err
	}
	settle = rc.opts.Seen.Done
	return false, nil
}

// protected calls a function of the user's. It returns a panic as an error, so
// that the service gets an answer and the event does not count as handled.
func protected(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return f()
}
