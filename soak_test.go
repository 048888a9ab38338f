package clawhq_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
)

// An hour of traffic in virtual time: 50 workers, a fault in twenty requests,
// tiers that change, keys that are rotated and revoked. In the end the books
// balance: what the clients counted is what the server saw, and no agent ran
// twice for one call.
func TestSoak(t *testing.T) {
	t.Parallel()
	const workers, length = 50, soaked
	var mu sync.Mutex
	runs := map[string]int{} // of the agent, by message: each call has its own
	agent := func(ctx context.Context, m clawhqtest.Message) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			mu.Lock()
			runs[m.Text]++
			mu.Unlock()
			for _, s := range []string{"all ", "is ", "well"} {
				select {
				case <-time.After(time.Duration(rand.IntN(2000)) * ms):
				case <-ctx.Done():
					return
				}
				if !yield(s, nil) {
					return
				}
			}
		}
	}
	bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), length)
		defer cancel()
		s.SetRateLimit(s.KeyID(), 300)
		admin := s.Client()
		attempts, calls, unary := 0, 0, map[string]bool{} // messages answered whole
		outcomes := map[string]int{}
		var wg sync.WaitGroup

		// The key of each fifth of the workers is revoked from time to time,
		// and they go on with another.
		const shifts = 5
		for shift := range shifts {
			var current *clawhq.Client
			var lock sync.Mutex
			rotate := func() {
				id, key := s.CreateKey(fmt.Sprint("shift ", shift), 300)
				lock.Lock()
				current = s.Client(clawhq.WithAPIKey(key))
				lock.Unlock()
				wg.Go(func() {
					select {
					case <-ctx.Done():
						return
					case <-time.After(length / 6):
					}
					tier := clawhq.RPM120
					if _, err := admin.Keys.Update(context.Background(), id, clawhq.UpdateKeyRequest{RateLimit: &tier}); err != nil {
						t.Error(err)
					}
					select {
					case <-ctx.Done():
						return
					case <-time.After(length/4 - length/6):
					}
					if err := admin.Keys.Revoke(context.Background(), id); err != nil {
						t.Error(err)
					}
				})
			}
			rotate()
			wg.Go(func() {
				for {
					select {
					case <-ctx.Done():
						return
					case <-time.After(length/4 + time.Second): // a second without a key
						rotate()
					}
				}
			})
			for w := range workers / shifts {
				wg.Go(func() {
					for n := 0; ctx.Err() == nil; n++ {
						lock.Lock()
						client := current
						lock.Unlock()
						message := fmt.Sprintf("%d/%d/%d", shift, w, n)
						var info clawhq.ResponseInfo
						var err error
						stream := n%3 == 0
						if stream {
							_, err = clawhq.CollectText(client.ChatStream(ctx, clawhq.ChatRequest{Message: message, Agent: "slow"}, clawhq.WithResponseInfo(&info)))
						} else {
							_, err = client.Chat(ctx, clawhq.ChatRequest{Message: message, Agent: "slow"}, clawhq.WithResponseInfo(&info))
						}
						mu.Lock()
						calls++
						attempts += info.Attempts
						switch what := outcomeOf(err); {
						case errors.Is(err, clawhq.ErrThrottled):
							outcomes["ErrThrottled"]++
						case what == "":
							t.Errorf("%s: %v", message, err)
						default:
							outcomes[what]++
						}
						if err == nil && !stream {
							unary[message] = true
						}
						mu.Unlock()
						if err != nil {
							time.Sleep(time.Second)
						}
					}
				})
			}
		}
		// Faults, one for about every twentieth request.
		wg.Go(func() {
			faults := []clawhqtest.Fault{
				clawhqtest.FaultStatus(500, ""), clawhqtest.FaultStatus(503, ""), clawhqtest.FaultHTML(502), clawhqtest.FaultReset(), clawhqtest.FaultRateLimit("3"),
				clawhqtest.FaultDelay(5 * time.Second), clawhqtest.FaultStreamCut(1), clawhqtest.FaultStreamError("stream_error", 1), clawhqtest.FaultLegacyError(503, "AGENT_ERROR"),
			}
			seen, n := 0, 0
			for ctx.Err() == nil {
				time.Sleep(time.Second)
				mu.Lock()
				now := calls
				mu.Unlock()
				for ; seen+20 <= now; seen += 20 {
					s.Inject(faults[n%len(faults)])
					n++
				}
			}
		})
		wg.Wait()
		s.ClearFaults()

		chats, management, ok := 0, 0, 0
		for _, r := range s.Requests() {
			if r.Path != "/api/v1/chat" {
				management++
				continue
			}
			chats++
			if r.Status == http.StatusOK {
				ok++
			}
		}
		twice := 0
		mu.Lock()
		defer mu.Unlock()
		for message := range unary {
			if runs[message] == 0 {
				t.Errorf("%s was answered, and no agent ran", message)
			}
		}
		for message, n := range runs {
			if n > 1 {
				twice++
				t.Logf("%s ran %d times", message, n)
			}
		}
		t.Logf("%v with %d workers: %d calls, %d requests, %d of them 200, %d for key management, %d agent runs; outcomes %v",
			time.Since(start).Round(time.Second), workers, calls, chats, ok, management, len(runs), outcomes)
		if attempts != chats {
			t.Errorf("the clients counted %d requests, the server %d", attempts, chats)
		}
		if twice > 0 {
			t.Errorf("for %d calls an agent ran more than once", twice)
		}
		expected := outcomes["ok"] + outcomes["ErrThrottled"] + outcomes["AuthenticationError"] // at the end, and when a key is revoked
		if expected < calls*19/20 || outcomes["ok"] < calls/2 || outcomes["AuthenticationError"] == 0 || outcomes["StreamError"] == 0 {
			t.Errorf("outcomes are %v", outcomes)
		}
	}, clawhqtest.WithAgent("slow", agent))
}
