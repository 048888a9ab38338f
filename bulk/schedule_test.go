package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/bulk"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
)

// Errors as a client returns them.
func reply(status int, code clawhq.ErrorCode) *clawhq.APIError {
	return &clawhq.APIError{StatusCode: status, Code: code, Message: "m", RequestID: "req_9"}
}

var (
	down     = &clawhq.ServerError{APIError: reply(500, clawhq.CodeInternalError)}
	badKey   = &clawhq.AuthenticationError{APIError: reply(401, clawhq.CodeInvalidAPIKey)}
	badPlan  = &clawhq.PermissionError{APIError: reply(403, clawhq.CodePlanRequired)}
	badAgent = &clawhq.NotFoundError{APIError: reply(404, clawhq.CodeAgentNotFound)}
	blocked  = &clawhq.InvalidRequestError{APIError: reply(400, clawhq.CodeContentBlocked)}
)

// A script is a Client that fails as fail says, after a second. It notes when each
// question was asked.
type script struct {
	fail func(message string, n int, since time.Duration) error // n counts the times that the message was asked

	mu    sync.Mutex
	start time.Time
	asked map[string][]time.Duration
	keys  map[string]string
	total int
}

func (s *script) Chat(ctx context.Context, req clawhq.ChatRequest, opts ...clawhq.CallOption) (*clawhq.ChatResponse, error) {
	s.mu.Lock()
	if s.asked == nil {
		s.start, s.asked, s.keys = time.Now(), map[string][]time.Duration{}, map[string]string{}
	}
	at := time.Since(s.start)
	s.asked[req.Message] = append(s.asked[req.Message], at)
	s.total++
	n := len(s.asked[req.Message])
	key := *clawhqtest.OptionsOf(opts...).IdempotencyKey
	if first, ok := s.keys[req.Message]; ok && first != key {
		s.mu.Unlock()
		return nil, errors.New("another idempotency key for the same question")
	}
	s.keys[req.Message] = key
	s.mu.Unlock()
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := s.fail(req.Message, n, time.Since(s.start)); err != nil {
		return nil, err
	}
	return echo(ctx, req)
}

// A question that fails for a time is asked again, as often as Tries says, while
// others are answered; then it is a result that is not saved.
func TestTries(t *testing.T) {
	t.Parallel()
	for _, tries := range []int{0, 1, 3} {
		want := tries
		if tries == 0 {
			want = 5
		}
		t.Run(fmt.Sprint(tries), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := &script{fail: func(message string, n int, _ time.Duration) error {
					if message == "question 1" || message == "question 2" && n < want {
						return down
					}
					return nil
				}}
				store := new(table)
				results, err := all(t.Context(), client, numbered(600), bulk.Options{Job: "tries", Store: store, Tries: tries, Workers: 2})
				if err != nil {
					t.Fatal(err)
				}
				if r := results["row-1"]; r.Err != error(down) || r.Response != nil || len(client.asked["question 1"]) != want {
					t.Errorf("after %d tries got %+v, want %d", len(client.asked["question 1"]), r, want)
				}
				if r := results["row-2"]; r.Err != nil {
					t.Errorf("answered at the last try: got error %v", r.Err)
				}
				if len(results) != 600 || len(store.records) != 599 {
					t.Errorf("got %d results, %d records; want 600, 599", len(results), len(store.records))
				}
				for i, at := range client.asked["question 1"] {
					if i > 0 && at-client.asked["question 1"][i-1] < 2*time.Second {
						t.Errorf("asked again after %v", at-client.asked["question 1"][i-1])
					}
				}
			})
		})
	}
}

// An outage of minutes fails no question and costs its own length.
func TestOutage(t *testing.T) {
	t.Parallel()
	for _, length := range []time.Duration{0, 30 * time.Second, 5 * time.Minute, 18 * time.Minute} {
		t.Run(length.String(), func(t *testing.T) {
			t.Parallel()
			testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
				const begin = 50 * time.Second
				start := time.Now()
				var requests, during atomic.Int32
				client := s.Client(clawhq.WithHTTPClient(&http.Client{Transport: testkit.RoundTripFunc(func(r *http.Request) (*http.Response, error) {
					requests.Add(1)
					if at := time.Since(start); at >= begin && at < begin+length {
						during.Add(1)
						r.Body.Close()
						return testkit.Reply(503, `{"error":{"code":"agent_offline","message":"down"}}`), nil
					}
					return s.HTTPClient().Transport.RoundTrip(r)
				})}))
				var reason string
				results, err := all(t.Context(), client, numbered(240), bulk.Options{Progress: func(p bulk.Progress) {
					if at := p.Elapsed; at > begin+length/2 && at < begin+length {
						reason = p.Reason
					}
				}})
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range results {
					if r.Err != nil {
						t.Errorf("%s: %v", r.ID, r.Err)
					}
				}
				took := time.Since(start)
				t.Logf("an outage of %v: took %v, %d requests, %d of them during the outage", length, took, requests.Load(), during.Load())
				if most := 4*time.Minute + length + 30*time.Second; took > most || len(results) != 240 {
					t.Errorf("%d answers took %v, want 240 in at most %v", len(results), took, most)
				}
				if length > time.Minute && reason == "" {
					t.Error("there is no Reason during the outage")
				}
			})
		})
	}
}

// While no question is answered, questions are asked one by one, and one try in
// five minutes counts.
func TestOutageTries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := &script{fail: func(string, int, time.Duration) error { return down }}
		start := time.Now()
		first := time.Duration(0)
		for r, err := range bulk.Run(t.Context(), client, endless, bulk.Options{Workers: 8}) {
			if err != nil || r.Err == nil {
				t.Fatalf("got %+v, %v", r, err)
			}
			first = time.Since(start)
			break
		}
		if first < 20*time.Minute || first > 30*time.Minute {
			t.Errorf("the first question was given up after %v, want 20 to 30 minutes", first)
		}
		if len(client.asked) > 8+2 { // two may be begun before three have failed
			t.Errorf("%d questions were begun in the outage, want at most 10", len(client.asked))
		}
		if perMinute := float64(client.total) / first.Minutes(); perMinute > 6 {
			t.Errorf("%.1f questions a minute were asked in the outage", perMinute)
		}
	})
}

// A key, plan or agent that is refused is tried again after a minute, with the same
// question; nothing else is sent meanwhile. If it is refused alike, the run ends.
func TestRefused(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]error{"key": badKey, "plan": badPlan, "agent": badAgent} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const begin = 30 * time.Second
				client := &script{fail: func(_ string, _ int, at time.Duration) error {
					if at > begin {
						return refusal
					}
					return nil
				}}
				start := time.Now()
				store := new(table)
				results, err := all(t.Context(), client, numbered(1000), bulk.Options{Job: "refused", Store: store, Workers: 4})
				if !errors.Is(err, refusal) {
					t.Errorf("got error %v, want %v", err, refusal)
				}
				if took := time.Since(start); took < 90*time.Second || took > 95*time.Second {
					t.Errorf("took %v, want 91 s", took)
				}
				if len(store.records) != len(results) {
					t.Errorf("got %d results and %d records", len(results), len(store.records))
				}
				for _, r := range results {
					if r.Err != nil {
						t.Errorf("%s: %v", r.ID, r.Err)
					}
				}
				repeats := 0
				for _, times := range client.asked {
					for i, at := range times {
						if at > begin+time.Second && (i == 0 || at < begin+time.Minute) {
							t.Errorf("a question was asked at %v", at)
						}
						if i > 0 {
							repeats++
						}
					}
				}
				if repeats != 1 {
					t.Errorf("%d questions were asked again, want 1", repeats)
				}
			})
		})
		t.Run(name+", for half a minute", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := &script{fail: func(_ string, _ int, at time.Duration) error {
					if at > 30*time.Second && at < time.Minute {
						return refusal
					}
					return nil
				}}
				start := time.Now()
				results, err := all(t.Context(), client, numbered(400), bulk.Options{Workers: 4})
				if err != nil {
					t.Error(err)
				}
				for _, r := range results {
					if r.Err != nil {
						t.Errorf("%s: %v", r.ID, r.Err)
					}
				}
				if took := time.Since(start); len(results) != 400 || took > 165*time.Second {
					t.Errorf("%d answers in %v, want 400 in 100 s and the minute", len(results), took)
				}
			})
		})
	}
}

// A question that was refused while another one's minute ran has a minute of its own.
func TestRefusedLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := &script{fail: func(message string, _ int, at time.Duration) error {
			switch {
			case message == "question 0" && at < 30*time.Second:
				return badKey
			case message == "question 1":
				if at < 50*time.Second {
					time.Sleep(50 * time.Second)
				}
				if at < 70*time.Second {
					return badKey
				}
			}
			return nil
		}}
		results, err := all(t.Context(), client, numbered(3), bulk.Options{Workers: 2})
		if err != nil || len(results) != 3 {
			t.Errorf("got %d results, error %v", len(results), err)
		}
		second := client.asked["question 1"]
		if len(second) != 3 || second[1] < 60*time.Second || second[1] > 65*time.Second || second[2] < 120*time.Second {
			t.Errorf("the second question was asked at %v, want at 0, 62 s and after 2 minutes", second)
		}
	})
}

// The same against the service: calls that wait for the rate limit are taken back,
// so that nothing is sent in the minute.
func TestRefusedByTheService(t *testing.T) {
	t.Parallel()
	testkit.EachProfile(t, func(t *testing.T, s *clawhqtest.Server, client *clawhq.Client) {
		var revoked time.Time
		go func() {
			time.Sleep(100 * time.Second)
			revoked = time.Now()
			s.RevokeKey(s.KeyID())
		}()
		var reason string
		results, err := all(t.Context(), client, numbered(1000), bulk.Options{Progress: func(p bulk.Progress) { reason = p.Reason }})
		if !errors.Is(err, clawhq.CodeRevokedAPIKey) && !errors.Is(err, clawhq.CodeInvalidAPIKey) {
			t.Errorf("got error %v", err)
		}
		for _, r := range results {
			if r.Err != nil {
				t.Errorf("%s: %v", r.ID, r.Err)
			}
		}
		var times []time.Duration
		for _, r := range s.Requests() {
			if at := r.Time.Sub(revoked); r.Status == 401 || r.Status == 403 {
				times = append(times, at)
			}
		}
		for _, at := range times {
			if at > times[0]+time.Second && at < times[0]+time.Minute {
				t.Errorf("a request was sent %v after the first refusal", at-times[0])
			}
		}
		if last := times[len(times)-1] - times[0]; last < time.Minute || last > time.Minute+5*time.Second {
			t.Errorf("the last request was %v after the first refusal, want a minute", last)
		}
		if reason == "" {
			t.Error("there was no Reason in the minute")
		}
	})
}

// A Retry-After that is longer than the client's retries allow holds up the run, and
// fails nothing.
func TestLongRetryAfter(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		s.Inject(clawhqtest.FaultRateLimit("600").On(clawhqtest.Nth(10)))
		start := time.Now()
		results, err := all(t.Context(), s.Client(), numbered(30), bulk.Options{Workers: 1})
		if err != nil || len(results) != 30 {
			t.Fatalf("got %d results, %v", len(results), err)
		}
		for _, r := range results {
			if r.Err != nil {
				t.Error(r.Err)
			}
		}
		requests := s.Requests()
		if pause := requests[10].Time.Sub(requests[9].Time); pause < 10*time.Minute || time.Since(start) > 15*time.Minute {
			t.Errorf("went on after %v, and took %v", pause, time.Since(start))
		}
	})
}

// Everything that can go wrong with a request goes wrong, and every question is
// answered.
func TestFaults(t *testing.T) {
	t.Parallel()
	testkit.EachProfile(t, func(t *testing.T, s *clawhqtest.Server, client *clawhq.Client) {
		s.SetRateLimit(s.KeyID(), 300)
		n := 1
		for range 12 {
			for _, fault := range []clawhqtest.Fault{
				clawhqtest.FaultStatus(500, ""), clawhqtest.FaultStatus(502, ""), clawhqtest.FaultStatus(503, ""), clawhqtest.FaultStatus(504, ""),
				clawhqtest.FaultReset(), clawhqtest.FaultHTML(502), clawhqtest.FaultRateLimit("3"), clawhqtest.FaultDelay(20 * time.Second),
				clawhqtest.FaultStreamStall(0),
			} {
				n += 3
				s.Inject(fault.On(clawhqtest.Nth(n)))
			}
		}
		// Look-ups of the service fail, minutes apart.
		s.Inject(clawhqtest.FaultStatus(401, clawhq.CodeInvalidAPIKey).On(clawhqtest.Nth(20)),
			clawhqtest.FaultStatus(404, clawhq.CodeAgentNotFound).On(clawhqtest.Nth(220)),
			clawhqtest.FaultStatus(403, clawhq.CodePlanRequired).On(clawhqtest.Nth(420)))
		results, err := all(t.Context(), client, numbered(600), bulk.Options{})
		if err != nil || len(results) != 600 {
			t.Errorf("got %d results, error %v", len(results), err)
		}
		for _, r := range results {
			if r.Err != nil {
				t.Errorf("%s: %v", r.ID, r.Err)
			}
		}
		s.ClearFaults()
	})
}
