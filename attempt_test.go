package clawhq_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/jarcoal/httpmock"
)

// The client reads the body of a redirect, so that the connection is reused.
func TestRedirectKeepsItsConnection(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/v1/chat" {
			w.Header().Set("Location", "/v2/chat")
			w.WriteHeader(http.StatusTemporaryRedirect)
			io.WriteString(w, strings.Repeat("moved ", 500))
			return
		}
		io.WriteString(w, testkit.OKBody)
	}))
	defer server.Close()
	conns := &countingConns{RoundTripper: server.Client().Transport}
	client := testkit.Client(t, nil, clawhq.WithHTTPClient(&http.Client{Transport: conns}), clawhq.WithBaseURL(server.URL), clawhq.WithRateLimit(0))
	for range 20 {
		if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
			t.Fatal(err)
		}
	}
	if conns.requests != 40 || conns.fresh != 1 {
		t.Errorf("%d requests took %d connections, want 40 on 1", conns.requests, conns.fresh)
	}
}

// If a transport panics or ends its goroutine, the call releases its place in the
// rate limit's window, and ends its context.
func TestTransportPanics(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(){"panic": func() { panic("broken transport") }, "Goexit": runtime.Goexit} {
		for where, body := range map[string]bool{"in RoundTrip": false, "while the body is read": true} {
			t.Run(name+" "+where, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					var last context.Context
					var closes atomic.Int32
					broken := true
					client := testkit.ClientFunc(t, func(r *http.Request) (*http.Response, error) {
						if !broken {
							return testkit.Reply(200, testkit.OKBody), nil
						}
						last = r.Context()
						if !body {
							leave()
						}
						resp := testkit.Reply(200, "")
						resp.Body = &watchedBody{ReadCloser: io.NopCloser(leavingReader{leave}), closes: &closes}
						return resp, nil
					})
					for range 40 { // more calls than may be outstanding while the limit is unknown
						var wg sync.WaitGroup
						wg.Go(func() {
							defer func() { recover() }()
							client.Chat(t.Context(), testkit.Hi)
						})
						wg.Wait()
						if last.Err() == nil {
							t.Fatal("the attempt's context goes on")
						}
					}
					if n := closes.Load(); body && n != 40 {
						t.Errorf("%d of 40 bodies were closed", n)
					}
					broken = false
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					defer cancel()
					if _, err := client.Chat(ctx, testkit.Hi); err != nil {
						t.Errorf("the next call: %v", err)
					}
				})
			})
		}
	}
}

type leavingReader struct{ leave func() }

func (r leavingReader) Read([]byte) (int, error) { r.leave(); return 0, io.EOF }

// Some transports break the rules of http.RoundTripper in ways that http.Client
// tolerates. The client tolerates them too.
func TestUnrulyTransports(t *testing.T) {
	t.Parallel()
	var last *url.URL
	for name, tt := range map[string]struct {
		transport testkit.RoundTripFunc
		want      string
	}{
		"no body":       {func(*http.Request) (*http.Response, error) { return &http.Response{StatusCode: 200}, nil }, "reply is not usable"},
		"no error body": {func(*http.Request) (*http.Response, error) { return &http.Response{StatusCode: 400}, nil }, "400 Bad Request"},
		"nothing":       {func(*http.Request) (*http.Response, error) { return nil, nil }, "neither a response nor an error"},
		"rewrites the URL": {func(r *http.Request) (*http.Response, error) {
			if last == r.URL || r.URL.Host != "app.clawhq.tech" {
				t.Errorf("the URL is %v", r.URL)
			}
			last = r.URL
			r.URL.Host = "elsewhere.example"
			return &http.Response{StatusCode: 503}, nil
		}, "503"},
	} {
		client := testkit.Client(t, nil, clawhq.WithHTTPClient(&http.Client{Transport: tt.transport}), clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 3, MinWait: 1}))
		_, err := client.Chat(t.Context(), testkit.Hi)
		_, streamErr := clawhq.CollectText(client.ChatStream(t.Context(), testkit.Hi))
		for _, err := range []error{err, streamErr} {
			if err == nil || !strings.Contains(err.Error(), tt.want) && !strings.Contains(err.Error(), "stream_malformed") {
				t.Errorf("%s: got %v", name, err)
			}
		}
	}
}

// The client sends its credential only to the origin of the base URL.
func TestRedirects(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status   int
		location string
		follow   bool
	}{
		"same origin, 307":    {307, "/api/v2/chat", true},
		"same origin, 308":    {308, "https://app.clawhq.tech/api/v2/chat", true},
		"the port spelt out":  {307, "https://app.clawhq.tech:443/api/v2/chat", true},
		"in capitals":         {308, "HTTPS://App.ClawHQ.tech/api/v2/chat", true},
		"with a user name":    {307, "https://me:pw@app.clawhq.tech/api/v2/chat", true},
		"to the port of http": {307, "https://app.clawhq.tech:80/api/v2/chat", false},
		"method would change": {302, "/api/v2/chat", false},
		"see other":           {303, "/api/v2/chat", false},
		"another host":        {307, "https://evil.example/api/v2/chat", false},
		"another port":        {307, "https://app.clawhq.tech:8443/api/v2/chat", false},
		"a host below":        {307, "https://x.app.clawhq.tech/api/v2/chat", false},
		"down to http":        {308, "http://app.clawhq.tech/api/v2/chat", false},
		"no location":         {307, "", false},
		"malformed location":  {307, "https://[::1", false},
		"not modified at all": {304, "", false},
		"location with a key": {301, "https://evil.example/" + testkit.Key, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var followed *http.Request
			mock := httpmock.NewMockTransport()
			mock.RegisterResponder("POST", testkit.ChatURL, httpmock.ResponderFromResponse(testkit.Reply(tt.status, "", "Location", tt.location)))
			mock.RegisterNoResponder(func(r *http.Request) (*http.Response, error) {
				followed = r
				if body, _ := io.ReadAll(r.Body); string(body) != `{"message":"hi"}` || r.Method != "POST" || r.Header.Get("Authorization") != "Bearer "+testkit.Key {
					t.Errorf("followed with %s %s %v", r.Method, body, r.Header)
				}
				return testkit.Reply(200, testkit.OKBody), nil
			})
			client := testkit.Client(t, mock)
			var info clawhq.ResponseInfo
			_, err := client.Chat(t.Context(), clawhq.ChatRequest{Message: "hi"}, clawhq.WithResponseInfo(&info))
			if tt.follow {
				if err != nil || followed == nil || info.Attempts != 2 {
					t.Errorf("not followed: %v, %+v", err, info)
				}
				return
			}
			e, ok := err.(*clawhq.ServerError)
			if !ok || e.StatusCode != tt.status || followed != nil || info.Attempts != 1 {
				t.Fatalf("got %T: %v; followed: %v", err, err, followed)
			}
			if strings.Contains(err.Error(), testkit.Key) {
				t.Errorf("error holds the key: %v", err)
			}
		})
	}
	t.Run("loop", func(t *testing.T) {
		t.Parallel()
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("POST", testkit.ChatURL, httpmock.ResponderFromResponse(testkit.Reply(307, "", "Location", testkit.ChatURL)))
		_, err := testkit.Client(t, mock).Chat(t.Context(), clawhq.ChatRequest{Message: "hi"})
		if err == nil || !strings.Contains(err.Error(), "redirects") || mock.GetTotalCallCount() != 4 {
			t.Errorf("got %v after %d requests, want 4", err, mock.GetTotalCallCount())
		}
	})
	t.Run("loop, one attempt", func(t *testing.T) {
		t.Parallel()
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("POST", testkit.ChatURL, httpmock.ResponderFromResponse(testkit.Reply(307, "", "Location", testkit.ChatURL)))
		_, err := testkit.Client(t, mock, testkit.OneAttempt).Chat(t.Context(), clawhq.ChatRequest{Message: "hi"})
		if e, ok := err.(*clawhq.ServerError); !ok || e.StatusCode != 307 || mock.GetTotalCallCount() != 1 {
			t.Errorf("got %v after %d requests, want a 307 after 1", err, mock.GetTotalCallCount())
		}
	})
	t.Run("without the request in the reply", func(t *testing.T) {
		t.Parallel()
		requests := 0
		client := testkit.ClientFunc(t, func(r *http.Request) (*http.Response, error) {
			if requests++; requests == 1 {
				return testkit.Reply(307, "", "Location", "../v2/chat?a=b#c"), nil
			}
			if r.URL.Path != "/api/v2/chat" {
				t.Errorf("followed to %s", r.URL)
			}
			return testkit.Reply(200, testkit.OKBody), nil
		})
		if _, err := client.Chat(t.Context(), testkit.Hi); err != nil || requests != 2 {
			t.Errorf("got %v after %d requests", err, requests)
		}
	})
	t.Run("caller does not follow", func(t *testing.T) {
		t.Parallel()
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("POST", testkit.ChatURL, httpmock.ResponderFromResponse(testkit.Reply(307, "", "Location", testkit.ChatURL)))
		client := testkit.Client(t, mock, clawhq.WithHTTPClient(&http.Client{
			Transport:     mock,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}))
		_, err := client.Chat(t.Context(), clawhq.ChatRequest{Message: "hi"})
		if e, ok := err.(*clawhq.ServerError); !ok || e.StatusCode != 307 {
			t.Errorf("got %T: %v", err, err)
		}
	})
}

// If a kept-alive connection breaks, net/http by itself repeats a GET, and a POST with
// an idempotency key. The client prevents this, so that it counts every request.
func TestNoSilentReplay(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(*clawhq.Client, ...clawhq.CallOption) error{
		"POST": func(c *clawhq.Client, opts ...clawhq.CallOption) error {
			_, err := c.Chat(context.Background(), testkit.Hi, opts...)
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
			client := s.Client(testkit.OneAttempt)
			if _, err := client.Chat(t.Context(), testkit.Hi); err != nil { // leaves a kept-alive connection
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
