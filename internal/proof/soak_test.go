package proof_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
)

// TestSoak simulates an hour of traffic in virtual time: 50 workers, a fault in
// twenty requests, lost replies, changes of tiers, and keys that are rotated and
// revoked, by key management and otherwise. At the end, the journal contains
// exactly the requests that each client counted, with the same statuses, and no
// agent ran twice for one idempotency key.
func TestSoak(t *testing.T) {
	t.Parallel()
	const workers, length = 50, soaked
	var mu sync.Mutex
	runs := map[string]int{} // runs of the agent by message; each call has its own message
	agent := func(ctx context.Context, m clawhqtest.Message) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			mu.Lock()
			runs[m.Text]++
			mu.Unlock()
			for _, s := range []string{"all ", "is ", "well"} {
				select {
				case <-time.After(time.Duration(rand.IntN(2000)) * time.Millisecond):
				case <-ctx.Done():
					return
				}
				if !yield(s, nil) {
					return
				}
			}
		}
	}
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), length) // no new calls after length; calls under way may end later
		defer cancel()
		s.SetRateLimit(s.KeyID(), 300)
		admin := s.Client()
		lossy := &lossyNetwork{RoundTripper: s.HTTPClient().Transport}
		calls := map[string]soakCall{} // by client request id
		outcomes := map[string]int{}
		var wg sync.WaitGroup

		// Each fifth of the workers has its own key. From time to time its tier
		// changes, or it is revoked and the workers go on with a new key.
		const shifts = 5
		for shift := range shifts {
			var current *clawhq.Client
			var lock sync.Mutex
			rotate := func() {
				id, key := s.CreateKey(fmt.Sprint("shift ", shift), 300)
				lock.Lock()
				current = s.Client(clawhq.WithAPIKey(key), clawhq.WithHTTPClient(&http.Client{Transport: lossy}))
				lock.Unlock()
				wg.Go(func() {
					if !pause(ctx, length/6) {
						return
					}
					tier := clawhq.RPM120
					if shift%2 == 0 {
						s.SetRateLimit(id, int(tier))
					} else if _, err := admin.Keys.Update(context.Background(), id, clawhq.UpdateKeyRequest{RateLimit: &tier}); err != nil {
						t.Error(err)
					}
					if !pause(ctx, length/4-length/6) {
						return
					}
					if shift%2 == 0 {
						s.RevokeKey(id)
					} else if err := admin.Keys.Revoke(context.Background(), id); err != nil {
						t.Error(err)
					}
				})
			}
			rotate()
			wg.Go(func() {
				for pause(ctx, length/4+time.Second) { // a second without a key
					rotate()
				}
			})
			for w := range workers / shifts {
				wg.Go(func() {
					for n := 0; ctx.Err() == nil; n++ {
						lock.Lock()
						client := current
						lock.Unlock()
						id := fmt.Sprintf("%d/%d/%d", shift, w, n)
						req := clawhq.ChatRequest{Message: id, Agent: "slow"}
						c := soakCall{stream: n%3 == 0}
						opts := []clawhq.CallOption{clawhq.WithResponseInfo(&c.info), clawhq.WithClientRequestID(id), clawhq.WithIdempotencyKey(id)}
						hasty, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
						if c.stream {
							_, c.err = clawhq.CollectText(client.ChatStream(hasty, req, opts...))
						} else {
							_, c.err = client.Chat(hasty, req, opts...)
						}
						cancel()
						what := outcomeOf(c.err)
						if errors.Is(c.err, clawhq.ErrThrottled) {
							what = "ErrThrottled"
						}
						if what == "" {
							t.Errorf("%s: %v", id, c.err)
						}
						mu.Lock()
						calls[id] = c
						outcomes[what]++
						mu.Unlock()
						if c.err != nil {
							pause(ctx, time.Second)
						}
					}
				})
			}
		}
		// One fault for about every twentieth call.
		wg.Go(func() {
			faults := []clawhqtest.Fault{
				clawhqtest.FaultStatus(500, ""), clawhqtest.FaultStatus(503, ""), clawhqtest.FaultHTML(502), clawhqtest.FaultReset(), clawhqtest.FaultRateLimit("3"),
				clawhqtest.FaultDelay(5 * time.Second), clawhqtest.FaultStreamCut(1), clawhqtest.FaultStreamError("stream_error", 1), clawhqtest.FaultLegacyError(503, "AGENT_ERROR"),
			}
			seen, n := 0, 0
			for pause(ctx, time.Second) {
				mu.Lock()
				now := len(calls)
				mu.Unlock()
				for ; seen+20 <= now; seen += 20 {
					s.Inject(faults[n%len(faults)])
					n++
				}
			}
		})
		wg.Wait()
		unmet := len(s.Faults())
		s.ClearFaults()

		journal := map[string][]clawhqtest.Request{} // by client request id
		management, faults := 0, 0
		for _, r := range s.Requests() {
			if r.Fault != "" {
				faults++
			}
			if r.Path != "/api/v1/chat" {
				management++
				continue
			}
			id := r.Header.Get("X-Client-Request-Id")
			journal[id] = append(journal[id], r)
		}
		requests, replayed := 0, 0
		for id, seen := range journal {
			requests += len(seen)
			if _, ok := calls[id]; !ok {
				t.Errorf("no client knows of %q, which the server saw", id)
			}
		}
		for id, c := range calls {
			seen := journal[id]
			if len(seen) != c.info.Attempts {
				t.Errorf("%s: the client counted %d requests, the server %d: %v", id, c.info.Attempts, len(seen), c.err)
				continue
			}
			agents := 0
			for _, r := range seen {
				if r.Header.Get("X-Idempotency-Key") != id {
					t.Errorf("%s was sent under the idempotency key %q", id, r.Header.Get("X-Idempotency-Key"))
				}
				if r.Agent != "" {
					agents++
				}
			}
			if agents != runs[id] || agents > 1 || c.err == nil && agents != 1 {
				t.Errorf("%s: the agent ran %d times, %d times by the journal: %v", id, runs[id], agents, c.err)
			}
			if c.info.Replayed {
				replayed++
			}
			if c.err != nil {
				continue // the failure decides whether there was a reply, and from which attempt
			}
			if last := seen[len(seen)-1]; last.Status != http.StatusOK || c.info.StatusCode != http.StatusOK || last.RequestID != c.info.RequestID {
				t.Errorf("%s: the client saw %d for %s, the server sent %d for %s", id, c.info.StatusCode, c.info.RequestID, last.Status, last.RequestID)
			}
		}
		t.Logf("%v with %d workers: %d calls, %d requests, %d for key management, %d agent runs, %d faults, %d replies lost and %d replayed; outcomes %v",
			time.Since(start).Round(time.Second), workers, len(calls), requests, management, len(runs), faults, lossy.lost.Load(), replayed, outcomes)
		if share := float64(faults+int(lossy.lost.Load())) / float64(requests); share < 0.04 || unmet > 20 {
			t.Errorf("%.1f%% of the requests met a fault, %d faults were left", 100*share, unmet)
		}
		if replayed == 0 || outcomes["ok"] < len(calls)*9/10 || outcomes["AuthenticationError"] == 0 || outcomes["StreamError"] == 0 {
			t.Errorf("outcomes are %v", outcomes)
		}
	}, clawhqtest.WithAgent("slow", agent))
}

// A soakCall is a call as its client saw it.
type soakCall struct {
	stream bool
	info   clawhq.ResponseInfo
	err    error
}

// pause waits for d. It returns false if ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// lossyNetwork loses one whole answer in fifty, after the agent has run.
type lossyNetwork struct {
	http.RoundTripper
	lost atomic.Int64
}

func (n *lossyNetwork) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := n.RoundTripper.RoundTrip(r)
	if err != nil || resp.StatusCode != http.StatusOK || r.Header.Get("Accept") == "text/event-stream" || rand.IntN(50) > 0 {
		return resp, err
	}
	resp.Body.Close()
	n.lost.Add(1)
	return nil, io.ErrUnexpectedEOF
}
