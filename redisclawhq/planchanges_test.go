package redisclawhq_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/redisclawhq"
)

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

// Of many machines in one place, none takes Redis for slow, whatever changes.
func TestManyMachines(t *testing.T) {
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

// A machine that hears no plan changes learns of a changed limit all the same.
func TestUnheardNotices(t *testing.T) {
	t.Parallel()
	inFleet(t, 1, func(t *testing.T, fl *fleet) {
		fl.deaf.Store(true)
		a, b := fl.limiter(redisclawhq.WithRateLimit(1)), fl.limiter(redisclawhq.WithRateLimit(1))
		take(t, b, 1)
		reply := clawhq.LimitReply{Window: "key", Sent: time.Now(), StatusCode: 200, RateLimit: clawhq.RateLimit{Limit: 2, Remaining: 1}}
		fl.group.Go(func() {
			if got := wait(t, a); got < 30*time.Second || got > 40*time.Second {
				t.Errorf("waited %v, want half of the minute, up to a third of that, and the trips", got)
			}
		})
		time.Sleep(time.Second)
		b.ObserveReply(reply)
		fl.group.Wait()
	})
}
