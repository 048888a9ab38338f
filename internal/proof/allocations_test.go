package proof_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/internal/testkit"
)

// TestAllocations counts the allocations of a call, without those of the transport.
func TestAllocations(t *testing.T) {
	canned := testkit.Reply(200, testkit.OKBody)
	transport := testkit.RoundTripFunc(func(*http.Request) (*http.Response, error) { return canned, nil })
	for name, tt := range map[string]struct {
		option clawhq.Option
		most   float64
	}{
		"unshaped": {clawhq.WithRateLimit(0), 29},
		"shaped":   {clawhq.WithRateLimit(1 << 30), 31},
	} {
		client := testkit.ClientFunc(t, transport, tt.option)
		got := testing.AllocsPerRun(1000, func() {
			canned.Body = io.NopCloser(strings.NewReader(testkit.OKBody)) // 2 allocations of the transport
			if _, err := client.Chat(context.Background(), testkit.Hi); err != nil {
				t.Fatal(err)
			}
		}) - 2
		if got > tt.most {
			t.Errorf("%s: a call takes %v allocations, want at most %v", name, got, tt.most)
		}
	}
}
