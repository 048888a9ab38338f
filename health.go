package clawhq

import (
	"context"
	"math"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// Health is the state of the service and of the account. Components, Version and
// Uptime are documented, but the live service does not send them.
type Health struct {
	Status string   // "ok"
	Plan   string   // the account's plan, like "pro"
	Agents []string // names of the deployed agents

	Components map[string]string // the states of the service's parts by name, like "healthy"
	Version    string            // of the service
	Uptime     time.Duration     // since the service started
}

// Health checks that the service works and that the API key is valid.
//
// Endpoint: GET /v1/health
func (c *Client) Health(ctx context.Context, opts ...CallOption) (*Health, error) {
	body, _, err := fetch[wire.Health](ctx, c.core, to(wire.GetHealth), opts)
	if err != nil {
		return nil, err
	}
	health := &Health{Status: body.Status, Plan: body.Plan, Agents: body.Agents, Components: body.Components, Version: body.Version}
	if body.UptimeSeconds != nil {
		health.Uptime = seconds(*body.UptimeSeconds)
	}
	return health, nil
}

// seconds returns n seconds, which may have a fraction, and 0 for what is no length
// of time.
func seconds(n float64) time.Duration {
	if !(n >= 0 && n <= math.MaxInt64/float64(time.Second)) {
		return 0
	}
	return time.Duration(n * float64(time.Second))
}
