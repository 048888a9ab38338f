package clawhq_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/google/go-cmp/cmp"
	"github.com/jarcoal/httpmock"
)

// The client calls the key function for each attempt, and not for calls that use
// the session.
func TestAPIKeyFunc(t *testing.T) {
	t.Parallel()
	type tenant struct{}
	var asked []any
	var sent []string
	client := testkit.ClientFunc(t, func(r *http.Request) (*http.Response, error) {
		sent = append(sent, r.Header.Get("Authorization"))
		if len(sent) == 1 {
			return testkit.Reply(503, ""), nil
		}
		if r.URL.Path == "/api/keys" {
			return testkit.Reply(200, `{"keys":[]}`), nil
		}
		return testkit.Reply(200, testkit.OKBody), nil
	}, clawhq.WithSession("abc"), clawhq.WithRetry(clawhq.RetryPolicy{MinWait: 1}), clawhq.WithAPIKeyFunc(func(ctx context.Context) (string, error) {
		asked = append(asked, ctx.Value(tenant{}))
		return testkit.Key[:35] + string(rune('0'+len(asked))), nil
	}))
	for _, name := range []string{"a", "b"} {
		if _, err := client.Chat(context.WithValue(t.Context(), tenant{}, name), testkit.Hi); err != nil {
			t.Fatal(err)
		}
	}
	list(t, client)
	client.Chat(t.Context(), clawhq.ChatRequest{}) // refused before the client asks for the key
	if diff := cmp.Diff([]any{"a", "a", "b"}, asked); diff != "" {
		t.Errorf("asked with (-want +got):\n%s", diff)
	}
	bearer := "Bearer " + testkit.Key[:35]
	if diff := cmp.Diff([]string{bearer + "1", bearer + "2", bearer + "3", ""}, sent); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
}

// A call fails if the key function fails, or returns a malformed key.
func TestAPIKeyFuncFails(t *testing.T) {
	t.Parallel()
	down := errors.New("the vault is down")
	foreign := clawhq.ServerError{APIError: &clawhq.APIError{StatusCode: 500, Method: "GET", Path: "/vault"}} // an error of another client
	for name, tt := range map[string]struct {
		key  string
		err  error
		want string
	}{
		"error":     {"", down, "clawhq: POST /v1/chat: API key: the vault is down (client_request_id cli)"},
		"of a call": {"", errors.Join(down, &foreign), "clawhq: POST /v1/chat: API key: the vault is down clawhq: GET /vault: 500 Internal Server Error (client_request_id cli)"},
		"malformed": {testkit.Key + "7", nil, "clawhq: POST /v1/chat: malformed API key of 37 characters: a key is clw_ and 32 letters or digits (client_request_id cli)"},
		"empty":     {"", nil, "clawhq: POST /v1/chat: malformed API key of 0 characters: a key is clw_ and 32 letters or digits (client_request_id cli)"},
	} {
		client := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) {
			t.Errorf("%s: a request was sent", name)
			return nil, io.EOF
		}, clawhq.WithAPIKeyFunc(func(context.Context) (string, error) { return tt.key, tt.err }))
		_, unary := client.Chat(t.Context(), testkit.Hi, clawhq.WithClientRequestID("cli"))
		_, stream := clawhq.CollectText(client.ChatStream(t.Context(), testkit.Hi, clawhq.WithClientRequestID("cli")))
		for _, err := range []error{unary, stream} {
			if err == nil || err.Error() != tt.want {
				t.Errorf("%s: got %v, want %s", name, err, tt.want)
			}
			var auth *clawhq.AuthenticationError
			if errors.Is(err, down) != (tt.err != nil) || errors.As(err, &auth) != (tt.err == nil) {
				t.Errorf("%s: got %T", name, err)
			}
		}
	}
	if foreign.Method != "GET" || foreign.Path != "/vault" || foreign.ClientRequestID != "" {
		t.Errorf("the key's own error was changed to %v", &foreign)
	}
}

// If two options set the same value, the last one counts.
func TestLastOptionCounts(t *testing.T) {
	t.Parallel()
	other := strings.Replace(testkit.Key, "a1", "zz", 1)
	source := clawhq.WithAPIKeyFunc(func(context.Context) (string, error) { return other, nil })
	for want, opts := range map[string][]clawhq.Option{
		testkit.Key: {source, clawhq.WithRateLimit(-1), clawhq.WithRateLimit(60), clawhq.WithAPIKey(testkit.Key)},
		other:       {clawhq.WithAPIKey("no key at all"), source},
	} {
		var sent string
		client := testkit.ClientFunc(t, func(r *http.Request) (*http.Response, error) {
			sent = r.Header.Get("Authorization")
			return testkit.Reply(200, testkit.OKBody), nil
		}, opts...)
		if _, err := client.Chat(t.Context(), testkit.Hi); err != nil || sent != "Bearer "+want {
			t.Errorf("sent %q, %v, want the key %s", sent, err, want)
		}
	}
}

func TestHeader(t *testing.T) {
	t.Parallel()
	var got http.Header
	client := testkit.ClientFunc(t, func(r *http.Request) (*http.Response, error) {
		got = r.Header
		return testkit.Reply(200, testkit.OKBody), nil
	})
	if _, err := client.Chat(t.Context(), testkit.Hi, clawhq.WithHeader("x-tenant", "a"), clawhq.WithHeader("X-Tenant", "b"), clawhq.WithHeader("Accept-Language", "de")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"X-Tenant": "b", "Accept-Language": "de", "Authorization": "Bearer " + testkit.Key} {
		if diff := cmp.Diff([]string{want}, got[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if _, err := client.Chat(t.Context(), testkit.Hi); err != nil || got.Get("X-Tenant") != "" {
		t.Errorf("the next call has %q, %v", got.Get("X-Tenant"), err)
	}

	got = nil
	for _, header := range [][2]string{
		{"Authorization", "Bearer x"}, {"authorization", ""}, {"Cookie", "a=b"}, {"Proxy-Authorization", "x"},
		{"X-Client-Request-Id", "x"}, {"x-idempotency-key", "x"}, {"Idempotency-Key", "x"}, {"X-Request-Id", "x"},
		{"Content-Length", "1"}, {"Transfer-Encoding", "chunked"}, {"Host", "x"}, {"Connection", "close"}, {"Upgrade", "x"}, {"Te", "x"}, {"Trailer", "x"},
		{"Content-Type", "text/plain"}, {"Accept", "text/plain"}, {"Accept-Encoding", "br"},
		{"", "x"}, {"a b", "x"}, {"a:", "x"}, {"X-A", "a\r\nX-B: c"}, {"X-A\n", "a"}, {"X-A", "é"},
	} {
		_, err := client.Chat(t.Context(), testkit.Hi, clawhq.WithHeader(header[0], header[1]))
		if e, ok := err.(*clawhq.InvalidRequestError); !ok || e.StatusCode != 0 || e.Code != clawhq.CodeInvalidParameter || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got %T: %v, want an InvalidRequestError of status 0", header, err, err)
		}
	}
	if got != nil {
		t.Errorf("a refused call was sent with %v", got)
	}
}

func TestCallRetry(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	client := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) {
		requests.Add(1)
		return testkit.Reply(503, ""), nil
	}, clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 2, MinWait: 1}), clawhq.WithRateLimit(0))
	for name, tt := range map[string]struct {
		opts []clawhq.CallOption
		want int32
	}{
		"the client's": {nil, 2},
		"once":         {[]clawhq.CallOption{clawhq.WithCallRetry(clawhq.RetryPolicy{MaxAttempts: 1})}, 1},
		"more":         {[]clawhq.CallOption{clawhq.WithCallRetry(clawhq.RetryPolicy{MaxAttempts: 7, MinWait: 1})}, 7},
		"default":      {[]clawhq.CallOption{clawhq.WithCallRetry(clawhq.RetryPolicy{MinWait: 1})}, 4},
	} {
		requests.Store(0)
		client.Chat(t.Context(), testkit.Hi, tt.opts...)
		if n := requests.Load(); n != tt.want {
			t.Errorf("%s: %d requests, want %d", name, n, tt.want)
		}
	}
	requests.Store(0)
	_, err := client.Chat(t.Context(), testkit.Hi, clawhq.WithCallRetry(clawhq.RetryPolicy{MinWait: -time.Second}))
	if e, ok := err.(*clawhq.InvalidRequestError); !ok || !strings.Contains(err.Error(), "MinWait -1s is negative") || requests.Load() != 0 {
		t.Errorf("got %v (%v) after %d requests, want it refused", err, e, requests.Load())
	}
}

// Calls use the client's retry budget, unless an option of the call turns it off.
func TestCallRetryBudget(t *testing.T) {
	t.Parallel()
	client := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) { return testkit.Reply(503, ""), nil },
		clawhq.WithRetry(clawhq.RetryPolicy{MinWait: 1, Budget: 1e-9}), clawhq.WithRateLimit(0))
	for _, tt := range []struct {
		policy   clawhq.RetryPolicy
		attempts int
		text     string
	}{
		{clawhq.RetryPolicy{MinWait: 1}, 2, "the client's retry budget is spent"},
		{clawhq.RetryPolicy{MinWait: 1, Budget: 1}, 1, "the client's retry budget is spent"},
		{clawhq.RetryPolicy{MinWait: 1, Budget: -1}, 4, "503 Service Unavailable"},
	} {
		var info clawhq.ResponseInfo
		_, err := client.Chat(t.Context(), testkit.Hi, clawhq.WithCallRetry(tt.policy), clawhq.WithResponseInfo(&info))
		var server *clawhq.ServerError
		if info.Attempts != tt.attempts || !errors.As(err, &server) || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%+v: got %v after %d attempts, want %q after %d", tt.policy, err, info.Attempts, tt.text, tt.attempts)
		}
	}
}

// ResponseInfo.Body is the body of a success or an error, and is empty for a stream.
func TestResponseInfoBody(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		resp *http.Response
		want string
	}{
		"success":   {testkit.Reply(200, `{"response":"x", "later":[1]}`), `{"response":"x", "later":[1]}`},
		"a key":     {testkit.Reply(200, `{"response":"`+testkit.Key+`"}`), `{"response":"clw_a1b2c3d4…"}`},
		"a session": {testkit.Reply(200, `{"response":"s3ss10n-of-mine"}`), `{"response":"…"}`},
		"error":     {testkit.Reply(400, "<html>"), "<html>"},
		"not JSON":  {testkit.Reply(200, "<html>"), "<html>"},
	} {
		client := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) { return tt.resp, nil }, testkit.OneAttempt, clawhq.WithSession("s3ss10n-of-mine"))
		var info clawhq.ResponseInfo
		client.Chat(t.Context(), testkit.Hi, clawhq.WithResponseInfo(&info))
		if got := string(info.Body); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
	long := strings.Repeat("x", 64<<10)
	var cut clawhq.ResponseInfo
	client := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) { return testkit.Reply(400, long+"y"), nil })
	if client.Chat(t.Context(), testkit.Hi, clawhq.WithResponseInfo(&cut)); string(cut.Body) != long {
		t.Errorf("a long error: %d bytes, want the first %d", len(cut.Body), len(long))
	}
	var info clawhq.ResponseInfo
	if _, err := clawhq.CollectText(mockStream(t, "data: [DONE]\n\n").ChatStream(t.Context(), testkit.Hi, clawhq.WithResponseInfo(&info))); err != nil || info.Body != nil {
		t.Errorf("a stream: got %q, %v", info.Body, err)
	}
}

// The time-outs cover what the service may take: a minute to an agent's answer or
// to its headers, and a stream of any length.
func TestDefaultTimeoutsCoverTheService(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		call func(*clawhq.Client) error
		body func() io.ReadCloser
	}{
		"answer after 60 s": {func(c *clawhq.Client) error { _, err := c.Chat(context.Background(), testkit.Hi); return err }, nil},
		"stream of 101 s after 60 s": {
			func(c *clawhq.Client) error {
				_, err := clawhq.CollectText(c.ChatStream(context.Background(), testkit.Hi))
				return err
			},
			func() io.ReadCloser { return &slow{every: 41 * time.Second, events: 3} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mock := httpmock.NewMockTransport()
				mock.RegisterResponder("POST", testkit.ChatURL, func(r *http.Request) (*http.Response, error) {
					select {
					case <-time.After(60 * time.Second):
					case <-r.Context().Done():
						return nil, r.Context().Err()
					}
					if tt.body == nil {
						return testkit.Reply(200, testkit.OKBody), nil
					}
					resp := testkit.Reply(200, "", "Content-Type", "text/event-stream")
					resp.Body, resp.ContentLength = tt.body(), -1
					return resp, nil
				})
				client := testkit.Client(t, mock, clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 1}))
				if err := tt.call(client); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// slow is a stream with an event at a time.
type slow struct {
	every  time.Duration
	events int
}

func (s *slow) Read(p []byte) (int, error) {
	time.Sleep(s.every)
	if s.events--; s.events > 0 {
		return copy(p, "data: {\"content\":\"x\"}\n\n"), nil
	}
	return copy(p, "data: [DONE]\n\n"), io.EOF
}

func (*slow) Close() error { return nil }
