package clawhq_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/google/go-cmp/cmp"
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
		"usage, no days": {func(ctx context.Context, c *clawhq.Client) error { _, err := c.Usage(ctx, 0); return err },
			refusal{clawhq.CodeInvalidParameter, "days", "/v1/usage", "days is 0, and must be 1 to 90"}},
		"usage, too many days": {func(ctx context.Context, c *clawhq.Client) error { _, err := c.Usage(ctx, 91); return err },
			refusal{clawhq.CodeInvalidParameter, "days", "/v1/usage", "days is 91, and must be 1 to 90"}},
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
		if diff := cmp.Diff(want, usage); diff != "" || usage.KeyName == "" {
			t.Errorf("usage of %q (-want +got):\n%s", usage.KeyName, diff)
		}
	})
}
