//go:build !race

package clawhq_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/clawhq/clawhq-go"
)

// TestAllocations counts the allocations of a call, without those of the transport.
func TestAllocations(t *testing.T) {
	canned := reply(200, okBody)
	transport := transport(func(*http.Request) (*http.Response, error) { return canned, nil })
	for name, tt := range map[string]struct {
		option clawhq.Option
		most   float64
	}{
		"unshaped": {clawhq.WithRateLimit(0), 29},
		"shaped":   {clawhq.WithRateLimit(1 << 30), 31},
	} {
		client := sends(t, transport, tt.option)
		got := testing.AllocsPerRun(1000, func() {
			canned.Body = io.NopCloser(strings.NewReader(okBody)) // 2 allocations of the transport
			if _, err := client.Chat(context.Background(), hi); err != nil {
				t.Fatal(err)
			}
		}) - 2
		if got > tt.most {
			t.Errorf("%s: a call takes %v allocations, want at most %v", name, got, tt.most)
		}
	}
}
