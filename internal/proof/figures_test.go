package proof_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/jarcoal/httpmock"
)

// The tests in this file simulate minutes of traffic in virtual time, and print the
// results:
//
//	go test -v -run TestFigures ./internal/proof

// slowNetwork delays each request and each reply at random.
type slowNetwork struct {
	http.RoundTripper
	least, most time.Duration
}

func (n slowNetwork) RoundTrip(r *http.Request) (*http.Response, error) {
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.WroteRequest != nil {
		trace.WroteRequest(httptrace.WroteRequestInfo{}) // the request counts as sent from here on
	}
	n.delay()
	resp, err := n.RoundTripper.RoundTrip(r.WithContext(untraced{r.Context()}))
	n.delay()
	return resp, err
}

func (n slowNetwork) delay() { time.Sleep(n.least + rand.N(n.most-n.least+1)) }

// untraced hides the client trace of a context, whose WroteRequest would otherwise
// be called again when the request arrives.
type untraced struct{ context.Context }

func (c untraced) Value(key any) any {
	v := c.Context.Value(key)
	if _, ok := v.(*httptrace.ClientTrace); ok {
		return nil
	}
	return v
}

// traffic describes a simulation.
type traffic struct {
	limit   int           // calls a minute that the key allows
	preset  bool          // the clients know the limit beforehand
	clients int           // number of clients that share the key
	workers int           // of each client; a worker calls without a pause
	agent   time.Duration // how long the agent takes to answer
	least   time.Duration // one-way delay
	most    time.Duration
	length  time.Duration // of the simulation
}

// figures are the results of a simulation, as the server saw it.
type figures struct {
	served, rejected int
	failed           int             // calls
	atOnce           int             // requests that were sent in the first second
	lateRejected     int             // rejected after the first minute
	times            []time.Duration // when the served requests arrived
}

func (f figures) quota(tr traffic) float64 {
	return float64(f.served) / (float64(tr.limit) * tr.length.Minutes())
}

// simulate runs the traffic against the reference server.
func simulate(t *testing.T, tr traffic, change func(s *clawhqtest.Server)) (f figures) {
	t.Helper()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		s.SetRateLimit(s.KeyID(), tr.limit)
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), tr.length)
		defer cancel()
		if change != nil {
			go change(s)
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		for range tr.clients {
			opts := []clawhq.Option{clawhq.WithHTTPClient(&http.Client{Transport: slowNetwork{s.HTTPClient().Transport, tr.least, tr.most}})}
			if tr.preset {
				opts = append(opts, clawhq.WithRateLimit(tr.limit))
			}
			client := s.Client(opts...)
			for range tr.workers {
				wg.Go(func() {
					for {
						_, err := client.Chat(ctx, clawhq.ChatRequest{Message: "hi", Agent: "slow"})
						if errors.Is(err, context.DeadlineExceeded) {
							return
						}
						if err != nil {
							mu.Lock()
							f.failed++
							mu.Unlock()
							t.Log(err)
						}
					}
				})
			}
		}
		wg.Wait()
		for _, r := range s.Requests() {
			after := r.Time.Sub(start)
			switch {
			case r.Status == http.StatusTooManyRequests:
				f.rejected++
				if after > time.Minute {
					f.lateRejected++
				}
			default: // served, or still being served at the end
				f.served++
				f.times = append(f.times, after)
			}
			if after <= tr.most {
				f.atOnce++
			}
		}
	}, clawhqtest.WithAgent("slow", func(ctx context.Context, m clawhqtest.Message) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			time.Sleep(tr.agent)
			yield("done", nil)
		}
	}))
	return f
}

// A client that is alone on its key uses the whole limit, sends at once while there
// is room, and never gets a 429.
func TestFiguresOneClient(t *testing.T) {
	for _, limit := range figureLimits {
		for _, preset := range []bool{false, true} {
			for _, agent := range []time.Duration{0, 5 * time.Second, 30 * time.Second} {
				tr := traffic{limit: limit, preset: preset, clients: 1, workers: 20, agent: agent, least: 20 * time.Millisecond, most: 100 * time.Millisecond, length: 10 * time.Minute}
				least := 0.99
				if agent > 0 {
					if preset {
						continue // knowing the limit beforehand matters only at the beginning
					}
					tr.workers += int(float64(limit) * agent.Minutes() * 1.2) // enough to use the quota
					least = 0.97
				}
				how := "learned"
				if preset {
					how = "preset"
				}
				t.Run(fmt.Sprintf("%d RPM %s, agent takes %v", limit, how, agent), func(t *testing.T) {
					t.Parallel()
					f := simulate(t, tr, nil)
					t.Logf("%d RPM %s, agent takes %v: %.1f%% of quota, %d rejected, %d at once",
						limit, how, agent, 100*f.quota(tr), f.rejected, f.atOnce)
					if f.quota(tr) < least || f.rejected > 0 || f.failed > 0 || f.atOnce < min(limit, 20) {
						t.Errorf("want at least %v%% of quota, no 429, no failure, %d at once; failed: %d", 100*least, min(limit, 20), f.failed)
					}
				})
			}
		}
	}
}

// If delays vary by up to two seconds, the margin adapts.
func TestFiguresSpreadDelays(t *testing.T) {
	for _, limit := range figureLimits {
		t.Run(fmt.Sprintf("%d RPM", limit), func(t *testing.T) {
			t.Parallel()
			tr := traffic{limit: limit, clients: 1, workers: 20 + limit/15, least: 0, most: 2 * time.Second, length: 10 * time.Minute}
			f := simulate(t, tr, nil)
			late := float64(f.lateRejected) / float64(f.served+f.rejected)
			t.Logf("%d RPM, delays of 0 to 2 s: %.1f%% of quota, %.2f%% rejected after the first minute", limit, 100*f.quota(tr), 100*late)
			if f.quota(tr) < 0.95 || late > 0.01 || f.failed > 0 {
				t.Errorf("want at least 95%% of quota, at most 1%% rejected, no failure; failed: %d", f.failed)
			}
		})
	}
}

// The client follows a change of the key's tier within a minute, up and down.
func TestFiguresTierChange(t *testing.T) {
	for _, tt := range []struct{ from, to int }{{30, 120}, {120, 30}} {
		t.Run(fmt.Sprintf("%d to %d", tt.from, tt.to), func(t *testing.T) {
			t.Parallel()
			tr := traffic{limit: tt.from, clients: 1, workers: 20, least: 20 * time.Millisecond, most: 100 * time.Millisecond, length: 10 * time.Minute}
			const at = 5*time.Minute + 10*time.Second
			f := simulate(t, tr, func(s *clawhqtest.Server) {
				time.Sleep(at)
				s.SetRateLimit(s.KeyID(), tt.to)
			})
			after := 0 // served in the last three minutes
			for _, served := range f.times {
				if served > tr.length-3*time.Minute-time.Second {
					after++
				}
			}
			t.Logf("%d to %d RPM: %d of %d served in the last three minutes, %d rejected", tt.from, tt.to, after, 3*tt.to, f.rejected)
			if after < 3*tt.to*95/100 || f.failed > 0 || f.rejected > 2*tr.workers {
				t.Errorf("not followed; failed: %d", f.failed)
			}
		})
	}
}

// 200 callers call at once with a key whose limit is unknown.
func TestFiguresBurstOnUnknownKey(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		s.SetRateLimit(s.KeyID(), 30)
		client := s.Client(clawhq.WithHTTPClient(&http.Client{Transport: slowNetwork{s.HTTPClient().Transport, 20 * time.Millisecond, 100 * time.Millisecond}}))
		start := time.Now()
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() {
				if _, err := client.Chat(context.Background(), testkit.Hi); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		took := time.Since(start)
		t.Logf("200 callers at 30 RPM: %d requests in %v", len(s.Requests()), took.Round(time.Millisecond))
		if len(s.Requests()) != 200 || took > 6*time.Minute+10*time.Second {
			t.Error("want 200 requests in 6 minutes and 10 seconds")
		}
	})
}

// Retries do not multiply the load of an outage, and its end is noticed at once.
func TestFiguresOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const begin, end, length = time.Minute, 11 * time.Minute, 13 * time.Minute
		start := time.Now()
		var mu sync.Mutex
		requests := 0 // during the outage
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("POST", testkit.ChatURL, func(*http.Request) (*http.Response, error) {
			if after := time.Since(start); after >= begin && after < end {
				mu.Lock()
				requests++
				mu.Unlock()
				return testkit.Reply(503, ""), nil
			}
			return testkit.Reply(200, testkit.OKBody), nil
		})
		client := testkit.Client(t, mock, clawhq.WithRateLimit(0))
		calls, lateFailures, lateRetries := 0, 0, 0
		var wg sync.WaitGroup
		for time.Since(start) < length {
			at := time.Since(start)
			if at >= begin && at < end {
				calls++
			}
			wg.Go(func() {
				var info clawhq.ResponseInfo
				_, err := client.Chat(context.Background(), testkit.Hi, clawhq.WithResponseInfo(&info))
				if at >= end+15*time.Second {
					mu.Lock()
					defer mu.Unlock()
					if err != nil {
						lateFailures++
					}
					lateRetries += info.Attempts - 1
				}
			})
			time.Sleep(20 * time.Millisecond)
		}
		wg.Wait()
		t.Logf("10 minutes of outage at 50 calls a second: %.3f requests a call", float64(requests)/float64(calls))
		if float64(requests) > 1.2*float64(calls) || lateFailures > 0 || lateRetries > 0 {
			t.Errorf("%d requests for %d calls; 15 s after the end %d failures and %d retries", requests, calls, lateFailures, lateRetries)
		}
	})
}
