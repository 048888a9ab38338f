package clawhqtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/clawhq/clawhq-go/webhook"
)

// A Delivery is an attempt to deliver an event to a webhook, or to tell a
// batch's callback, as the server made it, and what came of it.
type Delivery struct {
	Time      time.Time         // when it was sent
	WebhookID string            // empty for a batch's callback
	ID        string            // of the row in the webhook's log; empty for tests and callbacks
	Event     webhook.EventType // as its header calls it; empty for a callback
	Attempt   int               // 1 for an event's first delivery, 2 for its first retry; 0 for tests, replays, bulk retries and callbacks
	URL       string
	Header    http.Header // signature, event and time
	Body      []byte

	Status      int // of the reply; 0 if there is none, or not yet
	ReplyHeader http.Header
	Reply       []byte // the beginning of its body
	Latency     time.Duration
	Err         string // why there is no reply
}

// Deliveries returns what the server has sent since the start or the last
// Reset, in the order of sending. An attempt is there before its receiver is
// called. The newest 10,000 are kept.
func (s *Server) Deliveries() []Delivery {
	attempts := s.service.Deliveries()
	deliveries := make([]Delivery, len(attempts))
	for i, a := range attempts {
		deliveries[i] = Delivery{
			Time: a.Time, WebhookID: a.WebhookID, ID: a.Delivery, Event: webhook.EventType(a.Event), Attempt: a.Number, URL: a.URL, Header: a.Header, Body: a.Body,
			Status: a.Status, ReplyHeader: a.ReplyHeader, Reply: a.Reply, Latency: a.Latency, Err: a.Err,
		}
	}
	return deliveries
}

// Emit sends an event to the webhooks that subscribed to it, as if it had
// happened, and returns when the first attempt at each has ended, ten seconds
// later at most; retries follow by themselves. data is a value of the types of
// package webhook, or any other that is a JSON object; Emit panics if it cannot
// be encoded. Of the events, the server itself makes api.request only, for each
// chat that succeeds, after which it does not wait.
func (s *Server) Emit(event webhook.EventType, data any) {
	text, err := json.Marshal(data)
	if err != nil {
		panic(fmt.Sprintf("clawhqtest: Emit: %v", err))
	}
	s.service.Emit(string(event), text)()
}

// DeliverTo makes a handler the receiver of all that the server sends to
// webhooks and callbacks, whatever their URL, without sockets: the receiver
// then can be tested inside a bubble of package testing/synctest. Each delivery
// calls it in a goroutine of its own, for which Close waits. A panic of it is a
// delivery without a reply. nil sends over the network again, as a new server
// does, and of private addresses reaches those of this machine only.
func (s *Server) DeliverTo(handler http.Handler) { s.service.DeliverTo(handler) }
