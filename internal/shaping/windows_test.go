package shaping

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go/internal/window"
)

// A server counts attempts by one of the two rules.
type server struct {
	mu       sync.Mutex
	one      bool           // all attempts count in the key's window, as documented
	limits   map[string]int // by window; "" is the key's
	logs     map[string]*window.Log
	served   map[string]int
	rejected int
	dialed   atomic.Int64 // connections, for a test that has slow ones
}

// answer counts an attempt and ends its turn, with travel and work in between.
func (s *server) answer(t *Turn, name string, work time.Duration) {
	travel := func() { time.Sleep(20*time.Millisecond + rand.N(80*time.Millisecond)) }
	t.Sent()
	travel()
	s.mu.Lock()
	counts := name
	if s.one {
		counts = ""
	}
	if s.logs[counts] == nil {
		s.logs[counts] = new(window.Log)
	}
	limit := s.limits[counts]
	remaining, wait := s.logs[counts].Admit(window.Unix(time.Now()), Length, limit)
	if wait > 0 {
		s.rejected++
	} else {
		s.served[name]++
	}
	s.mu.Unlock()
	if wait > 0 {
		travel()
		t.Rejected(wait, false)
		return
	}
	time.Sleep(work)
	travel()
	t.Answered(Reply{Success: true, Limit: limit, Counted: limit - remaining})
}

// Mixed traffic of chats and two endpoints that have windows of their own in the
// live service, and none in the documentation: a client that is alone on the
// key gets what the server would admit, without a 429, by either rule.
func TestMixedWindows(t *testing.T) {
	t.Parallel()
	agents, batches := Window{"agents", 60}, Window{"batch-create", 5}
	for name, tt := range map[string]struct {
		one    bool
		key    int
		window Window // beside chats and batches
		want   int    // a minute
	}{
		"one window":                      {one: true, key: 60, window: agents, want: 60},
		"one window, large":               {one: true, key: 300, window: agents, want: 300},
		"one window, small":               {one: true, key: 30, window: agents, want: 30},
		"separate windows":                {key: 30, window: agents, want: 30 + 60 + 5},
		"separate windows of equal size":  {key: 60, window: agents, want: 60 + 60 + 5},
		"separate windows, nothing known": {key: 120, window: Window{Name: "agents"}, want: 120 + 60 + 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const length = 10 * time.Minute
				srv := &server{one: tt.one, logs: map[string]*window.Log{}, served: map[string]int{},
					limits: map[string]int{"": tt.key, "agents": 60, "batch-create": 5}}
				set := NewSet(Config{Unknown: 30, UnknownSeparate: 5})
				ctx, cancel := context.WithTimeout(t.Context(), length)
				defer cancel()
				var wg sync.WaitGroup
				work := func(w Window, workers int, took time.Duration) {
					for range workers {
						wg.Go(func() {
							for {
								var turn Turn
								if err := set.Admit(ctx, Request{Window: w}, &turn); err != nil {
									return
								}
								srv.answer(&turn, w.Name, took)
							}
						})
					}
				}
				work(Window{}, 20, time.Second)
				work(tt.window, 10, 0)
				work(batches, 2, 100*time.Millisecond)
				wg.Wait()
				total := 0
				for _, n := range srv.served {
					total += n
				}
				most := tt.want * int(length.Minutes())
				t.Logf("%s, key of %d RPM: %.1f%% of what the server admits %v, %d rejected", name, tt.key, 100*float64(total)/float64(most), srv.served, srv.rejected)
				if total < most*97/100 || srv.rejected > 0 {
					t.Errorf("served %d, rejected %d, want at least 97%% of %d and no 429", total, srv.rejected, most)
				}
			})
		})
	}
}

// The small limit of another window does not hold chats up, on a key that
// nothing is known of and on one whose limit was told long ago.
func TestSmallWindowBesideTheKeys(t *testing.T) {
	t.Parallel()
	for name, warm := range map[string]bool{"key unknown": false, "key told long ago": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := &server{logs: map[string]*window.Log{}, served: map[string]int{}, limits: map[string]int{"": 60, "batch-create": 5}}
				set := NewSet(Config{Unknown: 30, UnknownSeparate: 5})
				var wg sync.WaitGroup
				send := func(n int, w Window) {
					for range n {
						wg.Go(func() {
							ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
							defer cancel()
							var turn Turn
							if err := set.Admit(ctx, Request{Window: w}, &turn); err != nil {
								t.Errorf("%q: %v", w.Name, err)
								return
							}
							srv.answer(&turn, w.Name, 100*ms)
						})
					}
					wg.Wait()
				}
				if warm {
					send(1, Window{})
					time.Sleep(10 * time.Minute)
				}
				send(5, Window{"batch-create", 5})
				start := time.Now()
				send(25, Window{})
				if took := time.Since(start); took > time.Second || srv.rejected > 0 {
					t.Errorf("25 chats took %v, %d were rejected, want a round trip and none", took, srv.rejected)
				}
			})
		})
	}
}

// A service that counts endpoints separately, and then all in one window, is found
// out by its first 429s.
func TestCommonWindowComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := &server{logs: map[string]*window.Log{}, served: map[string]int{}, limits: map[string]int{"": 60, "agents": 60}}
		set := NewSet(Config{Unknown: 30, UnknownSeparate: 5})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		var wg sync.WaitGroup
		for _, w := range []Window{{}, {"agents", 60}} {
			for range 10 {
				wg.Go(func() {
					for {
						var turn Turn
						if err := set.Admit(ctx, Request{Window: w}, &turn); err != nil {
							return
						}
						srv.answer(&turn, w.Name, time.Second)
					}
				})
			}
		}
		time.Sleep(3 * time.Minute)
		srv.mu.Lock()
		if before := srv.served[""] + srv.served["agents"]; before < 3*110 || srv.rejected > 0 {
			t.Errorf("separately: %d served and %d rejected in three minutes", before, srv.rejected)
		}
		srv.one = true
		srv.mu.Unlock()
		time.Sleep(2 * time.Minute)
		srv.mu.Lock()
		early, served := srv.rejected, srv.served[""]+srv.served["agents"]
		srv.mu.Unlock()
		wg.Wait()
		late, more := srv.rejected-early, srv.served[""]+srv.served["agents"]-served
		if early > 20 || late > 0 || more < 5*55 {
			t.Errorf("in one window: %d rejected in two minutes, then %d, and %d served in five, want 20, none, 275", early, late, more)
		}
	})
}
