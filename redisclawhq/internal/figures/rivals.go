//go:build unix

package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/redisclawhq/internal/processes"
	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"
	"github.com/throttled/throttled/v2"
	throttledstore "github.com/throttled/throttled/v2/store/goredisstore.v9"
	ulule "github.com/ulule/limiter/v3"
	ululestore "github.com/ulule/limiter/v3/drivers/store/redis"
)

// rivals are limiters that other modules offer, each in a loop that waits for as long
// as the module says. They must be told the limit.
var rivals = []struct {
	name string
	make func(rdb *redis.Client, limit int) (ask, error)
}{
	{"redis_rate, as its example has it", func(rdb *redis.Client, limit int) (ask, error) {
		return askRedisRate(rdb, redis_rate.PerMinute(limit)), nil
	}},
	{"redis_rate, burst 1", func(rdb *redis.Client, limit int) (ask, error) {
		return askRedisRate(rdb, redis_rate.Limit{Rate: limit, Burst: 1, Period: time.Minute}), nil
	}},
	{"throttled, GCRA, burst 1", func(rdb *redis.Client, limit int) (ask, error) {
		store, err := throttledstore.NewCtx(rdb, "throttled:")
		if err != nil {
			return nil, err
		}
		limiter, err := throttled.NewGCRARateLimiterCtx(store, throttled.RateQuota{MaxRate: throttled.PerMin(limit)})
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context) (time.Duration, error) {
			_, result, err := limiter.RateLimitCtx(ctx, "key", 1)
			return max(result.RetryAfter, 0), err
		}, nil
	}},
	{"ulule/limiter, fixed window", func(rdb *redis.Client, limit int) (ask, error) {
		store, err := ululestore.NewStore(rdb)
		if err != nil {
			return nil, err
		}
		limiter := ulule.New(store, ulule.Rate{Period: time.Minute, Limit: int64(limit)})
		return func(ctx context.Context) (time.Duration, error) {
			result, err := limiter.Get(ctx, "key")
			if err != nil || !result.Reached {
				return 0, err
			}
			return max(time.Until(time.Unix(result.Reset, 0)), 10*time.Millisecond), nil
		}, nil
	}},
}

// ask asks for one call. It returns 0 if the call may be sent, and otherwise how long
// to wait before asking again.
type ask func(ctx context.Context) (time.Duration, error)

func askRedisRate(rdb *redis.Client, limit redis_rate.Limit) ask {
	limiter := redis_rate.NewLimiter(rdb)
	return func(ctx context.Context) (time.Duration, error) {
		result, err := limiter.Allow(ctx, "key", limit)
		if err != nil || result.Allowed > 0 {
			return 0, err
		}
		return result.RetryAfter, nil
	}
}

// Wait implements clawhq.Limiter.
func (a ask) Wait(ctx context.Context) error {
	for {
		wait, err := a(ctx)
		if err != nil || wait == 0 {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func init() {
	for _, r := range rivals {
		processes.Limiters[r.name] = func(rdb *redis.Client, limit int) (clawhq.Limiter, error) { return r.make(rdb, limit) }
	}
}

// besideRivals measures Limiters of several modules from a cold start: all machines
// begin at once.
func besideRivals(ctx context.Context, dir string) (good bool, err error) {
	const length = 4 * time.Minute
	runs := []*run{{name: "redisclawhq", shared: true}}
	for _, r := range rivals {
		runs = append(runs, &run{name: r.name, shared: true, limiter: r.name})
	}
	runs = append(runs, &run{name: "no Redis"})
	err = together(runs, func(i int, r *run) error {
		r.limit, r.machines, r.length = 60, 4, length
		return r.do(ctx, filepath.Join(dir, fmt.Sprint("rival", i)))
	})
	if err != nil {
		return false, err
	}
	fmt.Printf("\nFour processes of %d workers that begin at once, 60 RPM, %v\n", workers, length)
	fmt.Println("| | of the quota | rejected | in the first minute | failed calls | trips a call | calls of a machine |")
	fmt.Println("|---|---|---|---|---|---|---|")
	for _, r := range runs {
		f, first := r.figures(0, length), r.figures(0, time.Minute)
		fmt.Printf("| %s | %.1f%% | %d (%.1f%%) | %d | %d | %.1f | %s |\n", r.name, 100*f.quota, f.rejected, 100*f.share(), first.rejected, len(r.failed()), f.trips, r.parts())
		show(r)
	}
	ours := runs[0].figures(0, length)
	return ours.quota >= 0.99 && ours.rejected == 0 && len(runs[0].failed()) == 0, nil
}
