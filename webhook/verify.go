package webhook

import (
	"bytes"
	"crypto/hmac"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// MaxBodyBytes is the size of the largest body that is accepted, 1 MiB. The
// bodies that the service makes have a few hundred bytes, those of
// transformations a few thousand.
const MaxBodyBytes = 1 << 20

// DefaultTolerance is the tolerance if [Options].Tolerance is zero.
const DefaultTolerance = 5 * time.Minute

// The errors of Verify, for use with errors.Is. The texts of the returned errors
// give details. They never contain a secret, a valid signature, or the body.
var (
	// ErrSignature reports that the header X-ClawHQ-Signature is missing, given
	// more than once, malformed, or not made with any of the secrets for this
	// timestamp and body. Handler answers 401.
	ErrSignature = errors.New("signature")

	// ErrTimestamp reports that the header X-ClawHQ-Timestamp is missing, given
	// more than once, not a time of RFC 3339, or differs from the present time
	// by more than the tolerance. Handler answers 401.
	ErrTimestamp = errors.New("timestamp")

	// ErrEvent reports that the header X-ClawHQ-Event is missing, given more
	// than once, or differs from the event in the signed body. Handler answers
	// 400.
	ErrEvent = errors.New("event")

	// ErrBody reports that the body is signed but empty or not JSON. Handler
	// answers 400.
	ErrBody = errors.New("body")

	// ErrTooLarge reports that the body has more than MaxBodyBytes. Handler
	// answers 413.
	ErrTooLarge = errors.New("body too large")

	// ErrOptions reports that the Options are not valid, for example because
	// Secrets is empty. Handler answers 500.
	ErrOptions = errors.New("options")
)

// Options configure Verify and Handler. Packages fmt, log and log/slog print them
// without the secrets, except in an unexported field of a struct, where they cannot
// call Format.
type Options struct {
	// Secrets are the secrets of the webhooks that deliver to this receiver, as
	// the service showed them when it created the webhooks: whsec_ and 48
	// hexadecimal digits. A delivery must be signed with one of them. With
	// several secrets, a webhook can be replaced by a new one without an
	// interruption (the service cannot change a webhook's secret). There must
	// be at least one; none may be empty or have white space around it.
	Secrets []string

	// Tolerance is by how much the timestamp of a delivery may differ from this
	// machine's clock, in the past and in the future. Each retry and replay has
	// a new timestamp, so Tolerance need not be longer than the pauses between
	// retries. Zero means DefaultTolerance; a negative value is an error.
	Tolerance time.Duration

	// Now returns the present time. Nil means time.Now.
	Now func() time.Time

	// Seen is the store of the events that were handled. Handler uses it to
	// drop repeated deliveries. Nil means that they are not dropped. Verify does
	// not use it.
	Seen Seen

	// Logger gets an entry for each delivery that Handler did not accept, with
	// the reason: a warning if the delivery was refused, an error if the
	// receiver failed. Nil means slog.Default(). Verify does not use it.
	Logger *slog.Logger
}

// Format prints o without the secrets, whatever the verb.
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

// Verify returns the event of a delivery. header is the header of the request,
// with names in any case, and body is its body, byte for byte as received. Verify
// returns an error unless the body was signed with one of the secrets at a time
// close to the present. The error matches one of [ErrSignature], [ErrTimestamp],
// [ErrEvent], [ErrBody], [ErrTooLarge] and [ErrOptions].
//
// Signatures are compared in constant time. The body is not parsed before its
// signature has been verified.
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
		return nil, fmt.Errorf("%w: made with none of the secrets for this timestamp and body%s", ErrSignature, hint(header, body))
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

// hint returns a probable reason why a signature is wrong, if the length of
// the body shows one.
func hint(header http.Header, body []byte) string {
	announced, err := strconv.Atoi(strings.Join(values(header, "Content-Length"), ","))
	switch {
	case len(body) == 0:
		return " (the body is empty: has a middleware read it?)"
	case err == nil && announced != len(body):
		return fmt.Sprintf(" (the body has %d bytes, the sender announced %d: has a middleware read or changed it?)", len(body), announced)
	}
	return ""
}

// values returns the values of a header, however its name is spelled: function
// runtimes hand out names in lower case.
func values(header http.Header, name string) (values []string) {
	for spelled, v := range header {
		if strings.EqualFold(spelled, name) {
			values = append(values, v...)
		}
	}
	return values
}

// only returns the value of a header that must occur exactly once. If a header
// occurred twice, two programs could use different values of it.
func only(header http.Header, name string, kind error) (string, error) {
	values := values(header, name)
	if len(values) == 1 && values[0] != "" {
		return values[0], nil
	}
	if len(values) > 1 {
		return "", fmt.Errorf("%w: the header %s is given %d times", kind, name, len(values))
	}
	return "", fmt.Errorf("%w: the header %s is missing or empty", kind, name)
}

// signed reports whether the signature was made with one of the secrets. It
// compares the texts of signatures, so that a signature has only one spelling,
// and it always tries all secrets, so that its duration does not reveal which
// one matched.
func signed(signature, timestamp string, body []byte, secrets []string) bool {
	ok := false
	for _, secret := range secrets {
		want := wire.WebhookSignature(secret, timestamp, body)
		ok = hmac.Equal([]byte(want), []byte(signature)) || ok
	}
	return ok
}

// parse returns the event of a verified delivery. name and sent are the event
// and the time in the header.
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

// plainBody decodes a body that is not the output of a transformation: an object
// with an event, its data and its time. The names of members must match exactly;
// encoding/json matches them so only when it decodes into a map.
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

// Sign sets the headers of a delivery as the service does: X-ClawHQ-Signature,
// X-ClawHQ-Event, X-ClawHQ-Timestamp and Content-Type. The timestamp has
// milliseconds, as that of the service has. Sign is meant for tests of a
// receiver:
//
//	body := `{"event":"api.request","data":{"agent":"support_bot"},"timestamp":"2026-11-24T17:41:06.118Z"}`
//	req := httptest.NewRequest("POST", "/", strings.NewReader(body))
//	webhook.Sign(req.Header, []byte(body), secret, webhook.EventAPIRequest, time.Now())
func Sign(header http.Header, body []byte, secret string, event EventType, at time.Time) {
	timestamp := string(wire.HandlerTime(at))
	header.Set("Content-Type", wire.ContentTypeJSON)
	header.Set(wire.HeaderWebhookEvent, string(event))
	header.Set(wire.HeaderWebhookTimestamp, timestamp)
	header.Set(wire.HeaderWebhookSignature, wire.WebhookSignature(secret, timestamp, body))
}
