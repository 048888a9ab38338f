package clawhqtest_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/google/go-cmp/cmp"
)

func TestOptionsOf(t *testing.T) {
	t.Parallel()
	var info clawhq.ResponseInfo
	trace := &clawhq.Trace{}
	got := clawhqtest.OptionsOf(
		clawhq.WithIdempotencyKey("job-1"), nil, clawhq.WithClientRequestID("id-1"),
		clawhq.WithHeader("x-tenant", "a"), clawhq.WithCallRetry(clawhq.RetryPolicy{MaxAttempts: 1}),
		clawhq.WithCallAttemptTimeout(time.Minute), clawhq.WithResponseInfo(&info), clawhq.WithCallTrace(trace),
	)
	key, id := "job-1", "id-1"
	want := clawhqtest.CallOptions{
		IdempotencyKey: &key, ClientRequestID: &id, Header: http.Header{"X-Tenant": {"a"}},
		Retry: &clawhq.RetryPolicy{MaxAttempts: 1}, AttemptTimeout: time.Minute, Info: &info, Trace: trace,
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b *clawhq.Trace) bool { return a == b })); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
	if got.Info != &info {
		t.Error("Info is not the caller's")
	}
}

// asker is the part of the client that an app uses.
type asker interface {
	Chat(context.Context, clawhq.ChatRequest, ...clawhq.CallOption) (*clawhq.ChatResponse, error)
}

// fake answers with the idempotency key of the call.
type fake struct{}

func (fake) Chat(_ context.Context, _ clawhq.ChatRequest, opts ...clawhq.CallOption) (*clawhq.ChatResponse, error) {
	return &clawhq.ChatResponse{Response: *clawhqtest.OptionsOf(opts...).IdempotencyKey}, nil
}

func ExampleOptionsOf() {
	var client asker = fake{}
	answer, _ := client.Chat(context.Background(), clawhq.ChatRequest{Message: "hi"}, clawhq.WithIdempotencyKey("job-1"))
	fmt.Println(answer.Response)
	// Output: job-1
}
