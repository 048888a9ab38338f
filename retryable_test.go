package clawhq_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/jarcoal/httpmock"
)

func TestRetryable(t *testing.T) {
	t.Parallel()
	type want struct {
		after time.Duration
		ok    bool
	}
	api := func(status int, code clawhq.ErrorCode) *clawhq.APIError {
		return &clawhq.APIError{StatusCode: status, Code: code, Message: "m"}
	}
	after := func(d time.Duration) *clawhq.APIError {
		return &clawhq.APIError{StatusCode: 429, Code: clawhq.CodeRateLimited, RetryAfter: d}
	}
	for name, tt := range map[string]struct {
		err  error
		want want
	}{
		"nil":                         {nil, want{}},
		"another package's":           {errors.New("disk full"), want{}},
		"rate limit":                  {&clawhq.RateLimitError{APIError: after(7 * time.Second)}, want{7 * time.Second, true}},
		"wrapped":                     {fmt.Errorf("job 7: %w", &clawhq.RateLimitError{APIError: after(time.Second)}), want{time.Second, true}},
		"rate limit for a year":       {&clawhq.RateLimitError{APIError: after(365 * 24 * time.Hour)}, want{24 * time.Hour, true}},
		"batch over the tier":         {&clawhq.RateLimitError{APIError: &clawhq.APIError{StatusCode: 429, Message: "Batch size (31) exceeds your rate limit (30 RPM)"}}, want{}},
		"three batches":               {&clawhq.RateLimitError{APIError: &clawhq.APIError{StatusCode: 429, Message: "Maximum 3 concurrent batches per user.", RetryAfter: time.Minute}}, want{time.Minute, true}},
		"throttled, deadline":         {errors.Join(clawhq.ErrThrottled, context.DeadlineExceeded), want{0, true}},
		"throttled, cancelled":        {errors.Join(clawhq.ErrThrottled, context.Canceled), want{}},
		"conflict":                    {&clawhq.ConflictError{APIError: api(409, clawhq.CodeRequestInProgress)}, want{0, true}},
		"agent":                       {&clawhq.AgentError{APIError: api(502, clawhq.CodeModelError)}, want{0, true}},
		"server":                      {&clawhq.ServerError{APIError: api(500, clawhq.CodeInternalError)}, want{0, true}},
		"redirect":                    {&clawhq.ServerError{APIError: api(302, "")}, want{}},
		"request":                     {&clawhq.InvalidRequestError{APIError: api(400, clawhq.CodeContentBlocked)}, want{}},
		"key":                         {&clawhq.AuthenticationError{APIError: api(401, clawhq.CodeInvalidAPIKey)}, want{}},
		"plan":                        {&clawhq.PermissionError{APIError: api(403, clawhq.CodePlanRequired)}, want{}},
		"agent that does not exist":   {&clawhq.NotFoundError{APIError: api(404, clawhq.CodeAgentNotFound)}, want{}},
		"stream cut off":              {&clawhq.StreamError{APIError: api(200, clawhq.CodeStreamTruncated), Err: io.ErrUnexpectedEOF}, want{0, true}},
		"stream idle":                 {&clawhq.StreamError{APIError: api(200, clawhq.CodeStreamIdle)}, want{0, true}},
		"stream malformed":            {&clawhq.StreamError{APIError: api(200, clawhq.CodeStreamMalformed)}, want{}},
		"stream cancelled":            {&clawhq.StreamError{APIError: api(200, clawhq.CodeStreamCancelled), Err: context.Canceled}, want{}},
		"stream past its deadline":    {&clawhq.StreamError{APIError: api(200, clawhq.CodeStreamCancelled), Err: context.DeadlineExceeded}, want{0, true}},
		"deadline":                    {context.DeadlineExceeded, want{0, true}},
		"cancelled":                   {context.Canceled, want{}},
		"connection":                  {&net.OpError{Op: "read", Err: io.EOF}, want{0, true}},
		"certificate not trusted":     {&net.OpError{Op: "read", Err: &tls.CertificateVerificationError{Err: errors.New("expired")}}, want{}},
		"empty RateLimitError":        {&clawhq.RateLimitError{}, want{}},
		"cancelled after a rejection": {errors.Join(&clawhq.RateLimitError{APIError: after(time.Second)}, context.Canceled), want{}},
	} {
		var got want
		if got.after, got.ok = clawhq.Retryable(tt.err); got != tt.want {
			t.Errorf("%s: got %v, want %v", name, got, tt.want)
		}
	}
}

// TestRetryableOfCalls asks about the errors that calls return.
func TestRetryableOfCalls(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		responder httpmock.Responder
		after     time.Duration
		ok        bool
	}{
		"connection lost": {httpmock.NewErrorResponder(io.ErrUnexpectedEOF), 0, true},
		"not trusted":     {httpmock.NewErrorResponder(&tls.CertificateVerificationError{Err: errors.New("expired")}), 0, false},
		"a rejection, then a lost connection": {
			httpmock.ResponderFromMultipleResponses([]*http.Response{testkit.Reply(429, `{"error":{"code":"rate_limited","message":"m"}}`, "Retry-After", "1")}), 0, true,
		},
		"never an answer": {func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}, 0, true},
		"refused": {httpmock.NewStringResponder(400, `{"error":{"code":"invalid_request","message":"m"}}`), 0, false},
		"down":    {httpmock.NewStringResponder(503, `{"error":{"code":"agent_offline","message":"m"}}`), 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mock := httpmock.NewMockTransport()
				mock.RegisterResponder("POST", testkit.ChatURL, tt.responder)
				client := testkit.Client(t, mock, clawhq.WithAttemptTimeout(time.Second), clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 2}))
				_, err := client.Chat(t.Context(), testkit.Hi)
				if after, ok := clawhq.Retryable(err); ok != tt.ok || after != tt.after {
					t.Errorf("%v: got %v, %v, want %v, %v", err, after, ok, tt.after, tt.ok)
				}
			})
		})
	}
	t.Run("before it is sent", func(t *testing.T) {
		client := testkit.Client(t, httpmock.NewMockTransport())
		_, err := client.Chat(t.Context(), clawhq.ChatRequest{})
		if _, ok := clawhq.Retryable(err); ok {
			t.Errorf("%v is retryable", err)
		}
	})
	t.Run("throttled", func(t *testing.T) {
		bubbleThrottled(t, func(err error) {
			if after, ok := clawhq.Retryable(err); !ok || after <= 50*time.Second || after > 61*time.Second {
				t.Errorf("%v: got %v, %v, want about a minute, true", err, after, ok)
			}
		})
	})
}

// bubbleThrottled calls check with the error of a call that the client's own
// shaping has refused: there is room a minute later.
func bubbleThrottled(t *testing.T, check func(error)) {
	synctest.Test(t, func(t *testing.T) {
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("POST", testkit.ChatURL, func(*http.Request) (*http.Response, error) {
			return testkit.Reply(200, testkit.OKBody, "X-RateLimit-Limit", "1", "X-RateLimit-Remaining", "0"), nil
		})
		client := testkit.Client(t, mock)
		if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := client.Chat(ctx, testkit.Hi)
		check(err)
	})
}

// What a worker of a job queue does with a job, by the error of its call.
func ExampleRetryable() {
	decide := func(err error) string {
		var (
			key  *clawhq.AuthenticationError
			plan *clawhq.PermissionError
		)
		after, again := clawhq.Retryable(err)
		switch {
		case err == nil:
			return "done"
		case again:
			return fmt.Sprint("again in ", max(after, 30*time.Second))
		case errors.Is(err, context.Canceled):
			return "back into the queue: the worker is being stopped"
		case errors.As(err, &key), errors.As(err, &plan):
			return "stop the queue, and try this job again in a minute"
		default:
			return "give up"
		}
	}
	for _, err := range []error{
		nil,
		&clawhq.RateLimitError{APIError: &clawhq.APIError{StatusCode: 429, RetryAfter: 10 * time.Minute}},
		&clawhq.AgentError{APIError: &clawhq.APIError{StatusCode: 503, Code: clawhq.CodeAgentOffline}},
		fmt.Errorf("asking: %w", context.Canceled),
		&clawhq.AuthenticationError{APIError: &clawhq.APIError{StatusCode: 401}},
		&clawhq.InvalidRequestError{APIError: &clawhq.APIError{StatusCode: 400, Code: clawhq.CodeContentBlocked}},
	} {
		fmt.Println(decide(err))
	}
	// Output:
	// done
	// again in 10m0s
	// again in 30s
	// back into the queue: the worker is being stopped
	// stop the queue, and try this job again in a minute
	// give up
}
