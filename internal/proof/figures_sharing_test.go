package proof_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
)

// The tests in this file simulate clients that share a key and know nothing of each
// other, in both profiles and at a random phase of the clock's minute.

// A sharer is a client that shares a key with others. It is also the transport of
// its requests, and sees what becomes of them.
type sharer struct {
	client  *clawhq.Client
	network slowNetwork
	began   time.Time // the simulation

	mu      sync.Mutex
	replies []seen
	calls   []seen
}

// seen is a reply or a call: when it came or began, how long it took, and whether it
// failed.
type seen struct {
	at, took time.Duration
	failed   bool
}

func (p *sharer) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := p.network.RoundTrip(r)
	if err == nil {
		p.mu.Lock()
		p.replies = append(p.replies, seen{at: time.Since(p.began), failed: resp.StatusCode == http.StatusTooManyRequests})
		p.mu.Unlock()
	}
	return resp, err
}

// chat makes a call.
func (p *sharer) chat(ctx context.Context, opts ...clawhq.CallOption) error {
	start := time.Now()
	_, err := p.client.Chat(ctx, hiSlow, opts...)
	if ctx.Err() == nil {
		p.mu.Lock()
		p.calls = append(p.calls, seen{start.Sub(p.began), time.Since(start), err != nil})
		p.mu.Unlock()
	}
	return err
}

// count returns how many replies came in a time.
func (p *sharer) count(from, to time.Duration, rejected bool) (n int) {
	for _, r := range p.replies {
		if r.failed == rejected && r.at >= from && r.at < to {
			n++
		}
	}
	return n
}

// answered returns how long the answered calls took that began from a time on.
func (p *sharer) answered(from time.Duration) (times []time.Duration) {
	for _, c := range p.calls {
		if !c.failed && c.at >= from {
			times = append(times, c.took)
		}
	}
	slices.Sort(times)
	return times
}

func percentile(times []time.Duration, p int) time.Duration {
	if len(times) == 0 {
		return 0
	}
	return times[(len(times)-1)*p/100].Round(10 * time.Millisecond)
}

// A sharing is a simulation of clients with one key.
type sharing struct {
	ctx     context.Context
	server  *clawhqtest.Server
	wg      sync.WaitGroup
	began   time.Time
	sharers []*sharer
}

// join returns another client.
func (s *sharing) join() *sharer {
	p := &sharer{network: slowNetwork{s.server.HTTPClient().Transport, 20 * time.Millisecond, 100 * time.Millisecond}, began: s.began}
	p.client = s.server.Client(clawhq.WithHTTPClient(&http.Client{Transport: p}))
	s.sharers = append(s.sharers, p)
	return p
}

// saturate has workers that call without a pause.
func (s *sharing) saturate(ctx context.Context, p *sharer, workers int, opts ...clawhq.CallOption) {
	for range workers {
		s.wg.Go(func() {
			for ctx.Err() == nil {
				if err := p.chat(ctx, opts...); errors.Is(err, context.DeadlineExceeded) {
					return
				}
			}
		})
	}
}

// sparse makes a call each ten seconds, 55 in all.
func (s *sharing) sparse(p *sharer) {
	for range 55 {
		s.wg.Go(func() { p.chat(s.ctx) })
		time.Sleep(10 * time.Second)
	}
}

// count returns how many replies came in a time.
func (s *sharing) count(from, to time.Duration, rejected bool) (n int) {
	for _, p := range s.sharers {
		n += p.count(from, to, rejected)
	}
	return n
}

// share runs a simulation that ends after length.
func share(t *testing.T, sc scenario, length time.Duration, f func(s *sharing)) *sharing {
	s := &sharing{}
	testkit.Bubble(t, func(t *testing.T, server *clawhqtest.Server) {
		server.SetRateLimit(server.KeyID(), sc.limit)
		time.Sleep(rand.N(time.Minute)) // the phase of the clock
		ctx, cancel := context.WithTimeout(t.Context(), length)
		defer cancel()
		s.ctx, s.server, s.began = ctx, server, time.Now()
		f(s)
		s.wg.Wait()
		synctest.Wait()
	}, clawhqtest.WithProfile(sc.profile), agentTaking(sc.agent[0], sc.agent[1]))
	return s
}

// A scenario is what the figures of clients that share a key depend on.
type scenario struct {
	name    string
	profile clawhqtest.Profile
	limit   int
	agent   [2]time.Duration
}

// sharingScenarios runs f for each scenario, unevenRuns times.
func sharingScenarios(t *testing.T, f func(t *testing.T, sc scenario)) {
	for _, profile := range []clawhqtest.Profile{clawhqtest.Documented, clawhqtest.Live} {
		for _, limit := range []int{60, figureLimits[len(figureLimits)-1]} {
			for kind, agent := range map[string][2]time.Duration{"fast agents": {}, "agents of 2 to 6 s": {2 * time.Second, 6 * time.Second}} {
				sc := scenario{fmt.Sprintf("%s, %d RPM, %s", profile, limit, kind), profile, limit, agent}
				for run := range unevenRuns {
					t.Run(fmt.Sprint(sc.name, " ", run), func(t *testing.T) {
						t.Parallel()
						f(t, sc)
					})
				}
			}
		}
	}
}

func (sc scenario) quota(served int, length time.Duration) float64 {
	return 100 * float64(served) / (float64(sc.limit) * length.Minutes())
}

const tenMinutes = 10 * time.Minute

// Equal clients share the key evenly, with few 429s.
func TestFiguresEqualClients(t *testing.T) {
	for _, clients := range []int{2, 4} {
		sharingScenarios(t, func(t *testing.T, sc scenario) {
			s := share(t, sc, tenMinutes, func(s *sharing) {
				for range clients {
					s.saturate(s.ctx, s.join(), 20+sc.limit/60)
				}
			})
			least, most := 1<<30, 0
			for _, p := range s.sharers {
				n := p.count(5*time.Minute, tenMinutes, false)
				least, most = min(least, n), max(most, n)
			}
			first, late, served := s.count(0, 2*time.Minute, true), s.count(2*time.Minute, tenMinutes, true), s.count(2*time.Minute, tenMinutes, false)
			quota, share := sc.quota(s.count(0, tenMinutes, false), tenMinutes), 100*float64(late)/float64(late+served)
			t.Logf("%d equal clients, %s: %.1f%% of quota, %d rejected in the first two minutes, then %.1f%%; most to least 1:%.2f", clients, sc.name, quota, first, share, float64(most)/float64(least))
			if quota < 95 || first > 15*clients || share > 5 {
				t.Errorf("want 95%% of the quota, %d rejected, then 5%%", 15*clients)
			}
		})
	}
}

// A caller with one call each ten seconds is answered beside a client whose workers
// never pause.
func TestFiguresSmallCaller(t *testing.T) {
	sharingScenarios(t, func(t *testing.T, sc scenario) {
		var small *sharer
		s := share(t, sc, tenMinutes, func(s *sharing) {
			s.saturate(s.ctx, s.join(), 20+sc.limit/60)
			time.Sleep(45 * time.Second)
			small = s.join()
			s.sparse(small)
		})
		times, late, first := small.answered(0), small.answered(5*time.Minute), tenMinutes
		for _, c := range small.calls {
			if !c.failed {
				first = min(first, c.at+c.took-45*time.Second)
			}
		}
		quota, rejected := sc.quota(s.count(time.Minute, tenMinutes, false), 9*time.Minute), s.count(0, tenMinutes, true)
		t.Logf("one call each 10 s beside 20 workers, %s: %d of 55 answered, the first after %v, p50 %v, p95 %v, from minute 5 p95 %v; %d rejected, %.1f%% of quota",
			sc.name, len(times), first.Round(10*time.Millisecond), percentile(times, 50), percentile(times, 95), percentile(late, 95), rejected, quota)
		if len(times) < 54 || first > 75*time.Second || percentile(times, 95) > 2*time.Minute || percentile(late, 90) > sc.agent[1]+time.Second || rejected > 30 || quota < 86 {
			t.Error("want all answered, the first in 75 s, p95 in 2 min, from minute 5 at once, at most 30 rejected, 86% of the quota")
		}
	})
}

// Of two clients that use all they get, the later one has a third within minutes.
func TestFiguresSharesBecomeEven(t *testing.T) {
	sharingScenarios(t, func(t *testing.T, sc scenario) {
		s := share(t, sc, tenMinutes, func(s *sharing) {
			s.saturate(s.ctx, s.join(), 20+sc.limit/60)
			time.Sleep(time.Minute)
			s.saturate(s.ctx, s.join(), 20+sc.limit/60)
		})
		a, b := s.sharers[0], s.sharers[1]
		even := 0
		for m := 9; m > 0; m-- {
			at := time.Duration(m) * time.Minute
			if a.count(at, at+time.Minute, false) > 2*b.count(at, at+time.Minute, false) {
				even = m
				break
			}
		}
		first, last := a.count(9*time.Minute, tenMinutes, false), b.count(9*time.Minute, tenMinutes, false)
		t.Logf("a client that joins another, %s: 2:1 after %d minutes, %d:%d a minute in the last; %d rejected", sc.name, even, first, last, s.count(0, tenMinutes, true))
		if last*3 < first {
			t.Error("want 3:1 at least")
		}
	})
}

// Calls in the background leave room for others, of their client and of another.
func TestFiguresBackground(t *testing.T) {
	sharingScenarios(t, func(t *testing.T, sc scenario) {
		for _, how := range []string{"in one client", "in two clients", "in two clients, later"} {
			var small *sharer
			s := share(t, sc, tenMinutes, func(s *sharing) {
				bulk := s.join()
				s.saturate(s.ctx, bulk, 20+sc.limit/60, clawhq.WithBackground())
				if how == "in two clients, later" {
					time.Sleep(45 * time.Second)
				}
				small = s.join()
				if how == "in one client" {
					small.client = bulk.client
				}
				s.sparse(small)
			})
			times, rejected, quota := small.answered(0), s.count(0, tenMinutes, true), sc.quota(s.count(time.Minute, tenMinutes, false), 9*time.Minute)
			t.Logf("one call each 10 s beside bulk in the background, %s, %s: %d of 55 answered, p95 %v; %d rejected, %.1f%% of quota", how, sc.name, len(times), percentile(times, 95), rejected, quota)
			late := how == "in two clients, later"
			if len(times) < 50 || !late && (len(times) < 55 || percentile(times, 95) > sc.agent[1]+250*time.Millisecond || rejected > 0) || quota < 84 {
				t.Error("want all answered at once, none rejected, 84% of the quota")
			}
		}
		s := share(t, sc, tenMinutes, func(s *sharing) { s.saturate(s.ctx, s.join(), 20+sc.limit/10, clawhq.WithBackground()) })
		quota := sc.quota(s.count(0, tenMinutes, false), tenMinutes)
		t.Logf("bulk in the background alone, %s: %.1f%% of quota, %d rejected", sc.name, quota, s.count(0, tenMinutes, true))
		if quota < 97.5 || s.count(0, tenMinutes, true) > 0 {
			t.Error("want 97.5% and none rejected")
		}
	})
}

// Other clients come and go. From two and a half minutes after one has gone, the
// client is alone: it uses its key, without a 429.
func TestFiguresComingAndGoing(t *testing.T) {
	for _, profile := range []clawhqtest.Profile{clawhqtest.Documented, clawhqtest.Live} {
		for run := range unevenRuns {
			t.Run(fmt.Sprint(profile, " ", run), func(t *testing.T) {
				t.Parallel()
				const length = 3 * time.Hour
				const window = 60250 * time.Millisecond
				sc := scenario{"", profile, 60, [2]time.Duration{0, 2 * time.Second}}
				var p *sharer
				stays := 0
				var alone [][2]time.Duration
				share(t, sc, length, func(s *sharing) {
					p = s.join()
					s.saturate(s.ctx, p, 20)
					for s.ctx.Err() == nil {
						left := time.Since(s.began) + 150*time.Second
						time.Sleep(5*time.Minute + rand.N(10*time.Minute))
						if stays > 0 {
							alone = append(alone, [2]time.Duration{left, min(length, time.Since(s.began))})
						}
						stays++
						guest := &sharing{ctx: s.ctx, server: s.server, began: s.began}
						ctx, cancel := context.WithTimeout(s.ctx, 10*time.Second+rand.N(4*time.Minute))
						guest.saturate(ctx, guest.join(), 1+rand.N(20))
						guest.wg.Wait()
						cancel()
					}
				})
				served, rejected, windows := 0, 0, 0
				for _, a := range alone {
					n := int((a[1] - a[0]) / window) // whole windows, since calls come in clumps
					to := a[0] + time.Duration(n)*window
					served, rejected, windows = served+p.count(a[0], to, false), rejected+p.count(a[0], to, true), windows+n
				}
				quota := 100 * float64(served) / float64(60*windows)
				t.Logf("three hours in which others come and go %d times, %s, 60 RPM: while alone %.1f%% of quota, %d rejected", stays, profile, quota, rejected)
				if quota < 96 || rejected > 0 {
					t.Error("want 96% and none rejected")
				}
			})
		}
	}
}
