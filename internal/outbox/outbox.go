// Package outbox delivers events to the webhooks of an account, as the live service
// does or as the product page documents: with signatures, timeouts, retries, filters,
// transformations, a log and statistics. It stops webhooks that keep failing. The
// HTTP endpoints that manage webhooks are in package server.
//
//	o := outbox.New(outbox.Config{Policy: policy})
//	defer o.Close()
//	created, err := o.Create(wire.Webhook{URL: url, Events: []string{"agent.deployed"}})
//	wait := o.Emit(ctx, "agent.deployed", data)
//	wait() // until the first attempts have ended
//
// Each enabled webhook that has subscribed to an event gets a delivery of it. The
// first attempt is made at once. Its result is a row of the webhook's log, and a
// failed delivery may be retried later. All timers and goroutines belong to the
// Outbox, and Close ends them.
package outbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/clawhq/clawhq-go/internal/clock"
	"github.com/clawhq/clawhq-go/internal/ledger"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// A Policy has the differences between the live service and the documentation.
type Policy struct {
	// Retry returns whether a delivery is retried after its n-th attempt has failed,
	// and how long after. interval is that of the webhook.
	Retry func(n int, interval time.Duration) (wait time.Duration, again bool)

	// LogRetries gives each retry a row of its own in the log. Otherwise a retry
	// changes the row of the first attempt.
	LogRetries bool

	// Throwing lets a filter that fails keep the event from its webhook and from all
	// later webhooks, without a row in the log. Otherwise such a filter is ignored.
	Throwing bool

	// Pausing pauses a webhook after ten failures in a row, until it is resumed and a
	// test succeeds. Otherwise the event after the tenth failure disables the
	// webhook, and enabling it does not reset the count.
	Pausing bool
}

// Config configures an Outbox.
type Config struct {
	Policy    Policy
	Strict    bool              // forbid loopback URLs, like other private ones
	MaxBytes  int               // memory of attempts and logs; the oldest are dropped first; 0 means no limit
	Pool      *ledger.Pool      // lends the memory beyond OwnBytes; nil means that all is the Outbox's own
	OwnBytes  int               // the part of MaxBytes that is not borrowed
	Transport http.RoundTripper // sends attempts; nil means over the network, with a new connection for each
	Slots     *Slots            // bounds the attempts at a time; nil means no limit
	Clock     *clock.Clock      // times retries and dates logs, while receivers are given real seconds; nil means a new one
}

// MaxFailures is the number of failed first attempts in a row after which a webhook
// is stopped.
const MaxFailures = 10

// Bounds on the rows of one webhook's log, and on the attempts of all webhooks.
const (
	maxRows     = 1000
	maxAttempts = 10_000
)

// Errors of the methods of Outbox.
var (
	ErrFull       = errors.New("too many webhooks")
	ErrNotFound   = errors.New("no such webhook")
	ErrNoDelivery = errors.New("no such delivery")
	ErrPrivate    = errors.New("the webhook's URL is private")
)

// An Outbox has the webhooks of an account and their deliveries. Its methods are safe
// for concurrent use.
type Outbox struct {
	config Config

	running sync.WaitGroup // the attempts under way
	ctx     context.Context
	cancel  context.CancelFunc

	mu       sync.Mutex // guards the fields below and everything that they refer to
	closed   bool
	begun    uint64          // number of deliveries, including ended ones
	ended    uint64          // number of deliveries that have ended
	underWay map[uint64]bool // by number, until the next retry is scheduled; true if an advance of the clock made them due
	waits    int             // number of Waits that have not ended
	changed  chan struct{}   // closed when underWay or waits changes; nil if nobody waits for that
	hooks    []*hook         // in the order of creation
	handler  http.Handler
	stamped  time.Time // the latest time that an event or a test has
	attempts []*Attempt
	noted    chan struct{}  // closed when attempts change; nil if nobody waits for that
	sent     *ledger.Ledger // memory of attempts
	logged   *ledger.Ledger // memory of the webhooks' logs
}

// New returns an Outbox without webhooks.
func New(config Config) *Outbox {
	if config.Transport == nil {
		config.Transport = &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: maxReply}
	}
	if config.Clock == nil {
		config.Clock = clock.New()
	}
	o := &Outbox{config: config, underWay: map[uint64]bool{}}
	o.count()
	o.ctx, o.cancel = context.WithCancel(context.Background())
	return o
}

// Close cancels all retries, ends the attempts in progress, and waits until they have
// ended. Later events are not delivered.
func (o *Outbox) Close() {
	o.mu.Lock()
	o.closed = true
	o.forget()
	o.mu.Unlock()
	o.cancel()
	o.running.Wait()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent.Close()
	o.logged.Close()
}

// Reset removes all webhooks and attempts. Attempts in progress go on, but are not
// recorded.
func (o *Outbox) Reset() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.forget()
	o.attempts = nil
	o.count()
}

// count begins new ledgers for what is stored.
func (o *Outbox) count() {
	if o.sent != nil {
		o.sent.Close()
		o.logged.Close()
	}
	o.sent = ledger.New(maxAttempts, o.config.MaxBytes/2)
	o.logged = ledger.New(0, o.config.MaxBytes/2)
	if o.config.Pool != nil && !o.closed {
		o.sent.Share(o.config.Pool, o.config.OwnBytes/2)
		o.logged.Share(o.config.Pool, o.config.OwnBytes/2)
	}
}

func (o *Outbox) forget() {
	for _, h := range o.hooks {
		o.drop(h)
	}
	o.hooks = nil
}

// Allowed reports whether events may be sent to a URL.
func (o *Outbox) Allowed(url string) bool {
	return wire.PublicURL(url) || !o.config.Strict && wire.LoopbackURL(url)
}

// Subscribed reports whether any webhook has subscribed to an event.
func (o *Outbox) Subscribed(event string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.ContainsFunc(o.hooks, func(h *hook) bool { return slices.Contains(h.Events, event) })
}

// Emit sends an event to the webhooks that have subscribed to it. An advance of the
// clock that waits for the work of ctx also waits for these deliveries. The returned
// function waits until the first attempts have ended.
func (o *Outbox) Emit(ctx context.Context, event string, data json.RawMessage) (wait func()) {
	var sent sync.WaitGroup
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return sent.Wait
	}
	body := wire.WebhookBody{Event: event, Data: data, Timestamp: o.stamp()}
	payload := wire.JSONB(encode(body))
	for _, h := range o.hooks {
		if !h.Enabled || !slices.Contains(h.Events, event) || !o.Allowed(h.URL) {
			continue
		}
		if h.FailureCount >= MaxFailures && !o.config.Policy.Pausing {
			h.Enabled = false
			continue
		}
		d := delivery{event, payload}
		matches, err := h.matches(body, o.config.Policy.Throwing)
		if err != nil && h.PausedAt == "" {
			break // later webhooks get nothing either
		}
		switch {
		case h.PausedAt != "":
			o.add(h, uuid.NewString(), d, Result{text: "Delivery paused", unsent: true})
		case !matches:
			o.add(h, uuid.NewString(), d, Result{text: "Filtered — conditions not met", unsent: true, filtered: true})
		default:
			text := h.transformed(body)
			ctx, end := o.begin(ctx)
			sent.Add(1)
			go func() {
				defer end()
				o.first(ctx, h, d, text, body.Timestamp, sent.Done)
			}()
		}
	}
	return sent.Wait
}

// stamp returns the time of an event that happens now. Each event has a millisecond
// of its own, also in virtual time, since receivers tell events apart by type, data
// and time. If several happen at once, each is a millisecond later than the one
// before. Call it with o.mu held.
func (o *Outbox) stamp() wire.Time {
	now := o.config.Clock.Now().Truncate(time.Millisecond)
	if !now.After(o.stamped) {
		now = o.stamped.Add(time.Millisecond)
	}
	o.stamped = now
	return wire.HandlerTime(now)
}

// first makes the first attempt at a delivery, calls attempted, and makes the retries
// that are due at once.
func (o *Outbox) first(ctx context.Context, h *hook, d delivery, body []byte, at wire.Time, attempted func()) {
	id := uuid.NewString()
	r := o.send(ctx, h, message{row: id, event: d.event, body: body, at: at, attempt: 1})
	attempted()
	if row := o.record(h, id, d, r, at); row != nil {
		o.retries(ctx, h, row, 1, r.ended)
	}
}

// record records the result of a first attempt. It returns the row if the delivery
// failed.
func (o *Outbox) record(h *hook, id string, d delivery, r Result, at wire.Time) *row {
	o.mu.Lock()
	defer o.mu.Unlock()
	if h.gone {
		return nil
	}
	row := o.add(h, id, d, r)
	h.triggered(r, at)
	if r.OK() {
		h.FailureCount = 0
		return nil
	}
	h.FailureCount++
	if o.config.Policy.Pausing && h.FailureCount >= MaxFailures && h.PausedAt == "" {
		h.PausedAt = wire.DatabaseTime(o.config.Clock.Now())
	}
	return row
}

// retries makes the retries of a row that are due already, and schedules the next
// one. ended is when the n-th attempt ended; the clock may have been advanced since.
func (o *Outbox) retries(ctx context.Context, h *hook, r *row, n int, ended time.Time) {
	for r != nil && !o.schedule(h, r, n, ended) {
		n++
		r, ended = o.retry(ctx, h, r, n)
	}
}

// schedule schedules the retry of a row after its n-th attempt. It returns false if
// the retry is due already.
func (o *Outbox) schedule(h *hook, r *row, n int, ended time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	interval := time.Duration(h.RetryIntervalSeconds) * time.Second
	wait, again := o.config.Policy.Retry(n, interval)
	if !again || o.closed || h.gone {
		return true
	}
	wait -= o.config.Clock.Since(ended)
	if wait <= 0 {
		return false
	}
	r.retry = o.config.Clock.AfterFunc(wait, func() { o.fallDue(h, r, n+1) })
	return true
}

// fallDue starts the n-th attempt at a delivery.
func (o *Outbox) fallDue(h *hook, r *row, n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	due, ended := o.config.Clock.Begin(o.ctx)
	o.config.Clock.Wake(due)
	ctx, end := o.begin(due)
	ended()
	go func() {
		defer end()
		if r, ended := o.retry(ctx, h, r, n); r != nil {
			o.retries(ctx, h, r, n, ended)
		}
	}()
}

// retry makes the n-th attempt at a delivery. It returns the row if a further retry
// is possible, and when the attempt ended.
func (o *Outbox) retry(ctx context.Context, h *hook, r *row, n int) (*row, time.Time) {
	o.mu.Lock()
	paused := o.config.Policy.Pausing && h.PausedAt != ""
	if o.closed || h.gone || !h.Enabled || paused || r.Success || !o.Allowed(h.URL) {
		o.mu.Unlock()
		return nil, time.Time{}
	}
	o.mu.Unlock()

	id := r.ID
	if o.config.Policy.LogRetries {
		id = uuid.NewString()
	}
	got := o.send(ctx, h, message{row: id, event: r.event, body: r.payload, at: wire.HandlerTime(o.config.Clock.Now()), attempt: n})
	o.mu.Lock()
	defer o.mu.Unlock()
	if h.gone {
		return nil, time.Time{}
	}
	if o.config.Policy.LogRetries {
		r.retried = true
		r = o.add(h, id, r.delivery, got)
		r.RetryCount = n - 1
	} else {
		r.become(got)
		r.RetryCount = 1 // the live service counts no further
	}
	h.triggered(got, h.LastTriggeredAt)
	if got.OK() {
		h.FailureCount = 0
		return nil, time.Time{}
	}
	return r, got.ended
}

// encode encodes a body as the service does, without escapes for HTML.
func encode(body wire.WebhookBody) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.Encode(body) // cannot fail: the data are JSON
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
