package outbox

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/internal/clock"
	"github.com/clawhq/clawhq-go/internal/js"
	"github.com/clawhq/clawhq-go/internal/ledger"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// A hook is a webhook and its log.
type hook struct {
	wire.Webhook
	log  []*row // oldest first
	gone bool   // deleted, or forgotten by Reset
}

// A delivery is an event for a webhook. The payload is in the form in which the
// database returns it, which orders the members of objects anew.
type delivery struct {
	event   string
	payload []byte
}

// A row is an entry of the log: one attempt at a delivery, or the latest of several.
type row struct {
	delivery
	wire.Delivery
	retry   *clock.Timer // of the retry; nil if there is none
	retried bool         // there is a later row for the retry
	item    *ledger.Item
}

func newSecret() string {
	var b [24]byte
	rand.Read(b[:])
	return wire.WebhookSecretStart + hex.EncodeToString(b[:])
}

// whole returns a copy of the webhook with its details.
func (h *hook) whole() wire.Webhook {
	w := h.Webhook
	details := *h.WebhookDetails
	w.WebhookDetails = &details
	w.Events = slices.Clone(h.Events)
	return w
}

// drop stops the retries to a webhook, and forgets the memory of its log.
func (o *Outbox) drop(h *hook) {
	h.gone = true
	for _, r := range h.log {
		o.logged.Forget(r.item)
		r.stop()
	}
}

// stop prevents the row's retry.
func (r *row) stop() {
	if r.retry != nil {
		r.retry.Stop()
	}
}

// dropOldest removes the oldest row.
func (h *hook) dropOldest() {
	h.log[0].stop()
	h.log = slices.Delete(h.log, 0, 1)
}

// add adds a row to the log.
func (o *Outbox) add(h *hook, id string, d delivery, got Result) *row {
	r := &row{delivery: d, Delivery: wire.Delivery{
		ID: id, EventType: d.event, CreatedAt: wire.DatabaseTime(o.config.Clock.Now().Truncate(time.Millisecond)),
	}}
	r.become(got)
	h.log = append(h.log, r)
	if len(h.log) > maxRows {
		o.logged.Forget(h.log[0].item)
		h.dropOldest()
	}
	r.item = o.logged.Keep(len(d.payload)+maxReply, h.dropOldest)
	return r
}

// find returns the delivery of a row.
func (h *hook) find(id string) (delivery, error) {
	for _, r := range h.log {
		if r.ID == id {
			return r.delivery, nil
		}
	}
	return delivery{}, ErrNoDelivery
}

// become records the result of an attempt in the row.
func (r *row) become(got Result) {
	r.StatusCode = nil
	if !got.unsent {
		r.StatusCode = &got.Status
	}
	r.ResponseBody = wire.Text(excerpt(got.text))
	r.LatencyMS = float64(got.latency.Milliseconds())
	r.Success = got.OK()
}

// triggered records the result of an attempt in the webhook.
func (h *hook) triggered(got Result, at wire.Time) {
	h.LastTriggeredAt = wire.DatabaseTime(at.Time())
	h.LastStatus = wire.WebhookFailed
	if got.OK() {
		h.LastStatus = wire.WebhookSucceeded
	}
	h.LastStatusCode = &got.Status
}

// excerpt returns the beginning of a reply that the service stores.
func excerpt(text string) string { return js.Prefix(text, wire.MaxResponseExcerpt) }

// errThrown is the error of a filter with which the service's JavaScript fails.
var errThrown = errors.New("a filter throws")

// matches reports whether an event passes all filters of the webhook. Like the
// service, it ignores a filter without a field or an operator, and passes an event if
// the operator is unknown. The error of a filter that throws is returned only if
// throws is set.
func (h *hook) matches(body wire.WebhookBody, throws bool) (bool, error) {
	parsed, _ := js.Parse(h.FilterConditions)
	filters, _ := parsed.([]any)
	data := members(body.Data)
	for _, f := range filters {
		switch holds, err := passes(f, body.Event, data); {
		case err != nil && throws:
			return false, err
		case !holds:
			return false, nil
		}
	}
	return true, nil
}

// passes reports whether an event passes a filter. If there is an error, the result
// is what the filter seems to mean.
func passes(f any, event string, data js.Object) (bool, error) {
	if f == nil {
		return true, errThrown
	}
	filter, _ := f.(js.Object)
	field, _ := filter.Get("field")
	operator, _ := filter.Get("operator")
	value, _ := filter.Get("value")
	if !js.Truthy(field) || !js.Truthy(operator) {
		return true, nil
	}
	name, isText := field.(string)
	if !isText {
		return true, errThrown
	}
	v, _ := data.Get(strings.TrimPrefix(name, "payload."))
	got := strings.ToLower(text(v))
	if name == "event_type" {
		got = strings.ToLower(event)
	}
	want := strings.ToLower(text(value))
	switch operator {
	case "equals":
		return got == want, nil
	case "not_equals":
		return got != want, nil
	case "contains":
		return strings.Contains(got, want), nil
	case "in":
		one := func(of string) bool { return wire.Trim(of) == got }
		if _, isText := value.(string); isText {
			return slices.ContainsFunc(strings.Split(want, ","), one), nil
		}
		list, isList := value.([]any)
		return isList && slices.ContainsFunc(list, func(v any) bool { return one(strings.ToLower(text(v))) }), errThrown
	}
	return true, nil
}

var dataPlaceholder = regexp.MustCompile(`\{\{data\.(\w+)\}\}`)

// transformed returns the body of a delivery. If the webhook has a transformation
// whose output is JSON, it is that output, parsed and encoded again; otherwise it is
// the event.
func (h *hook) transformed(body wire.WebhookBody) []byte {
	plain := encode(body)
	if h.Transformation == "" {
		return plain
	}
	data := members(body.Data)
	made := strings.NewReplacer("{{event.type}}", body.Event, "{{event.timestamp}}", string(body.Timestamp)).Replace(string(h.Transformation))
	made = dataPlaceholder.ReplaceAllStringFunc(made, func(placeholder string) string {
		v, given := data.Get(dataPlaceholder.FindStringSubmatch(placeholder)[1])
		if given && v == nil {
			return "null"
		}
		return text(v)
	})
	if v, ok := js.Parse([]byte(made)); ok {
		return js.Stringify(v)
	}
	return plain
}

func members(data json.RawMessage) js.Object {
	v, _ := js.Parse(data)
	o, _ := v.(js.Object) // other values have no members
	return o
}

// text returns a value as JavaScript converts it to a string, except that null
// becomes empty.
func text(v any) string {
	if v == nil {
		return ""
	}
	return js.String(v)
}
