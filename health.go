package clawhq

import (
	"context"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// Health is the state of the service and of the account.
type Health struct {
	Status string   // "ok"
	Plan   string   // the account's plan, like "pro"
	Agents []string // names of the deployed agents
}

// Health checks that the service works and that the API key is valid.
//
// Endpoint: GET /v1/health
func (c *Client) Health(ctx context.Context, opts ...CallOption) (*Health, error) {
	body, _, err := fetch[wire.Health](ctx, c.core, to(wire.GetHealth), opts)
	if err != nil {
		return nil, err
	}
	return &Health{Status: body.Status, Plan: body.Plan, Agents: body.Agents}, nil
}
