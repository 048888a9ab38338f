package clawhqtest_test

import (
	"context"
	"iter"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/webhook"
	"github.com/google/go-cmp/cmp"
)

// napping is an agent that sleeps before each of its chunks.
func napping(s *clawhqtest.Server, naps ...time.Duration) clawhqtest.AgentFunc {
	return func(ctx context.Context, _ clawhqtest.Message) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			for _, nap := range naps {
				if err := s.Sleep(ctx, nap); err != nil || !yield("x", nil) {
					return
				}
			}
		}
	}
}

// Agents that sleep again and again do so in the order of their time, into however
// many advances the time is cut: the 60 seconds of an agent count by the clock.
func TestAdvanceClockInOrder(t *testing.T) {
	t.Parallel()
	const s = time.Second
	failed := clawhqtest.FaultStatus(503, "")
	for name, tt := range map[string]struct {
		naps   []time.Duration
		faults []clawhqtest.Fault
		steps  []time.Duration
		want   []int // statuses; 0 if there is no reply yet
	}{
		"within the limit, in one step":    {naps: []time.Duration{40 * s}, steps: []time.Duration{61 * s}, want: []int{200}},
		"within the limit, in two steps":   {naps: []time.Duration{40 * s}, steps: []time.Duration{40 * s, 21 * s}, want: []int{200}},
		"five chunks, not yet over":        {naps: slices.Repeat([]time.Duration{10 * s}, 5), steps: []time.Duration{45 * s}, want: []int{0}},
		"five chunks, 45 s and 5 s":        {naps: slices.Repeat([]time.Duration{10 * s}, 5), steps: []time.Duration{45 * s, 5 * s}, want: []int{200}},
		"five chunks, 59 s":                {naps: slices.Repeat([]time.Duration{10 * s}, 5), steps: []time.Duration{59 * s}, want: []int{200}},
		"beyond the limit, in one step":    {naps: []time.Duration{80 * s}, steps: []time.Duration{time.Hour}, want: []int{504}},
		"beyond the limit, in small steps": {naps: []time.Duration{80 * s}, steps: slices.Repeat([]time.Duration{5 * s}, 12), want: []int{504}},
		"a delay before the agent": {
			naps: []time.Duration{40 * s}, faults: []clawhqtest.Fault{clawhqtest.FaultDelay(50 * s)}, steps: []time.Duration{91 * s}, want: []int{200},
		},
		"a delay and the agent's limit": {
			naps: []time.Duration{80 * s}, faults: []clawhqtest.Fault{clawhqtest.FaultDelay(50 * s)}, steps: []time.Duration{10 * time.Minute}, want: []int{504},
		},
		"a retry by the client": {naps: []time.Duration{40 * s}, faults: []clawhqtest.Fault{failed}, steps: []time.Duration{61 * s}, want: []int{503, 200}},
	} {
		for _, profile := range []clawhqtest.Profile{clawhqtest.Documented, clawhqtest.Live} {
			t.Run(name+", "+profile.String(), func(t *testing.T) {
				t.Parallel()
				inBubble(t, profile, func(t *testing.T, server *clawhqtest.Server) {
					server.HandleAgent("napping", napping(server, tt.naps...))
					server.Inject(tt.faults...)
					client := server.Client(clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 2}))
					ctx, cancel := context.WithCancel(t.Context())
					var running sync.WaitGroup
					running.Go(func() { client.Chat(ctx, clawhq.ChatRequest{Message: "hi", Agent: "napping"}) })
					time.Sleep(time.Second) // until the agent has it
					synctest.Wait()
					start := time.Now()
					for _, step := range tt.steps {
						server.AdvanceClock(step)
					}
					if took := time.Since(start); took != 0 {
						t.Errorf("it took %v", took)
					}
					var got []int
					for _, r := range server.Requests() {
						got = append(got, r.Status)
					}
					if diff := cmp.Diff(tt.want, got); diff != "" {
						t.Errorf("statuses (-want +got):\n%s", diff)
					}
					cancel()
					running.Wait()
				})
			})
		}
	}
}

// receiver is a webhook's receiver that calls a function for each delivery.
func receiver(t *testing.T, s *clawhqtest.Server, receive func(ctx context.Context)) {
	t.Helper()
	createWebhook(t, s, webhook.EventAPIRequest)
	s.DeliverTo(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { receive(r.Context()) }))
}

// A receiver that never answers delays an advance by a few seconds, however long the
// advance is.
func TestAdvanceClockDeadReceiver(t *testing.T) {
	t.Parallel()
	for _, advance := range []time.Duration{time.Second, time.Minute, 10 * time.Minute, 24 * time.Hour} {
		inBubble(t, clawhqtest.Documented, func(t *testing.T, s *clawhqtest.Server) {
			receiver(t, s, func(ctx context.Context) { <-ctx.Done() })
			for range 3 {
				s.Client().Chat(t.Context(), hello)
			}
			start := time.Now()
			s.AdvanceClock(advance)
			if took := time.Since(start); took > 11*time.Second || s.PendingDeliveries() > 3 {
				t.Errorf("%v took %v; %d are pending", advance, took, s.PendingDeliveries())
			}
		})
	}
}

// A receiver may advance the clock itself. Neither it nor the caller of the other
// advance waits long.
func TestAdvanceClockInReceiver(t *testing.T) {
	t.Parallel()
	inBubble(t, clawhqtest.Documented, func(t *testing.T, s *clawhqtest.Server) {
		receiver(t, s, func(context.Context) { s.AdvanceClock(time.Minute) })
		start := time.Now()
		s.Emit(webhook.EventAPIRequest, struct{}{})
		if took := time.Since(start); took > 4*time.Second {
			t.Errorf("it took %v", took)
		}
		if d := s.Deliveries()[0]; d.Status != 200 {
			t.Errorf("the delivery got status %d, %s", d.Status, d.Err)
		}
		s.Client().Chat(t.Context(), hello)
		start = time.Now()
		s.AdvanceClock(time.Minute)
		if took := time.Since(start); took > 7*time.Second {
			t.Errorf("beside another: %v", took)
		}
	})
}

// An advance does not wait for later deliveries, however many there are.
func TestAdvanceClockUnderLoad(t *testing.T) {
	t.Parallel()
	inBubble(t, clawhqtest.Documented, func(t *testing.T, s *clawhqtest.Server) {
		var received atomic.Int64
		receiver(t, s, func(context.Context) {
			received.Add(1)
			time.Sleep(500 * time.Millisecond)
		})
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		for range 8 {
			running.Go(func() {
				for ctx.Err() == nil {
					s.Emit(webhook.EventAPIRequest, struct{}{})
				}
			})
		}
		time.Sleep(2200 * time.Millisecond)
		start := time.Now()
		s.AdvanceClock(time.Minute)
		if took := time.Since(start); took > time.Second || received.Load() == 0 {
			t.Errorf("it took %v; %d were received", took, received.Load())
		}
		cancel()
		running.Wait()
	})
}

// The retry of a delivery that failed is due after 30 seconds, and happens when the
// clock gets there.
func TestNextRetry(t *testing.T) {
	t.Parallel()
	s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
	if got := s.NextRetry(); !got.IsZero() {
		t.Errorf("without deliveries, a retry is due at %v", got)
	}
	if _, err := s.Client().Webhooks.Create(t.Context(), clawhq.CreateWebhookRequest{
		URL: "https://hooks.example.com/", Events: []webhook.EventType{webhook.EventAgentDeployed},
	}); err != nil {
		t.Fatal(err)
	}
	var answered atomic.Int32
	s.DeliverTo(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if answered.Add(1) == 1 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	s.Emit(webhook.EventAgentDeployed, webhook.AgentDeployed{AgentName: "Support Bot"})
	due := s.NextRetry().Sub(s.Now())
	if due < 25*time.Second || due > 30*time.Second {
		t.Errorf("the retry is due in %v, want 30s", due)
	}
	s.AdvanceClock(due)
	if got := s.NextRetry(); answered.Load() != 2 || !got.IsZero() {
		t.Errorf("%d deliveries, and another is due at %v", answered.Load(), got)
	}
}
