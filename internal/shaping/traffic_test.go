package shaping

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go/internal/window"
)

// A service counts the attempts with one key.
type service struct {
	limit int
	live  bool // a 429 names the end of the clock's minute, not the time at which a slot is free

	mu       sync.Mutex
	log      window.Log
	began    time.Time
	served   []arrival
	rejected []arrival
}

// An arrival is an attempt as the service saw it.
type arrival struct {
	at     time.Duration // since the beginning
	client *client
}

// newService returns a service that begins at a random time of the clock's minute.
func newService(limit int, live bool) *service {
	time.Sleep(rand.N(time.Minute))
	return &service{limit: limit, live: live, began: time.Now()}
}

// count counts an attempt. If the window is full, wait is the Retry-After of the
// 429.
func (s *service) count(c *client) (counted int, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	remaining, free := s.log.Admit(window.Unix(now), Length, s.limit)
	if free <= 0 {
		s.served = append(s.served, arrival{now.Sub(s.began), c})
		return s.limit - remaining, 0
	}
	s.rejected = append(s.rejected, arrival{now.Sub(s.began), c})
	if s.live {
		return 0, now.Truncate(time.Minute).Add(time.Minute).Sub(now)
	}
	return 0, max(time.Second, (free + time.Second - 1).Truncate(time.Second))
}

// of returns how many of the arrivals were those of c, or of anyone if it is nil,
// in a time.
func of(arrivals []arrival, c *client, from, to time.Duration) (n int) {
	for _, a := range arrivals {
		if (c == nil || a.client == c) && a.at >= from && a.at < to {
			n++
		}
	}
	return n
}

// quota returns which share of what the service admits was used in a time.
func (s *service) quota(from, to time.Duration) float64 {
	return 100 * float64(of(s.served, nil, from, to)) / (float64(s.limit) * (to - from).Minutes())
}

// A client is a program that uses the key.
type client struct {
	set    *Set
	srv    *service
	travel [2]time.Duration // least and most, one way
	agent  [2]time.Duration // least and most

	mu    sync.Mutex
	calls []result
}

// A result is how a call of a client went.
type result struct {
	at, took time.Duration
	err      error
}

func (s *service) client(agent ...time.Duration) *client {
	c := &client{set: NewSet(Config{Unknown: 30, UnknownSeparate: 5, Longest: 2 * Length}), srv: s, travel: [2]time.Duration{20 * ms, 100 * ms}}
	copy(c.agent[:], agent)
	return c
}

func between(bounds [2]time.Duration) time.Duration {
	return bounds[0] + rand.N(bounds[1]-bounds[0]+1)
}

var errExhausted = errors.New("429 for all attempts")

// chat makes a call of up to four attempts, as package clawhq does.
func (c *client) chat(ctx context.Context, r Request) error {
	started := time.Now()
	err := c.attempts(ctx, r)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, result{started.Sub(c.srv.began), time.Since(started), err})
	return err
}

func (c *client) attempts(ctx context.Context, r Request) error {
	for made := 0; made < 4; {
		var turn Turn
		if err := c.set.Admit(ctx, r, &turn); err != nil {
			return err
		}
		turn.Sent()
		time.Sleep(between(c.travel))
		counted, wait := c.srv.count(c)
		if wait == 0 {
			time.Sleep(between(c.agent))
			time.Sleep(between(c.travel))
			turn.Answered(reply(c.srv, counted))
			return nil
		}
		time.Sleep(between(c.travel))
		made++
		if pause := 2*time.Second + rand.N(3500*ms); c.srv.live && pause < wait {
			wait, made = pause, made-1
		}
		turn.Rejected(wait, c.srv.live)
		time.Sleep(wait + rand.N(500*ms))
		r.Retry = true
	}
	return errExhausted
}

func reply(s *service, counted int) Reply {
	return Reply{Success: true, Limit: s.limit, Counted: counted, ByMinute: s.live}
}

// saturate has workers that call without a pause until ctx ends.
func (c *client) saturate(ctx context.Context, wg *sync.WaitGroup, workers int, r Request) {
	for range workers {
		wg.Go(func() {
			for ctx.Err() == nil {
				if err := c.chat(ctx, r); err != nil && err != errExhausted {
					return // ctx has ended, or would before there is room
				}
			}
		})
	}
}

// paced makes n calls, one each interval, whether or not the ones before have been
// answered.
func (c *client) paced(ctx context.Context, wg *sync.WaitGroup, n int, interval time.Duration, r Request) {
	wg.Go(func() {
		for i := range n {
			if i > 0 {
				time.Sleep(interval)
			}
			wg.Go(func() { c.chat(ctx, r) })
		}
	})
}

// answered returns how many calls were answered, and how long these took, in
// order.
func (c *client) answered() (times []time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.calls {
		if r.err == nil {
			times = append(times, r.took)
		}
	}
	slices.Sort(times)
	return times
}

func percentile(times []time.Duration, p float64) time.Duration {
	if len(times) == 0 {
		return -1
	}
	return times[int(p*float64(len(times)-1))].Round(10 * ms)
}

// traffic runs f in a bubble, with a service and a context that ends after length.
func traffic(t *testing.T, limit int, live bool, length time.Duration, f func(ctx context.Context, wg *sync.WaitGroup, s *service)) *service {
	t.Helper()
	var s *service
	synctest.Test(t, func(t *testing.T) {
		s = newService(limit, live)
		ctx, cancel := context.WithTimeout(t.Context(), length)
		defer cancel()
		var wg sync.WaitGroup
		f(ctx, &wg, s)
		wg.Wait()
	})
	return s
}
