package main

import (
	"context"
	"errors"
	"os"

	"github.com/alicebob/miniredis/v2"
	"github.com/clawhq/clawhq-go/redisclawhq"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/metric"
)

// newLimiter returns a Limiter that machines share through the Redis at REDIS_ADDR;
// without it, through one in this process. The returned function closes both.
func newLimiter() (*redisclawhq.Limiter, func(), error) {
	addr, end := os.Getenv("REDIS_ADDR"), func() {}
	if addr == "" {
		store, err := miniredis.Run()
		if err != nil {
			return nil, nil, err
		}
		addr, end = store.Addr(), store.Close
	}
	rdb := redis.NewClient(&redis.Options{Addr: addr})
	limiter, err := redisclawhq.NewLimiter(rdb, "observability")
	if err != nil {
		return nil, nil, err
	}
	return limiter, func() {
		limiter.Close()
		rdb.Close()
		end()
	}, nil
}

// observeLimiter makes metrics of a Limiter's Stats. Alert on available: while it is
// 0, machines do not share their limit. fallbacks says how many calls that concerned;
// timeouts that rise while available stays 1 mean that WithTimeout is too short for
// the way to Redis; waiting that only rises means that the key's limit is too low for
// the work.
func observeLimiter(meter metric.Meter, limiter *redisclawhq.Limiter) error {
	var errs []error
	gauge := func(name, unit, what string) metric.Int64ObservableGauge {
		g, err := meter.Int64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(what))
		errs = append(errs, err)
		return g
	}
	counter := func(name, unit, what string) metric.Int64ObservableCounter {
		c, err := meter.Int64ObservableCounter(name, metric.WithUnit(unit), metric.WithDescription(what))
		errs = append(errs, err)
		return c
	}
	available := gauge("clawhq.limiter.available", "1", "Whether Redis answers")
	limit := gauge("clawhq.limiter.limit", "{call}/min", "Calls that the key allows")
	waiting := gauge("clawhq.limiter.waiting", "{call}", "Calls that wait for their turn")
	leased := gauge("clawhq.limiter.leased", "{call}", "Slots that are kept for this machine")
	trips := counter("clawhq.limiter.round_trips", "{trip}", "Answers of Redis")
	timeouts := counter("clawhq.limiter.timeouts", "{trip}", "Answers that did not come in time")
	fallbacks := counter("clawhq.limiter.fallbacks", "{call}", "Calls that their client shaped by itself")
	_, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		s := limiter.Stats()
		answers := int64(0)
		if s.Available {
			answers = 1
		}
		o.ObserveInt64(available, answers)
		o.ObserveInt64(limit, int64(s.Limit))
		o.ObserveInt64(waiting, int64(s.Waiting))
		o.ObserveInt64(leased, int64(s.Leased))
		o.ObserveInt64(trips, s.RoundTrips)
		o.ObserveInt64(timeouts, s.Timeouts)
		o.ObserveInt64(fallbacks, s.Fallbacks)
		return nil
	}, available, limit, waiting, leased, trips, timeouts, fallbacks)
	return errors.Join(append(errs, err)...)
}
