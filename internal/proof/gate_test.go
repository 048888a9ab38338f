package proof_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/jarcoal/httpmock"
)

// Waiting calls are served in order.
func TestShapingIsFIFO(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		s.SetRateLimit(s.KeyID(), 1)
		client := s.Client(clawhq.WithRateLimit(1))
		var wg sync.WaitGroup
		var mu sync.Mutex
		var order []int
		for i := range 20 {
			wg.Go(func() {
				if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				order = append(order, i)
			})
			synctest.Wait() // the call is in the queue
		}
		wg.Wait()
		if len(order) != 20 || !slices.IsSorted(order) {
			t.Errorf("served in the order %v", order)
		}
		for _, r := range s.Requests() {
			if r.Status != 200 {
				t.Errorf("status %d", r.Status)
			}
		}
	})
}

// Until the limit is known, no more calls are outstanding than the smallest
// tier allows.
func TestShapingOfAnUnknownKey(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		s.SetRateLimit(s.KeyID(), 300)
		s.Inject(slices.Repeat([]clawhqtest.Fault{clawhqtest.FaultDelay(5 * time.Second)}, 30)...)
		client := s.Client()
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if n := len(s.Requests()); n != 30 {
			t.Errorf("%d requests are outstanding", n)
		}
		wg.Wait()
		if n := len(s.Requests()); n != 100 {
			t.Errorf("%d requests", n)
		}
	})
}

// A 429 stops all callers of the client. Afterwards their calls are sent one by one,
// not all at once.
func TestShapingGate(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		client := s.Client()
		if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
			t.Fatal(err)
		}
		// Another process uses up the key.
		other := s.Client(clawhq.WithRateLimit(0))
		for range 59 {
			if _, err := other.Chat(t.Context(), testkit.Hi); err != nil {
				t.Fatal(err)
			}
		}
		start := time.Now()
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		rejected := 0
		for _, r := range s.Requests()[60:] {
			if r.Status == 429 {
				rejected++
			} else if r.Time.Sub(start) < 60*time.Second-time.Millisecond {
				t.Errorf("sent after %v", r.Time.Sub(start))
			}
		}
		// Calls that were under way at the first 429 may be rejected as well.
		if rejected == 0 || rejected > 10 || time.Since(start) > 70*time.Second {
			t.Errorf("%d rejected, %v in all", rejected, time.Since(start))
		}
	})
}

// After a 429 for a key whose limit is unknown, calls are sent one by one until one of
// them succeeds.
func TestShapingAfterRejection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var mu sync.Mutex
		var sent []time.Duration
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("POST", testkit.ChatURL, func(*http.Request) (*http.Response, error) {
			mu.Lock()
			sent = append(sent, time.Since(start))
			first := len(sent) == 1
			mu.Unlock()
			if first {
				return testkit.Reply(429, `{"error":{"code":"rate_limited","message":"m"}}`, "Retry-After", "5"), nil
			}
			time.Sleep(10 * time.Second) // the agent takes its time
			return testkit.Reply(200, testkit.OKBody, "X-RateLimit-Limit", "30", "X-RateLimit-Remaining", "20"), nil
		})
		client := testkit.Client(t, mock)
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
					t.Error(err)
				}
			})
			if i == 0 {
				synctest.Wait() // the first call has got the 429
			}
		}
		wg.Wait()
		// The first call gets the 429. From the fifth second on, one call is sent
		// every two seconds until the first answer comes, and then as many as
		// the window has room for.
		if len(sent) != 21 || sent[1] < 5*time.Second || sent[2] < sent[1]+2*time.Second || sent[3] < sent[2]+2*time.Second {
			t.Errorf("sent after %v", sent)
		}
	})
}

// A 429 stops the client for as long as Retry-After says, and no longer.
func TestShapingAfterShortRetryAfter(t *testing.T) {
	t.Parallel()
	for _, warm := range []int{0, 1, 20, 59} {
		for callers, waits := range map[int][]string{1: {"2"}, 2: {"1", "1", "1"}, 10: {"2"}} {
			testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
				client := s.Client()
				for range warm {
					if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(3 * time.Second)
				for _, wait := range waits {
					s.Inject(clawhqtest.FaultRateLimit(wait))
				}
				start := time.Now()
				var wg sync.WaitGroup
				for range min(callers, 60-warm) {
					wg.Go(func() {
						if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
							t.Error(err)
						}
					})
				}
				wg.Wait()
				if took := time.Since(start); took < 2*time.Second || took > 6*time.Second {
					t.Errorf("after %d calls, %d callers took %v", warm, callers, took)
				}
			})
		}
	}
}

// After a 429, calls are sent one by one and at a growing rate, not all at once.
func TestShapingOutOfTheGate(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		client := s.Client()
		if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
			t.Fatal(err)
		}
		s.Inject(clawhqtest.FaultRateLimit("5"))
		start := time.Now()
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() {
				if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
					t.Error(err)
				}
			})
			if i == 0 {
				synctest.Wait() // the first call has got the 429; the others now wait for the gate
			}
		}
		wg.Wait()
		var at []time.Duration
		for _, r := range s.Requests()[2:] {
			at = append(at, r.Time.Sub(start))
		}
		if len(at) != 12 || at[0] < 5*time.Second || at[1]-at[0] < 400*time.Millisecond || at[2]-at[1] < 200*time.Millisecond || at[11] > 8*time.Second {
			t.Errorf("sent after %v", at)
		}
	})
}

// If the gate opens only after the deadline, a call is refused at once, like for a
// full window.
func TestShapingGateAndDeadline(t *testing.T) {
	t.Parallel()
	for name, warm := range map[string]bool{"limit known": true, "limit unknown": false} {
		testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
			client := s.Client(testkit.OneAttempt)
			if warm {
				if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
					t.Fatal(err)
				}
			}
			s.Inject(clawhqtest.FaultRateLimit("30"))
			if _, err := client.Chat(t.Context(), testkit.Hi); err == nil {
				t.Error("no error")
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			start := time.Now()
			if _, err := client.Chat(ctx, testkit.Hi); !errors.Is(err, clawhq.ErrThrottled) || time.Since(start) != 0 {
				t.Errorf("%s: got %v after %v", name, err, time.Since(start))
			}
		})
	}
}

// The wait before a retry does not change for how long the gate is closed for other
// calls.
func TestShapingGateOutlastsRetries(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		client := s.Client(clawhq.WithRetry(clawhq.RetryPolicy{MaxRetryAfter: 5 * time.Second}))
		s.Inject(clawhqtest.FaultRateLimit("30"))
		start := time.Now()
		if _, err := client.Chat(t.Context(), testkit.Hi); err == nil || time.Since(start) != 0 {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
		if _, err := client.Chat(t.Context(), testkit.Hi); err != nil || time.Since(start) < 30*time.Second {
			t.Errorf("the next call: %v after %v", err, time.Since(start))
		}
	})
}
