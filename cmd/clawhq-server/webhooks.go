package main

import (
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/dashboard"
	"github.com/clawhq/clawhq-go/internal/server"
)

// events returns the events to which webhooks can subscribe in the profile.
func (o options) events() []string { return server.Profile(o.profile).WebhookEvents() }

// attempts returns the attempts to send something to a webhook, for the dashboard.
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
