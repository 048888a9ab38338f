package main

import (
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/dashboard"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// events are those that webhooks can subscribe to in the profile.
func (o options) events() []string {
	if o.profile == clawhqtest.Live {
		return wire.LiveWebhookEvents
	}
	return wire.WebhookEvents
}

// attempts returns what was sent to a webhook, for the dashboard's log.
func attempts(api *clawhqtest.Server, webhookID string) (list []dashboard.Attempt) {
	for _, d := range api.Deliveries() {
		if d.WebhookID != webhookID {
			continue
		}
		list = append(list, dashboard.Attempt{
			Time: d.Time, DeliveryID: d.ID, Event: string(d.Event), Number: d.Attempt, URL: d.URL, Header: d.Header, Body: string(d.Body),
			Status: d.Status, ReplyHeader: d.ReplyHeader, Reply: string(d.Reply), LatencyMS: d.Latency.Milliseconds(), Error: d.Err,
		})
	}
	return list
}
