package outbox

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/internal/clock"
	"github.com/clawhq/clawhq-go/internal/ledger"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// A hook is a webhook and its log.
type hook struct {
	wire.Webhook
	log  []*row // the oldest first
	gone bool   // deleted, or forgotten by Reset
}

// A delivery is an event for a webhook. Its data are in the form in which the
// database returns them, with the members of objects in another order.
type delivery struct {
	event   string
	payload []byte
}

// A row is an entry of the log: an attempt at a delivery, or the last of several.
type row struct {
	delivery
	wire.Delivery
	retry   *clock.Timer // for the retry; nil if there was none
	retried bool         // a later row has the retry
	item    *ledger.Item
}

func newSecret() string {
	var b [24]byte
	rand.Read(b[:])
	return wire.WebhookSecretStart + hex.EncodeToString(b[:])
}

// whole returns a copy of the webhook with all its details.
func (h *hook) whole() wire.Webhook {
	w := h.Webhook
	details := *h.WebhookDetails
	w.WebhookDetails = &details
	w.Events = slices.Clone(h.Events)
	return w
}

// drop ends the deliveries in progress to a webhook, and removes its log.
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

// dropOldest forgets the oldest row.
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

// excerpt returns the beginning of a reply, as long as the service stores it.
func excerpt(text string) string {
	units := 0
	for i, r := range text {
		if units += wire.UTF16Len(string(r)); units > wire.MaxResponseExcerpt {
			return text[:i]
		}
	}
	return text
}

// matches reports whether an event passes all filters of the webhook. Like the
// service, it ignores filters that are malformed.
func (h *hook) matches(body wire.WebhookBody) bool {
	var filters []struct {
		Field, Operator string
		Value           any
	}
	if json.Unmarshal(h.FilterConditions, &filters) != nil {
		return true
	}
	data := members(body.Data)
	for _, f := range filters {
		if f.Field == "" || f.Operator == "" {
			continue
		}
		got := text(data[strings.TrimPrefix(f.Field, "payload.")])
		if f.Field == "event_type" {
			got = body.Event
		}
		got, want := strings.ToLower(got), strings.ToLower(text(f.Value))
		holds := true
		switch f.Operator {
		case "equals":
			holds = got == want
		case "not_equals":
			holds = got != want
		case "contains":
			holds = strings.Contains(got, want)
		case "in":
			if list, ok := f.Value.([]any); ok {
				holds = slices.ContainsFunc(list, func(v any) bool { return strings.ToLower(text(v)) == got })
			}
		}
		if !holds {
			return false
		}
	}
	return true
}

var dataPlaceholder = regexp.MustCompile(`\{\{data\.(\w+)\}\}`)

// transformed returns the body of a delivery: the output of the webhook's
// transformation if that is JSON, else the event.
func (h *hook) transformed(body wire.WebhookBody) []byte {
	plain := encode(body)
	if h.Transformation == "" {
		return plain
	}
	data := members(body.Data)
	made := strings.NewReplacer("{{event.type}}", body.Event, "{{event.timestamp}}", string(body.Timestamp)).Replace(string(h.Transformation))
	made = dataPlaceholder.ReplaceAllStringFunc(made, func(placeholder string) string {
		v, ok := data[dataPlaceholder.FindStringSubmatch(placeholder)[1]]
		if ok && v == nil {
			return "null"
		}
		return text(v)
	})
	var compact bytes.Buffer
	if json.Compact(&compact, []byte(made)) != nil {
		return plain
	}
	return compact.Bytes()
}

func members(data json.RawMessage) (m map[string]any) {
	_ = json.Unmarshal(data, &m) // other than an object, it has none
	return m
}

// text returns the text of a value as JavaScript converts it, except that the text
// of null is empty.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []any:
		texts := make([]string, len(v))
		for i, element := range v {
			texts[i] = text(element)
		}
		return strings.Join(texts, ",")
	case map[string]any:
		return "[object Object]"
	}
	return fmt.Sprint(v)
}
