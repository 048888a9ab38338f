package clawhq_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/jarcoal/httpmock"
	"golang.org/x/time/rate"
)

// Every attempt waits for the caller's own Limiter.
func TestLimiter(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		client := s.Client(clawhq.WithLimiter(rate.NewLimiter(rate.Every(10*time.Second), 1)))
		s.Inject(clawhqtest.FaultStatus(500, ""))
		start := time.Now()
		if _, err := client.Chat(t.Context(), hi); err != nil || time.Since(start).Round(time.Microsecond) != 10*time.Second {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
		// x/time/rate sees at once that the deadline is hopeless, but its
		// error does not match the context's.
		ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
		defer cancel()
		_, err := client.Chat(ctx, hi)
		if !errors.Is(err, clawhq.ErrThrottled) || !errors.Is(err, context.DeadlineExceeded) || time.Since(start).Round(time.Microsecond) != 10*time.Second {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
		ctx, cancelNow := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancelNow)
		_, err = client.Chat(ctx, hi)
		if !errors.Is(err, clawhq.ErrThrottled) || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	broken := errors.New("redis is down")
	mock := httpmock.NewMockTransport()
	_, err := mockClient(t, mock, clawhq.WithLimiter(limiterFunc(func(context.Context) error { return broken }))).Chat(t.Context(), hi)
	if !errors.Is(err, broken) || errors.Is(err, clawhq.ErrThrottled) || mock.GetTotalCallCount() != 0 {
		t.Errorf("got %v", err)
	}
}

type limiterFunc func(context.Context) error

func (f limiterFunc) Wait(ctx context.Context) error { return f(ctx) }

// bucket is a Limiter of another type than *rate.Limiter.
type bucket struct{ *rate.Limiter }

func TestLimiterThatWrapsATokenBucket(t *testing.T) {
	t.Parallel()
	mock := httpmock.NewMockTransport()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	spent := bucket{rate.NewLimiter(rate.Every(time.Hour), 1)}
	spent.Allow()
	_, err := mockClient(t, mock, clawhq.WithLimiter(spent)).Chat(ctx, hi)
	if !errors.Is(err, clawhq.ErrThrottled) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	_, err = mockClient(t, mock, clawhq.WithLimiter(bucket{rate.NewLimiter(1, 0)})).Chat(ctx, hi)
	if err == nil || errors.Is(err, clawhq.ErrThrottled) || errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "burst") {
		t.Errorf("a bucket that admits nothing: got %v", err)
	}
}
