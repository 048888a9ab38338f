package outbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// A message is the content of an attempt.
type message struct {
	row     string // id of the row; empty for a test
	event   string
	body    []byte
	at      wire.Time // the time in the header
	attempt int
}

// Result is the result of an attempt.
type Result struct {
	Status   int    // of the reply; 0 if there was none
	text     string // the body of the reply, or what the log has in its place
	latency  time.Duration
	ended    time.Time // by the clock, without advances since the attempt began
	unsent   bool      // logged without an attempt
	filtered bool      // not sent because of a filter, which counts as success
}

// OK reports whether the receiver has accepted the event, or a filter has kept it
// back.
func (r Result) OK() bool { return r.filtered || 200 <= r.Status && r.Status < 300 }

// Attempt is an attempt to send something: a delivery, a test, a replay or a
// callback.
type Attempt struct {
	Time      time.Time // when it was sent
	WebhookID string    // empty for a batch's callback
	Delivery  string    // id of its row in the log; empty for tests and callbacks
	Event     string    // as in the header; empty for a callback
	Number    int       // 1 for the first delivery of an event, 2 for its first retry; 0 for tests, replays, bulk retries and callbacks
	URL       string
	Header    http.Header // as sent, without Host and Content-Length
	Body      []byte

	Status      int // of the reply; 0 if there was none
	ReplyHeader http.Header
	Reply       []byte        // the part of its body that was read
	Latency     time.Duration // in real time
	Err         string        // why there was no reply
}

// Attempts returns a copy of all attempts, in the order of sending.
func (o *Outbox) Attempts() []Attempt {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := make([]Attempt, len(o.attempts))
	for i, a := range o.attempts {
		all[i] = a.clone()
	}
	return all
}

// clone returns a copy that shares nothing with the attempt.
func (a *Attempt) clone() Attempt {
	c := *a
	c.Header, c.ReplyHeader = a.Header.Clone(), a.ReplyHeader.Clone()
	c.Body, c.Reply = bytes.Clone(a.Body), bytes.Clone(a.Reply)
	return c
}

// WaitAttempts waits until match returns true for at least n attempts, and returns
// all of these, in the order of sending. It calls match for each attempt whenever one
// begins or ends. match must not change the attempt. If ctx ends first, WaitAttempts
// returns its error.
func (o *Outbox) WaitAttempts(ctx context.Context, n int, match func(Attempt) bool) ([]Attempt, error) {
	for {
		o.mu.Lock()
		if o.noted == nil {
			o.noted = make(chan struct{})
		}
		noted := o.noted
		attempts := make([]Attempt, len(o.attempts))
		for i, a := range o.attempts {
			attempts[i] = *a
		}
		o.mu.Unlock()
		attempts = slices.DeleteFunc(attempts, func(a Attempt) bool { return !match(a) })
		if len(attempts) >= n || ctx.Err() != nil {
			for i := range attempts {
				attempts[i] = attempts[i].clone()
			}
			return attempts, ctx.Err()
		}
		select {
		case <-noted:
		case <-ctx.Done():
		}
	}
}

// attemptsChanged wakes those who wait for a change of the attempts. Call it with
// o.mu held.
func (o *Outbox) attemptsChanged() {
	if o.noted != nil {
		close(o.noted)
		o.noted = nil
	}
}

// DeliverTo makes a handler receive all deliveries, whatever their URL. If handler
// is nil, they go over the network again.
func (o *Outbox) DeliverTo(handler http.Handler) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.handler = handler
}

// send makes an attempt to deliver a message to a webhook. The attempt ends early if
// ctx ends or the Outbox is closed.
func (o *Outbox) send(ctx context.Context, h *hook, m message) Result {
	header := plainHeader()
	header.Set(wire.HeaderWebhookEvent, m.event)
	header.Set(wire.HeaderWebhookTimestamp, string(m.at))
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		return Result{text: errClosed.Error()}
	}
	o.running.Add(1)
	defer o.running.Done()
	header.Set(wire.HeaderWebhookSignature, wire.WebhookSignature(h.Secret, string(m.at), m.body))
	a := &Attempt{
		Time: o.config.Clock.Now(), WebhookID: h.ID, Delivery: m.row, Event: m.event, Number: m.attempt,
		URL: h.URL, Header: header, Body: m.body,
	}
	if !h.gone {
		o.note(a)
	}
	o.mu.Unlock()
	o.make(ctx, a)
	o.mu.Lock()
	defer o.mu.Unlock()
	ended := a.Time.Add(a.Latency)
	if a.Err != "" {
		return Result{text: "Connection failed or timed out", latency: a.Latency, ended: ended}
	}
	return Result{Status: a.Status, text: string(a.Reply), latency: a.Latency, ended: ended}
}

// Call makes one attempt to post an unsigned body to the URL of a batch's callback.
func (o *Outbox) Call(ctx context.Context, to string, body []byte) {
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		return
	}
	_, end := o.begin(ctx)
	defer end()
	a := &Attempt{Time: o.config.Clock.Now(), URL: to, Header: plainHeader(), Body: body}
	o.note(a)
	o.mu.Unlock()
	o.make(ctx, a)
}

// plainHeader returns the headers that all messages have.
func plainHeader() http.Header {
	return http.Header{"Content-Type": {wire.ContentTypeJSON}, "Accept": {"*/*"}, "User-Agent": {"node"}}
}

// note records an attempt.
func (o *Outbox) note(a *Attempt) {
	defer o.attemptsChanged()
	o.attempts = append(o.attempts, a)
	o.sent.Keep(len(a.URL)+len(a.Body)+2*maxReply, func() {
		o.attempts[0] = nil
		o.attempts = o.attempts[1:]
	})
}

// make makes an attempt and records its result.
func (o *Outbox) make(ctx context.Context, a *Attempt) {
	begun := time.Now()
	resp, reply, err := o.post(ctx, a.URL, a.Header, a.Body)
	o.mu.Lock()
	defer o.mu.Unlock()
	defer o.attemptsChanged()
	a.Latency = time.Since(begun)
	if err != nil {
		a.Err = err.Error()
		return
	}
	a.Status, a.ReplyHeader, a.Reply = resp.StatusCode, resp.Header, reply
}

// maxReply bounds the header of a reply, and the part of the body that is read. It is
// enough for every excerpt.
const maxReply = 4 * wire.MaxResponseExcerpt

var (
	errTimeout = fmt.Errorf("no reply within %v", wire.DeliveryTimeout)
	errClosed  = errors.New("the server is shutting down")
)

// post posts a JSON body to a URL and follows redirects, as the service does. It
// waits at most ten seconds for the header of the reply, and ten more for the body,
// and returns the beginning of the body. These are real seconds, since the receiver
// does not follow the server's clock.
func (o *Outbox) post(ctx context.Context, to string, header http.Header, body []byte) (*http.Response, []byte, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(o.ctx, func() { cancel(errClosed) })()
	release, err := o.config.Slots.take(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer release()
	timer := time.AfterFunc(wire.DeliveryTimeout, func() { cancel(errTimeout) })
	defer timer.Stop()

	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	maps.Copy(req.Header, header)
	client := http.Client{Transport: o.transport()}
	resp, err := client.Do(req)
	var failed *url.Error
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, nil, context.Cause(ctx)
	case errors.As(err, &failed):
		return nil, nil, failed.Err // without method and URL, which are known
	case err != nil:
		return nil, nil, err
	}
	defer resp.Body.Close()
	timer.Reset(wire.DeliveryTimeout)
	reply, _ := io.ReadAll(io.LimitReader(resp.Body, maxReply)) // a reply that is cut off counts as one
	return resp, reply, nil
}

func (o *Outbox) transport() http.RoundTripper {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.handler == nil {
		return o.config.Transport
	}
	return &toHandler{o.handler, o}
}

// toHandler is a transport that calls a handler. The handler runs in a goroutine of
// its own, which may go on after the attempt, like the handler of a real receiver.
type toHandler struct {
	handler http.Handler
	o       *Outbox
}

func (t *toHandler) RoundTrip(req *http.Request) (*http.Response, error) {
	r := req.Clone(req.Context())
	r.Host, r.RequestURI, r.RemoteAddr = req.URL.Host, req.URL.RequestURI(), "192.0.2.1:443"
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, 1
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	served := make(chan error, 1)
	t.o.running.Add(1) // the attempt keeps the counter above zero
	go func() {
		defer t.o.running.Done()
		err := errors.New("the handler ended its goroutine")
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("the handler panicked: %v", v)
			}
			served <- err
		}()
		t.handler.ServeHTTP(w, r)
		err = nil
	}()
	select {
	case err := <-served:
		if err != nil {
			return nil, err
		}
		resp := w.Result()
		resp.Request = req
		return resp, nil
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
}
