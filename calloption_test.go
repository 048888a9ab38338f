package clawhq_test

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
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

// A sequence keeps the options that it was made with, whatever becomes of the slice.
func TestSequencesKeepTheirOptions(t *testing.T) {
	t.Parallel()
	var got []string
	client := testkit.ClientFunc(t, func(r *http.Request) (*http.Response, error) {
		got = append(got, r.Header.Get("X-Idempotency-Key")+r.Header.Get("X-Tenant"))
		if r.Method == http.MethodPost {
			return testkit.Reply(200, "data: [DONE]\n\n", "Content-Type", "text/event-stream"), nil
		}
		return testkit.Reply(200, anyReply), nil
	})
	common := make([]clawhq.CallOption, 0, 1)
	ctx, page := t.Context(), clawhq.ListOptions{}
	with := func(option clawhq.CallOption) (loops []func()) {
		opts := append(common, option)
		return append(loops, loop(t, client.ChatStream(ctx, testkit.Hi, opts...)),
			loop(t, client.Agents.All(ctx, page, opts...)), loop(t, client.Files.All(ctx, page, opts...)),
			loop(t, client.Threads.All(ctx, page, opts...)), loop(t, client.Threads.AllMessages(ctx, "1", page, opts...)),
			loop(t, client.Conversations.All(ctx, clawhq.ConversationOptions{}, opts...)), loop(t, client.Conversations.AllMessages(ctx, "1", page, opts...)),
			loop(t, client.AuditLog.All(ctx, clawhq.AuditLogOptions{}, opts...)))
	}
	loops := append(with(clawhq.WithHeader("X-Tenant", "one")), with(clawhq.WithHeader("X-Tenant", "two"))...)
	for _, loop := range loops {
		loop()
	}
	for i, tenant := range got {
		if want := []string{"one", "two"}[i/8]; !strings.HasSuffix(tenant, want) {
			t.Errorf("sequence %d: sent for %q, want %q", i%8, tenant, want)
		}
	}
	if len(got) != 16 {
		t.Errorf("%d requests", len(got))
	}

	got = nil
	first := client.ChatStream(ctx, testkit.Hi, append(common, clawhq.WithIdempotencyKey("one"))...)
	second := client.ChatStream(ctx, testkit.Hi, append(common, clawhq.WithIdempotencyKey("two"))...)
	loop(t, first)()
	loop(t, second)()
	if diff := cmp.Diff([]string{"one", "two"}, got); diff != "" {
		t.Errorf("idempotency keys (-want +got):\n%s", diff)
	}
}

// loop returns a function that ranges over a sequence.
func loop[T any](t *testing.T, seq iter.Seq2[T, error]) func() {
	return func() {
		for _, err := range seq {
			if err != nil {
				t.Error(err)
			}
		}
	}
}

// Calls in the background go after all others of their client, and leave room for
// them.
func TestBackground(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		var mu sync.Mutex
		reasons := map[string]bool{}
		trace := &clawhq.Trace{Waiting: func(_ context.Context, e clawhq.TraceWaiting) {
			mu.Lock()
			defer mu.Unlock()
			reasons[e.Reason] = true
		}}
		client := s.Client(clawhq.WithTrace(trace))
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				for ctx.Err() == nil {
					client.Chat(ctx, testkit.Hi, clawhq.WithBackground())
				}
			})
		}
		for range 25 {
			time.Sleep(10 * time.Second)
			start := time.Now()
			if _, err := client.Chat(t.Context(), testkit.Hi); err != nil || time.Since(start) > 0 {
				t.Errorf("in the foreground: %v after %v, want an answer at once", err, time.Since(start))
			}
		}
		cancel()
		wg.Wait()
		if n := len(s.Requests()); n < 220 {
			t.Errorf("%d calls in 250 s at 60 RPM, want 220 at least", n)
		}
		if !reasons["in the background, calls are spread over the window"] {
			t.Errorf("the reasons of waits are %v", reasons)
		}
	})
}
