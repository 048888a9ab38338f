package bulk_test

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/bulk"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
)

// The caller's own Trace is called beside the run's.
func TestTrace(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		s.Inject(clawhqtest.FaultStatus(503, ""))
		var waits, starts, retries, ends atomic.Int32
		trace := &clawhq.Trace{
			Waiting: func(context.Context, clawhq.TraceWaiting) { waits.Add(1) },
			AttemptStart: func(ctx context.Context, _ clawhq.TraceAttemptStart) context.Context {
				starts.Add(1)
				return ctx
			},
			Retry:   func(context.Context, clawhq.TraceRetry) { retries.Add(1) },
			CallEnd: func(context.Context, clawhq.TraceCallEnd) { ends.Add(1) },
		}
		if _, err := all(t.Context(), s.Client(), numbered(70), bulk.Options{CallOptions: []clawhq.CallOption{clawhq.WithCallTrace(trace)}}); err != nil {
			t.Fatal(err)
		}
		if waits.Load() == 0 || starts.Load() != 71 || retries.Load() != 1 || ends.Load() != 70 {
			t.Errorf("%d waits, %d attempts, %d retries, %d calls; want some, 71, 1, 70", waits.Load(), starts.Load(), retries.Load(), ends.Load())
		}
	})
}

// The idempotency key depends on the job, the ID and the question, and on nothing
// else.
func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	keys := func(job string, it bulk.Item) string {
		var key string
		client := chat(func(ctx context.Context, req clawhq.ChatRequest, opts ...clawhq.CallOption) (*clawhq.ChatResponse, error) {
			key = *clawhqtest.OptionsOf(opts...).IdempotencyKey
			return echo(ctx, req)
		})
		if _, err := all(t.Context(), client, these(it), bulk.Options{Job: job}); err != nil {
			t.Error(err)
		}
		return key
	}
	ask := func(id, message, agent, session string) bulk.Item {
		return bulk.Item{ID: id, Request: clawhq.ChatRequest{Message: message, Agent: agent, SessionID: session}}
	}
	seen := map[string]bool{}
	for _, key := range []string{
		keys("job", ask("1", "m", "a", "s")), keys("job2", ask("1", "m", "a", "s")), keys("job", ask("2", "m", "a", "s")),
		keys("job", ask("1", "n", "a", "s")), keys("job", ask("1", "m", "b", "s")), keys("job", ask("1", "m", "a", "t")),
		keys("jo", ask("b1", "m", "a", "s")), keys("", ask("1", "m", "a", "s")), keys("", ask("1", "m", "a", "s")),
	} {
		seen[key] = true
	}
	if len(seen) != 9 {
		t.Errorf("got %d keys, want 9: %q", len(seen), slices.Collect(maps.Keys(seen)))
	}
	if again := keys("job", ask("1", "m", "a", "s")); !seen[again] {
		t.Error("the key is another one in another run")
	}
}

// In the minute after a refusal, calls that wait for the rate limit, or to be
// repeated, are not sent; nor are those that wait later.
func TestNothingIsSentMeanwhile(t *testing.T) {
	t.Parallel()
	const unknown = `{"error":{"code":"invalid_api_key","message":"unknown"}}`
	const failed = `{"error":{"code":"internal_error","message":"failed"}}`
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		start := time.Now()
		var mu sync.Mutex
		var sent []time.Duration
		const refusal = 40 * time.Second
		transport := testkit.RoundTripFunc(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			sent = append(sent, time.Since(start))
			n := len(sent)
			mu.Unlock()
			at := func(at time.Duration, resp *http.Response) (*http.Response, error) {
				r.Body.Close()
				time.Sleep(at - time.Since(start))
				return resp, nil
			}
			switch n {
			case 2:
				return at(refusal, testkit.Reply(401, unknown))
			case 3: // it is to be repeated in the middle of the minute
				return at(refusal-time.Second, testkit.Reply(503, failed, "Retry-After", "20"))
			case 4: // the same, but it fails only then
				return at(refusal+10*time.Second, testkit.Reply(503, failed, "Retry-After", "20"))
			}
			return s.HTTPClient().Transport.RoundTrip(r)
		})
		client := s.Client(clawhq.WithHTTPClient(&http.Client{Transport: transport}))
		results, err := all(t.Context(), client, numbered(100), bulk.Options{})
		if err != nil || len(results) != 100 {
			t.Errorf("got %d results, error %v", len(results), err)
		}
		for _, at := range sent {
			if at > refusal && at < refusal+time.Minute {
				t.Errorf("a request was sent after %v", at)
			}
		}
	})
}
