package redisclawhq_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go/redisclawhq"
	"github.com/redis/go-redis/v9"
)

// They use the whole quota, whether they close their Limiter or are killed.
func TestShortLivedProcesses(t *testing.T) {
	t.Parallel()
	for name, killed := range map[string]bool{"closed": false, "killed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inFleet(t, 60, func(t *testing.T, fl *fleet) {
				const length = 3 * time.Minute
				for time.Since(fl.start) < length {
					fl.group.Go(func() {
						rdb := fl.connect()
						l, err := redisclawhq.NewLimiter(rdb, fl.APIKey())
						if err != nil {
							t.Error(err)
							return
						}
						ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
						defer cancel()
						if killed { // nothing reaches Redis or the service any more
							time.AfterFunc(time.Duration(rand.N(5000))*ms, func() {
								rdb.Close()
								cancel()
							})
						}
						fl.client(l).Chat(ctx, hi)
						if killed {
							<-ctx.Done()
						}
						l.Close()
						rdb.Close()
					})
					time.Sleep(500 * ms)
				}
				fl.group.Wait()
				served, rejected := fl.seen(time.Minute, length)
				t.Logf("%d served, %d rejected in two minutes", served, rejected)
				if served < 114 || rejected > 2 {
					t.Errorf("%d served, %d rejected in two minutes, want 120 and 0", served, rejected)
				}
			})
		})
	}
}

// A deploy replaces all machines at once.
func TestDeploy(t *testing.T) {
	t.Parallel()
	inFleet(t, 60, func(t *testing.T, fl *fleet) {
		for generation := range 4 {
			ctx, kill := context.WithCancel(t.Context())
			var rdbs []*redis.Client
			var ls []*redisclawhq.Limiter
			for i := range 20 {
				rdb := fl.connect()
				rdbs = append(rdbs, rdb)
				l, err := redisclawhq.NewLimiter(rdb, fl.APIKey())
				if err != nil {
					t.Fatal(err)
				}
				ls = append(ls, l)
				client := fl.client(l)
				for range 3 {
					fl.group.Go(func() {
						if generation == 0 {
							time.Sleep(time.Duration(i) * 3 * time.Second)
						}
						for ctx.Err() == nil {
							client.Chat(ctx, hi)
						}
					})
				}
			}
			time.Sleep(time.Minute)
			for _, rdb := range rdbs { // killed: nothing reaches Redis any more
				rdb.Close()
			}
			kill()
			for _, l := range ls {
				l.Close()
			}
		}
		fl.group.Wait()
		for minute := 1; minute < 4; minute++ {
			served, rejected := fl.seen(time.Duration(minute)*time.Minute, time.Duration(minute+1)*time.Minute)
			t.Logf("minute %d: %d served, %d rejected", minute, served, rejected)
			if served < 54 || rejected > 1 {
				t.Errorf("minute %d: %d served, %d rejected, want 60 and 0", minute, served, rejected)
			}
		}
	})
}

// Cold machines hold no more slots than there are.
func TestColdMachinesHoldNothing(t *testing.T) {
	t.Parallel()
	inFleet(t, 60, func(t *testing.T, fl *fleet) {
		ctx, cancel := context.WithCancel(t.Context())
		for range 20 {
			l := fl.limiter()
			for range 10 {
				fl.group.Go(func() { l.Wait(ctx) })
			}
		}
		time.Sleep(time.Second)
		if n := fl.logged(); n != 30 {
			t.Errorf("the log has %d calls, want the 30 that may be sent while the limit is not known", n)
		}
		cancel()
	})
}

// served.
func TestLastSlotBeforeADeadline(t *testing.T) {
	t.Parallel()
	inFleet(t, 2, func(t *testing.T, fl *fleet) {
		l := fl.limiter()
		take(t, l, 1)
		time.Sleep(30 * time.Second)
		take(t, l, 1)
		answer(l, 2, 0) // confirms the limit
		time.Sleep(31 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := l.Wait(ctx); err != nil {
			t.Errorf("the slot of the first call is free: %v", err)
		}
		if err := l.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want that there is no room", err)
		}
		if n := fl.logged(); n != 3 {
			t.Errorf("the log has %d calls, want none of the caller that was refused", n)
		}
	})
}

// Whenever the last free slot is taken, a machine takes no further one.
func TestOneTripForMany(t *testing.T) {
	t.Parallel()
	inFleet(t, 4, func(t *testing.T, fl *fleet) {
		l := fl.limiter(redisclawhq.WithRateLimit(4))
		fl.slow.Store(int64(10 * ms))
		ctx, cancel := context.WithCancel(t.Context())
		for range 8 {
			fl.group.Go(func() { l.Wait(ctx) })
			time.Sleep(ms)
		}
		time.Sleep(time.Second)
		if n := fl.logged(); n > 5 {
			t.Errorf("the log has %d calls, want 4 and at most one in advance", n)
		}
		cancel()
		synctest.Wait()
	})
}
