package clawhq_test

import (
	"context"
	"errors"
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
	"github.com/jarcoal/httpmock"
)

// deafBody returns a body whose reads end only with Close, like those of io.Pipe,
// and not with the context.
func deafBody(text string) io.ReadCloser {
	r, w := io.Pipe()
	go io.WriteString(w, text)
	return r
}

// once makes no retries.
var once = clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 1})

// sends returns a client whose requests f answers.
func sends(t *testing.T, f transport, opts ...clawhq.Option) *clawhq.Client {
	t.Helper()
	return mockClient(t, nil, append([]clawhq.Option{clawhq.WithHTTPClient(&http.Client{Transport: f})}, opts...)...)
}

// A body that ignores its context still ends with the timeout of the attempt, with
// the caller's deadline, and, in an error reply, with the bound for its body.
func TestDeafBodies(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status   int
		deadline time.Duration // of the caller; 0 for no deadline
		want     time.Duration
		is       error
	}{
		"attempt timeout": {200, 0, 90 * time.Second, context.DeadlineExceeded},
		"deadline":        {200, 3 * time.Second, 3 * time.Second, context.DeadlineExceeded},
		"error body":      {400, 0, time.Second, clawhq.CodeInvalidRequest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := sends(t, func(*http.Request) (*http.Response, error) {
					r := reply(tt.status, "")
					r.Body, r.ContentLength = deafBody(`{"error":{"code":"invalid_request","message":"m"}}`), -1
					return r, nil
				}, once)
				ctx := t.Context()
				if tt.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.deadline)
					defer cancel()
				}
				start := time.Now()
				_, err := client.Chat(ctx, hi)
				if !errors.Is(err, tt.is) {
					t.Errorf("got %v, want %v", err, tt.is)
				}
				if took := time.Since(start); took < tt.want || took > tt.want+time.Second {
					t.Errorf("took %v, want %v", took, tt.want)
				}
			})
		})
	}
}

// The body of a 101 is the connection, which has no end. The client does not read it.
func TestSwitchingProtocols(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "x")
		w.WriteHeader(http.StatusSwitchingProtocols)
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	defer server.Close()
	client := mockClient(t, nil, clawhq.WithHTTPClient(server.Client()), clawhq.WithBaseURL(server.URL), once)
	for name, call := range map[string]func() error{
		"Chat":       func() error { _, err := client.Chat(t.Context(), hi); return err },
		"ChatStream": func() error { _, err := clawhq.CollectText(client.ChatStream(t.Context(), hi)); return err },
	} {
		var e *clawhq.ServerError
		if err := call(); !errors.As(err, &e) || e.StatusCode != 101 {
			t.Errorf("%s: got %v, want a ServerError of status 101", name, err)
		}
	}
}

// A wrong Content-Length does not matter: the body ends where it ends.
func TestContentLengthIsAHint(t *testing.T) {
	t.Parallel()
	for name, length := range map[string]int64{"shorter": int64(len(okBody)) - 10, "longer": int64(len(okBody)) + 10, "zero": 0, "absurd": 1 << 60} {
		client := sends(t, func(*http.Request) (*http.Response, error) {
			r := reply(200, okBody)
			r.ContentLength = length
			return r, nil
		}, once)
		if resp, err := client.Chat(t.Context(), hi); err != nil || resp.Response != "Hello." {
			t.Errorf("%s: got %v, %v, want the reply", name, resp, err)
		}
	}
}

// watchedBody counts the reads and closes of a body. Like many wrappers, it must not
// be closed during a Read, which the race detector would report.
type watchedBody struct {
	io.ReadCloser
	bytes  int
	closes *atomic.Int32
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.bytes += n
	return n, err
}

func (b *watchedBody) Close() error {
	b.bytes = 0
	b.closes.Add(1)
	return b.ReadCloser.Close()
}

// A body is closed once, and not during a Read.
func TestBodyIsClosedOnce(t *testing.T) {
	t.Parallel()
	s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory(), clawhqtest.WithAgent("talker", talker(make(chan error, 100))))
	own := s.HTTPClient()
	inner := own.Transport
	var opened, closes atomic.Int32
	client := s.Client(clawhq.WithRateLimit(0), once, clawhq.WithHTTPClient(&http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		resp, err := inner.RoundTrip(r)
		if err == nil {
			opened.Add(1)
			resp.Body = &watchedBody{ReadCloser: resp.Body, closes: &closes}
		}
		return resp, err
	})}))
	const each = 20
	for range each {
		client.Chat(t.Context(), hi)
		clawhq.CollectText(client.ChatStream(t.Context(), hi))
		for range client.ChatStream(t.Context(), hi) {
			break
		}
		client.Chat(t.Context(), clawhq.ChatRequest{Message: "hi", Agent: "nobody"})
		ctx, cancel := context.WithCancel(t.Context())
		for range client.ChatStream(ctx, clawhq.ChatRequest{Message: "hi", Agent: "talker"}) {
			time.AfterFunc(time.Millisecond, cancel) // while the client waits for the next chunk
		}
		cancel()
	}
	if n, closed := opened.Load(), closes.Load(); n != 5*each || closed != n {
		t.Errorf("%d bodies were closed %d times, want %d bodies, each once", n, closed, 5*each)
	}
}

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
		io.WriteString(w, okBody)
	}))
	defer server.Close()
	conns := &countingConns{RoundTripper: server.Client().Transport}
	client := mockClient(t, nil, clawhq.WithHTTPClient(&http.Client{Transport: conns}), clawhq.WithBaseURL(server.URL), clawhq.WithRateLimit(0))
	for range 20 {
		if _, err := client.Chat(t.Context(), hi); err != nil {
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
					client := sends(t, func(r *http.Request) (*http.Response, error) {
						if !broken {
							return reply(200, okBody), nil
						}
						last = r.Context()
						if !body {
							leave()
						}
						resp := reply(200, "")
						resp.Body = &watchedBody{ReadCloser: io.NopCloser(leavingReader{leave}), closes: &closes}
						return resp, nil
					})
					for range 40 { // more calls than may be outstanding while the limit is unknown
						var wg sync.WaitGroup
						wg.Go(func() {
							defer func() { recover() }()
							client.Chat(t.Context(), hi)
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
					if _, err := client.Chat(ctx, hi); err != nil {
						t.Errorf("the next call: %v", err)
					}
				})
			})
		}
	}
}

type leavingReader struct{ leave func() }

func (r leavingReader) Read([]byte) (int, error) { r.leave(); return 0, io.EOF }

// An error wraps the context's error only if the end of the context caused it.
func TestContextEndsLater(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", chatURL, func(*http.Request) (*http.Response, error) {
		cancel() // while the reply is on its way
		return reply(400, `{"error":{"code":"invalid_request","message":"m"}}`), nil
	})
	if _, err := mockClient(t, mock).Chat(ctx, hi); errors.Is(err, context.Canceled) {
		t.Errorf("a refused request: got %v", err)
	}

	ctx, cancel = context.WithCancel(t.Context())
	mock = httpmock.NewMockTransport()
	mock.RegisterResponder("POST", chatURL, func(*http.Request) (*http.Response, error) {
		cancel()
		return reply(503, ""), nil
	})
	var server *clawhq.ServerError
	if _, err := mockClient(t, mock).Chat(ctx, hi); !errors.Is(err, context.Canceled) || !errors.As(err, &server) {
		t.Errorf("a failure not repeated because of it: got %v", err)
	}

	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	mock = httpmock.NewMockTransport()
	mock.RegisterResponder("POST", chatURL, func(r *http.Request) (*http.Response, error) {
		resp := reply(200, "")
		resp.Body, resp.ContentLength = silent{strings.NewReader("{"), r.Context()}, -1
		time.AfterFunc(time.Millisecond, cancel)
		return resp, nil
	})
	server = nil
	if _, err := mockClient(t, mock).Chat(ctx, hi); !errors.Is(err, context.Canceled) || errors.As(err, &server) {
		t.Errorf("while the reply is read: got %v", err)
	}
}

// Some transports break the rules of http.RoundTripper in ways that http.Client
// tolerates. The client tolerates them too.
func TestUnrulyTransports(t *testing.T) {
	t.Parallel()
	var last *url.URL
	for name, tt := range map[string]struct {
		transport transport
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
		client := mockClient(t, nil, clawhq.WithHTTPClient(&http.Client{Transport: tt.transport}), clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 3, MinWait: 1}))
		_, err := client.Chat(t.Context(), hi)
		_, streamErr := clawhq.CollectText(client.ChatStream(t.Context(), hi))
		for _, err := range []error{err, streamErr} {
			if err == nil || !strings.Contains(err.Error(), tt.want) && !strings.Contains(err.Error(), "stream_malformed") {
				t.Errorf("%s: got %v", name, err)
			}
		}
	}
}
