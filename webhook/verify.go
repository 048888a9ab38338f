package webhook

import (
	"bytes"
	"crypto/hmac"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// MaxBodyBytes is the largest body that is accepted, 1 MiB. The service's own
// are some hundred bytes, those of transformations some thousand.
const MaxBodyBytes = 1 << 20

// DefaultTolerance is what an [Options].Tolerance of zero means.
const DefaultTolerance = 5 * time.Minute

// The errors of Verify, to be matched with errors.Is. Their texts say more,
// and never hold a secret, a signature that would be valid, or the body.
var (
	// ErrSignature: the header X-ClawHQ-Signature is missing, given more than
	// once, malformed, or made with none of the secrets for this timestamp and
	// body. Handler answers 401.
	ErrSignature = errors.New("signature")
	// ErrTimestamp: the header X-ClawHQ-Timestamp is missing, given more than
	// once, not a time of RFC 3339, or farther from now than the tolerance, in
	// the past or in the future. Handler answers 401.
	ErrTimestamp = errors.New("timestamp")
	// ErrEvent: the header X-ClawHQ-Event is missing, given more than once, or
	// names another event than the signed body does. Handler answers 400.
	ErrEvent = errors.New("event")
	// ErrBody: the body is empty or not JSON, though signed. Handler answers 400.
	ErrBody = errors.New("body")
	// ErrTooLarge: the body has more than MaxBodyBytes. Handler answers 413.
	ErrTooLarge = errors.New("body too large")
	// ErrOptions: nothing could be verified with these Options. Handler answers
	// 500.
	ErrOptions = errors.New("options")
)

// Options say how deliveries are verified. Formatted and logged, they do not
// show the secrets.
type Options struct {
	// Secrets are the secrets of the webhooks that deliver here, as they were
	// shown on creation: whsec_ and 48 hexadecimal digits. A delivery has to be
	// signed with one of them, so that a webhook can be replaced by a new one
	// without a gap (the service cannot change a secret). At least one is
	// needed, and none may be empty or have white space around it.
	Secrets []string

	// Tolerance is how old a delivery may be, by the time that its header says
	// and this machine's clock, and how far in the future. Zero means
	// DefaultTolerance; a negative one is an error. Each retry and replay bears
	// a new time, so that this need not span the service's waits.
	Tolerance time.Duration

	// Now returns the present time. Nil means time.Now.
	Now func() time.Time

	// Seen lets Handler drop repeats of events that were handled. Nil means
	// that it does not. Verify does not use it.
	Seen Seen

	// Logger is where Handler tells of deliveries it did not accept, and why:
	// refused ones as warnings, failures of the receiver's own as errors. Nil
	// means slog.Default(), for an endpoint that refuses in silence is hard to
	// set right. Verify does not use it.
	Logger *slog.Logger
}

// Format prints o without the secrets, for all verbs.
func (o Options) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "webhook.Options{Secrets: %d, Tolerance: %v}", len(o.Secrets), o.tolerance())
}

func (o Options) tolerance() time.Duration {
	if o.Tolerance == 0 {
		return DefaultTolerance
	}
	return o.Tolerance
}

func (o Options) now() time.Time {
	if o.Now == nil {
		return time.Now()
	}
	return o.Now()
}

func (o Options) check() error {
	if len(o.Secrets) == 0 {
		return fmt.Errorf("%w: Secrets is empty: without the webhook's secret nothing can be verified", ErrOptions)
	}
	for i, s := range o.Secrets {
		if s == "" || strings.TrimSpace(s) != s {
			return fmt.Errorf("%w: Secrets[%d] is empty or has white space around it", ErrOptions, i)
		}
	}
	if o.Tolerance < 0 {
		return fmt.Errorf("%w: Tolerance %v is negative", ErrOptions, o.Tolerance)
	}
	return nil
}

// Verify returns the event of a delivery, given the request's header and its
// body, byte for byte as it came. It fails unless the service, or someone else
// who knows one of the secrets, signed this body at a time close to now. The
// errors are those of this package: [ErrSignature], [ErrTimestamp],
// [ErrEvent], [ErrBody], [ErrTooLarge] and [ErrOptions].
//
// Signatures are compared in constant time. Nothing of the body is looked at
// before its signature is found to be good.
func Verify(header http.Header, body []byte, opts Options) (*Event, error) {
	event, err := verify(header, body, opts)
	if err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	return event, nil
}

func verify(header http.Header, body []byte, opts Options) (*Event, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	if len(body) > MaxBodyBytes {
		return nil, fmt.Errorf("%w: %d bytes, and at most %d are accepted", ErrTooLarge, len(body), MaxBodyBytes)
	}
	signature, err := only(header, wire.HeaderWebhookSignature, ErrSignature)
	if err != nil {
		return nil, err
	}
	timestamp, err := only(header, wire.HeaderWebhookTimestamp, ErrTimestamp)
	if err != nil {
		return nil, err
	}
	if !signed(signature, timestamp, body, opts.Secrets) {
		return nil, fmt.Errorf("%w: made with none of the secrets for this timestamp and body", ErrSignature)
	}
	at, err := time.Parse(time.RFC3339, timestamp)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTimestamp, err)
	}
	switch age, tolerance := opts.now().Sub(at), opts.tolerance(); {
	case age > tolerance:
		return nil, fmt.Errorf("%w: %v old, and at most %v are accepted", ErrTimestamp, age, tolerance)
	case age < -tolerance:
		return nil, fmt.Errorf("%w: %v in the future, and at most %v are accepted; is this machine's clock right?", ErrTimestamp, -age, tolerance)
	}
	name, err := only(header, wire.HeaderWebhookEvent, ErrEvent)
	if err != nil {
		return nil, err
	}
	return parse(EventType(name), at.UTC(), body)
}

// only returns the value of a header that must be there once. A header given
// twice is refused: which of the two counts would depend on who reads it.
func only(header http.Header, name string, kind error) (string, error) {
	values := header.Values(name)
	if len(values) == 1 && values[0] != "" {
		return values[0], nil
	}
	if len(values) > 1 {
		return "", fmt.Errorf("%w: the header %s is given %d times", kind, name, len(values))
	}
	return "", fmt.Errorf("%w: the header %s is missing or empty", kind, name)
}

// signed reports whether the signature was made with one of the secrets. It
// compares texts, so that no other spelling of a signature passes, and tries
// all secrets, so that its time does not tell which one it was.
func signed(signature, timestamp string, body []byte, secrets []string) bool {
	ok := false
	for _, secret := range secrets {
		want := wire.WebhookSignature(secret, timestamp, body)
		ok = hmac.Equal([]byte(want), []byte(signature)) || ok
	}
	return ok
}

// parse returns the event of a verified delivery. name is what the header
// calls it, sent is the header's time.
func parse(name EventType, sent time.Time, body []byte) (*Event, error) {
	if len(body) == 0 {
		return nil, fmt.Errorf("%w: empty", ErrBody)
	}
	if !json.Valid(body) {
		return nil, fmt.Errorf("%w: not JSON", ErrBody)
	}
	event := &Event{Type: name, Test: name == EventTest, DeliveredAt: sent}
	plain, at, ok := plainBody(body)
	if !ok {
		event.Transformed = true
		event.Timestamp = sent
		event.Data = bytes.Clone(body)
		return event, nil
	}
	event.Timestamp = at
	event.Data = plain.Data
	switch {
	case event.Test:
		event.Sample = EventType(plain.Event)
	case plain.Event != string(name):
		return nil, fmt.Errorf("%w: the header says %q, the signed body %q", ErrEvent, name, plain.Event)
	}
	return event, nil
}

// plainBody decodes a body that no transformation made: an object with an
// event, its data and its time. Members are matched by their exact names,
// which encoding/json does for maps only.
func plainBody(body []byte) (plain wire.WebhookBody, at time.Time, ok bool) {
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil || members["data"] == nil ||
		json.Unmarshal(members["event"], &plain.Event) != nil || plain.Event == "" ||
		json.Unmarshal(members["timestamp"], &plain.Timestamp) != nil {
		return plain, at, false
	}
	plain.Data = members["data"]
	at, err := time.Parse(time.RFC3339, string(plain.Timestamp))
	return plain, at.UTC(), err == nil
}

// Sign makes a delivery of body, as the service would: it sets the headers
// X-ClawHQ-Signature, X-ClawHQ-Event, X-ClawHQ-Timestamp and Content-Type. It
// is meant for tests of a receiver:
//
//	body := `{"event":"api.request","data":{"agent":"support_bot"},"timestamp":"2026-11-24T17:41:06.118Z"}`
//	req := httptest.NewRequest("POST", "/", strings.NewReader(body))
//	webhook.Sign(req.Header, []byte(body), secret, webhook.EventAPIRequest, time.Now())
//
// The header's time has milliseconds, as the service's has.
func Sign(header http.Header, body []byte, secret string, event EventType, at time.Time) {
	timestamp := string(wire.HandlerTime(at))
	header.Set("Content-Type", wire.ContentTypeJSON)
	header.Set(wire.HeaderWebhookEvent, string(event))
	header.Set(wire.HeaderWebhookTimestamp, timestamp)
	header.Set(wire.HeaderWebhookSignature, wire.WebhookSignature(secret, timestamp, body))
}
