//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/clawhq/clawhq-go/redisclawhq"
	"github.com/clawhq/clawhq-go/redisclawhq/internal/processes"
	"github.com/redis/go-redis/v9"
)

// admission measures how long it takes to admit a call that need not wait, and how
// much of that is the trip to Redis.
func admission(ctx context.Context, dir string) (good bool, err error) {
	store, err := processes.StartRedis(filepath.Join(dir, "admission"), "")
	if err != nil {
		return false, err
	}
	defer store.Close()
	rdb := redis.NewClient(&redis.Options{Network: "unix", Addr: store.Socket()})
	defer rdb.Close()
	var trip time.Duration
	trips := 0
	rdb.AddHook(timer(func(d time.Duration) { trip = d; trips++ }))
	const calls = 3000
	limiter, err := redisclawhq.NewLimiter(rdb, "admission", redisclawhq.WithRateLimit(2*calls))
	if err != nil {
		return false, err
	}
	defer limiter.Close()
	var whole, beside []time.Duration
	for range calls {
		begun := time.Now()
		if err := limiter.Wait(ctx); err != nil {
			return false, err
		}
		took := time.Since(begun)
		whole, beside = append(whole, took), append(beside, took-trip)
	}
	slices.Sort(whole)
	slices.Sort(beside)
	each := float64(trips) / calls
	stats, err := store.Info(ctx, "commandstats").Result()
	if err != nil {
		return false, err
	}
	script := regexp.MustCompile(`cmdstat_evalsha:.*usec_per_call=([0-9.]+)`).FindStringSubmatch(stats)
	if script == nil {
		return false, errors.New("Redis does not say how long the script takes")
	}
	fmt.Printf("\nAdmission of a call that need not wait: median %v, of which %v beside the trip; %.2f trips a call; the script takes %s µs of Redis\n", whole[calls/2], beside[calls/2], each, script[1])
	return beside[calls/2] <= 60*time.Microsecond && each <= 1.01, nil
}

// timer is a hook of go-redis that gets the duration of each command.
type timer func(time.Duration)

func (t timer) DialHook(next redis.DialHook) redis.DialHook { return next }

func (t timer) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (t timer) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		begun := time.Now()
		err := next(ctx, cmd)
		t(time.Since(begun))
		return err
	}
}
