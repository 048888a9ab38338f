package redisclawhq_test

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/redisclawhq"
	"github.com/redis/go-redis/v9"
)

// A Redis that comes back with older data, which lacks calls and a change of the
// plan, costs neither a call nor a flood of trips.
func TestRedisGoesBack(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(fl *fleet, l *redisclawhq.Limiter){
		"loses calls": func(fl *fleet, l *redisclawhq.Limiter) {
			restore := fl.snapshot()
			time.Sleep(5 * time.Second)
			restore()
		},
		"loses a plan": func(fl *fleet, l *redisclawhq.Limiter) {
			restore := fl.snapshot()
			time.Sleep(100 * ms)
			l.ObserveReply(clawhq.LimitReply{Window: "key", Sent: time.Now(), StatusCode: 429, RetryAfter: 2 * time.Second})
			time.Sleep(100 * ms)
			restore()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inFleet(t, 60, func(t *testing.T, fl *fleet) {
				fl.slow.Store(int64(ms))
				var ls []*redisclawhq.Limiter
				for i := range 4 {
					l := fl.limiter()
					ls = append(ls, l)
					fl.evenly(fl.client(l), i, 4, 8, 4*time.Minute)
				}
				time.Sleep(90 * time.Second)
				fault(fl, ls[0])
				before := fl.trips.Load()
				time.Sleep(12 * time.Second)
				if n := fl.trips.Load() - before; n > 200 {
					t.Errorf("%d trips in 12 s, want a few a call", n)
					fl.redis.FlushAll()
				}
				fl.group.Wait()
				if served, rejected := fl.seen(2*time.Minute, 4*time.Minute); rejected > 0 || served < 114 {
					t.Errorf("afterwards: %d served, %d rejected in two minutes, want 120 and 0", served, rejected)
				}
			})
		})
	}
}

// One-call processes, twice as many as the key allows, whose calls have deadlines.
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

// What cannot hold one log for all machines is refused at once.
func TestClientsThatDoNotWork(t *testing.T) {
	t.Parallel()
	ring := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": "127.0.0.1:1"}})
	defer ring.Close()
	for name, rdb := range map[string]redis.UniversalClient{
		"nil":            nil,
		"a nil client":   (*redis.Client)(nil),
		"a ring":         ring,
		"a wrapped ring": struct{ redis.UniversalClient }{ring},
		"a wrapped nil":  struct{ redis.UniversalClient }{},
	} {
		if l, err := redisclawhq.NewLimiter(rdb, "name"); err == nil || l != nil || !strings.HasPrefix(err.Error(), "redisclawhq: ") {
			t.Errorf("%s: got %v, %v, want an error", name, l, err)
		}
	}
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer rdb.Close()
	if _, err := redisclawhq.NewLimiter(struct{ redis.UniversalClient }{rdb}, "name"); err != nil {
		t.Errorf("a wrapped client: %v", err)
	}
}

// Connecting and loading the script do not count as a slow answer.
func TestColdStart(t *testing.T) {
	t.Parallel()
	inFleet(t, 60, func(t *testing.T, fl *fleet) {
		fl.far.Store(int64(400 * ms))
		fl.slow.Store(int64(80 * ms)) // twice, as long as Redis does not know the script
		for range 20 {
			l := fl.limiter()
			fl.group.Go(func() {
				if err := l.Wait(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		fl.group.Wait()
	})
}

// A machine that has not learned the limit when Redis is away sends one call, and
// more once a reply has shown the limit.
func TestColdFallback(t *testing.T) {
	t.Parallel()
	inFleet(t, 60, func(t *testing.T, fl *fleet) {
		fl.stop()
		fl.agent.Store(int64(5 * time.Second))
		for range 20 {
			client := fl.machine()
			for range 20 {
				fl.group.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
					defer cancel()
					if _, err := client.Chat(ctx, hi); err != nil && !errors.Is(err, context.DeadlineExceeded) {
						t.Error(err)
					}
				})
			}
		}
		time.Sleep(5 * time.Second)
		if n := len(fl.Requests()); n < 15 || n > 20 {
			t.Errorf("%d requests before the first reply, want one of each machine", n)
		}
		fl.group.Wait()
		fl.down.Store(false)
		time.Sleep(5 * time.Second)
	})
}

// An answer that comes too late returns its slots by itself.
func TestLateAnswerTakesNothing(t *testing.T) {
	t.Parallel()
	inFleet(t, 60, func(t *testing.T, fl *fleet) {
		l := fl.limiter(redisclawhq.WithRateLimit(60))
		take(t, l, 1)
		fl.slow.Store(int64(300 * ms))
		for range 5 {
			fl.group.Go(func() { isAway(t, l) })
		}
		fl.group.Wait()
		fl.slow.Store(0)
		time.Sleep(2 * time.Second)
		if n := fl.logged(); n != 1 {
			t.Errorf("the log has %d calls, want the one that was sent", n)
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

// Many Limiters of one client use few connections.
func TestConnections(t *testing.T) {
	t.Parallel()
	inFleet(t, 60, func(t *testing.T, fl *fleet) {
		rdb := fl.connect()
		ctx, cancel := context.WithCancel(t.Context())
		for i := range 200 {
			l, err := redisclawhq.NewLimiter(rdb, "name"+string(rune('a'+i)), redisclawhq.WithRateLimit(1))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
			for range 3 {
				fl.group.Go(func() { l.Wait(ctx) })
			}
		}
		time.Sleep(2 * time.Second)
		if n := fl.redis.CurrentConnectionCount(); n > 50 {
			t.Errorf("%d connections", n)
		}
		cancel()
	})
}

// The clock of a Redis that is 20 s behind after its promotion costs nothing.
func TestClockBehind(t *testing.T) {
	t.Parallel()
	inFleet(t, 60, func(t *testing.T, fl *fleet) {
		for i := range 4 {
			fl.evenly(fl.machine(), i, 4, 8, 3*time.Minute)
		}
		var behind atomic.Int64
		done := make(chan struct{})
		go func() {
			for {
				select {
				case <-done:
					return
				case <-time.After(5 * ms):
					fl.redis.SetTime(time.Now().Add(-time.Duration(behind.Load())))
				}
			}
		}()
		time.Sleep(90 * time.Second)
		behind.Store(int64(20 * time.Second))
		fl.group.Wait()
		close(done)
		last := fl.start
		for _, r := range fl.Requests() {
			if gap := r.Time.Sub(last); gap > 3*time.Second {
				t.Errorf("%v of silence after %v", gap, last.Sub(fl.start))

			}
			last = r.Time
		}
		if _, rejected := fl.seen(0, 3*time.Minute); rejected > 0 {
			t.Errorf("%d rejected", rejected)
		}
	})
}

// A caller with a deadline that is granted the last free slot of the window is
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

// Of many machines in one place, none takes Redis for slow, whatever changes.
func TestManyMachines(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	inFleet(t, 300, func(t *testing.T, fl *fleet) {
		var log lines
		fl.cost.Store(int64(600 * time.Microsecond))
		ctx, cancel := context.WithCancel(t.Context())
		logger := slog.New(slog.NewTextHandler(&log, nil))
		var ls []*redisclawhq.Limiter
		for range 200 {
			l := fl.limiter(redisclawhq.WithLogger(logger))
			ls = append(ls, l)
			for range 2 {
				fl.group.Go(func() {
					for ctx.Err() == nil {
						fl.client(l).Chat(ctx, hi)
					}
				})
			}
		}
		time.Sleep(90 * time.Second)
		fl.redis.FlushAll()
		ls[0].ObserveReply(clawhq.LimitReply{Window: "key", Sent: time.Now(), StatusCode: 429, RetryAfter: 2 * time.Second})
		before := fl.trips.Load()
		time.Sleep(10 * time.Second)
		trips := fl.trips.Load() - before
		time.Sleep(65 * time.Second)
		cancel()
		fl.group.Wait()
		fl.cost.Store(0)
		time.Sleep(time.Second)
		t.Logf("%d trips in 10 s", trips)
		if n := strings.Count(log.String(), "level=WARN"); n > 0 {
			t.Errorf("%d warnings", n)
		}
		if served, rejected := fl.seen(100*time.Second, 160*time.Second); rejected > 0 || served < 290 {
			t.Errorf("from 10 s after the fault: %d served, %d rejected in a minute, want 300 and 0", served, rejected)
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
