package clawhq_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/google/go-cmp/cmp"
	"github.com/jarcoal/httpmock"
)

// Idempotency keys and client request ids that the caller does not set are new for
// each call, and the same for all of its attempts.
func TestIdempotencyKeySpansAttempts(t *testing.T) {
	t.Parallel()
	var keys, ids []string
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", testkit.ChatURL, func(r *http.Request) (*http.Response, error) {
		keys = append(keys, r.Header.Get("X-Idempotency-Key"))
		ids = append(ids, r.Header.Get("X-Client-Request-Id"))
		if len(keys)%2 == 1 {
			return testkit.Reply(503, ""), nil
		}
		return testkit.Reply(200, testkit.OKBody), nil
	})
	client := testkit.Client(t, mock, clawhq.WithRetry(clawhq.RetryPolicy{MinWait: 1}))
	for range 2 {
		if _, err := client.Chat(t.Context(), clawhq.ChatRequest{Message: "hi"}); err != nil {
			t.Fatal(err)
		}
	}
	if len(keys) != 4 || keys[0] != keys[1] || keys[2] != keys[3] || keys[0] == keys[2] || len(keys[0]) != 36 {
		t.Errorf("idempotency keys are %q", keys)
	}
	if ids[0] != ids[1] || ids[2] != ids[3] || ids[0] == ids[2] {
		t.Errorf("client request ids are %q", ids)
	}
}

// The error of a call that runs out of attempts has the last reply.
func TestAttemptsExhausted(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		s.Inject(clawhqtest.FaultReset(), clawhqtest.FaultStatus(500, "internal_error"), clawhqtest.FaultReset(), clawhqtest.FaultHTML(502))
		_, err := s.Client().Chat(t.Context(), testkit.Hi)
		var e *clawhq.ServerError
		if !errors.As(err, &e) || e.StatusCode != 502 || e.Attempts != 4 || !strings.Contains(string(e.Body), "<html") {
			t.Errorf("got %v", err)
		}
		// Here the last attempt has no reply, but one before it had.
		s.Inject(clawhqtest.FaultStatus(500, "internal_error"), clawhqtest.FaultReset(), clawhqtest.FaultReset(), clawhqtest.FaultReset())
		_, err = s.Client().Chat(t.Context(), testkit.Hi)
		if !errors.As(err, &e) || e.StatusCode != 500 || e.Attempts != 1 || !strings.Contains(err.Error(), "attempt 4") || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v", err)
		}
	})
}

// The client does not begin a wait that would outlast the deadline.
func TestDeadlineBeforeRetry(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		s.Inject(clawhqtest.FaultRateLimit("30"))
		ctx, cancel := context.WithTimeout(t.Context(), 29*time.Second)
		defer cancel()
		start := time.Now()
		_, err := s.Client().Chat(ctx, testkit.Hi)
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
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		s.Inject(clawhqtest.FaultRateLimit("30"))
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(3*time.Second, func() { cancel(why) })
		start := time.Now()
		_, err := s.Client().Chat(ctx, testkit.Hi)
		var limited *clawhq.RateLimitError
		if !errors.Is(err, context.Canceled) || !errors.Is(err, why) || !errors.As(err, &limited) || time.Since(start) != 3*time.Second {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
	})
}

// A cancel during an attempt reaches the server.
func TestCancelDuringAttempt(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		s.Inject(clawhqtest.FaultDelay(time.Hour))
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		_, err := s.Client().Chat(ctx, testkit.Hi)
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
	_, err := testkit.Client(t, mock).Chat(ctx, testkit.Hi)
	if !errors.Is(err, context.Canceled) || errors.Is(err, clawhq.ErrThrottled) || mock.GetTotalCallCount() != 0 {
		t.Errorf("got %v and %d requests", err, mock.GetTotalCallCount())
	}
}

// Attempts and retries are logged at debug level, without keys, bodies or queries.
func TestLog(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
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

// A nil context is refused, like in net/http.
func TestNilContext(t *testing.T) {
	t.Parallel()
	client := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) { t.Error("sent"); return nil, io.EOF },
		clawhq.WithTrace(&clawhq.Trace{CallStart: func(ctx context.Context, _ clawhq.TraceCallStart) context.Context {
			return context.WithValue(ctx, key{}, 1)
		}}))
	var none context.Context
	_, unary := client.Chat(none, testkit.Hi)
	_, stream := clawhq.CollectText(client.ChatStream(none, testkit.Hi))
	for _, err := range []error{unary, stream} {
		if e, ok := err.(*clawhq.InvalidRequestError); !ok || e.Message != "the context is nil" {
			t.Errorf("got %T: %v, want an InvalidRequestError", err, err)
		}
	}
}

type key struct{}

func TestResponseInfo(t *testing.T) {
	t.Parallel()
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", testkit.ChatURL, httpmock.ResponderFromResponse(testkit.Reply(502, `{"error":{"code":"model_error","message":"m","type":"model_error","request_id":"req_0"}}`)).
		Then(httpmock.ResponderFromResponse(testkit.Reply(200, testkit.OKBody, "X-Request-Id", "req_2", "X-Idempotency-Replayed", "true",
			"X-RateLimit-Limit", "60", "X-RateLimit-Remaining", "41", "X-RateLimit-Reset", "1795470840000", "X-Echo", testkit.Key))))
	client := testkit.Client(t, mock, clawhq.WithRetry(clawhq.RetryPolicy{MinWait: 1}))
	var info clawhq.ResponseInfo
	resp, err := client.Chat(t.Context(), clawhq.ChatRequest{Message: "hi"}, clawhq.WithResponseInfo(&info), clawhq.WithClientRequestID("cli"))
	if err != nil {
		t.Fatal(err)
	}
	limit := clawhq.RateLimit{Limit: 60, Remaining: 41, Reset: time.UnixMilli(1795470840000)}
	want := clawhq.ResponseInfo{
		RequestID: "req_2", ClientRequestID: "cli", StatusCode: 200, Attempts: 2, RateLimit: limit, Replayed: true,
		Header: http.Header{
			"Content-Type": {"application/json"}, "X-Request-Id": {"req_2"}, "X-Idempotency-Replayed": {"true"},
			"X-Ratelimit-Limit": {"60"}, "X-Ratelimit-Remaining": {"41"}, "X-Ratelimit-Reset": {"1795470840000"},
			"X-Echo": {"clw_a1b2c3d4…"},
		},
		Body: []byte(testkit.OKBody),
	}
	if diff := cmp.Diff(want, info); diff != "" {
		t.Errorf("info (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&clawhq.ChatResponse{Response: "Hello.", Agent: "support-bot", RequestID: "req_1"}, resp); diff != "" {
		t.Errorf("response (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(limit, client.RateLimit()); diff != "" {
		t.Errorf("RateLimit (-want +got):\n%s", diff)
	}
}

// ResponseInfo and TraceCallEnd tell of the last reply, also if later attempts got
// none.
func TestLastReplyIsTold(t *testing.T) {
	t.Parallel()
	requests := 0
	var end clawhq.TraceCallEnd
	client := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) {
		if requests++; requests == 1 {
			return testkit.Reply(503, "down", "X-Request-Id", "req_9", "X-RateLimit-Limit", "60"), nil
		}
		return nil, io.ErrUnexpectedEOF
	}, clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 2, MinWait: 1}), clawhq.WithTrace(&clawhq.Trace{
		CallEnd: func(_ context.Context, e clawhq.TraceCallEnd) { end = e },
	}))
	var info clawhq.ResponseInfo
	_, err := client.Chat(t.Context(), testkit.Hi, clawhq.WithResponseInfo(&info), clawhq.WithClientRequestID("cli-1"))
	if err == nil || string(info.Body) != "down" || info.Header.Get("X-Request-Id") != "req_9" {
		t.Errorf("got %v, %+v", err, info)
	}
	info.Body, info.Header, end.Err = nil, nil, nil
	if diff := cmp.Diff(clawhq.ResponseInfo{RequestID: "req_9", ClientRequestID: "cli-1", StatusCode: 503, Attempts: 2, RateLimit: clawhq.RateLimit{Limit: 60}}, info); diff != "" {
		t.Errorf("info (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(clawhq.TraceCallEnd{RequestID: "req_9", ClientRequestID: "cli-1", StatusCode: 503, Attempts: 2, RateLimit: clawhq.RateLimit{Limit: 60}}, end); diff != "" {
		t.Errorf("end (-want +got):\n%s", diff)
	}
}

// The API key is asked for when an attempt has been admitted, and once more when
// it is refused: the key may have changed in between.
func TestKeyIsAskedForEachAttempt(t *testing.T) {
	t.Parallel()
	const (
		oldKey = "clw_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		newKey = "clw_bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	)
	revoked := map[string]string{
		"401": `{"error":{"code":"invalid_api_key","message":"m"}}`,
		"403": `{"error":{"code":"revoked_api_key","message":"m"}}`,
	}
	for name, tt := range map[string]struct {
		asked []string // what the function returns, in turn; the last for ever. Empty: an error
		sent  []string
		fails bool
	}{
		"changed just now":               {[]string{oldKey, newKey}, []string{oldKey, newKey}, false},
		"not changed":                    {[]string{oldKey}, []string{oldKey}, true},
		"two changes, both refused":      {[]string{oldKey, testkit.Key}, []string{oldKey, testkit.Key}, true},
		"the vault is down by then":      {[]string{oldKey, ""}, []string{oldKey}, true},
		"the vault holds no key by then": {[]string{oldKey, "x"}, []string{oldKey}, true},
	} {
		for status, body := range revoked {
			for _, stream := range []bool{false, true} {
				t.Run(fmt.Sprint(name, " ", status, " ", stream), func(t *testing.T) {
					t.Parallel()
					var sent []string
					asked := 0
					client := testkit.ClientFunc(t, func(r *http.Request) (*http.Response, error) {
						key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
						if sent = append(sent, key); key != newKey {
							n, _ := strconv.Atoi(status)
							return testkit.Reply(n, body), nil
						}
						if stream {
							return testkit.Reply(200, "data: [DONE]\n\n", "Content-Type", "text/event-stream"), nil
						}
						return testkit.Reply(200, testkit.OKBody), nil
					}, testkit.OneAttempt, clawhq.WithAPIKeyFunc(func(context.Context) (string, error) {
						key := tt.asked[min(asked, len(tt.asked)-1)]
						if asked++; key == "" {
							return "", errors.New("the vault is down")
						}
						return key, nil
					}))
					var err error
					if stream {
						_, err = clawhq.CollectText(client.ChatStream(t.Context(), testkit.Hi))
					} else {
						_, err = client.Chat(t.Context(), testkit.Hi)
					}
					var refused *clawhq.AuthenticationError
					if (err != nil) != tt.fails || tt.fails && !errors.As(err, &refused) {
						t.Errorf("got %v", err)
					}
					if diff := cmp.Diff(tt.sent, sent); diff != "" {
						t.Errorf("sent (-want +got):\n%s", diff)
					}
					if asked > 2*len(sent) {
						t.Errorf("asked %d times for %d attempts", asked, len(sent))
					}
				})
			}
		}
	}
}

// A call that waits for the rate limit uses the key of the time when it is sent.
func TestKeyAfterTheWait(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		start := time.Now()
		_, later := s.CreateKey("later", 30)
		client := s.Client(clawhq.WithRateLimit(30), clawhq.WithAPIKeyFunc(func(context.Context) (string, error) {
			if time.Since(start) < 30*time.Second {
				return s.APIKey(), nil
			}
			return later, nil
		}))
		time.AfterFunc(30*time.Second, func() { s.RevokeKey(s.KeyID()) })
		var calls sync.WaitGroup
		for range 45 {
			calls.Go(func() {
				if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
					t.Error(err)
				}
			})
		}
		calls.Wait()
		if n := len(s.Requests()); n != 45 {
			t.Errorf("the server saw %d requests, want 45", n)
		}
	})
}

// A reply without a body is a success where nothing of it is needed.
func TestNoBody(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for name, tt := range map[string]struct {
		call        func(*clawhq.Client) error
		at204, at20 bool // success with status 204, and with an empty 200
	}{
		"Undeploy":        {func(c *clawhq.Client) error { return c.Agents.Undeploy(ctx, "1") }, true, true},
		"Threads.Delete":  {func(c *clawhq.Client) error { return c.Threads.Delete(ctx, "1") }, true, true},
		"Files.Delete":    {func(c *clawhq.Client) error { return c.Files.Delete(ctx, "1") }, true, true},
		"Revoke":          {func(c *clawhq.Client) error { return c.Keys.Revoke(ctx, "1") }, true, true},
		"Webhooks.Delete": {func(c *clawhq.Client) error { return c.Webhooks.Delete(ctx, "1") }, true, true},
		"Do":              {func(c *clawhq.Client) error { return c.Do(ctx, "POST", "/v1/x", nil, nil) }, true, true},
		"Do, out":         {func(c *clawhq.Client) error { return c.Do(ctx, "POST", "/v1/x", nil, new(any)) }, true, false},
		"Chat":            {func(c *clawhq.Client) error { _, err := c.Chat(ctx, testkit.Hi); return err }, false, false},
		"Threads.Get":     {func(c *clawhq.Client) error { _, err := c.Threads.Get(ctx, "1"); return err }, false, false},
	} {
		for status, success := range map[int]bool{204: tt.at204, 200: tt.at20} {
			client := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) { return testkit.Reply(status, ""), nil },
				testkit.OneAttempt, clawhq.WithSession("s"))
			if err := tt.call(client); (err == nil) != success {
				t.Errorf("%s, status %d: got %v", name, status, err)
			}
		}
	}
}
