package clawhq_test

import (
	"context"
	"testing"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/google/go-cmp/cmp"
)

func TestModelRequests(t *testing.T) {
	t.Parallel()
	wantRequests(t, []requestCase{
		{"GET", "/v1/models", "", func(ctx context.Context, c *clawhq.Client) error { _, err := c.Models.List(ctx); return err }},
	})
}

// All models are listed, in the order of the service.
func TestModels(t *testing.T) {
	t.Parallel()
	testkit.EachProfile(t, func(t *testing.T, s *clawhqtest.Server, client *clawhq.Client) {
		want := []clawhq.Model{{ID: "z", Name: "Last", Description: "the largest", ContextWindow: 200_000}, {ID: "a", Name: "First", ContextWindow: 8_000}}
		s.SetModels(want...)
		got, err := client.Models.List(t.Context())
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	})
}
