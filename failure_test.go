package clawhq_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
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
		"429 of the live service":  {clawhqtest.FaultRateLimit("1793675129406"), 2, 2 * time.Second, 5500 * time.Millisecond},
		"409":                      {clawhqtest.FaultStatus(409, "request_in_progress"), 2, 1800 * time.Millisecond, 2200 * time.Millisecond},
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
			testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
				s.Inject(tt.fault)
				client := s.Client()
				start := time.Now()
				var info clawhq.ResponseInfo
				_, err := client.Chat(t.Context(), testkit.Hi, clawhq.WithResponseInfo(&info))
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

// An absurd Retry-After counts as none: the attempt is repeated after the backoff.
// One that the live service makes is read as the wait that it means, and the attempt
// may be repeated before.
func TestAbsurdRetryAfter(t *testing.T) {
	type want struct{ asked, least, most time.Duration }
	none := want{0, 0, 2 * time.Second}
	for value, want := range map[string]want{
		"1793675129406": {6 * time.Second, 2 * time.Second, 5500 * time.Millisecond},
		"10000000000":   none, "9223372037": none, "18446744074": none, "99999999999999999999": none, "86401": none,
	} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
				s.Inject(clawhqtest.FaultRateLimit(value), clawhqtest.FaultRateLimit(value))
				_, err := s.Client(clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 1})).Chat(t.Context(), testkit.Hi)
				var limited *clawhq.RateLimitError
				if !errors.As(err, &limited) || limited.RetryAfter != want.asked {
					t.Errorf("got %v, want a Retry-After of %v", err, want.asked)
				}
				start := time.Now()
				var info clawhq.ResponseInfo
				_, err = s.Client().Chat(t.Context(), testkit.Hi, clawhq.WithResponseInfo(&info))
				if took := time.Since(start); err != nil || info.Attempts != 2 || took < want.least || took > want.most {
					t.Errorf("got %v after %d attempts and %v, want %v to %v", err, info.Attempts, took, want.least, want.most)
				}
			})
		})
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
	client, err := clawhq.NewClient(clawhq.WithAPIKey(testkit.Key), clawhq.WithBaseURL("http://"+l.Addr().String()), clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 2, MinWait: 1}))
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Chat(t.Context(), testkit.Hi, clawhq.WithClientRequestID("cli-1"))
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
	client := testkit.Client(t, nil, clawhq.WithHTTPClient(&http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(at)}}), clawhq.WithRetry(clawhq.RetryPolicy{MinWait: 1}))
	_, err = client.Chat(t.Context(), testkit.Hi)
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
	_, err := client.Chat(t.Context(), testkit.Hi, clawhq.WithResponseInfo(&info))
	if err == nil || !strings.Contains(err.Error(), "certificate") || info.Attempts != 1 {
		t.Errorf("got %v after %d attempts", err, info.Attempts)
	}
}

// An error wraps the context's error only if the end of the context caused it.
func TestContextEndsLater(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	client := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) {
		cancel() // while the reply is on its way
		return testkit.Reply(400, `{"error":{"code":"invalid_request","message":"m"}}`), nil
	})
	if _, err := client.Chat(ctx, testkit.Hi); errors.Is(err, context.Canceled) {
		t.Errorf("a refused request: got %v", err)
	}

	ctx, cancel = context.WithCancel(t.Context())
	client = testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) {
		cancel()
		return testkit.Reply(503, ""), nil
	})
	var server *clawhq.ServerError
	if _, err := client.Chat(ctx, testkit.Hi); !errors.Is(err, context.Canceled) || !errors.As(err, &server) {
		t.Errorf("a failure not repeated because of it: got %v", err)
	}

	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	client = testkit.ClientFunc(t, func(r *http.Request) (*http.Response, error) {
		resp := testkit.Reply(200, "")
		resp.Body, resp.ContentLength = silent{strings.NewReader("{"), r.Context()}, -1
		time.AfterFunc(time.Millisecond, cancel)
		return resp, nil
	})
	server = nil
	if _, err := client.Chat(ctx, testkit.Hi); !errors.Is(err, context.Canceled) || errors.As(err, &server) {
		t.Errorf("while the reply is read: got %v", err)
	}
}

// Errors and logs contain neither ids in paths nor the query of a redirect.
func TestNothingForeignInErrors(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	mock := httpmock.NewMockTransport()
	mock.RegisterNoResponder(func(*http.Request) (*http.Response, error) {
		return testkit.Reply(302, "", "Location", "https://elsewhere.example/x?token=s3cret#f"), nil
	})
	client := testkit.Client(t, mock, clawhq.WithSession("abc"), clawhq.WithLogger(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	err := client.Keys.Revoke(t.Context(), testkit.Key) // a caller confuses the key with its id
	if err == nil || !strings.Contains(err.Error(), "redirect to https://elsewhere.example/x is not followed") {
		t.Errorf("got %v", err)
	}
	for _, s := range []string{testkit.Key, "s3cret"} {
		if strings.Contains(err.Error()+out.String(), s) {
			t.Errorf("%q is in %v\n%s", s, err, &out)
		}
	}
}

// A creation is repeated only where the failure proves that nothing happened.
func TestCreateIsNotRepeated(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		first    httpmock.Responder
		attempts int
	}{
		"429":                {httpmock.ResponderFromResponse(testkit.Reply(429, `{"error":"Too many requests"}`)), 2},
		"connection refused": {httpmock.NewErrorResponder(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}), 2},
		"proxy refused":      {httpmock.NewErrorResponder(&net.OpError{Op: "proxyconnect", Err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}), 2},
		"REFUSED_STREAM":     {httpmock.NewErrorResponder(cannotRetry("stream error: stream ID 3; REFUSED_STREAM; received from peer")), 2},
		"GOAWAY":             {httpmock.NewErrorResponder(cannotRetry("http2: Transport received Server's graceful shutdown GOAWAY")), 2},
		"GOAWAY at once":     {httpmock.NewErrorResponder(errors.New("http2: Transport received GOAWAY from server ErrCode:ENHANCE_YOUR_CALM")), 2},
		"PROTOCOL_ERROR":     {httpmock.NewErrorResponder(cannotRetry("stream error: stream ID 3; PROTOCOL_ERROR; received from peer")), 1},
		"GOAWAY too late":    {httpmock.NewErrorResponder(errors.New("http2: server sent GOAWAY and closed the connection; LastStreamID=3, ErrCode=NO_ERROR, debug=\"REFUSED_STREAM\"")), 1},
		"500":                {httpmock.ResponderFromResponse(testkit.Reply(500, "")), 1},
		"503":                {httpmock.ResponderFromResponse(testkit.Reply(503, "", "Retry-After", "1")), 1},
		"reset":              {httpmock.NewErrorResponder(syscall.ECONNRESET), 1},
		"reply cut off": {func(*http.Request) (*http.Response, error) {
			r := testkit.Reply(200, `{"key":`)
			r.ContentLength = 100
			return r, nil
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mock := httpmock.NewMockTransport()
			mock.RegisterResponder("POST", keysURL, tt.first.Then(httpmock.ResponderFromResponse(
				testkit.Reply(200, `{"key":{"id":"1","name":"n","full_key":"`+testkit.Key+`"}}`))))
			client := testkit.Client(t, mock, clawhq.WithSession("s"), clawhq.WithRetry(clawhq.RetryPolicy{MinWait: 1}))
			_, err := client.Keys.Create(t.Context(), clawhq.CreateKeyRequest{Name: "n"})
			if n := mock.GetTotalCallCount(); n != tt.attempts || (err == nil) != (tt.attempts == 2) {
				t.Errorf("%d attempts, %v, want %d", n, err, tt.attempts)
			}
			if err != nil && strings.Contains(err.Error(), "GetBody") {
				t.Errorf("advice to whom it does not concern: %v", err)
			}
		})
	}
}

// cannotRetry returns net/http's error for an HTTP/2 request that it would send again
// if the request had a GetBody.
func cannotRetry(why string) error {
	return fmt.Errorf("http2: Transport: cannot retry err [%v] after Request.Body was written; define Request.GetBody to avoid this error", why)
}
