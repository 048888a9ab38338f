package server

import (
	"net/http"
	"time"

	"github.com/clawhq/clawhq-go/internal/outbox"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// documentedRetries are the waits before the retries of a delivery that the
// product's page promises, after which it is final.
var documentedRetries = []time.Duration{30 * time.Second, 5 * time.Minute, 30 * time.Minute}

// liveRetry is the wait before all retries of the live service but the first,
// which has the webhook's own interval. They never end: it counts none of
// them.
const liveRetry = 2 * time.Minute

// deliveries returns how webhooks are delivered.
func (p Profile) deliveries() outbox.Policy {
	if p == Live {
		return outbox.Policy{Throwing: true, Retry: func(n int, interval time.Duration) (time.Duration, bool) {
			if n == 1 {
				return interval, true
			}
			return liveRetry, true
		}}
	}
	return outbox.Policy{
		Retry: func(n int, _ time.Duration) (time.Duration, bool) {
			if n > len(documentedRetries) {
				return 0, false
			}
			return documentedRetries[n-1], true
		},
		LogRetries: true,
		Pausing:    true,
	}
}

// events returns what a webhook can subscribe to.
func (p Profile) events() []string {
	if p == Live {
		return wire.LiveWebhookEvents
	}
	return wire.WebhookEvents
}

// requestData returns the data of an api.request event; by the pages, their
// fields too.
func (p Profile) requestData(c *call, a *agent) map[string]any {
	took := c.s.clock.Since(c.entry.Time).Milliseconds()
	data := map[string]any{"agent": p.slug(a.slug, a.name), "response_time_ms": took}
	if p != Live {
		data["method"], data["path"] = c.route.Method, c.route.Path
		data["api_key_name"], data["status_code"], data["latency_ms"] = c.key.name, http.StatusOK, took
	}
	return data
}
