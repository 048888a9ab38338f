package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

const (
	// answerMargin is the part of the service's 10 seconds that handle does not
	// get, since the network needs it.
	answerMargin = time.Second

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
// event is wrong, 413 if the body is larger than MaxBodyBytes, and 405 if the
// method is not POST. The reason is logged (see Options.Logger). The answer has
// it as well, unless it concerns only the receiver.
//
// The context of handle ends 9 seconds after the delivery has arrived, since the
// service waits 10 seconds, or when the service disconnects. If handle returns
// nil when the service no longer waits, the service counts the delivery as
// failed and repeats it; Options.Seen recognizes that repeat.
//
// With Options.Seen, an event is handled only once, however often it is
// delivered. If the event was handled, a repeated delivery is answered with 200
// at once. If the event is being handled, the delivery waits for the result, and
// is answered with 500 if there is none in time. If handling the event failed,
// it is handled again. Without Options.Seen, handle must itself recognize
// repeated deliveries.
//
// handle must be safe for concurrent use. Events may arrive in any order. handle
// is also called for tests; see [Event].Test.
func Handler(opts Options, handle func(context.Context, *Event) error) http.Handler {
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	return &handler{opts, handle}
}

type handler struct {
	opts   Options
	handle func(context.Context, *Event) error
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "deliveries are POST requests", http.StatusMethodNotAllowed)
		return
	}
	arrived := time.Now()
	ctx, cancel := context.WithTimeout(r.Context(), wire.DeliveryTimeout-answerMargin)
	defer cancel()
	event, err := h.receive(w, r)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	repeat, err := h.once(ctx, event)
	if took := time.Since(arrived); err == nil && (took >= wire.DeliveryTimeout || r.Context().Err() != nil) {
		err = fmt.Errorf("handled only after %v, when the service no longer waited", took)
	}
	switch {
	case err != nil:
		h.opts.Logger.ErrorContext(ctx, "webhook event not handled", "event", event.Type,
			"timestamp", event.Timestamp, "fingerprint", event.Fingerprint(), "error", err)
		http.Error(w, "the receiver failed to handle the event", http.StatusInternalServerError)
	case repeat:
		fmt.Fprintln(w, "handled before")
	default:
		fmt.Fprintln(w, "ok")
	}
}

// receive reads and verifies a delivery.
func (h *handler) receive(w http.ResponseWriter, r *http.Request) (*Event, error) {
	if r.Body == nil { // as in a request that no server has read
		return Verify(r.Header, nil, h.opts)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBodyBytes))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, fmt.Errorf("webhook: %w: more than %d bytes", ErrTooLarge, tooLarge.Limit)
	}
	if err != nil {
		return nil, fmt.Errorf("webhook: %w: %w", ErrBody, err)
	}
	return Verify(r.Header, body, h.opts)
}

// refuse answers a delivery that does not verify.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status, level := http.StatusBadRequest, slog.LevelWarn
	switch {
	case errors.Is(err, ErrSignature), errors.Is(err, ErrTimestamp):
		status = http.StatusUnauthorized
	case errors.Is(err, ErrTooLarge):
		status = http.StatusRequestEntityTooLarge
	case errors.Is(err, ErrOptions):
		status, level = http.StatusInternalServerError, slog.LevelError
	}
	h.opts.Logger.Log(r.Context(), level, "webhook delivery refused", "status", status, "remote", r.RemoteAddr, "error", err)
	text := err.Error()
	if status == http.StatusInternalServerError {
		text = "the receiver is not set up" // the sender need not know the details
	}
	http.Error(w, text, status)
}

// once handles the event unless it was handled before.
func (h *handler) once(ctx context.Context, event *Event) (repeat bool, err error) {
	if h.opts.Seen == nil {
		return false, h.run(ctx, event)
	}
	fingerprint := event.Fingerprint()
	claimed, err := h.opts.Seen.Claim(ctx, fingerprint)
	if err != nil {
		return false, fmt.Errorf("Seen.Claim: %w", err)
	}
	if !claimed {
		return true, nil
	}
	settle := h.opts.Seen.Forget
	defer func() { // also if handle ends its goroutine
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
		defer cancel()
		if err := settle(ctx, fingerprint); err != nil {
			h.opts.Logger.ErrorContext(ctx, "webhook event not settled, its repeats may be handled late or twice",
				"event", event.Type, "fingerprint", fingerprint, "error", err)
		}
	}()
	if err := h.run(ctx, event); err != nil {
		return false, err
	}
	settle = h.opts.Seen.Done
	return false, nil
}

// run calls handle. It returns a panic as an error, so that the service gets an
// answer and the event does not count as handled.
func (h *handler) run(ctx context.Context, event *Event) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return h.handle(ctx, event)
}
