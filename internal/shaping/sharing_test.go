package shaping

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// Agents answer at once, or after 2 to 6 s.
var agents = map[string][2]time.Duration{"at once": {}, "2 to 6 s": {2 * time.Second, 6 * time.Second}}

// profiles of the service.
var profiles = map[string]bool{"documented": false, "live": true}

// scenarios runs f for each profile, limit and kind of agent.
func scenarios(t *testing.T, f func(t *testing.T, limit int, live bool, agent [2]time.Duration, workers int)) {
	t.Helper()
	for profile, live := range profiles {
		for _, limit := range limits {
			for kind, agent := range agents {
				t.Run(fmt.Sprintf("%s, %d RPM, agents answer %s", profile, limit, kind), func(t *testing.T) {
					t.Parallel()
					f(t, limit, live, agent, 20+limit/60)
				})
			}
		}
	}
}

const tenMinutes = 10 * time.Minute

// A client that is alone uses its whole key without a 429, whatever the pace of its
// agents, whether its calls come evenly or in bursts.
func TestAlone(t *testing.T) {
	t.Parallel()
	for profile, live := range profiles {
		for _, limit := range append([]int{30}, limits...) {
			for _, agent := range []time.Duration{100 * ms, 5 * time.Second, 20 * time.Second, 40 * time.Second, 59 * time.Second} {
				t.Run(fmt.Sprintf("%s, %d RPM, agents of %v", profile, limit, agent), func(t *testing.T) {
					t.Parallel()
					const length = 20 * time.Minute
					s := traffic(t, limit, live, length, func(ctx context.Context, wg *sync.WaitGroup, s *service) {
						c := s.client(agent, agent)
						c.set = NewSet(Config{Limit: limit, Unknown: 30, Longest: 2 * Length})
						c.saturate(ctx, wg, 20+int(float64(limit)*agent.Minutes()*1.3), Request{})
					})
					if q := s.quota(3*time.Minute, length-2*time.Minute); q < 99.2 || len(s.rejected) > 0 {
						t.Errorf("without a pause: %.1f%% of the quota, %d rejected, want 99.2%% and none", q, len(s.rejected))
					}
					for name, shape := range map[string]struct {
						n    int // calls a period
						each time.Duration
					}{"evenly": {1, Length / time.Duration(limit) * 51 / 50}, "in bursts": {limit, 61 * time.Second}} {
						var c *client
						s = traffic(t, limit, live, length, func(ctx context.Context, wg *sync.WaitGroup, s *service) {
							c = s.client(agent, agent)
							c.set = NewSet(Config{Limit: limit, Unknown: 30, Longest: 2 * Length})
							wg.Go(func() {
								for ; ctx.Err() == nil; time.Sleep(shape.each) {
									for range shape.n {
										wg.Go(func() { c.chat(ctx, Request{}) })
									}
								}
							})
						})
						times := c.from(3 * time.Minute) // the limit is known
						if slow := percentile(times, 1); len(s.rejected) > 0 || len(times) < 12*limit || slow > agent+8*time.Second {
							t.Errorf("%s: the slowest of %d calls took %v, %d rejected, want none, and no call much slower than the agent", name, len(times), slow, len(s.rejected))
						}
					}
				})
			}
		}
	}
}

// Equal clients share the key with few 429s.
func TestEqualClients(t *testing.T) {
	t.Parallel()
	scenarios(t, func(t *testing.T, limit int, live bool, agent [2]time.Duration, workers int) {
		for _, n := range []int{2, 4} {
			var clients []*client
			s := traffic(t, limit, live, tenMinutes, func(ctx context.Context, wg *sync.WaitGroup, s *service) {
				for range n {
					c := s.client(agent[:]...)
					clients = append(clients, c)
					c.saturate(ctx, wg, workers, Request{})
				}
			})
			least, most := len(s.served), 0
			for _, c := range clients {
				share := of(s.served, c, 5*time.Minute, tenMinutes)
				least, most = min(least, share), max(most, share)
			}
			late, first := of(s.rejected, nil, 3*time.Minute, tenMinutes), of(s.rejected, nil, 0, 2*time.Minute)
			share := 100 * float64(late) / float64(late+of(s.served, nil, 3*time.Minute, tenMinutes))
			t.Logf("%d clients: %.1f%% of the quota, %d rejected in two minutes, then %.1f%%, shares %d to %d", n, s.quota(0, tenMinutes), first, share, least, most)
			mostRejected := map[int]float64{2: 5, 4: 5}[n] // two seldom have one clump of 429s in the third window, then none
			if s.quota(0, tenMinutes) < 96 || share > mostRejected || first > 15*n || most > (n-1)*2*least {
				t.Errorf("want 96%%, at most %d and %.1f%% rejected, shares within 1:2 or 1:6", 15*n, mostRejected)
			}
		}
	})
}

// A caller with one call each 10 s, beside a client that uses all it gets, is
// answered.
func TestSmallClient(t *testing.T) {
	t.Parallel()
	scenarios(t, func(t *testing.T, limit int, live bool, agent [2]time.Duration, workers int) {
		var small *client
		s := traffic(t, limit, live, tenMinutes, func(ctx context.Context, wg *sync.WaitGroup, s *service) {
			s.client(agent[:]...).saturate(ctx, wg, workers, Request{})
			time.Sleep(50 * time.Second)
			small = s.client(agent[:]...)
			small.paced(ctx, wg, 55, 10*time.Second, Request{})
		})
		times, late := small.answered(), small.from(5*time.Minute)
		first, minute := time.Duration(0), 0
		for i, r := range small.calls {
			if end := r.at + r.took; r.err == nil && (i == 0 || end < first) {
				first = end
			}
		}
		for _, r := range s.rejected {
			minute = max(minute, of(s.rejected, nil, r.at, r.at+time.Minute))
		}
		t.Logf("%d answered, the first after %v, p50 %v, p95 %v, from minute 5 %v, %d rejected, %d in a minute, %.1f%% of the quota", len(times), (first - 50*time.Second).Round(ms), percentile(times, .5), percentile(times, .95), percentile(late, 1), len(s.rejected), minute, s.quota(time.Minute, tenMinutes))
		if len(times) < 55 || first > 125*time.Second || percentile(times, .95) > 2*time.Minute || percentile(late, .9) > agent[1]+time.Second || len(s.rejected) > 30 || minute > 20 || s.quota(time.Minute, tenMinutes) < 87 {
			t.Error("want all answered, the first in 75 s, p95 in 2 min, from minute 5 at once, at most 30 rejected and 20 in a minute, 87% of the quota")
		}
	})
}

// from returns how long the answered calls took that began from at on, in order.
func (c *client) from(at time.Duration) []time.Duration {
	var late client
	for _, r := range c.calls {
		if r.at >= at {
			late.calls = append(late.calls, r)
		}
	}
	return late.answered()
}

// Of two clients that use all they get, the one that came later gets a third
// within minutes.
func TestSharesBecomeEven(t *testing.T) {
	t.Parallel()
	scenarios(t, func(t *testing.T, limit int, live bool, agent [2]time.Duration, workers int) {
		var a, b *client
		s := traffic(t, limit, live, tenMinutes, func(ctx context.Context, wg *sync.WaitGroup, s *service) {
			a = s.client(agent[:]...)
			a.saturate(ctx, wg, workers, Request{})
			time.Sleep(time.Minute)
			b = s.client(agent[:]...)
			b.saturate(ctx, wg, workers, Request{})
		})
		var minutes [][2]int
		for m := time.Minute; m < tenMinutes; m += time.Minute {
			minutes = append(minutes, [2]int{of(s.served, a, m, m+time.Minute), of(s.served, b, m, m+time.Minute)})
		}
		t.Logf("calls a minute %v, %d rejected", minutes, len(s.rejected))
		if last := minutes[len(minutes)-1]; last[1]*3 < last[0] {
			t.Errorf("want shares of 3:1 in the last minute")
		}
	})
}

// Other clients come and go. Once they have gone, their slots are used again, and
// nothing is rejected.
func TestOthersComeAndGo(t *testing.T) {
	t.Parallel()
	scenarios(t, func(t *testing.T, limit int, live bool, agent [2]time.Duration, workers int) {
		for range max(1, comeAndGo*60/limit) {
			comeAndGoOnce(t, limit, live, agent, workers)
		}
	})
}

func comeAndGoOnce(t *testing.T, limit int, live bool, agent [2]time.Duration, workers int) {
	const length = 3 * time.Hour
	type stay struct{ from, to time.Duration }
	var stays []stay
	var c *client
	s := traffic(t, limit, live, length, func(ctx context.Context, wg *sync.WaitGroup, s *service) {
		c = s.client(agent[:]...)
		c.saturate(ctx, wg, workers, Request{})
		for ctx.Err() == nil {
			time.Sleep(5*time.Minute + rand.N(10*time.Minute))
			other, cancel := context.WithTimeout(ctx, 10*time.Second+rand.N(4*time.Minute))
			from := time.Since(s.began)
			var guests sync.WaitGroup
			s.client(agent[:]...).saturate(other, &guests, 1+rand.N(workers), Request{})
			guests.Wait()
			cancel()
			stays = append(stays, stay{from, time.Since(s.began)})
		}
	})
	var served, rejected int
	var alone time.Duration
	for i := range len(stays) - 1 {
		from, to := stays[i].to+150*time.Second, min(stays[i+1].from, length)
		to = from + (to-from)/(Length+minMargin)*(Length+minMargin) // whole windows, since calls come in clumps
		if from < to {
			served, rejected, alone = served+of(s.served, c, from, to), rejected+of(s.rejected, c, from, to), alone+to-from
		}
	}
	quota := 100 * float64(served) / (float64(limit) * alone.Minutes())
	t.Logf("%d stays, %v alone: %.1f%% of the quota, %d rejected", len(stays), alone, quota, rejected)
	if quota < 97 || rejected > 0 {
		t.Error("want 97% and none rejected")
	}
}

// A job in the background leaves room for others, in its client or another.
func TestBackground(t *testing.T) {
	t.Parallel()
	scenarios(t, func(t *testing.T, limit int, live bool, agent [2]time.Duration, workers int) {
		for name, one := range map[string]bool{"one client": true, "two clients": false} {
			var small *client
			s := traffic(t, limit, live, tenMinutes, func(ctx context.Context, wg *sync.WaitGroup, s *service) {
				bulk := s.client(agent[:]...)
				small = bulk
				bulk.saturate(ctx, wg, workers, Request{Background: true})
				if small = s.client(agent[:]...); one {
					small.set = bulk.set
				}
				small.paced(ctx, wg, 55, 10*time.Second, Request{})
			})
			times := small.answered()
			t.Logf("%s: %d answered, p95 %v, %d rejected, %.1f%% of the quota", name, len(times), percentile(times, .95), len(s.rejected), s.quota(0, tenMinutes))
			if len(times) < 55 || percentile(times, .95) > agent[1]+200*ms || len(s.rejected) > 0 || s.quota(time.Minute, tenMinutes) < 85 {
				t.Errorf("%s: want all answered at once, none rejected, 86%% of the quota", name)
			}
		}
		var late *client
		s := traffic(t, limit, live, tenMinutes, func(ctx context.Context, wg *sync.WaitGroup, s *service) {
			s.client(agent[:]...).saturate(ctx, wg, workers, Request{Background: true})
			time.Sleep(90 * time.Second)
			late = s.client(agent[:]...)
			late.paced(ctx, wg, 50, 10*time.Second, Request{})
		})
		times := late.answered()
		t.Logf("a late one: %d answered, p95 %v, from minute 5 %v, %d rejected, %.1f%% of the quota", len(times), percentile(times, .95), percentile(late.from(5*time.Minute), 1), len(s.rejected), s.quota(0, tenMinutes))
		if len(times) < 47 || percentile(late.from(5*time.Minute), .9) > agent[1]+2*time.Second || percentile(times, .95) > agent[1]+time.Minute {
			t.Error("a late one: want nearly all answered, p95 in a minute, from minute 5 at once")
		}
		var jobs [2]*client
		s = traffic(t, limit, live, tenMinutes, func(ctx context.Context, wg *sync.WaitGroup, s *service) {
			for i := range jobs {
				jobs[i] = s.client(agent[:]...)
				jobs[i].saturate(ctx, wg, workers, Request{Background: true})
			}
		})
		a, b := of(s.served, jobs[0], 0, tenMinutes), of(s.served, jobs[1], 0, tenMinutes)
		t.Logf("two jobs: %d and %d calls", a, b)
		if a > 2*b || b > 2*a || a+b < 80*limit/10 {
			t.Errorf("two jobs that start together had %d and %d calls, want shares within 1:2 of 80%%", a, b)
		}
		s = traffic(t, limit, live, tenMinutes, func(ctx context.Context, wg *sync.WaitGroup, s *service) {
			s.client(agent[:]...).saturate(ctx, wg, 20+limit/10, Request{Background: true})
		})
		most := 0
		for _, a := range s.served {
			most = max(most, of(s.served, nil, a.at, a.at+5*time.Second))
		}
		t.Logf("alone: %.1f%% of the quota, at most %d in 5 s", s.quota(0, tenMinutes), most)
		if s.quota(0, tenMinutes) < 98 || most > limit/12+2 || len(s.rejected) > 0 {
			t.Errorf("alone: %.1f%% of the quota, at most %d in 5 s, %d rejected", s.quota(0, tenMinutes), most, len(s.rejected))
		}
	})
}

// If travel times differ by up to two seconds, the margin adapts.
func TestSpreadTravel(t *testing.T) {
	t.Parallel()
	scenarios(t, func(t *testing.T, limit int, live bool, agent [2]time.Duration, workers int) {
		s := traffic(t, limit, live, tenMinutes, func(ctx context.Context, wg *sync.WaitGroup, s *service) {
			c := s.client(agent[:]...)
			c.travel = [2]time.Duration{0, 2 * time.Second}
			c.saturate(ctx, wg, 20+limit/6, Request{})
		})
		late := 100 * float64(of(s.rejected, nil, time.Minute, tenMinutes)) / float64(len(s.served))
		t.Logf("%.1f%% of the quota, %.2f%% rejected after a minute", s.quota(0, tenMinutes), late)
		if s.quota(0, tenMinutes) < 90 || late > 1 {
			t.Error("want 90% and at most 1%")
		}
	})
}
