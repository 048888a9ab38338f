package bulk_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go/bulk"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
)

// A run alone on its key uses its quota, from one window after the first answer on,
// whatever the rate and the agent's pace.
func TestPace(t *testing.T) {
	t.Parallel()
	for rpm, agents := range map[int][]time.Duration{
		30:  {100 * time.Millisecond, 2 * time.Second, 10 * time.Second, 30 * time.Second, 59 * time.Second},
		60:  {2 * time.Second, 30 * time.Second},
		120: {10 * time.Second},
		300: {100 * time.Millisecond, 59 * time.Second},
	} {
		for _, agent := range agents {
			t.Run(fmt.Sprintf("%d RPM, %v", rpm, agent), func(t *testing.T) {
				t.Parallel()
				testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
					s.SetRateLimit(s.KeyID(), rpm)
					const length = 5 * time.Minute
					begin := time.Now().Add(agent + time.Minute)
					end := begin.Add(length + time.Minute)
					ctx, cancel := context.WithDeadline(t.Context(), end)
					defer cancel()
					for r, err := range bulk.Run(ctx, s.Client(), endless, bulk.Options{Job: "pace"}) {
						if err == nil && r.Err != nil {
							t.Errorf("%s: %v", r.ID, r.Err)
						}
					}
					// Calls may come in bursts, a window apart: so count in minutes
					// that begin at any second of a window.
					served, rejected := 0, 0
					for _, r := range s.Requests() {
						if r.Status == 429 {
							rejected++
							continue
						}
						for second := range 60 {
							from := begin.Add(time.Duration(second) * time.Second)
							if !r.Time.Before(from) && r.Time.Before(from.Add(length)) {
								served++
							}
						}
					}
					quota := float64(served) / 60 / (float64(rpm) * length.Minutes())
					t.Logf("%.1f%% of the quota, %d rejected", 100*quota, rejected)
					if quota < 0.98 || rejected > 0 {
						t.Errorf("used %.1f%% of the quota, %d rejected, want 98%%, 0", 100*quota, rejected)
					}
				}, clawhqtest.WithAgent("support-bot", thinks(agent)))
			})
		}
	}
}

// People who chat with the client of a run go first: at 60 calls a minute they wait
// for about a second at most.
func TestPeopleChat(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		client := s.Client()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for range bulk.Run(ctx, client, endless, bulk.Options{Job: "night"}) {
			}
		}()
		time.Sleep(3 * time.Minute)
		for range 60 {
			start := time.Now()
			if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
				t.Error(err)
			}
			if waited := time.Since(start); waited > 1500*time.Millisecond {
				t.Errorf("a person waited for %v", waited)
			}
			time.Sleep(7*time.Second + 300*time.Millisecond)
		}
		cancel()
		<-ended
	}, clawhqtest.WithAgent("support-bot", thinks(100*time.Millisecond)))
}
