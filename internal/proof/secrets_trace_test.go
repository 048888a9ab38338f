package proof_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/internal/testkit"
)

// trace returns a Trace that shows all of its events.
func (x *exhibition) trace() *clawhq.Trace {
	return &clawhq.Trace{
		CallStart:    func(ctx context.Context, e clawhq.TraceCallStart) context.Context { x.show(e); return ctx },
		CallEnd:      func(_ context.Context, e clawhq.TraceCallEnd) { x.show(e) },
		Waiting:      func(_ context.Context, e clawhq.TraceWaiting) { x.show(e) },
		LimiterDown:  func(_ context.Context, e clawhq.TraceLimiterDown) { x.show(e) },
		Admitted:     func(_ context.Context, e clawhq.TraceAdmitted) { x.show(e) },
		AttemptStart: func(ctx context.Context, e clawhq.TraceAttemptStart) context.Context { x.show(e); return ctx },
		AttemptEnd:   func(_ context.Context, e clawhq.TraceAttemptEnd) { x.show(e) },
		Retry:        func(_ context.Context, e clawhq.TraceRetry) { x.show(e) },
		FirstChunk:   func(_ context.Context, e clawhq.TraceFirstChunk) { x.show(e) },
		StreamEnd:    func(_ context.Context, e clawhq.TraceStreamEnd) { x.show(e) },
	}
}

// loudLimiter is a Limiter that is out of service, and whose error contains secrets.
type loudLimiter struct{}

func (loudLimiter) Wait(context.Context) error { return loudError(testkit.Key + " " + sentinelSession) }

func (loudLimiter) Fallback(error) <-chan struct{} {
	return make(chan struct{})
}

// exhibitTrace shows the events of a Trace about a Limiter and about waiting. The
// other events occur in exhibitClient.
func exhibitTrace(t *testing.T, x *exhibition) {
	ok := testkit.RoundTripFunc(func(*http.Request) (*http.Response, error) {
		return testkit.Reply(200, `{"response":"Hello.","agent":"support-bot"}`, "X-RateLimit-Limit", "1", "X-RateLimit-Remaining", "0"), nil
	})
	client := testkit.Client(t, nil, clawhq.WithHTTPClient(&http.Client{Transport: ok}), clawhq.WithSession(sentinelSession),
		clawhq.WithLimiter(loudLimiter{}), clawhq.WithTrace(x.trace()))
	for range 2 { // the second call must wait
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		client.Chat(ctx, clawhq.ChatRequest{Message: testkit.Key + sentinelSession})
		cancel()
	}
	x.show(*x.trace())
	x.show(clawhq.TraceWaiting{Attempt: 1, Reason: "the window is full"})
}
