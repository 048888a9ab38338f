package clawhq_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/google/go-cmp/cmp"
	"github.com/jarcoal/httpmock"
	"golang.org/x/time/rate"
)

// Every attempt waits for the caller's own Limiter.
func TestLimiter(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		client := s.Client(clawhq.WithLimiter(rate.NewLimiter(rate.Every(10*time.Second), 1)))
		s.Inject(clawhqtest.FaultStatus(500, ""))
		start := time.Now()
		if _, err := client.Chat(t.Context(), testkit.Hi); err != nil || time.Since(start).Round(time.Microsecond) != 10*time.Second {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
		// x/time/rate sees at once that the deadline is hopeless, but its
		// error does not match the context's.
		ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
		defer cancel()
		_, err := client.Chat(ctx, testkit.Hi)
		if !errors.Is(err, clawhq.ErrThrottled) || !errors.Is(err, context.DeadlineExceeded) || time.Since(start).Round(time.Microsecond) != 10*time.Second {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
		ctx, cancelNow := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancelNow)
		_, err = client.Chat(ctx, testkit.Hi)
		if !errors.Is(err, clawhq.ErrThrottled) || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	broken := errors.New("redis is down")
	mock := httpmock.NewMockTransport()
	_, err := testkit.Client(t, mock, clawhq.WithLimiter(limiterFunc(func(context.Context) error { return broken }))).Chat(t.Context(), testkit.Hi)
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
	_, err := testkit.Client(t, mock, clawhq.WithLimiter(spent)).Chat(ctx, testkit.Hi)
	if !errors.Is(err, clawhq.ErrThrottled) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	_, err = testkit.Client(t, mock, clawhq.WithLimiter(bucket{rate.NewLimiter(1, 0)})).Chat(ctx, testkit.Hi)
	if err == nil || errors.Is(err, clawhq.ErrThrottled) || errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "burst") {
		t.Errorf("a bucket that admits nothing: got %v", err)
	}
}

var errOutOfService = errors.New("out of service")

// An observer is a Limiter that is out of service, and keeps the replies that it
// observes.
type observer struct{ heard []clawhq.LimitReply }

func (o *observer) Wait(context.Context) error { return errOutOfService }

func (o *observer) Fallback(err error) <-chan struct{} { return make(chan struct{}) }

func (o *observer) ObserveReply(r clawhq.LimitReply) { o.heard = append(o.heard, r) }

// A LimitObserver gets each attempt once, whatever its outcome.
func TestLimitObserver(t *testing.T) {
	t.Parallel()
	refused := &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	for name, tt := range map[string]struct {
		reply *http.Response
		err   error
		want  clawhq.LimitReply // Sent is set if the attempt was sent
	}{
		"answered":   {testkit.Reply(200, testkit.OKBody, "X-RateLimit-Limit", "60", "X-RateLimit-Remaining", "59"), nil, clawhq.LimitReply{Sent: time.Unix(0, 0), StatusCode: 200, RateLimit: clawhq.RateLimit{Limit: 60, Remaining: 59}}},
		"failed":     {testkit.Reply(503, ""), nil, clawhq.LimitReply{Sent: time.Unix(0, 0), StatusCode: 503}},
		"too many":   {testkit.Reply(429, "", "Retry-After", "7"), nil, clawhq.LimitReply{Sent: time.Unix(0, 0), StatusCode: 429, RetryAfter: 7 * time.Second}},
		"lost":       {nil, net.ErrClosed, clawhq.LimitReply{Sent: time.Unix(0, 0)}},
		"never sent": {nil, refused, clawhq.LimitReply{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				now := time.Now()
				if !tt.want.Sent.IsZero() {
					tt.want.Sent = now
				}
				tt.want.Window = "key"
				mock := httpmock.NewMockTransport()
				mock.RegisterResponder("POST", testkit.ChatURL, func(*http.Request) (*http.Response, error) { return tt.reply, tt.err })
				o := &observer{}
				client := testkit.Client(t, mock, clawhq.WithLimiter(o), testkit.OneAttempt)
				client.Chat(t.Context(), testkit.Hi)
				if diff := cmp.Diff([]clawhq.LimitReply{tt.want}, o.heard); diff != "" {
					t.Errorf("heard (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// A Limiter that refuses a call ahead of its deadline has the same effect as the
// client's own rate shaping.
func TestLimiterLooksAhead(t *testing.T) {
	t.Parallel()
	late := limiterFunc(func(context.Context) error { return context.DeadlineExceeded })
	client := testkit.Client(t, httpmock.NewMockTransport(), clawhq.WithLimiter(late))
	if _, err := client.Chat(t.Context(), testkit.Hi); !errors.Is(err, clawhq.ErrThrottled) {
		t.Errorf("got %v, want ErrThrottled", err)
	}
}

// recovering is a Limiter that is out of service for a while.
type recovering struct {
	back  chan struct{}
	asked int
}

func (l *recovering) Fallback(error) <-chan struct{} { return l.back }

func (l *recovering) Wait(context.Context) error {
	l.asked++
	select {
	case <-l.back:
		return nil
	default:
		return errOutOfService
	}
}

// While the Limiter is out of service, the client shapes calls by itself. Calls that
// still wait when the Limiter is back wait for the Limiter.
func TestLimiterComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("POST", testkit.ChatURL, httpmock.ResponderFromResponse(testkit.Reply(200, testkit.OKBody, "X-RateLimit-Limit", "1", "X-RateLimit-Remaining", "0")))
		l := &recovering{back: make(chan struct{})}
		client := testkit.Client(t, mock, clawhq.WithLimiter(l))
		start := time.Now()
		time.AfterFunc(10*time.Second, func() { close(l.back) })
		for _, want := range []time.Duration{0, 10 * time.Second} {
			if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
				t.Fatal(err)
			}
			if got := time.Since(start); got != want {
				t.Errorf("answered after %v, want %v", got, want)
			}
		}
		if l.asked != 3 {
			t.Errorf("the Limiter was asked %d times, want 3", l.asked)
		}
	})
}

// backAtOnce is a Limiter that refuses every other call, and is back as soon as the
// client asks.
type backAtOnce struct{ asked int }

func (l *backAtOnce) Wait(context.Context) error {
	if l.asked++; l.asked%2 == 1 {
		return errOutOfService
	}
	return nil
}

func (l *backAtOnce) Fallback(error) <-chan struct{} {
	back := make(chan struct{})
	close(back)
	return back
}

// An attempt that the client admits just as the Limiter comes back takes no slot
// besides the one it is sent with.
func TestLimiterIsBackAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("POST", testkit.ChatURL, httpmock.ResponderFromResponse(testkit.Reply(200, testkit.OKBody)))
		client := testkit.Client(t, mock, clawhq.WithLimiter(new(backAtOnce)), clawhq.WithMaxRate(2))
		start := time.Now()
		for range 2 {
			if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
				t.Fatal(err)
			}
		}
		if got := time.Since(start); got != 0 {
			t.Errorf("two calls of two a minute took %v, want none", got)
		}
	})
}

// A Limiter that fails, and says to be back, is not asked all the time.
func TestLimiterThatIsNeverBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("POST", testkit.ChatURL, httpmock.ResponderFromResponse(testkit.Reply(200, testkit.OKBody)))
		down := &neverBack{}
		client := testkit.Client(t, mock, clawhq.WithLimiter(down), clawhq.WithMaxRate(1))
		start := time.Now()
		for range 2 {
			if _, err := client.Chat(t.Context(), testkit.Hi, clawhq.WithBackground()); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); down.asked > 70 || took < time.Minute || took > 62*time.Second {
			t.Errorf("asked %d times in %v, want about once a second for a minute", down.asked, took)
		}
		if !down.last.Background || down.last.Window != "key" {
			t.Errorf("asked for %+v, want the key's window, in the background", down.last)
		}
	})
}

// neverBack is a FallbackLimiter that always fails, with a channel that is closed.
type neverBack struct {
	backAtOnce
	asked int
	last  clawhq.LimitRequest
}

func (l *neverBack) WaitWindow(_ context.Context, r clawhq.LimitRequest) error {
	l.asked, l.last = l.asked+1, r
	return errOutOfService
}
