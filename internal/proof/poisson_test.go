package proof_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
)

// exactLog is a Limiter that keeps an exact log of sending times. It knows the
// limit, and that no other client uses the key. A slot is free again a window and
// the smallest margin after it was used, and slots go to the callers in order. A
// caller whose slot would come after its deadline is refused.
type exactLog struct {
	mu    sync.Mutex
	limit int
	sent  []time.Time
}

func (l *exactLog) Wait(ctx context.Context) error {
	l.mu.Lock()
	at := time.Now()
	if i := len(l.sent) - l.limit; i >= 0 {
		if free := l.sent[i].Add(time.Minute + 250*time.Millisecond); free.After(at) {
			at = free
		}
	}
	if deadline, ok := ctx.Deadline(); ok && at.After(deadline) {
		l.mu.Unlock()
		return errors.New("it would exceed context deadline")
	}
	l.sent = append(l.sent, at)
	l.mu.Unlock()
	time.Sleep(time.Until(at))
	return nil
}

// A caller is one arrival of a Poisson process.
type caller struct {
	after time.Duration // time since the caller before
	agent time.Duration // how long the agent takes
}

// shares are outcomes as fractions of all calls.
type shares struct{ refused, slow, rejected float64 }

// poisson makes one call for each caller and returns the outcomes.
func poisson(t *testing.T, limit int, callers []caller, opts ...clawhq.Option) shares {
	var refused, slow, rejected int
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		s.SetRateLimit(s.KeyID(), limit)
		client := s.Client(append(opts, clawhq.WithHTTPClient(&http.Client{Transport: slowNetwork{s.HTTPClient().Transport, 20 * time.Millisecond, 100 * time.Millisecond}}))...)
		var mu sync.Mutex
		var wg sync.WaitGroup
		for i, c := range callers {
			time.Sleep(c.after)
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
				defer cancel()
				start := time.Now()
				_, err := client.Chat(ctx, clawhq.ChatRequest{Message: strconv.Itoa(i), Agent: "slow"})
				mu.Lock()
				defer mu.Unlock()
				switch {
				case errors.Is(err, clawhq.ErrThrottled):
					refused++
				case err != nil && !errors.Is(err, context.DeadlineExceeded): // the deadline may pass while the agent works
					t.Error(err)
				case time.Since(start) > 6*time.Second:
					slow++
				}
			})
		}
		wg.Wait()
		for _, r := range s.Requests() {
			if r.Status == http.StatusTooManyRequests {
				rejected++
			}
		}
	}, clawhqtest.WithAgent("slow", func(ctx context.Context, m clawhqtest.Message) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			i, _ := strconv.Atoi(m.Text)
			select {
			case <-time.After(callers[i].agent):
				yield("done", nil)
			case <-ctx.Done():
			}
		}
	}))
	share := func(n int) float64 { return 100 * float64(n) / float64(len(callers)) }
	return shares{share(refused), share(slow), share(rejected)}
}

// A client that is alone on its key does as well as a Limiter with an exact log,
// which is the optimum: when calls come at random, it refuses no more calls, and
// no more calls are slow.
func TestFiguresPoisson(t *testing.T) {
	for _, limit := range figureLimits[1:] {
		for _, load := range []float64{0.60, 0.80, 0.95} {
			t.Run(fmt.Sprintf("%d RPM, %.0f%%", limit, 100*load), func(t *testing.T) {
				t.Parallel()
				random := rand.New(rand.NewPCG(1, uint64(limit)))
				callers := make([]caller, poissonCalls)
				for i := range callers {
					callers[i] = caller{
						after: time.Duration(random.ExpFloat64() * float64(time.Minute) / (load * float64(limit))),
						agent: 400*time.Millisecond + time.Duration(random.Float64()*float64(4*time.Second)),
					}
				}
				got := poisson(t, limit, callers)
				want := poisson(t, limit, callers, clawhq.WithLimiter(&exactLog{limit: limit}))
				t.Logf("Poisson load of %.0f%% of %d RPM, deadline 20 s: %.1f%% refused, %.1f%% slower than 6 s; by an exact log %.1f%% and %.1f%%",
					100*load, limit, got.refused, got.slow, want.refused, want.slow)
				if got.refused > want.refused+1 || got.slow > want.slow+1 || got.rejected > 0 {
					t.Errorf("got %+v, want at most a point more than %+v, and no 429", got, want)
				}
			})
		}
	}
}
