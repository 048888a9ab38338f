package clawhq_test

import (
	"context"
	"iter"
	"strings"
	"testing"
	"time"

	"net/http"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/google/go-cmp/cmp"
	"github.com/jarcoal/httpmock"
)

func TestUsageRequests(t *testing.T) {
	t.Parallel()
	wantRequests(t, []requestCase{
		{"GET", "/v1/usage?days=90", "", func(ctx context.Context, c *clawhq.Client) error { _, err := c.Usage(ctx, 90); return err }},
	})
}

func TestUsageRefusedBeforeSending(t *testing.T) {
	t.Parallel()
	wantRefusals(t, map[string]refusalCase{
		"usage, negative days": {func(ctx context.Context, c *clawhq.Client) error { _, err := c.Usage(ctx, -1); return err },
			refusal{clawhq.CodeInvalidParameter, "days", "/v1/usage", "days is -1, and must be 1 to 90, or 0 for the default"}},
		"usage, too many days": {func(ctx context.Context, c *clawhq.Client) error { _, err := c.Usage(ctx, 91); return err },
			refusal{clawhq.CodeInvalidParameter, "days", "/v1/usage", "days is 91, and must be 1 to 90, or 0 for the default"}},
	})
}

// Chats are counted, whether or not their agent answered. Refused chats are not.
func TestUsage(t *testing.T) {
	t.Parallel()
	testkit.EachProfile(t, func(t *testing.T, s *clawhqtest.Server, client *clawhq.Client) {
		s.HandleAgent("slow", func(context.Context, clawhqtest.Message) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) {
				time.Sleep(2 * time.Second)
				yield("Done.", nil)
			}
		})
		day := time.Now().UTC().Format(time.DateOnly)
		for _, agent := range []string{"slow", "slow", "nobody"} {
			client.Chat(t.Context(), clawhq.ChatRequest{Message: "hi", Agent: agent})
		}
		usage, err := client.Usage(t.Context(), 7)
		if err != nil {
			t.Fatal(err)
		}
		want := &clawhq.Usage{
			KeyName: usage.KeyName, Period: "7d", Days: []clawhq.UsageDay{{Date: day, Requests: 2, AverageResponseTime: 2 * time.Second}},
			Totals: clawhq.UsageTotals{Requests: 2, AverageResponseTime: 2 * time.Second},
		}
		if strings.HasSuffix(t.Name(), clawhqtest.Documented.String()) { // only the reference pages count tokens
			want.Days[0].Tokens, want.Totals.Tokens = 4, 4
			want.ByAgent = []clawhq.AgentUsage{{Agent: "slow", Requests: 2, Tokens: 4}}
		}
		if diff := cmp.Diff(want, usage); diff != "" || usage.KeyName == "" {
			t.Errorf("usage of %q (-want +got):\n%s", usage.KeyName, diff)
		}
	})
}

// Usage is a list of days live, and an object on the reference pages.
func TestUsageForms(t *testing.T) {
	t.Parallel()
	days := []clawhq.UsageDay{{Date: "2026-11-24", Requests: 4, Tokens: 120, AverageResponseTime: 85 * time.Millisecond}}
	totals := clawhq.UsageTotals{Requests: 4, Tokens: 120}
	for body, want := range map[string]clawhq.Usage{
		`{"usage":{"total_requests":4,"total_tokens":120,"period_start":"2026-11-01","period_end":"2026-11-24","daily":[{"date":"2026-11-24","requests":4,"tokens":120,"avg_latency_ms":85}],
			"by_agent":[{"agent":"support-bot","requests":3,"tokens":100},{"agent":"sales-assistant","requests":1,"tokens":20}]}}`: {
			Days: days, Totals: totals,
			ByAgent: []clawhq.AgentUsage{{Agent: "support-bot", Requests: 3, Tokens: 100}, {Agent: "sales-assistant", Requests: 1, Tokens: 20}}},
		`{"usage":{"total_requests":4,"total_tokens":120,"daily":[{"date":"2026-11-24","requests":4,"tokens":120,"avg_latency_ms":85}],
			"by_agent":{"support-bot":{"requests":3,"tokens":100},"sales-assistant":1,"x":"y"}}}`: {
			Days: days, Totals: totals,
			ByAgent: []clawhq.AgentUsage{{Agent: "sales-assistant", Requests: 1}, {Agent: "support-bot", Requests: 3, Tokens: 100}}},
		`{"key_name":"prod","period":"7d","usage":[{"date":"2026-11-24","requests":4,"errors":0,"avg_response_time_ms":85,"tokens":120}],"totals":{"total_requests":4,"total_tokens":120}}`: {
			KeyName: "prod", Period: "7d", Days: days, Totals: totals},
		`{"usage":{"by_agent":"none"}}`: {},
	} {
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("GET", clawhq.DefaultBaseURL+"/v1/usage", httpmock.ResponderFromResponse(testkit.Reply(200, body)))
		got, err := testkit.Client(t, mock).Usage(t.Context(), 0)
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		if len(got.Days) == 0 {
			got.Days = nil
		}
		if diff := cmp.Diff(want, *got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
}

// 0 days are the service's default period, which is not sent.
func TestUsageDefault(t *testing.T) {
	t.Parallel()
	for days, want := range map[int]string{0: "", 7: "days=7"} {
		mock := httpmock.NewMockTransport()
		mock.RegisterNoResponder(func(r *http.Request) (*http.Response, error) {
			if r.URL.RawQuery != want {
				t.Errorf("%d days: query %q, want %q", days, r.URL.RawQuery, want)
			}
			return testkit.Reply(200, `{"usage":[]}`), nil
		})
		if _, err := testkit.Client(t, mock).Usage(t.Context(), days); err != nil {
			t.Error(err)
		}
	}
	for profile, want := range map[clawhqtest.Profile]string{clawhqtest.Documented: "30d", clawhqtest.Live: "7d"} {
		s := clawhqtest.NewTestServer(t, clawhqtest.WithProfile(profile), clawhqtest.WithInMemory())
		client := s.Client()
		if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
			t.Fatal(err)
		}
		got, err := client.Usage(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		documented := profile == clawhqtest.Documented
		if got.Period != want || got.Totals.Requests != 1 || (got.Totals.Tokens > 0) != documented || (len(got.ByAgent) == 1) != documented || len(got.Days) != 1 {
			t.Errorf("%v: %+v", profile, got)
		}
	}
}
