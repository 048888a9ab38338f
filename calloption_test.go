package clawhq_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/google/go-cmp/cmp"
	"github.com/jarcoal/httpmock"
)

// A call's own time-out bounds its attempts, and no other call's.
func TestCallAttemptTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("POST", testkit.ChatURL, func(r *http.Request) (*http.Response, error) {
			select {
			case <-time.After(10 * time.Second):
				return testkit.Reply(200, testkit.OKBody), nil
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		})
		client := testkit.Client(t, mock, clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 1}))
		start := time.Now()
		_, err := client.Chat(t.Context(), testkit.Hi, clawhq.WithCallAttemptTimeout(3*time.Second))
		if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took != 3*time.Second {
			t.Errorf("got %v after %v, want a time-out after 3 s", err, took)
		}
		if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
			t.Errorf("without the option: %v", err)
		}
		for d, sent := range map[time.Duration]bool{-1: false, 0: true} {
			_, err = client.Chat(t.Context(), testkit.Hi, clawhq.WithCallAttemptTimeout(d))
			var invalid *clawhq.InvalidRequestError
			if errors.As(err, &invalid) == sent {
				t.Errorf("a time-out of %v: %v", d, err)
			}
		}
	})
}

// A call's own Trace is called after the client's.
func TestCallTrace(t *testing.T) {
	t.Parallel()
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", testkit.ChatURL, httpmock.NewStringResponder(200, testkit.OKBody))
	var got []string
	named := func(name string) *clawhq.Trace {
		return &clawhq.Trace{
			CallStart: func(ctx context.Context, _ clawhq.TraceCallStart) context.Context {
				got = append(got, name+" start")
				return ctx
			},
			CallEnd: func(context.Context, clawhq.TraceCallEnd) { got = append(got, name+" end") },
		}
	}
	client := testkit.Client(t, mock, clawhq.WithTrace(named("first")), clawhq.WithTrace(named("second")))
	for _, opts := range [][]clawhq.CallOption{{clawhq.WithCallTrace(named("call"))}, nil, {clawhq.WithCallTrace(nil)}} {
		if _, err := client.Chat(t.Context(), testkit.Hi, opts...); err != nil {
			t.Fatal(err)
		}
	}
	without := []string{"first start", "second start", "first end", "second end"}
	want := append(append([]string{"first start", "second start", "call start", "first end", "second end", "call end"}, without...), without...)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}
