package proof_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/jarcoal/httpmock"
)

// agentTaking returns an agent that answers after a random time between least and
// most.
func agentTaking(least, most time.Duration) clawhqtest.Option {
	return clawhqtest.WithAgent("slow", func(ctx context.Context, m clawhqtest.Message) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			select {
			case <-time.After(least + rand.N(most-least+1)):
				yield("done", nil)
			case <-ctx.Done():
			}
		}
	})
}

var hiSlow = clawhq.ChatRequest{Message: "hi", Agent: "slow"}

// outcomes are the numbers of calls by outcome. slow counts the served calls that
// took more than 6 seconds.
type outcomes struct{ served, slow, refused, failed, rejected int }

// burst makes n calls, spread evenly over the given time, and returns their
// outcomes. Each call has the deadline, unless that is 0.
func burst(t *testing.T, s *clawhqtest.Server, client *clawhq.Client, n int, spread, deadline time.Duration) (o outcomes) {
	before := len(s.Requests())
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			ctx := context.Background()
			if deadline > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, deadline)
				defer cancel()
			}
			start := time.Now()
			_, err := client.Chat(ctx, hiSlow)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				o.served++
				if time.Since(start) > 6*time.Second {
					o.slow++
				}
			case errors.Is(err, clawhq.ErrThrottled):
				o.refused++
			default:
				o.failed++
				t.Log(err)
			}
		})
		time.Sleep(spread / time.Duration(n))
	}
	wg.Wait()
	for _, r := range s.Requests()[before:] {
		if r.Status == http.StatusTooManyRequests {
			o.rejected++
		}
	}
	return o
}

// A client that is alone on its key may make as many calls as the key allows, at
// once or one after the other. None is refused, although the limit is unknown.
func TestFiguresLoneBursts(t *testing.T) {
	for _, limit := range figureLimits {
		for _, spread := range []time.Duration{0, 2 * time.Second, 20 * time.Second} {
			t.Run(fmt.Sprintf("%d RPM over %v", limit, spread), func(t *testing.T) {
				t.Parallel()
				var sum outcomes
				runs := burstCalls / limit
				for range runs {
					testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
						s.SetRateLimit(s.KeyID(), limit)
						o := burst(t, s, s.Client(), limit, spread, 30*time.Second)
						sum.served += o.served
						sum.slow += o.slow
						sum.refused += o.refused
						sum.failed += o.failed
						sum.rejected += o.rejected
					}, agentTaking(100*time.Millisecond, 400*time.Millisecond))
				}
				t.Logf("%d calls over %v at %d RPM, deadline 30 s, %d runs: %d refused, %d slower than 6 s, %d rejected", limit, spread, limit, runs, sum.refused, sum.slow, sum.rejected)
				if want := (outcomes{served: runs * limit}); sum != want {
					t.Errorf("got %+v, want %+v", sum, want)
				}
			})
		}
	}
}

// The client forgets other clients of the key: long after they have stopped, a
// burst is sent at once.
func TestFiguresOthersLongGone(t *testing.T) {
	for _, idle := range []time.Duration{2 * time.Minute, time.Hour, 24 * time.Hour} {
		for _, deadline := range []time.Duration{10 * time.Second, 0} {
			t.Run(fmt.Sprintf("%v, deadline %v", idle, deadline), func(t *testing.T) {
				t.Parallel()
				testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
					client, other := s.Client(), s.Client()
					got := burst(t, s, client, 1, 0, 0)
					if want := (outcomes{served: 1}); got != want {
						t.Fatalf("the first call: got %+v, want %+v", got, want)
					}
					burst(t, s, other, 55, 0, 0)
					burst(t, s, client, 3, 3*time.Second, 0)
					time.Sleep(idle)
					start := time.Now()
					got = burst(t, s, client, 20, 0, deadline)
					took := time.Since(start)
					t.Logf("others used 55 of 60 slots, idle for %v, burst of 20, deadline %v: %d refused, %v", idle, deadline, got.refused, took)
					if want := (outcomes{served: 20}); got != want {
						t.Errorf("got %+v, want %+v", got, want)
					}
					if took != 300*time.Millisecond {
						t.Errorf("took %v, want the agent's 300 ms", took)
					}
				}, agentTaking(300*time.Millisecond, 300*time.Millisecond))
			})
		}
	}
}

// If no reply has confirmed the limit lately, no call is refused while attempts are
// under way whose replies may report a new limit.
func TestShapingLimitRaised(t *testing.T) {
	for name, tt := range map[string]struct {
		opts []clawhq.Option
		warm bool
	}{
		"set beforehand to less":    {opts: []clawhq.Option{clawhq.WithRateLimit(30)}},
		"raised while idle":         {warm: true},
		"raised while idle, preset": {opts: []clawhq.Option{clawhq.WithRateLimit(60)}, warm: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
				client := s.Client(tt.opts...)
				if tt.warm {
					burst(t, s, client, 5, 0, 0)
					time.Sleep(2 * time.Minute)
				}
				s.SetRateLimit(s.KeyID(), 300)
				got := burst(t, s, client, 100, 0, 20*time.Second)
				if want := (outcomes{served: 100}); got != want {
					t.Errorf("got %+v, want %+v", got, want)
				}
			}, agentTaking(100*time.Millisecond, 400*time.Millisecond))
		})
	}
}

// A retry is sent ahead of callers that have not had an attempt.
func TestShapingRetriesKeepTheirTurn(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		s.Inject(clawhqtest.FaultStatus(503, ""))
		client := s.Client()
		start := time.Now()
		var first time.Duration
		var wg sync.WaitGroup
		for i := range 601 {
			wg.Go(func() {
				if _, err := client.Chat(context.Background(), testkit.Hi); err != nil {
					t.Error(err)
				}
				if i == 0 {
					first = time.Since(start)
				}
			})
			if i == 0 {
				synctest.Wait() // the first call has got the 503
			}
		}
		wg.Wait()
		t.Logf("the first of 601 calls at 60 RPM met a 503 and was served after %v, the last after %v", first, time.Since(start))
		if first > 62*time.Second {
			t.Errorf("the retry was served after %v, want the first slot that came free", first)
		}
	})
}

// However an attempt ends, it no longer counts as outstanding.
func TestShapingLosesNothing(t *testing.T) {
	for name, end := range map[string]func(){
		"panic":  func() { panic("the transport's") },
		"Goexit": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := 0
				var mu sync.Mutex
				client := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) {
					mu.Lock()
					n++
					broken := n <= 30
					mu.Unlock()
					if broken {
						end()
					}
					return testkit.Reply(200, testkit.OKBody), nil
				})
				var wg sync.WaitGroup
				for range 30 {
					wg.Go(func() {
						defer func() { _ = recover() }()
						_, _ = client.Chat(t.Context(), testkit.Hi)
					})
				}
				wg.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				start := time.Now()
				if _, err := client.Chat(ctx, testkit.Hi); err != nil || time.Since(start) != 0 {
					t.Errorf("the next call: %v after %v, want an answer at once", err, time.Since(start))
				}
			})
		})
	}
}

// A count of calls that is too high does not slow a client down for ever, once
// admitted calls prove it wrong.
func TestShapingWrongCount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("POST", testkit.ChatURL, func(*http.Request) (*http.Response, error) {
			return testkit.Reply(200, testkit.OKBody, "X-RateLimit-Limit", "60", "X-RateLimit-Remaining", "0"), nil
		})
		client := testkit.Client(t, mock)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		n := 0
		for ctx.Err() == nil {
			if _, err := client.Chat(ctx, testkit.Hi); err == nil {
				n++
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Logf("every reply says Remaining: 0, and none is a 429: %d calls in 10 minutes at 60 RPM", n)
		if n < 500 {
			t.Errorf("%d calls in 10 minutes, want at least 500", n)
		}
	})
}

// The cost of waiting per caller does not depend on the number of callers: the time
// in which all of them enter and leave the queue grows linearly.
func TestFiguresWaiters(t *testing.T) {
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", testkit.ChatURL, func(*http.Request) (*http.Response, error) {
		return testkit.Reply(200, testkit.OKBody, "X-RateLimit-Limit", "1", "X-RateLimit-Remaining", "0"), nil
	})
	waiting := make(chan struct{}, waiters)
	client := testkit.Client(t, mock, clawhq.WithRateLimit(1), clawhq.WithLogger(slog.New(waitLog{waiting})))
	if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var told atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for range waiters {
		wg.Go(func() {
			if _, err := client.Chat(ctx, testkit.Hi); errors.Is(err, clawhq.ErrThrottled) && errors.Is(err, context.Canceled) {
				told.Add(1)
			}
		})
	}
	for range waiters {
		<-waiting
	}
	entered := time.Now()
	cancel()
	wg.Wait()
	t.Logf("%d callers in the queue: %v to enter, %v to cancel", waiters, entered.Sub(start).Round(time.Millisecond), time.Since(entered).Round(time.Millisecond))
	if n := told.Load(); n != waiters || mock.GetTotalCallCount() != 1 {
		t.Errorf("%d callers were told, and %d requests sent, want %d and 1", n, mock.GetTotalCallCount(), waiters)
	}
}

// A waitLog is a slog.Handler that signals each wait for the rate limit.
type waitLog struct{ waiting chan<- struct{} }

func (waitLog) Enabled(context.Context, slog.Level) bool { return true }

func (l waitLog) WithAttrs([]slog.Attr) slog.Handler { return l }

func (l waitLog) WithGroup(string) slog.Handler { return l }

func (l waitLog) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "clawhq: waiting for the rate limit" {
		l.waiting <- struct{}{}
	}
	return nil
}
