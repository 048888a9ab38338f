package clawhq_test

import (
	"context"
	"errors"
	"math"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/jarcoal/httpmock"
)

func TestRetryWait(t *testing.T) {
	t.Parallel()
	policy := clawhq.DefaultRetryPolicy()
	for _, tt := range []struct {
		name   string
		n      int
		after  time.Duration
		random float64
		want   time.Duration
	}{
		{"the least jitter", 1, 0, 0, 0},
		{"half of it", 1, 0, 0.5, 250 * time.Millisecond},
		{"first retry", 1, 0, 1, 500 * time.Millisecond},
		{"second", 2, 0, 1, time.Second},
		{"fifth", 5, 0, 1, 8 * time.Second},
		{"at its most", 6, 0, 1, 8 * time.Second},
		{"without overflow", 5000, 0, 1, 8 * time.Second},
		{"Retry-After", 1, 7 * time.Second, 0, 7 * time.Second},
		{"Retry-After without overflow", 1, math.MaxInt64, 0, 100 * 365 * 24 * time.Hour},
		{"Retry-After with jitter", 4, 7 * time.Second, 1, 7*time.Second + 500*time.Millisecond},
	} {
		if got := policy.Wait(tt.n, tt.after, tt.random); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestRetryBudget(t *testing.T) {
	t.Parallel()
	for _, share := range []float64{0.25, 0.125, 1} {
		b := clawhq.NewBudget(share)
		retries := 0
		for range 1000 { // calls that all fail
			for range 3 {
				if b.Spend() {
					retries++
				}
			}
		}
		if want := int(500 * share); retries != want {
			t.Errorf("budget %v: 1,000 failing calls made %d retries, want the %d that it holds at first", share, retries, want)
		}
		if b.Spend() {
			t.Errorf("budget %v: spent, and yet there is more", share)
		}
		for range int(1 / share) {
			b.Earn()
		}
		if !b.Spend() {
			t.Errorf("budget %v: successes have not refilled it", share)
		}
		if b.Spend() {
			t.Errorf("budget %v: successes have refilled it too much", share)
		}
	}
	if b := clawhq.NewBudget(1e-9); !b.Spend() {
		t.Error("the smallest budget allows no retry at all")
	}
	unbounded := clawhq.NewBudget(-1)
	unbounded.Earn()
	for range 10_000 {
		if !unbounded.Spend() {
			t.Fatal("a negative budget is bounded")
		}
	}
}

// If every call fails, 1,000 calls make at most 1,200 requests. If calls usually
// succeed, a single failure is always retried.
func TestRetryBudgetOfAClient(t *testing.T) {
	t.Parallel()
	mock := httpmock.NewMockTransport()
	var mu sync.Mutex
	failing, requests := true, 0
	mock.RegisterResponder("POST", testkit.ChatURL, func(*http.Request) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		requests++
		if failing {
			return testkit.Reply(503, ""), nil
		}
		return testkit.Reply(200, testkit.OKBody), nil
	})
	client := testkit.Client(t, mock, clawhq.WithRateLimit(0), clawhq.WithRetry(clawhq.RetryPolicy{MinWait: 1}))
	var wg sync.WaitGroup
	for range 1000 {
		wg.Go(func() {
			_, err := client.Chat(context.Background(), testkit.Hi)
			var e *clawhq.ServerError
			if !errors.As(err, &e) || e.StatusCode != 503 {
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
	t.Logf("1,000 failing calls made %d requests", requests)
	if requests > 1200 || requests == 1000 {
		t.Errorf("1,000 failing calls made %d requests", requests)
	}
	for i := range 1000 { // every tenth call fails once
		mu.Lock()
		failing = i%10 == 9 && i > 100
		mu.Unlock()
		_, err := client.Chat(t.Context(), testkit.Hi, clawhq.WithResponseInfo(&clawhq.ResponseInfo{}))
		if (err == nil) != !failing {
			t.Fatalf("call %d: %v", i, err)
		}
		var e *clawhq.ServerError
		if errors.As(err, &e) && e.Attempts < 2 {
			t.Fatalf("call %d was not repeated: %v", i, err)
		}
	}
}

// An answer that is under way is asked for until there has been time for it, not
// as a retry: after 2, 4 and 8 seconds, then every 15, for 90 seconds in all.
func TestAnswerUnderWay(t *testing.T) {
	t.Parallel()
	const busy = `{"error":{"code":"request_in_progress","message":"m"}}`
	for name, tt := range map[string]struct {
		answerAt    time.Duration
		policy      clawhq.RetryPolicy
		requests    int
		least, most time.Duration // of the whole call
		fails       bool
	}{
		"after a minute":    {time.Minute, clawhq.RetryPolicy{MaxAttempts: 2, Budget: 0.001}, 8, 60 * time.Second, 80 * time.Second, false},
		"never":             {time.Hour, clawhq.RetryPolicy{}, 9, 65 * time.Second, 90 * time.Second, true},
		"without retries":   {time.Minute, clawhq.RetryPolicy{MaxAttempts: 1}, 1, 0, 0, true},
		"after two seconds": {time.Second, clawhq.RetryPolicy{}, 2, 1800 * time.Millisecond, 2200 * time.Millisecond, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				requests := 0
				client := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) {
					requests++
					if time.Since(start) < tt.answerAt {
						return testkit.Reply(409, busy), nil
					}
					return testkit.Reply(200, testkit.OKBody), nil
				}, clawhq.WithRetry(tt.policy))
				var info clawhq.ResponseInfo
				_, err := client.Chat(t.Context(), testkit.Hi, clawhq.WithResponseInfo(&info))
				took := time.Since(start)
				var conflict *clawhq.ConflictError
				if tt.fails != errors.As(err, &conflict) || (err != nil) != tt.fails || took < tt.least || took > tt.most {
					t.Errorf("got %v after %v", err, took)
				}
				if d := requests - tt.requests; d < -1 || d > 1 || info.Attempts != requests {
					t.Errorf("%d requests, want about %d; %d were counted", requests, tt.requests, info.Attempts)
				}
			})
		})
	}
}

// The statuses of proxies whose server is unreachable or overloaded are repeated.
func TestProxyStatuses(t *testing.T) {
	t.Parallel()
	for _, status := range []int{520, 521, 522, 523, 524, 529, 502, 503} {
		requests := 0
		client := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) {
			if requests++; requests == 1 {
				return testkit.Reply(status, "<html>", "Content-Type", "text/html"), nil
			}
			return testkit.Reply(200, testkit.OKBody), nil
		}, clawhq.WithRetry(clawhq.RetryPolicy{MinWait: 1, MaxWait: 1}))
		if _, err := client.Chat(t.Context(), testkit.Hi); err != nil || requests != 2 {
			t.Errorf("%d: got %v after %d requests", status, err, requests)
		}
	}
	for _, status := range []int{501, 505, 525, 526, 530} { // they would stay so
		requests := 0
		client := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) { requests++; return testkit.Reply(status, ""), nil })
		if _, err := client.Chat(t.Context(), testkit.Hi); err == nil || requests != 1 {
			t.Errorf("%d: got %v after %d requests", status, err, requests)
		}
	}
}

// A 429 of the live service names the end of the clock's minute, which is an upper
// bound: the call asks again every 2 to 5.5 s, and what it sends before that minute
// is no retry.
func TestAsksBeforeTheMinute(t *testing.T) {
	t.Parallel()
	live := clawhqtest.WithProfile(clawhqtest.Live)
	full := func(t *testing.T, s *clawhqtest.Server, opts ...clawhq.Option) (info clawhq.ResponseInfo, took time.Duration, err error) {
		s.SetRateLimit(s.KeyID(), 30)
		time.Sleep(10 * time.Second) // into the clock's minute
		other := s.Client(clawhq.WithRateLimit(0))
		for range 30 {
			if _, err := other.Chat(t.Context(), testkit.Hi); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(30 * time.Second)
		start := time.Now()
		_, err = s.Client(opts...).Chat(t.Context(), testkit.Hi, clawhq.WithResponseInfo(&info))
		return info, time.Since(start), err
	}
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		info, took, err := full(t, s, clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 3}))
		if err != nil || took > 36*time.Second || info.Attempts < 6 {
			t.Errorf("%v after %v and %d attempts, want an answer within 5.5 s after the slots are free", err, took, info.Attempts)
		}
		last := time.Time{}
		for _, r := range s.Requests()[30:] {
			if pause := r.Time.Sub(last); pause < 2*time.Second && last.Truncate(time.Minute).Equal(r.Time.Truncate(time.Minute)) {
				t.Errorf("asked again after %v, in the same minute", pause)
			}
			last = r.Time
		}
	}, live)
	for name, policy := range map[string]clawhq.RetryPolicy{
		"no retry":                  {MaxAttempts: 1},
		"not so long a Retry-After": {MaxRetryAfter: 10 * time.Second},
	} {
		testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
			info, took, err := full(t, s, clawhq.WithRetry(policy))
			var limited *clawhq.RateLimitError
			if !errors.As(err, &limited) || limited.RetryAfter != 20*time.Second || took != 0 || info.Attempts != 1 {
				t.Errorf("%s: %v after %v and %d attempts, want the 429 at once, with 20 s", name, err, took, info.Attempts)
			}
		}, live)
	}
}
