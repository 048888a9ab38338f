package redisclawhq_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/redisclawhq"
)

var backgroundWindow = clawhq.LimitRequest{Window: "key", Background: true}

// Within a machine, callers in the background go last, their retries first.
func TestBackgroundOrder(t *testing.T) {
	t.Parallel()
	inFleet(t, 1, func(t *testing.T, fl *fleet) {
		l := fl.limiter(redisclawhq.WithRateLimit(1))
		take(t, l, 1)
		var mu sync.Mutex
		var order []string
		for _, c := range []struct {
			name    string
			request clawhq.LimitRequest
		}{
			{"background", clawhq.LimitRequest{Background: true}},
			{"background retry", clawhq.LimitRequest{Background: true, Retry: true}},
			{"foreground", clawhq.LimitRequest{}},
			{"foreground retry", clawhq.LimitRequest{Retry: true}},
		} {
			c.request.Window = "key"
			fl.group.Go(func() {
				if err := l.WaitWindow(t.Context(), c.request); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				order = append(order, c.name)
			})
			synctest.Wait()
		}
		fl.group.Wait()
		if want := []string{"foreground retry", "foreground", "background retry", "background"}; !slices.Equal(order, want) {
			t.Errorf("served %q, want %q", order, want)
		}
	})
}

// admitted counts how many callers without a pause the Limiter admits.
func (fl *fleet) admitted(ctx context.Context, l *redisclawhq.Limiter, r clawhq.LimitRequest, callers int, n *atomic.Int64) {
	for range callers {
		fl.group.Go(func() {
			for l.WaitWindow(ctx, r) == nil {
				n.Add(1)
			}
		})
	}
}

// Background calls that are alone use the whole quota, spread over the window.
func TestBackgroundAlone(t *testing.T) {
	t.Parallel()
	inFleet(t, 60, func(t *testing.T, fl *fleet) {
		ctx, cancel := context.WithCancel(t.Context())
		var n atomic.Int64
		for range 3 {
			fl.admitted(ctx, fl.limiter(redisclawhq.WithRateLimit(60)), backgroundWindow, 5, &n)
		}
		time.Sleep(5 * time.Second)
		if got := n.Load(); got < 5 || got > 7 {
			t.Errorf("%d calls in the first 5s, want about one a second", got)
		}
		time.Sleep(10 * time.Minute)
		if got := n.Load(); got < 597 || got > 606 {
			t.Errorf("%d calls in ten minutes, want 600", got)
		}
		cancel()
	})
}

// Background calls of one machine leave a tenth of the window to others, which get
// it at once; a machine whose foreground needs all gets all.
func TestBackgroundYields(t *testing.T) {
	t.Parallel()
	inFleet(t, 60, func(t *testing.T, fl *fleet) {
		ctx, cancel := context.WithCancel(t.Context())
		var bulk, busy atomic.Int64
		fl.admitted(ctx, fl.limiter(redisclawhq.WithRateLimit(60)), backgroundWindow, 20, &bulk)
		small := fl.limiter(redisclawhq.WithRateLimit(60))
		time.Sleep(2 * time.Minute)
		wait(t, small)
		time.Sleep(time.Minute)
		before := bulk.Load()
		for range 24 {
			if got := wait(t, small); got > ms {
				t.Errorf("a foreground call waited %v beside bulk in the background", got)
			}
			time.Sleep(10 * time.Second)
		}
		if got := bulk.Load() - before; got < 4*46 || got > 4*54 {
			t.Errorf("%d background calls in 4 minutes, want nine tenths of 240, less those of the foreground", got)
		}

		fl.admitted(ctx, small, keyWindow, 20, &busy)
		time.Sleep(2 * time.Minute)
		before, foreground := bulk.Load(), busy.Load()
		time.Sleep(2 * time.Minute)
		if got, yielded := busy.Load()-foreground, bulk.Load()-before; got < 118 || yielded > 0 {
			t.Errorf("%d foreground and %d background calls in 2 minutes, want 120 and 0", got, yielded)
		}
		cancel()
	})
}

// The machines of a job in the background may have a lower bound than the others.
func TestBackgroundWithMaxRate(t *testing.T) {
	t.Parallel()
	inFleet(t, 60, func(t *testing.T, fl *fleet) {
		ctx, cancel := context.WithCancel(t.Context())
		var job, busy atomic.Int64
		for range 2 {
			fl.admitted(ctx, fl.limiter(redisclawhq.WithRateLimit(60), redisclawhq.WithMaxRate(20)), backgroundWindow, 5, &job)
		}
		time.Sleep(10 * time.Minute)
		if got := job.Load(); got < 195 || got > 204 {
			t.Errorf("%d calls of the job in ten minutes, want 200", got)
		}
		fl.admitted(ctx, fl.limiter(redisclawhq.WithRateLimit(60)), keyWindow, 20, &busy)
		time.Sleep(2 * time.Minute)
		before, foreground := job.Load(), busy.Load()
		time.Sleep(5 * time.Minute)
		if got, jobs := busy.Load()-foreground, job.Load()-before; got < 296 || jobs > 0 {
			t.Errorf("%d calls of others and %d of the job in five minutes, want 300 and 0", got, jobs)
		}
		cancel()
	})
}
