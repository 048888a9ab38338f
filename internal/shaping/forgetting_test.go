package shaping

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go/internal/window"
)

// admit makes an attempt that is answered at once. The server has counted so many
// attempts.
func admit(t *testing.T, s *Set, w Window, limit, counted int) {
	t.Helper()
	var turn Turn
	if err := s.Admit(t.Context(), Request{Window: w}, &turn); err != nil {
		t.Fatal(err)
	}
	turn.Sent()
	turn.Answered(Reply{Success: true, Limit: limit, Counted: counted})
}

// rush makes n calls at once, each with a deadline, and returns how many were
// refused, and how long the others waited at most.
func rush(ctx context.Context, c *client, n int, deadline time.Duration) (refused int, slowest time.Duration) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	for range n {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, deadline)
			defer cancel()
			began := time.Now()
			err := c.chat(ctx, Request{})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				refused++
			} else {
				slowest = max(slowest, time.Since(began))
			}
		})
	}
	wg.Wait()
	return refused, slowest
}

// What was seen of others is forgotten, however much and however long ago, and so is
// what their 429s have caused.
func TestOthersAreForgotten(t *testing.T) {
	t.Parallel()
	for profile, live := range profiles {
		for _, idle := range []time.Duration{2 * time.Minute, time.Hour, 4 * time.Hour, 24 * time.Hour} {
			t.Run(profile+" "+idle.String(), func(t *testing.T) {
				t.Parallel()
				traffic(t, 60, live, 10*24*time.Hour, func(ctx context.Context, wg *sync.WaitGroup, s *service) {
					c, other := s.client(), s.client()
					for day := range 3 {
						rush(ctx, other, 20, time.Minute)
						rush(ctx, c, 1, time.Minute)
						time.Sleep(65 * time.Second)
						rush(ctx, other, 8, time.Minute)
						rush(ctx, c, 1, time.Minute)
						time.Sleep(idle)
						rush(ctx, c, 1, time.Minute)
						time.Sleep(time.Second)
						refused, slowest := rush(ctx, c, 59, 30*time.Second)
						if refused > 0 || slowest > time.Second {
							t.Errorf("day %d: of 59 calls %d were refused, and the slowest took %v, want none and a round trip", day+1, refused, slowest)
						}
						time.Sleep(idle)
					}
				})
			})
		}
	}
}

// The spacing after a 429 is forgotten.
func TestSpacingIsForgotten(t *testing.T) {
	t.Parallel()
	traffic(t, 60, false, 10*time.Hour, func(ctx context.Context, wg *sync.WaitGroup, s *service) {
		c := s.client(20*time.Second, 20*time.Second)
		rush(ctx, c, 1, time.Minute)
		time.Sleep(61 * time.Second)
		rush(ctx, s.client(), 60, time.Minute)
		rush(ctx, c, 1, 30*time.Second) // gets a 429
		if len(s.rejected) == 0 {
			t.Fatal("nothing was rejected")
		}
		time.Sleep(time.Hour)
		if refused, slowest := rush(ctx, c, 30, time.Minute); refused > 0 || slowest > 21*time.Second {
			t.Errorf("of 30 calls, %d were refused, and the slowest took %v, want none and the agent's 20 s", refused, slowest)
		}
	})
}

// A tier that was raised and put back, with a reply of another endpoint between, is
// no proof that windows are separate.
func TestTierRaisedAndPutBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := &server{one: true, limits: map[string]int{"": 60}, logs: map[string]*window.Log{}, served: map[string]int{}}
		set := NewSet(Config{Unknown: 30, UnknownSeparate: 5})
		ask := func(w Window) {
			var turn Turn
			if err := set.Admit(t.Context(), Request{Window: w}, &turn); err != nil {
				t.Fatal(err)
			}
			srv.answer(&turn, w.Name, 0)
		}
		ask(Window{})
		srv.limits[""] = 120
		ask(Window{"health", 60})
		srv.limits[""] = 60
		ask(Window{})
		time.Sleep(2 * time.Minute)
		var wg sync.WaitGroup
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		for _, w := range []Window{{}, {"health", 60}} {
			for range 10 {
				wg.Go(func() {
					for {
						var turn Turn
						if err := set.Admit(ctx, Request{Window: w}, &turn); err != nil {
							return
						}
						srv.answer(&turn, w.Name, 0)
					}
				})
			}
		}
		wg.Wait()
		if srv.rejected > 0 {
			t.Errorf("%d were rejected, want none", srv.rejected)
		}
	})
}

// Nobody is refused because of callers ahead, who may leave.
func TestCallersAheadAreNoProof(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := NewSet(Config{Unknown: 30})
		began := time.Now()
		for i := range 2 {
			admit(t, s, Window{}, 2, i+1)
		}
		ahead, leave := context.WithCancel(t.Context())
		for range 2 {
			go func() {
				var turn Turn
				if err := s.Admit(ahead, Request{}, &turn); !errors.Is(err, context.Canceled) {
					t.Errorf("ahead: got %v, want the end of its context", err)
				}
			}()
		}
		synctest.Wait()
		time.AfterFunc(time.Second, leave)
		ctx, cancel := context.WithTimeout(t.Context(), 62*time.Second)
		defer cancel()
		var turn Turn
		if err := s.Admit(ctx, Request{}, &turn); err != nil || time.Since(began) > 62*time.Second {
			t.Errorf("got %v after %v, want a slot", err, time.Since(began))
		}
	})
}

// A connection that takes long to make delays the attempts that wait for it, and no
// slot of theirs is used twice.
func TestWrittenLate(t *testing.T) {
	t.Parallel()
	for _, late := range []time.Duration{59 * time.Second, 70 * time.Second, 4 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			srv := &server{one: true, limits: map[string]int{"": 30}, logs: map[string]*window.Log{}, served: map[string]int{}}
			set := NewSet(Config{Limit: 30, Unknown: 30})
			var wg sync.WaitGroup
			for range 90 {
				wg.Go(func() {
					var turn Turn
					if err := set.Admit(t.Context(), Request{}, &turn); err != nil {
						t.Error(err)
						return
					}
					if time.Sleep(0); srv.dialed.Add(1) <= 30 {
						time.Sleep(late)
					}
					srv.answer(&turn, "", 0)
				})
			}
			wg.Wait()
			if srv.rejected > 0 {
				t.Errorf("written %v after admission: %d of 90 were rejected, want none", late, srv.rejected)
			}
		})
	}
}
