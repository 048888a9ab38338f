package clawhq_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/jarcoal/httpmock"
)

// TestRetries checks which faults are retried, and how long the client waits before.
// Every attempt after the first succeeds.
func TestRetries(t *testing.T) {
	for name, tt := range map[string]struct {
		fault    clawhqtest.Fault
		attempts int
		least    time.Duration // least and most wait
		most     time.Duration
	}{
		"429":                      {clawhqtest.FaultRateLimit("7"), 2, 7 * time.Second, 7500 * time.Millisecond},
		"429, a fraction":          {clawhqtest.FaultRateLimit("2.5"), 2, 2500 * time.Millisecond, 3 * time.Second},
		"429, a date":              {clawhqtest.FaultRateLimit("Sat, 01 Jan 2000 00:00:09 GMT"), 2, 9 * time.Second, 9500 * time.Millisecond},
		"429, a date of RFC 850":   {clawhqtest.FaultRateLimit("Saturday, 01-Jan-00 00:00:09 GMT"), 2, 9 * time.Second, 9500 * time.Millisecond},
		"429, a date of asctime":   {clawhqtest.FaultRateLimit("Sat Jan  1 00:00:09 2000"), 2, 9 * time.Second, 9500 * time.Millisecond},
		"429, a date that is past": {clawhqtest.FaultRateLimit("Fri, 31 Dec 1999 00:00:00 GMT"), 2, time.Second, 2 * time.Second}, // the gate
		"429 without":              {clawhqtest.FaultRateLimit(""), 2, time.Second, 2 * time.Second},
		"429, garbage":             {clawhqtest.FaultRateLimit("soon"), 2, time.Second, 2 * time.Second},
		"429, negative":            {clawhqtest.FaultRateLimit("-5"), 2, time.Second, 2 * time.Second},
		"429 of the old shape":     {clawhqtest.FaultLegacyError(429, "RATE_LIMITED"), 2, 12 * time.Second, 12500 * time.Millisecond},
		"429, the longest":         {clawhqtest.FaultRateLimit("120"), 2, 2 * time.Minute, 2*time.Minute + 500*time.Millisecond},
		"429, too long":            {clawhqtest.FaultRateLimit("121"), 1, 0, 0},
		"429, 56,000 years":        {clawhqtest.FaultRateLimit("1793675129406"), 1, 0, 0},
		"409":                      {clawhqtest.FaultStatus(409, "request_in_progress"), 2, 0, 500 * time.Millisecond},
		"409 of another kind":      {clawhqtest.FaultStatus(409, "not_found"), 1, 0, 0},
		"500":                      {clawhqtest.FaultStatus(500, "internal_error"), 2, 0, 500 * time.Millisecond},
		"502":                      {clawhqtest.FaultHTML(502), 2, 0, 500 * time.Millisecond},
		"503":                      {clawhqtest.FaultStatus(503, "agent_offline"), 2, 0, 500 * time.Millisecond},
		"504":                      {clawhqtest.FaultStatus(504, "model_timeout"), 2, 0, 500 * time.Millisecond},
		"501":                      {clawhqtest.FaultStatus(501, ""), 1, 0, 0},
		"400":                      {clawhqtest.FaultStatus(400, "invalid_request"), 1, 0, 0},
		"401":                      {clawhqtest.FaultStatus(401, "invalid_api_key"), 1, 0, 0},
		"403":                      {clawhqtest.FaultStatus(403, "plan_required"), 1, 0, 0},
		"404":                      {clawhqtest.FaultStatus(404, "agent_not_found"), 1, 0, 0},
		"400 with a code of 429":   {clawhqtest.FaultStatus(400, "rate_limited"), 1, 0, 0},
		"reset":                    {clawhqtest.FaultReset(), 2, 0, 500 * time.Millisecond},
		"attempt timeout":          {clawhqtest.FaultDelay(10 * time.Minute), 2, 90 * time.Second, 90500 * time.Millisecond},
		"not JSON":                 {clawhqtest.FaultStreamMalformed(0), 1, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, s *clawhqtest.Server) {
				s.Inject(tt.fault)
				client := s.Client()
				start := time.Now()
				var info clawhq.ResponseInfo
				_, err := client.Chat(t.Context(), hi, clawhq.WithResponseInfo(&info))
				took := time.Since(start)
				if (err == nil) != (tt.attempts > 1) || info.Attempts != tt.attempts || len(s.Requests()) != tt.attempts {
					t.Errorf("got %v after %d attempts, want %d; the server saw %d", err, info.Attempts, tt.attempts, len(s.Requests()))
				}
				if took < tt.least || took > tt.most {
					t.Errorf("took %v, want %v to %v", took, tt.least, tt.most)
				}
				var api *clawhq.APIError
				if err != nil && (!errors.As(err, &api) || api.Attempts != 1 || api.RequestID != info.RequestID) {
					t.Errorf("the error says %v", err)
				}
			})
		})
	}
}

// An absurd Retry-After is returned as the longest duration, and the client still
// works afterwards.
func TestAbsurdRetryAfter(t *testing.T) {
	for _, value := range []string{"1793675129406", "10000000000", "9223372037", "18446744074", "99999999999999999999"} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, s *clawhqtest.Server) {
				client := s.Client()
				s.Inject(clawhqtest.FaultRateLimit(value))
				start := time.Now()
				_, err := client.Chat(t.Context(), hi)
				var limited *clawhq.RateLimitError
				if !errors.As(err, &limited) || limited.RetryAfter != math.MaxInt64 || time.Since(start) != 0 {
					t.Errorf("got %v after %v", err, time.Since(start))
				}
				if _, err := client.Chat(t.Context(), hi); err != nil || time.Since(start) > 2*time.Second {
					t.Errorf("the next call: %v after %v", err, time.Since(start))
				}
			})
		})
	}
}

// The error of a call that runs out of attempts has the last reply.
func TestAttemptsExhausted(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		s.Inject(clawhqtest.FaultReset(), clawhqtest.FaultStatus(500, "internal_error"), clawhqtest.FaultReset(), clawhqtest.FaultHTML(502))
		_, err := s.Client().Chat(t.Context(), hi)
		var e *clawhq.ServerError
		if !errors.As(err, &e) || e.StatusCode != 502 || e.Attempts != 4 || !strings.Contains(string(e.Body), "<html") {
			t.Errorf("got %v", err)
		}
		// Here the last attempt has no reply, but one before it had.
		s.Inject(clawhqtest.FaultStatus(500, "internal_error"), clawhqtest.FaultReset(), clawhqtest.FaultReset(), clawhqtest.FaultReset())
		_, err = s.Client().Chat(t.Context(), hi)
		if !errors.As(err, &e) || e.StatusCode != 500 || e.Attempts != 1 || !strings.Contains(err.Error(), "attempt 4") || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v", err)
		}
	})
}

// The client does not begin a wait that would outlast the deadline.
func TestDeadlineBeforeRetry(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		s.Inject(clawhqtest.FaultRateLimit("30"))
		ctx, cancel := context.WithTimeout(t.Context(), 29*time.Second)
		defer cancel()
		start := time.Now()
		_, err := s.Client().Chat(ctx, hi)
		var limited *clawhq.RateLimitError
		if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &limited) || limited.RetryAfter != 30*time.Second || time.Since(start) != 0 {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
	})
}

// A cancel during a wait ends the call at once.
func TestCancelDuringWait(t *testing.T) {
	t.Parallel()
	why := errors.New("shutting down")
	bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		s.Inject(clawhqtest.FaultRateLimit("30"))
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(3*time.Second, func() { cancel(why) })
		start := time.Now()
		_, err := s.Client().Chat(ctx, hi)
		var limited *clawhq.RateLimitError
		if !errors.Is(err, context.Canceled) || !errors.Is(err, why) || !errors.As(err, &limited) || time.Since(start) != 3*time.Second {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
	})
}

// A cancel during an attempt reaches the server.
func TestCancelDuringAttempt(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		s.Inject(clawhqtest.FaultDelay(time.Hour))
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		_, err := s.Client().Chat(ctx, hi)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 3*time.Second || !strings.Contains(err.Error(), "POST /v1/chat") || !strings.Contains(err.Error(), "attempt 1") {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
	})
}

func TestContextEndedBefore(t *testing.T) {
	t.Parallel()
	mock := httpmock.NewMockTransport()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := mockClient(t, mock).Chat(ctx, hi)
	if !errors.Is(err, context.Canceled) || errors.Is(err, clawhq.ErrThrottled) || mock.GetTotalCallCount() != 0 {
		t.Errorf("got %v and %d requests", err, mock.GetTotalCallCount())
	}
}

// A transport failure keeps its cause.
func TestTransportFailure(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	client, err := clawhq.NewClient(clawhq.WithAPIKey(testKey), clawhq.WithBaseURL("http://"+l.Addr().String()), clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 2, MinWait: 1}))
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Chat(t.Context(), hi, clawhq.WithClientRequestID("cli-1"))
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "dial" || !strings.HasPrefix(err.Error(), "clawhq: POST /v1/chat: dial tcp ") || !strings.HasSuffix(err.Error(), "(client_request_id cli-1, attempt 2)") {
		t.Errorf("got %v", err)
	}
	var api *clawhq.APIError
	if errors.As(err, &api) {
		t.Errorf("there was no reply, and yet %v", api)
	}
}

// A 407 of a proxy is not retried, since the proxy would ask for a password again.
func TestProxyAuthenticationRequired(t *testing.T) {
	t.Parallel()
	connects := 0
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connects++
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	defer proxy.Close()
	at, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := mockClient(t, nil, clawhq.WithHTTPClient(&http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(at)}}), clawhq.WithRetry(clawhq.RetryPolicy{MinWait: 1}))
	_, err = client.Chat(t.Context(), hi)
	if err == nil || !strings.Contains(err.Error(), "Proxy Authentication Required") || connects != 1 {
		t.Errorf("got %v after %d attempts to connect, want 1", err, connects)
	}
}

// An untrusted certificate is not retried, since it would still be untrusted.
func TestUntrustedCertificate(t *testing.T) {
	t.Parallel()
	s := clawhqtest.NewTestServer(t)
	client := s.Client(clawhq.WithHTTPClient(&http.Client{Transport: &http.Transport{}}))
	var info clawhq.ResponseInfo
	_, err := client.Chat(t.Context(), hi, clawhq.WithResponseInfo(&info))
	if err == nil || !strings.Contains(err.Error(), "certificate") || info.Attempts != 1 {
		t.Errorf("got %v after %d attempts", err, info.Attempts)
	}
}

// A reply that is cut off is a failure of the connection. The call is retried, and its
// error keeps the status and the request id.
func TestReplyCutOff(t *testing.T) {
	t.Parallel()
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", chatURL, func(*http.Request) (*http.Response, error) {
		r := reply(200, okBody[:20], "X-Request-Id", "req_1")
		r.ContentLength = int64(len(okBody))
		return r, nil
	})
	client := mockClient(t, mock, clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 2, MinWait: 1}))
	_, err := client.Chat(t.Context(), hi)
	var e *clawhq.ServerError
	if !errors.As(err, &e) || e.StatusCode != 200 || e.RequestID != "req_1" || e.Attempts != 2 || !errors.Is(err, io.ErrUnexpectedEOF) || string(e.Body) != okBody[:20] {
		t.Errorf("got %v", err)
	}
}

// A 503 whose body never ends does not delay the retry.
func TestTricklingError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("POST", chatURL, func(r *http.Request) (*http.Response, error) {
			if mock.GetTotalCallCount() > 0 {
				return reply(200, okBody), nil
			}
			resp := reply(503, "")
			resp.Body, resp.ContentLength = trickle{r.Context()}, -1
			return resp, nil
		})
		start := time.Now()
		_, err := mockClient(t, mock).Chat(t.Context(), hi)
		if took := time.Since(start); err != nil || took > 1500*time.Millisecond {
			t.Errorf("got %v after %v", err, took)
		}
	})
}

// trickle is a body that sends a byte every 100 ms.
type trickle struct{ ctx context.Context }

func (b trickle) Read(p []byte) (int, error) {
	select {
	case <-time.After(100 * time.Millisecond):
		p[0] = ' '
		return 1, nil
	case <-b.ctx.Done():
		return 0, b.ctx.Err()
	}
}

func (trickle) Close() error { return nil }

// If a kept-alive connection breaks, net/http by itself repeats a GET, and a POST with
// an idempotency key. The client prevents this, so that it counts every request.
func TestNoSilentReplay(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(*clawhq.Client, ...clawhq.CallOption) error{
		"POST": func(c *clawhq.Client, opts ...clawhq.CallOption) error {
			_, err := c.Chat(context.Background(), hi, opts...)
			return err
		},
		"GET": func(c *clawhq.Client, opts ...clawhq.CallOption) error {
			_, err := c.Keys.List(context.Background(), opts...)
			return err
		},
		"DELETE": func(c *clawhq.Client, opts ...clawhq.CallOption) error {
			return c.Keys.Revoke(context.Background(), "no-such-key", opts...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
			client := s.Client(once)
			if _, err := client.Chat(t.Context(), hi); err != nil { // leaves a kept-alive connection
				t.Fatal(err)
			}
			s.Inject(clawhqtest.FaultReset())
			var info clawhq.ResponseInfo
			if err := call(client, clawhq.WithResponseInfo(&info)); err == nil || info.StatusCode != 0 {
				t.Errorf("no error: %+v", info)
			}
			if n := len(s.Requests()); n != 2 || info.Attempts != 1 {
				t.Errorf("the server saw %d requests, the call counted %d", n-1, info.Attempts)
			}
		})
	}
}

// Attempts and retries are logged at debug level, without keys, bodies or queries.
func TestLog(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		s.Inject(clawhqtest.FaultStatus(503, "agent_offline"))
		logger := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
		if _, err := s.Client(clawhq.WithLogger(logger)).Chat(t.Context(), clawhq.ChatRequest{Message: "a private matter"}, clawhq.WithClientRequestID("cli-7")); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			"status=503", "attempt=1", "attempt=2", "status=200", "verdict=retry", "wait=", "client_request_id=cli-7",
			"method=POST path=/v1/chat", "request_id=" + s.Requests()[0].RequestID, "request_id=" + s.Requests()[1].RequestID,
		} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("no %q in the log:\n%s", want, &out)
			}
		}
		for _, secret := range []string{s.APIKey(), "private"} {
			if strings.Contains(out.String(), secret) {
				t.Errorf("%q is in the log:\n%s", secret, &out)
			}
		}
	})
}

// Errors and logs contain neither ids in paths nor the query of a redirect.
func TestNothingForeignInErrors(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	mock := httpmock.NewMockTransport()
	mock.RegisterNoResponder(func(*http.Request) (*http.Response, error) {
		return reply(302, "", "Location", "https://elsewhere.example/x?token=s3cret#f"), nil
	})
	client := mockClient(t, mock, clawhq.WithSession("abc"), clawhq.WithLogger(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	err := client.Keys.Revoke(t.Context(), testKey) // a caller confuses the key with its id
	if err == nil || !strings.Contains(err.Error(), "redirect to https://elsewhere.example/x is not followed") {
		t.Errorf("got %v", err)
	}
	for _, s := range []string{testKey, "s3cret"} {
		if strings.Contains(err.Error()+out.String(), s) {
			t.Errorf("%q is in %v\n%s", s, err, &out)
		}
	}
}
