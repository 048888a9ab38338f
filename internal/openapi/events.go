package openapi

import (
	"fmt"
	"slices"

	"github.com/clawhq/clawhq-go/internal/js"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// events returns what is delivered for each event of the table, and for a test. Their
// data are in a template.
func events(templates js.Object) js.Object {
	headers, _ := templates.Get("deliveryHeaders")
	all := js.Object{}
	for _, event := range append(slices.Clone(wire.WebhookEvents), wire.EventTest) {
		given, ok := member(templates, "webhooks").Get(event)
		if !ok {
			panic("openapi: no template has the event " + event)
		}
		o := given.(js.Object)
		data, _ := o.Get("data")
		example, _ := o.Get("example")
		named := []string{event}
		if event == wire.EventTest {
			named = append(named, wire.WebhookEvents...)
		}
		body := object(
			"type", "object",
			"required", []any{"event", "data", "timestamp"},
			"properties", object(
				"event", object("type", "string", "enum", natives(named)),
				"data", append(object("type", "object"), data.(js.Object)...),
				"timestamp", object("type", "string", "format", "date-time", "description", "When the event happened, also in retries and replays."),
			),
		)
		op := object(
			"operationId", text(o, "operationId"),
			"tags", []any{"Webhooks"},
			"summary", text(o, "summary"),
			"description", delivered(text(o, "description")),
			"security", []any{},
			"parameters", headers,
			"requestBody", object("required", true, "content", object(wire.ContentTypeJSON, object(
				"schema", body,
				"examples", object("event", object("value", object("event", event, "data", example, "timestamp", "2026-11-24T17:21:35.245Z"))),
			))),
			"responses", object(
				"2XX", object("description", "Received."),
				"default", object("description", "Not received: the delivery is retried."),
			),
		)
		if slices.Contains(wire.WebhookEvents, event) && !slices.Contains(wire.LiveWebhookEvents, event) {
			op = append(op, js.Member{Name: LiveExtension, Value: object("description", "The service does not know this event.")})
		}
		all = append(all, js.Member{Name: event, Value: object("post", op)})
	}
	return all
}

// delivered returns the description of an event's delivery.
func delivered(description string) string {
	if description != "" {
		description += "\n\n"
	}
	return description + fmt.Sprintf("The receiver has %d seconds to answer. If the webhook has a transformation, that makes the body.", int(wire.DeliveryTimeout.Seconds()))
}
