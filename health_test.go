package clawhq_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/google/go-cmp/cmp"
	"github.com/jarcoal/httpmock"
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

// Whatever form the reference pages' fields have, none makes a reply useless.
func TestHealthOfThePages(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]clawhq.Health{
		`{"status":"healthy","timestamp":"2026-11-24T17:00:00Z","components":{"api":"healthy","db":{"status":"degraded","latency_ms":4},"x":7},"uptime_seconds":90.5,"version":"2.1.0"}`: {
			Status: "healthy", Components: map[string]string{"api": "healthy", "db": "degraded"}, Uptime: 90*time.Second + 500*time.Millisecond, Version: "2.1.0"},
		`{"status":"ok","components":["api"],"uptime_seconds":"long","version":7}`: {Status: "ok"},
		`{"status":"ok","components":null,"uptime_seconds":-1}`:                    {Status: "ok"},
		`{"status":"ok","uptime_seconds":1e300}`:                                   {Status: "ok"},
	} {
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("GET", clawhq.DefaultBaseURL+"/v1/health", httpmock.ResponderFromResponse(testkit.Reply(200, body)))
		got, err := testkit.Client(t, mock).Health(t.Context())
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		if diff := cmp.Diff(want, *got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
}

func TestHealthOfTheProfiles(t *testing.T) {
	t.Parallel()
	for profile, want := range map[clawhqtest.Profile]bool{clawhqtest.Documented: true, clawhqtest.Live: false} {
		testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
			time.Sleep(time.Minute)
			got, err := s.Client().Health(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if has := got.Version != "" && len(got.Components) > 0 && got.Uptime == time.Minute; has != want || got.Status != "ok" || got.Plan != "pro" {
				t.Errorf("%v: %+v", profile, got)
			}
		}, clawhqtest.WithProfile(profile))
	}
}
