package clawhq_test

import (
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/google/go-cmp/cmp"
	"github.com/jarcoal/httpmock"
)

func TestRateLimitHeaders(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		limit, remaining, reset string
		want                    clawhq.RateLimit
	}{
		{"60", "59", "1795470840", clawhq.RateLimit{Limit: 60, Remaining: 59, Reset: time.Unix(1795470840, 0)}},
		{"60", "59", "1795470840000", clawhq.RateLimit{Limit: 60, Remaining: 59, Reset: time.Unix(1795470840, 0)}},
		{"60", "", "soon", clawhq.RateLimit{Limit: 60}},
		{"60", "-3", "-1", clawhq.RateLimit{Limit: 60}},
		{"60", "99", "0", clawhq.RateLimit{Limit: 60, Remaining: 60}},
		{"many", "59", "1795470840", clawhq.RateLimit{}},
		{"0", "0", "1795470840", clawhq.RateLimit{}},
		{"99999999999999999999", "1", "1", clawhq.RateLimit{}},
	} {
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("POST", testkit.ChatURL, httpmock.ResponderFromResponse(testkit.Reply(200, testkit.OKBody,
			"X-RateLimit-Limit", tt.limit, "X-RateLimit-Remaining", tt.remaining, "X-RateLimit-Reset", tt.reset)))
		client := testkit.Client(t, mock)
		if _, err := client.Chat(t.Context(), clawhq.ChatRequest{Message: "hi"}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, client.RateLimit()); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tt, diff)
		}
	}
}
