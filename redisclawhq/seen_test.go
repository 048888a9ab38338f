package redisclawhq_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go/redisclawhq"
)

// claims fails the test unless the Seen claims the event at once, or finds at once
// that it was handled.
func claims(t *testing.T, s *redisclawhq.Seen, want bool) {
	t.Helper()
	start := time.Now()
	if got, err := s.Claim(t.Context(), "event"); got != want || err != nil {
		t.Errorf("claimed: %v, %v, want %v", got, err, want)
	}
	if took := time.Since(start); took > 0 {
		t.Errorf("after %v, want at once", took)
	}
}

// done fails the test unless Done returns the error.
func done(t *testing.T, s *redisclawhq.Seen, want error) {
	t.Helper()
	if err := s.Done(t.Context(), "event"); !errors.Is(err, want) {
		t.Errorf("Done returns %v, want %v", err, want)
	}
}

func TestSeen(t *testing.T) {
	t.Parallel()
	const lease = redisclawhq.DefaultLease
	for name, test := range map[string]func(t *testing.T, fl *fleet, a, b *redisclawhq.Seen){
		"handled once": func(t *testing.T, fl *fleet, a, b *redisclawhq.Seen) {
			claims(t, a, true)
			done(t, a, nil)
			claims(t, b, false)
			claims(t, a, false)
			fl.redis.FastForward(redisclawhq.DefaultKeep + time.Second)
			claims(t, b, true)
		},
		"forgotten": func(t *testing.T, fl *fleet, a, b *redisclawhq.Seen) {
			claims(t, a, true)
			if err := a.Forget(t.Context(), "event"); err != nil {
				t.Error(err)
			}
			claims(t, b, true)
		},
		"Claim waits for another process": func(t *testing.T, fl *fleet, a, b *redisclawhq.Seen) {
			claims(t, a, true)
			time.AfterFunc(3*time.Second, func() { a.Done(t.Context(), "event") })
			start := time.Now()
			if got, err := b.Claim(t.Context(), "event"); got || err != nil {
				t.Errorf("claimed: %v, %v, want that it was handled", got, err)
			}
			if took := time.Since(start); took < 3*time.Second || took > 5*time.Second {
				t.Errorf("after %v, want soon after 3s", took)
			}
		},
		"a killed process": func(t *testing.T, fl *fleet, a, b *redisclawhq.Seen) {
			claims(t, a, true)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if got, err := b.Claim(ctx, "event"); got || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("claimed: %v, %v, want the deadline", got, err)
			}
			fl.redis.FastForward(lease)
			claims(t, b, true)
		},
		"Done past the lease": func(t *testing.T, fl *fleet, a, b *redisclawhq.Seen) {
			claims(t, a, true)
			fl.redis.FastForward(lease)
			done(t, a, nil)
			claims(t, b, false)
		},
		"Done past the lease, claimed since": func(t *testing.T, fl *fleet, a, b *redisclawhq.Seen) {
			claims(t, a, true)
			fl.redis.FastForward(lease)
			claims(t, b, true)
			done(t, a, redisclawhq.ErrClaimed)
			done(t, b, nil)
		},
		"Done past the lease, handled since": func(t *testing.T, fl *fleet, a, b *redisclawhq.Seen) {
			claims(t, a, true)
			fl.redis.FastForward(lease)
			claims(t, b, true)
			done(t, b, nil)
			done(t, a, redisclawhq.ErrClaimed)
		},
		"Forget past the lease leaves another's claim": func(t *testing.T, fl *fleet, a, b *redisclawhq.Seen) {
			claims(t, a, true)
			fl.redis.FastForward(lease)
			claims(t, b, true)
			if err := a.Forget(t.Context(), "event"); err != nil {
				t.Error(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if got, err := a.Claim(ctx, "event"); got || err == nil {
				t.Errorf("claimed: %v, %v, want that b still has the claim", got, err)
			}
			done(t, b, nil)
		},
		"in one process, past the lease too": func(t *testing.T, fl *fleet, a, b *redisclawhq.Seen) {
			claims(t, a, true)
			fl.redis.FastForward(lease)
			time.AfterFunc(2*lease, func() { done(t, a, nil) })
			start := time.Now()
			if got, err := a.Claim(t.Context(), "event"); got || err != nil || time.Since(start) < 2*lease {
				t.Errorf("claimed after %v: %v, %v, want after Done that it was handled", time.Since(start), got, err)
			}
		},
		"no answer": func(t *testing.T, fl *fleet, a, b *redisclawhq.Seen) {
			claims(t, a, true)
			fl.slow.Store(int64(2 * time.Second))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := a.Done(ctx, "event"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Done returns %v, want the deadline", err)
			}
			if got, err := b.Claim(ctx, "event"); got || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("claimed: %v, %v, want the deadline", got, err)
			}
			fl.slow.Store(0)
			time.Sleep(5 * time.Second)
			claims(t, a, false) // that Done was carried out
		},
		"no claim": func(t *testing.T, fl *fleet, a, b *redisclawhq.Seen) {
			if a.Done(t.Context(), "event") == nil || a.Forget(t.Context(), "event") == nil {
				t.Error("ended a claim that it has not made")
			}
			claims(t, b, true)
		},
		"Redis is away": func(t *testing.T, fl *fleet, a, b *redisclawhq.Seen) {
			fl.stop()
			if got, err := a.Claim(t.Context(), "event"); got || err == nil {
				t.Errorf("claimed: %v, %v", got, err)
			}
			fl.down.Store(false)
			claims(t, a, true) // the first claim has left nothing
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inFleet(t, 1, func(t *testing.T, fl *fleet) {
				test(t, fl, redisclawhq.NewSeen(fl.connect(), redisclawhq.SeenOptions{}), redisclawhq.NewSeen(fl.connect(), redisclawhq.SeenOptions{}))
			})
		})
	}
}

// Receivers that are killed at random handle no event again after it was done, and
// lose none. The sender repeats a delivery that was not answered well.
func TestSeenKilledAtRandom(t *testing.T) {
	t.Parallel()
	inFleet(t, 1, func(t *testing.T, fl *fleet) {
		var mu sync.Mutex
		handled, finished := map[string]int{}, map[string]bool{}
		receivers := make([]*redisclawhq.Seen, 8)
		for i := range receivers {
			receivers[i] = redisclawhq.NewSeen(fl.connect(), redisclawhq.SeenOptions{Lease: 5 * time.Second})
		}
		// deliver reports whether the receiver says that the event was handled.
		deliver := func(receiver int, event string) bool {
			mu.Lock()
			s := receivers[receiver]
			mu.Unlock()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			claimed, err := s.Claim(ctx, event)
			if err != nil || !claimed {
				return err == nil
			}
			mu.Lock()
			if finished[event] {
				t.Errorf("%s: handled again", event)
			}
			mu.Unlock()
			time.Sleep(rand.N(6 * time.Second)) // a few outlast their lease
			if rand.N(4) == 0 {                 // killed: a new process takes its place
				mu.Lock()
				receivers[receiver] = redisclawhq.NewSeen(fl.connect(), redisclawhq.SeenOptions{Lease: 5 * time.Second})
				mu.Unlock()
				return false
			}
			mu.Lock()
			handled[event]++
			mu.Unlock()
			if err := s.Done(t.Context(), event); err != nil {
				return false
			}
			mu.Lock()
			finished[event] = true
			mu.Unlock()
			return true
		}
		const events = 200
		for i := range events {
			event := fmt.Sprint("event", i)
			for range 2 { // an event that is delivered twice at a time
				fl.group.Go(func() {
					for try := 0; !deliver(rand.N(8), event); try++ {
						if try > 50 {
							t.Errorf("%s: never handled", event)
							return
						}
						time.Sleep(rand.N(10 * time.Second))
					}
				})
			}
			time.Sleep(500 * ms)
			fl.redis.FastForward(500 * ms)
		}
		stop := make(chan struct{})
		go func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(500 * ms):
					fl.redis.FastForward(500 * ms)
				}
			}
		}()
		fl.group.Wait()
		close(stop)
		synctest.Wait()
		if len(handled) != events || len(finished) != events {
			t.Errorf("%d events handled, %d finished, want %d", len(handled), len(finished), events)
		}
	})
}
