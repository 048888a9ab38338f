package clawhq

import (
	"context"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// Health is what the service says of itself to a key.
type Health struct {
	Status string   // "ok"
	Plan   string   // the account's, like "pro"
	Agents []string // names of the deployed ones
}

// Health asks whether the service and the key work.
func (c *Client) Health(ctx context.Context, opts ...CallOption) (*Health, error) {
	body, _, err := fetch[wire.Health](ctx, c.core, to(wire.GetHealth), opts)
	if err != nil {
		return nil, err
	}
	return &Health{Status: body.Status, Plan: body.Plan, Agents: body.Agents}, nil
}
