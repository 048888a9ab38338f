package clawhq_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
)

func TestHealthRequests(t *testing.T) {
	t.Parallel()
	wantRequests(t, []requestCase{
		{"GET", "/v1/health", "", func(ctx context.Context, c *clawhq.Client) error { _, err := c.Health(ctx); return err }},
	})
}

// A valid key gets the plan and the agents' names; a revoked one is told so.
func TestHealth(t *testing.T) {
	t.Parallel()
	testkit.EachProfile(t, func(t *testing.T, s *clawhqtest.Server, client *clawhq.Client) {
		health, err := client.Health(t.Context())
		if err != nil || health.Status != "ok" || health.Plan == "" || !slices.Contains(health.Agents, "greeter") {
			t.Errorf("got %+v, %v", health, err)
		}
		s.RevokeKey(s.KeyID())
		if _, err := client.Health(t.Context()); !errors.Is(err, clawhq.CodeRevokedAPIKey) {
			t.Errorf("with a revoked key: %v", err)
		}
	}, clawhqtest.WithAgent("greeter", clawhqtest.Reply("Hello.")))
}
