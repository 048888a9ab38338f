package clawhqtest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/clawhq/clawhq-go/internal/outbox"
	"github.com/clawhq/clawhq-go/webhook"
)

// A Delivery is an attempt to deliver an event to a webhook or to the callback of
// a batch, and its reply.
type Delivery struct {
	Time      time.Time         // when it was sent
	WebhookID string            // empty for the callback of a batch
	ID        string            // the id of the entry in the webhook's log; empty for tests and callbacks
	Event     webhook.EventType // the event in the header; empty for callbacks
	Attempt   int               // 1 for the first attempt, 2 for the first retry; 0 for tests, replays, bulk retries and callbacks
	URL       string
	Header    http.Header // as sent, without Host and Content-Length
	Body      []byte

	Status      int // status of the reply; 0 if there is none yet, or none at all
	ReplyHeader http.Header
	Reply       []byte // the beginning of the reply's body
	Latency     time.Duration
	Err         string // why there is no reply
}

// Deliveries returns all deliveries since the start or the last Reset, in the
// order of sending. It has a delivery before its receiver is called. Only the
// newest 10,000 are stored.
func (s *Server) Deliveries() []Delivery { return fromAttempts(s.service.Deliveries()) }

// WaitDeliveries waits until there are at least n deliveries for which match returns
// true, and returns all of these, in the order of sending. It calls match for each
// delivery whenever one is sent or answered. match must not change the delivery. If ctx
// ends first, WaitDeliveries returns its error.
func (s *Server) WaitDeliveries(ctx context.Context, n int, match func(Delivery) bool) ([]Delivery, error) {
	attempts, err := s.service.WaitDeliveries(ctx, n, func(a outbox.Attempt) bool { return match(fromAttempt(a)) })
	return fromAttempts(attempts), err
}

func fromAttempts(attempts []outbox.Attempt) []Delivery {
	deliveries := make([]Delivery, len(attempts))
	for i, a := range attempts {
		deliveries[i] = fromAttempt(a)
	}
	return deliveries
}

func fromAttempt(a outbox.Attempt) Delivery {
	return Delivery{
		Time: a.Time, WebhookID: a.WebhookID, ID: a.Delivery, Event: webhook.EventType(a.Event), Attempt: a.Number, URL: a.URL, Header: a.Header, Body: a.Body,
		Status: a.Status, ReplyHeader: a.ReplyHeader, Reply: a.Reply, Latency: a.Latency, Err: a.Err,
	}
}

// Emit delivers an event to the webhooks that have subscribed to it, as if it had
// happened. It returns when the first attempt for each webhook has ended: a receiver
// has ten seconds for the header of its reply and ten more for the body. Retries are
// sent in the background. data is the event's data: a value of a type of package
// webhook, or any value that is encoded as a JSON object. Emit panics if data cannot
// be encoded. The server itself makes only api.request events, one for each
// successful chat.
//
// Each event has a millisecond of its own, so that receivers can tell any two apart:
// of several events at one instant, each is a millisecond later than the one before.
func (s *Server) Emit(event webhook.EventType, data any) {
	text, err := json.Marshal(data)
	if err != nil {
		panic(fmt.Sprintf("clawhqtest: Emit: %v", err))
	}
	s.service.Emit(string(event), text)()
}

// PendingDeliveries returns how many deliveries to webhooks, and callbacks of batches,
// are under way. Retries that are not due yet do not count.
func (s *Server) PendingDeliveries() int { return s.service.PendingDeliveries() }

// NextRetry returns when the next retry of a delivery to a webhook is due by the
// server's time; the zero time if none waits. To let it happen:
//
//	s.AdvanceClock(s.NextRetry().Sub(s.Now()))
func (s *Server) NextRetry() time.Time { return s.service.NextRetry() }

// DeliverTo makes the server send all deliveries to handler, whatever their URL and
// without sockets, so that a receiver can be tested inside a bubble of package
// testing/synctest. The server calls handler in a goroutine for each delivery, and
// Close waits for these goroutines. If handler panics, the delivery has no reply. If
// handler is nil, deliveries go over the network again, as on a new server; of
// private addresses, only loopback addresses are then reached.
func (s *Server) DeliverTo(handler http.Handler) { s.service.DeliverTo(handler) }
