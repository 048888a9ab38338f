package clawhq_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/google/go-cmp/cmp"
	"github.com/jarcoal/httpmock"
	"golang.org/x/time/rate"
)

// A 429 pauses all callers of a client, whatever its Limiter is.
func TestLimiterBehindTheGate(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]clawhq.Option{
		"own shaping":     nil,
		"a token bucket":  {clawhq.WithLimiter(rate.NewLimiter(rate.Inf, 1))},
		"a bound alone":   {clawhq.WithRateLimit(0), clawhq.WithMaxRate(50)},
		"bound and limit": {clawhq.WithRateLimit(60), clawhq.WithMaxRate(50)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
				client := s.Client(append(opts, testkit.OneAttempt)...)
				s.Inject(clawhqtest.FaultRateLimit("30"))
				if _, err := client.Chat(t.Context(), testkit.Hi); err == nil {
					t.Fatal("the first call succeeded")
				}
				start := time.Now()
				var mu sync.Mutex
				var served []time.Duration
				var wg sync.WaitGroup
				for range 3 {
					wg.Go(func() {
						if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
							t.Error(err)
						}
						mu.Lock()
						defer mu.Unlock()
						served = append(served, time.Since(start))
					})
				}
				wg.Wait()
				slices.Sort(served)
				if served[0] != 30*time.Second || served[1] == served[0] {
					t.Errorf("served after %v, want the first after 30 s and the others behind it", served)
				}

				s.Inject(clawhqtest.FaultRateLimit("30"))
				_, _ = client.Chat(t.Context(), testkit.Hi)
				ctx, cancel := context.WithTimeout(t.Context(), 29*time.Second)
				defer cancel()
				start = time.Now()
				if _, err := client.Chat(ctx, testkit.Hi); !errors.Is(err, clawhq.ErrThrottled) || time.Since(start) != 0 {
					t.Errorf("without hope: got %v after %v, want ErrThrottled at once", err, time.Since(start))
				}
			})
		})
	}
}

// The client stays below the rate that its option sets, whatever limit the server
// reports.
func TestMaxRate(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]clawhq.Option{
		"own shaping": {clawhq.WithMaxRate(20)},
		"preset":      {clawhq.WithMaxRate(20), clawhq.WithRateLimit(60)},
		"no shaping":  {clawhq.WithMaxRate(20), clawhq.WithRateLimit(0)},
		"a limiter":   {clawhq.WithMaxRate(20), clawhq.WithLimiter(rate.NewLimiter(rate.Inf, 1))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
				client := s.Client(opts...)
				start := time.Now()
				var wg sync.WaitGroup
				for range 50 {
					wg.Go(func() {
						if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
							t.Error(err)
						}
					})
				}
				wg.Wait()
				got := map[int]int{} // requests by minute after the start
				for _, r := range s.Requests() {
					got[int(r.Time.Sub(start)/time.Minute)]++
				}
				if diff := cmp.Diff(map[int]int{0: 20, 1: 20, 2: 10}, got); diff != "" {
					t.Errorf("requests by minute, want - got +:\n%s", diff)
				}
			})
		})
	}
	if _, err := clawhq.NewClient(clawhq.WithAPIKey(testkit.Key), clawhq.WithMaxRate(-1)); err == nil || !strings.Contains(err.Error(), "max rate -1 is negative") {
		t.Errorf("a negative rate: got %v, want an error that names it", err)
	}
}

// The beginning, the reason and the length of a wait for the rate limit are logged.
// The logged duration of an attempt does not include the wait.
func TestWaitsAreLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var lines []string
		var mu sync.Mutex
		log := slog.New(handler(func(r slog.Record) {
			attrs := map[string]string{}
			r.Attrs(func(a slog.Attr) bool { attrs[a.Key] = a.Value.String(); return true })
			mu.Lock()
			defer mu.Unlock()
			line := strings.TrimPrefix(r.Message, "clawhq: ")
			for _, key := range []string{"reason", "wait", "waited", "took"} {
				if v, ok := attrs[key]; ok {
					line += fmt.Sprintf(" %s=%s", key, v)
				}
			}
			lines = append(lines, line)
		}))
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("POST", testkit.ChatURL, func(*http.Request) (*http.Response, error) {
			time.Sleep(2 * time.Second)
			return testkit.Reply(200, testkit.OKBody, "X-RateLimit-Limit", "1", "X-RateLimit-Remaining", "0"), nil
		})
		client := testkit.Client(t, mock, clawhq.WithLogger(log), clawhq.WithRateLimit(1))
		for range 2 {
			if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := client.Chat(ctx, testkit.Hi); !errors.Is(err, clawhq.ErrThrottled) {
			t.Errorf("without hope: got %v, want ErrThrottled", err)
		}
		if diff := cmp.Diff([]string{
			"attempt took=2s",
			"waiting for the rate limit reason=the window is full wait=58.25s",
			"waited for the rate limit waited=58.25s",
			"attempt took=2s",
			"waited for the rate limit waited=0s",
			"after a failed attempt wait=0s",
		}, lines); diff != "" {
			t.Errorf("log, want - got +:\n%s", diff)
		}
	})
}

// handler is a slog.Handler that calls a function with each record.
type handler func(slog.Record)

func (handler) Enabled(context.Context, slog.Level) bool { return true }

func (h handler) Handle(_ context.Context, r slog.Record) error { h(r); return nil }

func (h handler) WithAttrs([]slog.Attr) slog.Handler { return h }

func (h handler) WithGroup(string) slog.Handler { return h }

// A waiting call ends at once when its context ends, and uses no slot. A call that
// cannot be sent before its deadline does not wait at all.
func TestShapingAndContexts(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		s.SetRateLimit(s.KeyID(), 2)
		client := s.Client(clawhq.WithRateLimit(2))
		for range 2 {
			if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
				t.Fatal(err)
			}
		}
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
		defer cancel()
		_, err := client.Chat(ctx, testkit.Hi)
		if !errors.Is(err, clawhq.ErrThrottled) || !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 0 || strings.Contains(err.Error(), "\n") {
			t.Errorf("hopeless: got %v after %v", err, time.Since(start))
		}

		why := errors.New("user left")
		leaving, leave := context.WithCancelCause(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := client.Chat(leaving, testkit.Hi)
			if !errors.Is(err, clawhq.ErrThrottled) || !errors.Is(err, context.Canceled) || !errors.Is(err, why) || time.Since(start) != 10*time.Second {
				t.Errorf("cancelled: got %v after %v", err, time.Since(start))
			}
		})
		synctest.Wait()
		wg.Go(func() { // behind the call that leaves
			if _, err := client.Chat(t.Context(), testkit.Hi); err != nil || time.Since(start) > 61*time.Second {
				t.Errorf("the next: got %v after %v", err, time.Since(start))
			}
		})
		time.Sleep(10 * time.Second)
		leave(why)
		wg.Wait()
		if n := len(s.Requests()); n != 3 {
			t.Errorf("%d requests", n)
		}

		// With a limit of two, the third call in the queue waits for two windows, unless
		// those ahead leave. It is refused when they have taken the slots.
		ctx, cancel = context.WithTimeout(t.Context(), 100*time.Second)
		defer cancel()
		start = time.Now()
		for range 3 {
			wg.Go(func() { client.Chat(t.Context(), testkit.Hi) })
			synctest.Wait()
		}
		_, err = client.Chat(ctx, testkit.Hi)
		if took := time.Since(start); !errors.Is(err, clawhq.ErrThrottled) || took < 60*time.Second || took > 65*time.Second {
			t.Errorf("behind others: got %v after %v", err, took)
		}
		wg.Wait()
	})
}

// ErrThrottled says that an attempt was not sent. An earlier one may have been, and
// its reply is told.
func TestThrottledRetry(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		s.SetRateLimit(s.KeyID(), 2)
		client := s.Client()
		if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
			t.Fatal(err)
		}
		s.Inject(clawhqtest.FaultStatus(503, "agent_offline"))
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		var info clawhq.ResponseInfo
		_, err := client.Chat(ctx, testkit.Hi, clawhq.WithResponseInfo(&info))
		var offline *clawhq.AgentError
		if !errors.Is(err, clawhq.ErrThrottled) || !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &offline) || info.Attempts != 1 {
			t.Errorf("got %v after %d attempts, want ErrThrottled and the reply of one", err, info.Attempts)
		}
	})
}

// Key management does not count against the key's limit, and is not shaped.
func TestShapingLeavesKeysAlone(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		client := s.Client(clawhq.WithRateLimit(1))
		start := time.Now()
		for range 5 {
			if _, err := client.Keys.List(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if time.Since(start) != 0 {
			t.Errorf("took %v", time.Since(start))
		}
	})
}

// A call that never reached the server uses no slot.
func TestShapingWithoutConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := clawhqtest.NewServer(clawhqtest.WithInMemory())
		client := s.Client(clawhq.WithRateLimit(2), testkit.OneAttempt)
		s.Close()
		start := time.Now()
		for range 10 {
			if _, err := client.Chat(t.Context(), testkit.Hi); err == nil {
				t.Error("no error")
			}
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// Calls that wait for the window of a key go on in that of the next one as soon as a
// call has seen it, and each key's window is kept.
func TestWindowsOfKeys(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		s.SetRateLimit(s.KeyID(), 30)
		_, next := s.CreateKey("next", 60)
		var key atomic.Value
		key.Store(s.APIKey())
		client := s.Client(clawhq.WithAPIKeyFunc(func(context.Context) (string, error) { return key.Load().(string), nil }))
		start := time.Now()
		var wg sync.WaitGroup
		for range 60 {
			wg.Go(func() {
				if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
					t.Error(err)
				}
			})
		}
		time.Sleep(20 * time.Second)
		key.Store(next)
		if _, err := client.Chat(t.Context(), testkit.Hi, clawhq.WithCallRetry(clawhq.RetryPolicy{MaxAttempts: 1})); err != nil {
			t.Error(err)
		}
		wg.Wait()
		took := time.Since(start)
		rejected := 0
		for _, r := range s.Requests() {
			if r.Status == http.StatusTooManyRequests {
				rejected++
			}
		}
		if took > 61*time.Second || rejected > 0 {
			t.Errorf("took %v, %d rejected, want one window at most and none", took, rejected)
		}
		if got := client.RateLimit().Limit; got != 60 {
			t.Errorf("the limit is %d, want that of the new key", got)
		}
	})
}

// A Trace or a logger that panics when an attempt is admitted costs no slot.
func TestPanicWhenAdmitted(t *testing.T) {
	t.Parallel()
	for name, opt := range map[string]func(panics func()) clawhq.Option{
		"trace": func(panics func()) clawhq.Option {
			return clawhq.WithTrace(&clawhq.Trace{Admitted: func(context.Context, clawhq.TraceAdmitted) { panics() }})
		},
		"logger": func(panics func()) clawhq.Option {
			return clawhq.WithLogger(slog.New(handler(func(r slog.Record) {
				if r.Message == "clawhq: waited for the rate limit" {
					panics()
				}
			})))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
				s.SetRateLimit(s.KeyID(), 30)
				broken := true
				client := s.Client(clawhq.WithRateLimit(30), opt(func() {
					if broken {
						panic("the caller's")
					}
				}))
				if name == "logger" { // which hears of waits only
					broken = false
					for range 30 {
						if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
							t.Fatal(err)
						}
					}
					broken = true
				}
				var wg sync.WaitGroup
				for range 30 {
					wg.Go(func() {
						defer func() { _ = recover() }()
						client.Chat(t.Context(), testkit.Hi)
						t.Error("no panic")
					})
				}
				wg.Wait()
				broken = false
				start := time.Now()
				if _, err := client.Chat(t.Context(), testkit.Hi); err != nil || time.Since(start) > 0 {
					t.Errorf("the next call: %v after %v, want an answer at once", err, time.Since(start))
				}
			})
		})
	}
}
