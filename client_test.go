package clawhq_test

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/google/go-cmp/cmp"
	"github.com/jarcoal/httpmock"
)

func TestNewClient(t *testing.T) {
	key := clawhq.WithAPIKey(testKey)
	tests := map[string]struct {
		env  map[string]string
		opts []clawhq.Option
		want string // part of the error, empty for none
	}{
		"key by option":       {nil, []clawhq.Option{key}, ""},
		"key by environment":  {map[string]string{"CLAWHQ_API_KEY": testKey}, nil, ""},
		"option wins":         {map[string]string{"CLAWHQ_API_KEY": "bad"}, []clawhq.Option{key}, ""},
		"no key":              {nil, nil, "no API key"},
		"key of another kind": {nil, []clawhq.Option{clawhq.WithAPIKey("sk-123")}, "malformed API key of 6 characters"},
		"key too long":        {nil, []clawhq.Option{clawhq.WithAPIKey(testKey + "7")}, "malformed API key of 37 characters"},
		"key with a hyphen":   {nil, []clawhq.Option{clawhq.WithAPIKey(testKey[:35] + "-")}, "malformed API key"},

		"base URL by environment": {map[string]string{"CLAWHQ_BASE_URL": "ftp://x"}, []clawhq.Option{key}, "not of the form"},
		"base URL without scheme": {nil, []clawhq.Option{key, clawhq.WithBaseURL("app.clawhq.tech/api")}, "not of the form"},
		"base URL malformed":      {nil, []clawhq.Option{key, clawhq.WithBaseURL("https://[::1")}, "malformed base URL"},
		"base URL with user":      {nil, []clawhq.Option{key, clawhq.WithBaseURL("https://u:p@host")}, "user name"},
		"base URL with query":     {nil, []clawhq.Option{key, clawhq.WithBaseURL("https://host?a=b")}, "query"},
		"http":                    {nil, []clawhq.Option{key, clawhq.WithBaseURL("http://host")}, "in the clear"},
		"http to a near name":     {nil, []clawhq.Option{key, clawhq.WithBaseURL("http://localhost.evil.example")}, "in the clear"},
		"http allowed":            {nil, []clawhq.Option{key, clawhq.WithBaseURL("http://host"), clawhq.WithInsecureHTTP()}, ""},
		"http to localhost":       {nil, []clawhq.Option{key, clawhq.WithBaseURL("http://localhost:8787/api")}, ""},
		"http to 127.0.0.2":       {nil, []clawhq.Option{key, clawhq.WithBaseURL("http://127.0.0.2")}, ""},
		"http to ::1":             {nil, []clawhq.Option{key, clawhq.WithBaseURL("http://[::1]:80")}, ""},

		"attempt timeout":        {nil, []clawhq.Option{key, clawhq.WithAttemptTimeout(-1)}, "attempt timeout -1ns is negative"},
		"stream idle timeout":    {nil, []clawhq.Option{key, clawhq.WithStreamIdleTimeout(-1)}, "idle timeout -1ns is negative"},
		"no timeouts":            {nil, []clawhq.Option{key, clawhq.WithAttemptTimeout(0), clawhq.WithStreamIdleTimeout(0)}, ""},
		"rate limit":             {nil, []clawhq.Option{key, clawhq.WithRateLimit(-1)}, "rate limit -1 is negative"},
		"MaxAttempts":            {nil, []clawhq.Option{key, clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: -1})}, "MaxAttempts -1"},
		"MinWait":                {nil, []clawhq.Option{key, clawhq.WithRetry(clawhq.RetryPolicy{MinWait: -1})}, "MinWait -1ns"},
		"MaxWait":                {nil, []clawhq.Option{key, clawhq.WithRetry(clawhq.RetryPolicy{MaxWait: -1})}, "MaxWait -1ns"},
		"MaxRetryAfter":          {nil, []clawhq.Option{key, clawhq.WithRetry(clawhq.RetryPolicy{MaxRetryAfter: -1})}, "MaxRetryAfter -1ns"},
		"user agent":             {nil, []clawhq.Option{key, clawhq.WithUserAgent("a\r\nX: y")}, "user agent"},
		"cookie without a name":  {nil, []clawhq.Option{key, clawhq.WithSession("session=abc; dark")}, "cookie 2 of the session"},
		"cookie without a value": {nil, []clawhq.Option{key, clawhq.WithSession("a=b; c=")}, "cookie 2 of the session"},
		"whole Cookie header":    {nil, []clawhq.Option{key, clawhq.WithSession("Cookie: a=b")}, "cookie 1 of the session"},
		"stream content timeout": {nil, []clawhq.Option{key, clawhq.WithStreamContentTimeout(-1)}, "content timeout -1ns is negative"},
		"session, but no key":    {nil, []clawhq.Option{clawhq.WithSession("s")}, ""},
		"session and a bad key":  {nil, []clawhq.Option{clawhq.WithSession("s"), clawhq.WithAPIKey("sk-123")}, "malformed API key"},
		"session":                {nil, []clawhq.Option{key, clawhq.WithSession("a\r\nX: y")}, "session cookie"},
		"key as the base URL":    {nil, []clawhq.Option{key, clawhq.WithBaseURL(testKey)}, "clw_a1b2c3d4…"},
		"base URL without host":  {nil, []clawhq.Option{key, clawhq.WithBaseURL("https://:443/api")}, "not of the form"},
		"key as an http host":    {nil, []clawhq.Option{key, clawhq.WithBaseURL("http://" + testKey)}, "clw_a1b2c3d4…"},
		"key in a broken URL":    {nil, []clawhq.Option{key, clawhq.WithBaseURL("https://" + testKey + ":x")}, "malformed base URL"},
		"budget not a number":    {nil, []clawhq.Option{key, clawhq.WithRetry(clawhq.RetryPolicy{Budget: nan()})}, "not a number"},
		"everything at its best": {nil, []clawhq.Option{key, clawhq.WithUserAgent("app/1"), clawhq.WithSession("s"), clawhq.WithRateLimit(60), clawhq.WithLogger(nil), clawhq.WithHTTPClient(nil)}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Setenv("CLAWHQ_API_KEY", "")
			t.Setenv("CLAWHQ_BASE_URL", "")
			for k, v := range tt.env {
				t.Setenv(k, v)
			}
			client, err := clawhq.NewClient(tt.opts...)
			if tt.want == "" {
				if err != nil || client == nil {
					t.Fatalf("got %v, %v", client, err)
				}
				return
			}
			if client != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want an error with %q", err, tt.want)
			}
			if strings.Contains(err.Error(), testKey) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error holds the key or is more than a line: %v", err)
			}
		})
	}
}

func nan() float64 { zero := 0.0; return zero / zero }

// A request has the expected method, headers and body, and its path follows the base
// URL's own path.
func TestRequestOnTheWire(t *testing.T) {
	t.Parallel()
	type sent struct {
		Method, URL, Body string
		Header            http.Header
	}
	var got sent
	mock := httpmock.NewMockTransport()
	mock.RegisterNoResponder(func(r *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(r.Body)
		got = sent{r.Method, r.URL.String(), string(body), r.Header}
		if r.Header.Get("Accept") == "text/event-stream" {
			return reply(200, "data: [DONE]\n\n", "Content-Type", "text/event-stream; charset=utf-8"), nil
		}
		return reply(200, okBody), nil
	})
	client := mockClient(t, mock, clawhq.WithBaseURL("https://proxy.example/a/b%2Fc/"), clawhq.WithUserAgent("app/1"))
	req := clawhq.ChatRequest{Message: "1 < 2 & \"3\"", Agent: "support-bot", SessionID: "user_123"}
	header := http.Header{
		"Accept":              {"application/json"},
		"Authorization":       {"Bearer " + testKey},
		"Content-Type":        {"application/json"},
		"X-Client-Request-Id": {"cli-42"},
		"X-Idempotency-Key":   {"once"},
	}
	opts := []clawhq.CallOption{clawhq.WithClientRequestID("cli-42"), clawhq.WithIdempotencyKey("once")}

	if _, err := client.Chat(t.Context(), req, opts...); err != nil {
		t.Fatal(err)
	}
	ua := got.Header.Get("User-Agent")
	if !strings.HasPrefix(ua, "clawhq-go/"+clawhq.Version+" (go") || !strings.HasSuffix(ua, ") app/1") {
		t.Errorf("User-Agent is %q", ua)
	}
	got.Header.Del("User-Agent")
	want := sent{"POST", "https://proxy.example/a/b%2Fc/v1/chat", `{"message":"1 \u003c 2 \u0026 \"3\"","agent":"support-bot","session_id":"user_123"}`, header}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Chat (-want +got):\n%s", diff)
	}

	if _, err := clawhq.CollectText(client.ChatStream(t.Context(), clawhq.ChatRequest{Message: "hi"}, opts...)); err != nil {
		t.Fatal(err)
	}
	got.Header.Del("User-Agent")
	header.Set("Accept", "text/event-stream")
	want.Body, want.Header = `{"message":"hi","stream":true}`, header
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ChatStream (-want +got):\n%s", diff)
	}
}

// A base URL may have no path.
func TestBaseURLWithoutPath(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"https://proxy.example", "https://proxy.example/"} {
		var path string
		mock := httpmock.NewMockTransport()
		mock.RegisterNoResponder(func(r *http.Request) (*http.Response, error) {
			path = r.URL.Path
			return reply(200, okBody), nil
		})
		if _, err := mockClient(t, mock, clawhq.WithBaseURL(base)).Chat(t.Context(), hi); err != nil || path != "/v1/chat" {
			t.Errorf("%s: path is %q, %v", base, path, err)
		}
	}
}

// Idempotency keys and client request ids that the caller does not set are new for
// each call, and the same for all of its attempts.
func TestIdempotencyKeySpansAttempts(t *testing.T) {
	t.Parallel()
	var keys, ids []string
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", chatURL, func(r *http.Request) (*http.Response, error) {
		keys = append(keys, r.Header.Get("X-Idempotency-Key"))
		ids = append(ids, r.Header.Get("X-Client-Request-Id"))
		if len(keys)%2 == 1 {
			return reply(503, ""), nil
		}
		return reply(200, okBody), nil
	})
	client := mockClient(t, mock, clawhq.WithRetry(clawhq.RetryPolicy{MinWait: 1}))
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

func TestRefusedBeforeSending(t *testing.T) {
	t.Parallel()
	mock := httpmock.NewMockTransport() // has no answer
	client := mockClient(t, mock)
	for name, tt := range map[string]struct {
		req  clawhq.ChatRequest
		opts []clawhq.CallOption
		want clawhq.APIError
	}{
		"blank message":   {clawhq.ChatRequest{Message: " \n\t"}, nil, clawhq.APIError{Code: "missing_parameter", Param: "message", Message: "message is required"}},
		"long message":    {clawhq.ChatRequest{Message: strings.Repeat("é", 10_001)}, nil, clawhq.APIError{Code: "invalid_request", Param: "message", Message: "message has 10001 characters, at most 10000 are allowed"}},
		"6,000 emoji":     {clawhq.ChatRequest{Message: strings.Repeat("🎉", 6_000)}, nil, clawhq.APIError{Code: "invalid_request", Param: "message", Message: "message has 12000 characters, at most 10000 are allowed"}},
		"message not UTF": {clawhq.ChatRequest{Message: "a\xff"}, nil, clawhq.APIError{Code: "invalid_parameter", Param: "message", Message: "message is not valid UTF-8"}},
		"agent not UTF":   {clawhq.ChatRequest{Message: "a", Agent: "\xff"}, nil, clawhq.APIError{Code: "invalid_parameter", Param: "agent", Message: "agent is not valid UTF-8"}},
		"session id":      {clawhq.ChatRequest{Message: "a", SessionID: "a b!"}, nil, clawhq.APIError{Code: "invalid_parameter", Param: "session_id", Message: "session_id is not 1 to 128 letters, digits, underscores and hyphens"}},
		"long session id": {clawhq.ChatRequest{Message: "a", SessionID: strings.Repeat("a", 129)}, nil, clawhq.APIError{Code: "invalid_parameter", Param: "session_id", Message: "session_id is not 1 to 128 letters, digits, underscores and hyphens"}},
		"body":            {clawhq.ChatRequest{Message: "a", Agent: strings.Repeat("a", 102_400)}, nil, clawhq.APIError{Code: "invalid_request", Message: "request has 102426 bytes, at most 102400 are allowed"}},
		"idempotency key": {clawhq.ChatRequest{Message: "a"}, []clawhq.CallOption{clawhq.WithIdempotencyKey(strings.Repeat("k", 65))}, clawhq.APIError{Code: "invalid_parameter", Param: "X-Idempotency-Key", Message: "idempotency key is not 1 to 64 characters of printable ASCII"}},
		"no idempotency":  {clawhq.ChatRequest{Message: "a"}, []clawhq.CallOption{clawhq.WithIdempotencyKey("")}, clawhq.APIError{Code: "invalid_parameter", Param: "X-Idempotency-Key", Message: "idempotency key is not 1 to 64 characters of printable ASCII"}},
		"request id":      {clawhq.ChatRequest{Message: "a"}, []clawhq.CallOption{clawhq.WithClientRequestID("a\nb")}, clawhq.APIError{Code: "invalid_parameter", Param: "X-Client-Request-Id", Message: "client request id is not printable ASCII"}},
	} {
		t.Run(name, func(t *testing.T) {
			info := clawhq.ResponseInfo{Attempts: 7}
			opts := append([]clawhq.CallOption{clawhq.WithResponseInfo(&info)}, tt.opts...)
			_, err := client.Chat(t.Context(), tt.req, opts...)
			_, streamErr := clawhq.CollectText(client.ChatStream(t.Context(), tt.req, opts...))
			for i, err := range []error{err, streamErr} {
				if i == 1 { // the body also contains "stream":true
					tt.want.Message = strings.Replace(tt.want.Message, "102426", "102440", 1)
				}
				e, ok := err.(*clawhq.InvalidRequestError)
				if !ok {
					t.Fatalf("got %T: %v", err, err)
				}
				tt.want.Type, tt.want.Method, tt.want.Path = "validation_error", "POST", "/v1/chat"
				tt.want.ClientRequestID = e.ClientRequestID
				if diff := cmp.Diff(&tt.want, e.APIError); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if info.Attempts != 0 || info.StatusCode != 0 {
					t.Errorf("info is %+v", info)
				}
			}
		})
	}
	if n := mock.GetTotalCallCount(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
	// The longest message that is allowed.
	mock.RegisterResponder("POST", chatURL, httpmock.ResponderFromResponse(reply(200, okBody)).Times(2))
	for _, message := range []string{strings.Repeat("é", 10_000), strings.Repeat("🎉", 5_000)} {
		if _, err := client.Chat(t.Context(), clawhq.ChatRequest{Message: message, SessionID: strings.Repeat("a", 128)}); err != nil {
			t.Error(err)
		}
	}
}

func TestResponseInfo(t *testing.T) {
	t.Parallel()
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", chatURL, httpmock.ResponderFromResponse(reply(502, `{"error":{"code":"model_error","message":"m","type":"model_error","request_id":"req_0"}}`)).
		Then(httpmock.ResponderFromResponse(reply(200, okBody, "X-Request-Id", "req_2", "X-Idempotency-Replayed", "true",
			"X-RateLimit-Limit", "60", "X-RateLimit-Remaining", "41", "X-RateLimit-Reset", "1795470840000", "X-Echo", testKey))))
	client := mockClient(t, mock, clawhq.WithRetry(clawhq.RetryPolicy{MinWait: 1}))
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
		Body: []byte(okBody),
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

func TestRateLimitHeaders(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		limit, remaining, reset string
		want                    clawhq.RateLimit
	}{
		{"60", "59", "1795470840", clawhq.RateLimit{Limit: 60, Remaining: 59, Reset: time.Unix(1795470840, 0)}},
		{"60", "59", "1795470840000", clawhq.RateLimit{Limit: 60, Remaining: 59, Reset: time.Unix(1795470840, 0)}},
		{"60", "", "soon", clawhq.RateLimit{Limit: 60}},
		{"60", "-3", "-1", clawhq.RateLimit{Limit: 60}},
		{"60", "99", "0", clawhq.RateLimit{Limit: 60, Remaining: 60}},
		{"many", "59", "1795470840", clawhq.RateLimit{}},
		{"0", "0", "1795470840", clawhq.RateLimit{}},
		{"99999999999999999999", "1", "1", clawhq.RateLimit{}},
	} {
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("POST", chatURL, httpmock.ResponderFromResponse(reply(200, okBody,
			"X-RateLimit-Limit", tt.limit, "X-RateLimit-Remaining", tt.remaining, "X-RateLimit-Reset", tt.reset)))
		client := mockClient(t, mock)
		if _, err := client.Chat(t.Context(), clawhq.ChatRequest{Message: "hi"}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, client.RateLimit()); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tt, diff)
		}
	}
}

// idleCloser is a transport that notes a call of CloseIdleConnections.
type idleCloser struct {
	http.RoundTripper
	closed bool
}

func (c *idleCloser) CloseIdleConnections() { c.closed = true }

func TestCallersHTTPClientIsLeftAlone(t *testing.T) {
	t.Parallel()
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", chatURL, httpmock.NewErrorResponder(io.ErrUnexpectedEOF))
	transport := &idleCloser{RoundTripper: mock}
	own := &http.Client{Transport: transport, Timeout: time.Minute}
	before := *own
	client := mockClient(t, mock, clawhq.WithHTTPClient(own), clawhq.WithRetry(clawhq.RetryPolicy{MinWait: 1}))
	if _, err := client.Chat(t.Context(), clawhq.ChatRequest{Message: "hi"}); err == nil {
		t.Fatal("no error")
	}
	if transport.closed {
		t.Error("the caller's idle connections were closed")
	}
	if before.Transport != own.Transport || before.Timeout != own.Timeout || own.CheckRedirect != nil {
		t.Errorf("the caller's client was changed: %+v", own)
	}
}

// The default transport works without configuration, and a server with real TLS
// works too.
func TestDefaultTransport(t *testing.T) {
	s := clawhqtest.NewTestServer(t, clawhqtest.WithPlainHTTP())
	client, err := clawhq.NewClient(clawhq.WithAPIKey(s.APIKey()), clawhq.WithBaseURL(s.URL()))
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if _, err := client.Chat(context.Background(), clawhq.ChatRequest{Message: "hi"}); err != nil {
		t.Error(err)
	}
}

// Every attempt sends each cookie of the Jar once.
func TestCookieJar(t *testing.T) {
	t.Parallel()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", chatURL, func(r *http.Request) (*http.Response, error) {
		got = append(got, r.Header.Get("Cookie"))
		if len(got)%3 != 0 {
			return reply(503, ""), nil
		}
		return reply(200, okBody, "Set-Cookie", "route=a"), nil
	})
	client := mockClient(t, mock, clawhq.WithHTTPClient(&http.Client{Transport: mock, Jar: jar}), clawhq.WithRetry(clawhq.RetryPolicy{MinWait: 1}))
	for range 2 {
		if _, err := client.Chat(t.Context(), hi); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"", "", "", "route=a", "route=a", "route=a"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
