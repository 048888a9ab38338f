package proof_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
)

// By the documentation all endpoints share one window; in the live service most
// endpoints have their own. A client that is alone on the key learns the rule from
// the replies. It uses the whole limit by either rule, without a 429.
func TestFiguresMixedWindows(t *testing.T) {
	for _, tt := range []struct {
		name     string
		profile  clawhqtest.Profile
		rpm      int
		aMinute  int // calls that the server admits
		agentsAt time.Duration
	}{
		{"documented, 60 RPM", clawhqtest.Documented, 60, 60, 0},
		{"documented, 300 RPM", clawhqtest.Documented, 300, 300, 0},
		{"documented, 30 RPM, agents later", clawhqtest.Documented, 30, 30, 90 * time.Second},
		{"live, 60 RPM", clawhqtest.Live, 60, 60 + 60 + 60, 0},
		{"live, 30 RPM", clawhqtest.Live, 30, 30 + 60 + 60, 0},
		{"live, 120 RPM", clawhqtest.Live, 120, 120 + 60 + 60, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
				const length = 10 * time.Minute
				s.SetRateLimit(s.KeyID(), tt.rpm)
				client := s.Client(clawhq.WithHTTPClient(&http.Client{Transport: slowNetwork{s.HTTPClient().Transport, 20 * time.Millisecond, 100 * time.Millisecond}}))
				ctx, cancel := context.WithTimeout(t.Context(), length)
				defer cancel()
				var wg sync.WaitGroup
				work := func(workers int, after time.Duration, call func() error) {
					for range workers {
						wg.Go(func() {
							for time.Sleep(after); ctx.Err() == nil; {
								err := call()
								if errors.Is(err, context.DeadlineExceeded) {
									return
								}
								if err != nil {
									t.Error(err)
								}
							}
						})
					}
				}
				work(20, 0, func() error { _, err := client.Chat(ctx, testkit.Hi); return err })
				work(5, tt.agentsAt, func() error { _, err := client.Agents.List(ctx, clawhq.ListOptions{}); return err })
				work(5, tt.agentsAt, func() error { _, err := client.Models.List(ctx); return err })
				wg.Wait()
				served, rejected := 0, 0
				for _, r := range s.Requests() {
					if r.Status == http.StatusTooManyRequests {
						rejected++
					} else {
						served++
					}
				}
				quota := float64(served) / (float64(tt.aMinute) * length.Minutes())
				t.Logf("chats, agents and models, %s: %.1f%% of what the server admits, %d rejected", tt.name, 100*quota, rejected)
				if quota < 0.97 || rejected > 0 {
					t.Errorf("%.1f%% and %d rejected, want at least 97%% and none", 100*quota, rejected)
				}
			}, clawhqtest.WithProfile(tt.profile))
		})
	}
}
