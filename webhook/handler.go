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
	// answerMargin is what of the service's 10 seconds is kept from handle, for
	// the way here, the answer and the way back.
	answerMargin = time.Second

	// settleTimeout bounds the note of how an event ended, which is made even
	// when the service has hung up.
	settleTimeout = 5 * time.Second
)

// Handler returns an http.Handler that receives deliveries and calls handle
// for each event of them.
//
// The answer is 200 if handle returned nil in time. It is 500 if handle failed
// or panicked, and if Options.Seen did, so that the service sends the event
// again: after 30 seconds, 5 minutes and 30 minutes by the product's page. A
// delivery that does not verify never reaches handle: 401 if its signature or
// its time is wrong, 400 if the body or the event's name is, 413 if it is
// larger than MaxBodyBytes, 405 for another method than POST. Why is logged
// (Options.Logger), and told to the service in so far as it can know.
//
// The context of handle ends 9 seconds after the delivery came, since the
// service waits 10, and when the service hangs up. If handle returns nil after
// that, the answer is 500 once the service no longer waits: it counts the
// delivery as failed and repeats it, and Options.Seen knows that repeat.
//
// With Options.Seen, an event is handled once, however often it is delivered:
// a repeat of one that was handled is answered 200 at once, a repeat of one
// that is being handled waits for how that ends, for as long as its own
// context lasts (then it is answered 500), and a repeat of one that failed is
// handled. Without it, handle has to cope with repeats itself.
//
// handle is called by as many goroutines as there are deliveries at a time.
// Events come in no order. A test is an event too; see [Event].Test.
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
		err = fmt.Errorf("handled, but after %v, when the service no longer waited", took)
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
		text = "the receiver is not set up" // how is none of the sender's business
	}
	http.Error(w, text, status)
}

// once handles the event, unless it is a repeat.
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

// run calls handle. A panic of it is an error, for the service is to be
// answered, and the event not to count as handled.
func (h *handler) run(ctx context.Context, event *Event) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return h.handle(ctx, event)
}
