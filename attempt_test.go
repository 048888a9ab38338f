package clawhq_test

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
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

// If a kept-alive connection breaks, net/http by itself repeats a GET, and a POST with
// an idempotency key. The client prevents the one of a POST, and counts the one of a
// GET.
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
			err := call(client, clawhq.WithResponseInfo(&info))
			if repeated := name == "GET"; (err == nil) != repeated {
				t.Errorf("got %v after %d attempts", err, info.Attempts)
			}
			if n := len(s.Requests()) - 1; info.Attempts != n || n > 1 && name != "GET" {
				t.Errorf("the server saw %d requests, the call counted %d", n, info.Attempts)
			}
		})
	}
}

// The caller's Jar hears of every reply, so that a retry goes to the server that a
// load balancer has chosen.
func TestJarHearsErrors(t *testing.T) {
	t.Parallel()
	for name, replies := range map[string][]*http.Response{
		"503":           {testkit.Reply(503, "", "Set-Cookie", "lb=b; Path=/")},
		"429":           {testkit.Reply(429, `{"error":{"code":"rate_limited","message":"m"}}`, "Retry-After", "0", "Set-Cookie", "lb=b; Path=/")},
		"two errors":    {testkit.Reply(503, "", "Set-Cookie", "lb=a; Path=/"), testkit.Reply(502, "<html>", "Set-Cookie", "lb=b; Path=/")},
		"with location": {testkit.Reply(503, "", "Set-Cookie", "lb=b; Path=/", "Location", "/elsewhere")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			jar, err := cookiejar.New(nil)
			if err != nil {
				t.Fatal(err)
			}
			var cookies []string
			client := testkit.Client(t, nil, clawhq.WithRetry(clawhq.RetryPolicy{MinWait: 1, MaxWait: 1}), clawhq.WithHTTPClient(&http.Client{
				Jar: jar,
				Transport: testkit.RoundTripFunc(func(r *http.Request) (*http.Response, error) {
					cookies = append(cookies, r.Header.Get("Cookie"))
					if len(cookies) <= len(replies) {
						return replies[len(cookies)-1], nil
					}
					return testkit.Reply(200, testkit.OKBody), nil
				}),
			}))
			if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
				t.Fatal(err)
			}
			if last := cookies[len(cookies)-1]; last != "lb=b" {
				t.Errorf("cookies %q, want lb=b with the last attempt", cookies)
			}
		})
	}
}
