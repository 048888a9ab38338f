package answer

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
)

// An agent of one's own says what the test needs it to say, and sees what the
// code has sent: here, that questions of one customer share their history.
func TestToKeepsTheConversation(t *testing.T) {
	server := clawhqtest.NewTestServer(t)
	server.HandleAgent("support-bot", func(ctx context.Context, m clawhqtest.Message) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			yield(fmt.Sprintf("%q after %d turns", m.Text, len(m.History)), nil)
		}
	})
	client := server.Client()
	for i, want := range []string{`"hi" after 0 turns`, `"hi" after 2 turns`} {
		got, err := To(t.Context(), client, "customer-7", "hi")
		if err != nil || got != want {
			t.Errorf("question %d: got %q, %v; want %q", i, got, err, want)
		}
	}
}

// Faults play what a test could not bring about otherwise.
func TestToWhenTheAgentIsOffline(t *testing.T) {
	server := clawhqtest.NewTestServer(t)
	client := server.Client(clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 1}))
	server.Inject(clawhqtest.FaultStatus(503, clawhq.CodeAgentOffline))
	if _, err := To(t.Context(), client, "customer-7", "hi"); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v", err)
	}
}

// In memory and inside a bubble, waits take no time, and a goroutine that is
// left behind fails the test.
func TestToWaitsAsLongAsTheServerAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
		server.Inject(clawhqtest.FaultRateLimit("30"))
		start := time.Now()
		if _, err := To(t.Context(), server.Client(), "customer-7", "hi"); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(start); waited < 30*time.Second || waited > 31*time.Second {
			t.Errorf("waited %v", waited)
		}
	})
}
