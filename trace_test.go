package clawhq_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
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
	gocmp "github.com/google/go-cmp/cmp"
)

// A recorder keeps the events of a Trace, one per line. The indentation is the number
// of contexts of CallStart and AttemptStart around the event.
type recorder struct {
	mu    sync.Mutex
	lines []string
}

type inside struct{}

func (r *recorder) add(ctx context.Context, format string, args ...any) {
	depth, _ := ctx.Value(inside{}).(int)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, strings.Repeat("  ", depth)+fmt.Sprintf(format, args...))
}

func deeper(ctx context.Context) context.Context {
	depth, _ := ctx.Value(inside{}).(int)
	return context.WithValue(ctx, inside{}, depth+1)
}

// brief returns the code of an error, or another short name.
func brief(err error) string {
	var api *clawhq.APIError
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &api):
		return cmp.Or(string(api.Code), http.StatusText(api.StatusCode))
	case errors.Is(err, clawhq.ErrThrottled):
		return "throttled"
	case errors.Is(err, context.DeadlineExceeded):
		return "deadline"
	default:
		return err.Error()
	}
}

func (r *recorder) trace() *clawhq.Trace {
	return &clawhq.Trace{
		CallStart: func(ctx context.Context, e clawhq.TraceCallStart) context.Context {
			r.add(ctx, "call %s %s, stream %t", e.Method, e.Path, e.Stream)
			return deeper(ctx)
		},
		CallEnd: func(ctx context.Context, e clawhq.TraceCallEnd) {
			r.add(ctx, "call ends: %d attempts, status %d, limit %d, %s", e.Attempts, e.StatusCode, e.RateLimit.Limit, brief(e.Err))
		},
		Waiting: func(ctx context.Context, e clawhq.TraceWaiting) {
			until := "a reply"
			if !e.Until.IsZero() {
				until = time.Until(e.Until).Round(time.Second).String()
			}
			r.add(ctx, "attempt %d waits for %s: %s", e.Attempt, until, e.Reason)
		},
		LimiterDown: func(ctx context.Context, e clawhq.TraceLimiterDown) { r.add(ctx, "limiter down: %v", e.Err) },
		Admitted: func(ctx context.Context, e clawhq.TraceAdmitted) {
			r.add(ctx, "attempt %d admitted after %v: %s", e.Attempt, e.Waited.Round(time.Second), brief(e.Err))
		},
		AttemptStart: func(ctx context.Context, e clawhq.TraceAttemptStart) context.Context {
			r.add(ctx, "attempt %d", e.Attempt)
			return deeper(ctx)
		},
		AttemptEnd: func(ctx context.Context, e clawhq.TraceAttemptEnd) {
			r.add(ctx, "attempt %d ends: status %d, %s", e.Attempt, e.StatusCode, brief(e.Err))
		},
		Retry: func(ctx context.Context, e clawhq.TraceRetry) {
			r.add(ctx, "retry after attempt %d in %v: %s", e.Attempt, e.Wait.Truncate(time.Second), brief(e.Err))
		},
		FirstChunk: func(ctx context.Context, _ clawhq.TraceFirstChunk) { r.add(ctx, "first chunk") },
		StreamEnd: func(ctx context.Context, e clawhq.TraceStreamEnd) {
			r.add(ctx, "stream ends: %d chunks, complete %t, %s", e.Chunks, e.Complete, brief(e.Err))
		},
	}
}

func TestTrace(t *testing.T) {
	t.Parallel()
	chat := func(c *clawhq.Client, ctx context.Context) { c.Chat(ctx, testkit.Hi) }
	stream := func(c *clawhq.Client, ctx context.Context) {
		for range c.ChatStream(ctx, testkit.Hi) {
		}
	}
	for _, tt := range []struct {
		name   string
		faults []clawhqtest.Fault
		call   func(c *clawhq.Client, ctx context.Context)
		want   string
	}{
		{"chat", nil, chat, `
call POST /v1/chat, stream false
  attempt 1 admitted after 0s: ok
  attempt 1
    attempt 1 ends: status 200, ok
  call ends: 1 attempts, status 200, limit 60, ok
`},
		{"retries", []clawhqtest.Fault{clawhqtest.FaultRateLimit("7"), clawhqtest.FaultReset()}, chat, `
call POST /v1/chat, stream false
  attempt 1 admitted after 0s: ok
  attempt 1
    attempt 1 ends: status 429, rate_limited
  retry after attempt 1 in 7s: rate_limited
  attempt 2 admitted after 0s: ok
  attempt 2
    attempt 2 ends: status 0, read tls client->clawhq.test:443: connection reset by peer
  retry after attempt 2 in 0s: read tls client->clawhq.test:443: connection reset by peer
  attempt 3 waits for 2s: let out one by one after a 429
  attempt 3 admitted after 2s: ok
  attempt 3
    attempt 3 ends: status 200, ok
  call ends: 3 attempts, status 200, limit 60, ok
`},
		{"an error", []clawhqtest.Fault{clawhqtest.FaultStatus(404, clawhq.CodeAgentNotFound)}, chat, `
call POST /v1/chat, stream false
  attempt 1 admitted after 0s: ok
  attempt 1
    attempt 1 ends: status 404, agent_not_found
  call ends: 1 attempts, status 404, limit 0, agent_not_found
`},
		{"refused before it is sent", nil, func(c *clawhq.Client, ctx context.Context) { c.Chat(ctx, clawhq.ChatRequest{}) }, `
call POST /v1/chat, stream false
  call ends: 0 attempts, status 0, limit 0, missing_parameter
`},
		{"ids are left out, and keys are not shaped", nil, func(c *clawhq.Client, ctx context.Context) { c.Keys.Revoke(ctx, "k1") }, `
call DELETE /keys/{id}, stream false
  attempt 1
    attempt 1 ends: status 404, Not Found
  call ends: 1 attempts, status 404, limit 0, Not Found
`},
		{"stream", nil, stream, `
call POST /v1/chat, stream true
  attempt 1 admitted after 0s: ok
  attempt 1
    first chunk
    stream ends: 3 chunks, complete true, ok
    attempt 1 ends: status 200, ok
  call ends: 1 attempts, status 200, limit 60, ok
`},
		{"stream that is left", nil, func(c *clawhq.Client, ctx context.Context) {
			for range c.ChatStream(ctx, testkit.Hi) {
				break
			}
		}, `
call POST /v1/chat, stream true
  attempt 1 admitted after 0s: ok
  attempt 1
    first chunk
    stream ends: 1 chunks, complete false, ok
    attempt 1 ends: status 200, ok
  call ends: 1 attempts, status 200, limit 60, ok
`},
		{"stream whose loop panics", nil, func(c *clawhq.Client, ctx context.Context) {
			defer func() { recover() }()
			for range c.ChatStream(ctx, testkit.Hi) {
				panic("out of cheese")
			}
		}, `
call POST /v1/chat, stream true
  attempt 1 admitted after 0s: ok
  attempt 1
    first chunk
    stream ends: 1 chunks, complete false, ok
    attempt 1 ends: status 200, ok
  call ends: 1 attempts, status 200, limit 60, ok
`},
		{"stream that is cut off", []clawhqtest.Fault{clawhqtest.FaultStreamCut(2)}, stream, `
call POST /v1/chat, stream true
  attempt 1 admitted after 0s: ok
  attempt 1
    first chunk
    stream ends: 2 chunks, complete false, stream_truncated
    attempt 1 ends: status 200, stream_truncated
  call ends: 1 attempts, status 200, limit 60, stream_truncated
`},
		{"stream that is cut off before its first chunk", []clawhqtest.Fault{clawhqtest.FaultStreamCut(0)}, stream, `
call POST /v1/chat, stream true
  attempt 1 admitted after 0s: ok
  attempt 1
    attempt 1 ends: status 200, stream_truncated
  retry after attempt 1 in 0s: stream_truncated
  attempt 2 admitted after 0s: ok
  attempt 2
    first chunk
    stream ends: 3 chunks, complete true, ok
    attempt 2 ends: status 200, ok
  call ends: 2 attempts, status 200, limit 60, ok
`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
				s.HandleAgent("support-bot", clawhqtest.Reply("one ", "two ", "three"))
				s.Inject(tt.faults...)
				var r recorder
				tt.call(s.Client(clawhq.WithTrace(r.trace()), clawhq.WithRetry(clawhq.RetryPolicy{MinWait: 1})), t.Context())
				if diff := gocmp.Diff(strings.TrimPrefix(tt.want, "\n"), strings.Join(r.lines, "\n")+"\n"); diff != "" {
					t.Errorf("events (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestTraceOfTheRateLimit(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		s.SetRateLimit(s.KeyID(), 1)
		var r recorder
		client := s.Client(clawhq.WithTrace(r.trace()))
		client.Chat(t.Context(), testkit.Hi)
		r.lines = nil
		client.Chat(t.Context(), testkit.Hi)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		client.Chat(ctx, testkit.Hi)
		const want = `call POST /v1/chat, stream false
  attempt 1 waits for 1m0s: the window is full
  attempt 1 admitted after 1m0s: ok
  attempt 1
    attempt 1 ends: status 200, ok
  call ends: 1 attempts, status 200, limit 1, ok
call POST /v1/chat, stream false
  attempt 1 admitted after 0s: throttled
  call ends: 0 attempts, status 0, limit 0, throttled`
		if diff := gocmp.Diff(want, strings.Join(r.lines, "\n")); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

// downLimiter is a Limiter that is out of service.
type downLimiter struct{}

func (downLimiter) Wait(context.Context) error { return errors.New("no connection for " + testkit.Key) }

func (downLimiter) Fallback(error) <-chan struct{} { return make(chan struct{}) }

func TestTraceOfALimiter(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		var r recorder
		s.Client(clawhq.WithTrace(r.trace()), clawhq.WithLimiter(downLimiter{})).Chat(t.Context(), testkit.Hi)
		const want = `call POST /v1/chat, stream false
  limiter down: limiter: no connection for clw_a1b2c3d4…
  attempt 1 admitted after 0s: ok
  attempt 1
    attempt 1 ends: status 200, ok
  call ends: 1 attempts, status 200, limit 60, ok`
		if diff := gocmp.Diff(want, strings.Join(r.lines, "\n")); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

// Each start event has an end event, even if the transport panics.
func TestTraceOfAPanic(t *testing.T) {
	t.Parallel()
	var r recorder
	client, err := clawhq.NewClient(clawhq.WithAPIKey(testkit.Key), clawhq.WithTrace(r.trace()),
		clawhq.WithHTTPClient(&http.Client{Transport: testkit.RoundTripFunc(func(*http.Request) (*http.Response, error) { panic("out of cheese") })}))
	if err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() { recover() }()
		client.Chat(t.Context(), testkit.Hi)
	}()
	const want = `call POST /v1/chat, stream false
  attempt 1 admitted after 0s: ok
  attempt 1
    attempt 1 ends: status 0, clawhq: ended by a panic
  call ends: 1 attempts, status 0, limit 0, clawhq: ended by a panic`
	if diff := gocmp.Diff(want, strings.Join(r.lines, "\n")); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// The transport gets the context of AttemptStart, which is derived from the context of
// CallStart, which is derived from the caller's.
func TestTraceContexts(t *testing.T) {
	t.Parallel()
	type of string
	var got []string
	client, err := clawhq.NewClient(clawhq.WithAPIKey(testkit.Key), clawhq.WithTrace(&clawhq.Trace{
		CallStart: func(ctx context.Context, _ clawhq.TraceCallStart) context.Context {
			return context.WithValue(ctx, of("call"), fmt.Sprint(ctx.Value(of("caller")), "/call"))
		},
		AttemptStart: func(ctx context.Context, _ clawhq.TraceAttemptStart) context.Context {
			return context.WithValue(ctx, of("attempt"), fmt.Sprint(ctx.Value(of("call")), "/attempt"))
		},
	}), clawhq.WithTrace(&clawhq.Trace{ // a second Trace, whose CallStart returns no context
		CallStart:    func(context.Context, clawhq.TraceCallStart) context.Context { return nil },
		AttemptStart: func(context.Context, clawhq.TraceAttemptStart) context.Context { return nil },
	}), clawhq.WithTrace(nil), clawhq.WithHTTPClient(&http.Client{Transport: testkit.RoundTripFunc(func(r *http.Request) (*http.Response, error) {
		got = append(got, fmt.Sprint(r.Context().Value(of("attempt"))))
		return testkit.Reply(200, testkit.OKBody), nil
	})}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Chat(context.WithValue(t.Context(), of("caller"), "caller"), testkit.Hi); err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff([]string{"caller/call/attempt"}, got); diff != "" {
		t.Errorf("contexts (-want +got):\n%s", diff)
	}
}

// Several traces get each event in the order of their options.
func TestTraces(t *testing.T) {
	t.Parallel()
	var got []string
	names := func(name string) *clawhq.Trace {
		return &clawhq.Trace{CallEnd: func(context.Context, clawhq.TraceCallEnd) { got = append(got, name) }}
	}
	synctest.Test(t, func(t *testing.T) {
		s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
		s.Client(clawhq.WithTrace(names("one")), clawhq.WithTrace(names("two"))).Chat(t.Context(), testkit.Hi)
	})
	if diff := gocmp.Diff([]string{"one", "two"}, got); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// A stream that is not ranged over causes no event. Each loop is a call.
func TestTraceOfLoops(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		calls := 0
		seq := s.Client(clawhq.WithTrace(&clawhq.Trace{
			CallStart: func(ctx context.Context, _ clawhq.TraceCallStart) context.Context { calls++; return ctx },
		})).ChatStream(t.Context(), testkit.Hi)
		for loops := range 3 {
			if calls != loops {
				t.Errorf("got %d calls after %d loops", calls, loops)
			}
			next, stop := iter.Pull2(seq)
			if _, err, _ := next(); err != nil && err != io.EOF {
				t.Error(err)
			}
			stop()
		}
	})
}

// Without a Trace, a call allocates nothing for tracing.
func TestNoTraceCostsNothing(t *testing.T) {
	if n := testing.AllocsPerRun(1000, clawhq.TraceNothing()); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}

// BenchmarkTrace compares calls without a Trace, and with a Trace whose functions do
// nothing.
func BenchmarkTrace(b *testing.B) {
	var r recorder
	idle := *r.trace()
	idle.CallStart = func(ctx context.Context, _ clawhq.TraceCallStart) context.Context { return ctx }
	idle.CallEnd = func(context.Context, clawhq.TraceCallEnd) {}
	idle.Admitted = func(context.Context, clawhq.TraceAdmitted) {}
	idle.AttemptStart = func(ctx context.Context, _ clawhq.TraceAttemptStart) context.Context { return ctx }
	idle.AttemptEnd = func(context.Context, clawhq.TraceAttemptEnd) {}
	for name, trace := range map[string]*clawhq.Trace{"without": nil, "with": &idle} {
		b.Run(name, func(b *testing.B) {
			client, err := clawhq.NewClient(clawhq.WithAPIKey(testkit.Key), clawhq.WithTrace(trace), clawhq.WithRateLimit(0),
				clawhq.WithHTTPClient(&http.Client{Transport: testkit.RoundTripFunc(func(*http.Request) (*http.Response, error) { return testkit.Reply(200, testkit.OKBody), nil })}))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := client.Chat(b.Context(), testkit.Hi); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
