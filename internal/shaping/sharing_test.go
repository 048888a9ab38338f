package shaping

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"
)

var fast = []time.Duration{0, 0}
var delta = []time.Duration{2 * time.Second, 6 * time.Second}

func TestExplore(t *testing.T) {
	if os.Getenv("EXPLORE") == "" {
		t.Skip()
	}
	const length = 10 * time.Minute
	for _, live := range []bool{false, true} {
		for _, limit := range []int{60, 300} {
			for name, agent := range map[string][]time.Duration{"fast": fast, "Δ": delta} {
				workers := 20
				if name == "Δ" {
					workers = max(20, limit/8)
				}
				for _, n := range []int{1, 2, 4} {
					t.Run(fmt.Sprintf("live %t %d %s %d clients", live, limit, name, n), func(t *testing.T) {
						t.Parallel()
						var clients []*client
						s := traffic(t, limit, live, length, func(ctx context.Context, wg *sync.WaitGroup, s *service) {
							for range n {
								c := s.client(agent...)
								clients = append(clients, c)
								c.saturate(ctx, wg, workers, Request{})
							}
						})
						first, late := of(s.rejected, nil, 0, 2*time.Minute), of(s.rejected, nil, 3*time.Minute, length)
						lateServed := of(s.served, nil, 3*time.Minute, length)
						var shares []int
						for _, c := range clients {
							shares = append(shares, of(s.served, c, 5*time.Minute, length))
						}
						t.Logf(t.Name()+": quota %.1f%%, late quota %.1f%%, first 429s %d, late %d = %.2f%%, shares %v", s.quota(0, length), s.quota(3*time.Minute, length), first, late, 100*float64(late)/float64(late+lateServed), shares)
					})
				}
				for i := range 2 {
					t.Run(fmt.Sprintf("small live %t %d %s %d", live, limit, name, i), func(t *testing.T) {
						t.Parallel()
						var small *client
						s := traffic(t, limit, live, length, func(ctx context.Context, wg *sync.WaitGroup, s *service) {
							s.client(agent...).saturate(ctx, wg, workers, Request{})
							time.Sleep(50 * time.Second)
							small = s.client(agent...)
							small.paced(ctx, wg, 55, 10*time.Second, Request{})
						})
						times := small.answered()
						t.Logf(t.Name()+": answered %d of %d, p50 %v p95 %v, 429s %d, quota %.1f%%", len(times), len(small.calls), percentile(times, .5), percentile(times, .95), len(s.rejected), s.quota(2*time.Minute, length))
					})
				}
				t.Run(fmt.Sprintf("shares live %t %d %s", live, limit, name), func(t *testing.T) {
					t.Parallel()
					var a, b *client
					s := traffic(t, limit, live, length, func(ctx context.Context, wg *sync.WaitGroup, s *service) {
						a = s.client(agent...)
						a.saturate(ctx, wg, workers, Request{})
						time.Sleep(60 * time.Second)
						b = s.client(agent...)
						b.saturate(ctx, wg, workers, Request{})
					})
					var shares [][2]int
					for m := time.Minute; m < length; m += time.Minute {
						shares = append(shares, [2]int{of(s.served, a, m, m+time.Minute), of(s.served, b, m, m+time.Minute)})
					}
					t.Logf(t.Name()+": a minute: %v, 429s %d", shares, len(s.rejected))
				})
			}
		}
	}
}
