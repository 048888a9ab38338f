package clawhq_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/google/go-cmp/cmp"
)

// Agents are listed, read and undeployed.
func TestAgents(t *testing.T) {
	t.Parallel()
	testkit.EachProfile(t, func(t *testing.T, _ *clawhqtest.Server, client *clawhq.Client) {
		ctx := t.Context()
		for _, agent := range collect(t, client.Agents.All(ctx, clawhq.ListOptions{Limit: 1})) {
			got, err := client.Agents.Get(ctx, agent.ID)
			if err != nil {
				t.Fatal(err)
			}
			got.Slug = agent.Slug // the live service sends the slug only in lists
			if diff := cmp.Diff(&agent, got); diff != "" {
				t.Errorf("(-listed +got):\n%s", diff)
			}
			if agent.Slug != "greeter" {
				continue
			}
			if err := client.Agents.Undeploy(ctx, agent.ID); err != nil {
				t.Fatal(err)
			}
			var missing *clawhq.NotFoundError
			if _, err := client.Chat(ctx, clawhq.ChatRequest{Message: "hi", Agent: "greeter"}); !errors.As(err, &missing) {
				t.Errorf("a chat with it: %v", err)
			}
			var invalid *clawhq.InvalidRequestError
			if err := client.Agents.Undeploy(ctx, agent.ID); !errors.As(err, &invalid) && !errors.As(err, &missing) {
				t.Errorf("undeployed again: %v", err)
			}
			return
		}
		t.Error("there is no greeter")
	}, clawhqtest.WithAgent("greeter", clawhqtest.Reply("Hello.")))
}

func TestAgentRequests(t *testing.T) {
	t.Parallel()
	wantRequests(t, []requestCase{
		{"GET", "/v1/agents", "", func(ctx context.Context, c *clawhq.Client) error {
			_, err := c.Agents.List(ctx, clawhq.ListOptions{})
			return err
		}},
		{"GET", "/v1/agents?limit=5&offset=10", "", func(ctx context.Context, c *clawhq.Client) error {
			_, err := c.Agents.List(ctx, secondPage)
			return err
		}},
		{"GET", "/v1/agents/a%2F..%2Fb%3Fc", "", func(ctx context.Context, c *clawhq.Client) error { _, err := c.Agents.Get(ctx, "a/../b?c"); return err }},
		{"DELETE", "/v1/agents/a1", "", func(ctx context.Context, c *clawhq.Client) error { return c.Agents.Undeploy(ctx, "a1") }},
	})
}

// The client reads as much of a reply as is usable: a field that is missing or has
// the wrong type is left empty.
func TestLenientAgents(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]*clawhq.Page[clawhq.Agent]{
		`{"agents":[{"id":"a","name":5,"description":[],"model":"m","deployed_at":"soon","new":{}}],"total":"many","has_more":"yes"}`: {Items: []clawhq.Agent{{ID: "a"}}},
		`{"agents":[{"agent_id":"a","model":{"primary":"m","fallback":7},"deployed_at":"2026-03-10 14:30:00"}],"total":1}`: {Items: []clawhq.Agent{
			{ID: "a", Model: clawhq.AgentModel{Primary: "m"}, DeployedAt: time.Date(2026, 3, 10, 14, 30, 0, 0, time.UTC)}}, Total: 1},
		`{"agents":[]}`: {Items: []clawhq.Agent{}},
		`{"agents":{}}`: nil,
		`{}`:            nil,
		`[]`:            nil,
	} {
		client, _ := catch(t, body)
		got, err := client.Agents.List(t.Context(), clawhq.ListOptions{})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
		var e *clawhq.ServerError
		if want == nil && !errors.As(err, &e) {
			t.Errorf("%s: got %v", body, err)
		}
	}
}
