package clawhq_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/google/go-cmp/cmp"
	"github.com/jarcoal/httpmock"
)

// silent is a body that sends its text, and then nothing until the request ends.
type silent struct {
	io.Reader
	ctx context.Context
}

func (s silent) Read(p []byte) (int, error) {
	if n, _ := s.Reader.Read(p); n > 0 {
		return n, nil
	}
	<-s.ctx.Done()
	return 0, context.Cause(s.ctx)
}

func (silent) Close() error { return nil }

// countingConns is a transport that counts requests, and the connections that they
// used.
type countingConns struct {
	http.RoundTripper

	mu              sync.Mutex
	fresh, requests int
}

func (c *countingConns) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.requests++
	c.mu.Unlock()
	return c.RoundTripper.RoundTrip(r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			c.mu.Lock()
			defer c.mu.Unlock()
			if !info.Reused {
				c.fresh++
			}
		},
	})))
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
				client := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) {
					r := testkit.Reply(tt.status, "")
					r.Body, r.ContentLength = deafBody(`{"error":{"code":"invalid_request","message":"m"}}`), -1
					return r, nil
				}, testkit.OneAttempt)
				ctx := t.Context()
				if tt.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.deadline)
					defer cancel()
				}
				start := time.Now()
				_, err := client.Chat(ctx, testkit.Hi)
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

// deafBody returns a body whose reads end only with Close, like those of io.Pipe,
// and not with the context.
func deafBody(text string) io.ReadCloser {
	r, w := io.Pipe()
	go io.WriteString(w, text)
	return r
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
	client := testkit.Client(t, nil, clawhq.WithHTTPClient(server.Client()), clawhq.WithBaseURL(server.URL), testkit.OneAttempt)
	for name, call := range map[string]func() error{
		"Chat":       func() error { _, err := client.Chat(t.Context(), testkit.Hi); return err },
		"ChatStream": func() error { _, err := clawhq.CollectText(client.ChatStream(t.Context(), testkit.Hi)); return err },
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
	for name, length := range map[string]int64{"shorter": int64(len(testkit.OKBody)) - 10, "longer": int64(len(testkit.OKBody)) + 10, "zero": 0, "absurd": 1 << 60} {
		client := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) {
			r := testkit.Reply(200, testkit.OKBody)
			r.ContentLength = length
			return r, nil
		}, testkit.OneAttempt)
		if resp, err := client.Chat(t.Context(), testkit.Hi); err != nil || resp.Response != "Hello." {
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
	s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory(), clawhqtest.WithAgent("talker", testkit.Talker(make(chan error, 100))))
	own := s.HTTPClient()
	inner := own.Transport
	var opened, closes atomic.Int32
	client := s.Client(clawhq.WithRateLimit(0), testkit.OneAttempt, clawhq.WithHTTPClient(&http.Client{Transport: testkit.RoundTripFunc(func(r *http.Request) (*http.Response, error) {
		resp, err := inner.RoundTrip(r)
		if err == nil {
			opened.Add(1)
			resp.Body = &watchedBody{ReadCloser: resp.Body, closes: &closes}
		}
		return resp, err
	})}))
	const each = 20
	for range each {
		client.Chat(t.Context(), testkit.Hi)
		clawhq.CollectText(client.ChatStream(t.Context(), testkit.Hi))
		for range client.ChatStream(t.Context(), testkit.Hi) {
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

// A 503 whose body never ends does not delay the retry.
func TestTricklingError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("POST", testkit.ChatURL, func(r *http.Request) (*http.Response, error) {
			if mock.GetTotalCallCount() > 0 {
				return testkit.Reply(200, testkit.OKBody), nil
			}
			resp := testkit.Reply(503, "")
			resp.Body, resp.ContentLength = trickle{r.Context()}, -1
			return resp, nil
		})
		start := time.Now()
		_, err := testkit.Client(t, mock).Chat(t.Context(), testkit.Hi)
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

// A reply that is cut off is a failure of the connection. The call is retried, and its
// error keeps the status and the request id.
func TestReplyCutOff(t *testing.T) {
	t.Parallel()
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", testkit.ChatURL, func(*http.Request) (*http.Response, error) {
		r := testkit.Reply(200, testkit.OKBody[:20], "X-Request-Id", "req_1")
		r.ContentLength = int64(len(testkit.OKBody))
		return r, nil
	})
	client := testkit.Client(t, mock, clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 2, MinWait: 1}))
	_, err := client.Chat(t.Context(), testkit.Hi)
	var e *clawhq.ServerError
	if !errors.As(err, &e) || e.StatusCode != 200 || e.RequestID != "req_1" || e.Attempts != 2 || !errors.Is(err, io.ErrUnexpectedEOF) || string(e.Body) != testkit.OKBody[:20] {
		t.Errorf("got %v", err)
	}
}

// A body that ignores its context still ends with the idle timeout, and with the
// caller's context.
func TestStreamOfADeafBody(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]clawhq.ErrorCode{"idle": clawhq.CodeStreamIdle, "cancelled": clawhq.CodeStreamCancelled} {
		synctest.Test(t, func(t *testing.T) {
			mock := httpmock.NewMockTransport()
			mock.RegisterResponder("POST", testkit.ChatURL, func(*http.Request) (*http.Response, error) {
				r, w := io.Pipe()
				go io.WriteString(w, "data: {\"content\":\"a\"}\n\n")
				resp := testkit.Reply(200, "", "Content-Type", "text/event-stream")
				resp.Body, resp.ContentLength = r, -1
				return resp, nil
			})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if name == "cancelled" {
				time.AfterFunc(time.Second, cancel)
			}
			text, err := clawhq.CollectText(testkit.Client(t, mock, clawhq.WithStreamIdleTimeout(5*time.Second)).ChatStream(ctx, testkit.Hi))
			var e *clawhq.StreamError
			if text != "a" || !errors.As(err, &e) || e.Code != want {
				t.Errorf("%s: got %q, %v", name, text, err)
			}
		})
	}
}

// After [DONE] the connection is reused.
func TestStreamKeepsItsConnection(t *testing.T) {
	t.Parallel()
	s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
	transport := &countingConns{RoundTripper: s.HTTPClient().Transport}
	client := s.Client(clawhq.WithHTTPClient(&http.Client{Transport: transport}))
	for range 5 {
		if _, err := clawhq.CollectText(client.ChatStream(t.Context(), testkit.Hi)); err != nil {
			t.Fatal(err)
		}
	}
	if transport.fresh != 1 {
		t.Errorf("5 streams took %d connections", transport.fresh)
	}
}

// A body that the transport left compressed is decompressed, and its header no
// longer says that it is.
func TestGzip(t *testing.T) {
	t.Parallel()
	zip := func(text string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		for part := range strings.SplitAfterSeq(text, "\n\n") {
			io.WriteString(w, part)
			w.Flush()
		}
		w.Close()
		return b.String()
	}
	answer := func(status int, body, contentType string) *clawhq.Client {
		return testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) {
			return testkit.Reply(status, zip(body), "Content-Encoding", "gzip", "Content-Length", "99", "Content-Type", contentType), nil
		}, testkit.OneAttempt)
	}
	var info clawhq.ResponseInfo
	resp, err := answer(200, testkit.OKBody, "application/json").Chat(t.Context(), testkit.Hi, clawhq.WithResponseInfo(&info))
	if err != nil || resp.Response != "Hello." || string(info.Body) != testkit.OKBody {
		t.Errorf("a reply: got %v, %v, body %q", resp, err, info.Body)
	}
	if diff := cmp.Diff(http.Header{"Content-Type": {"application/json"}}, info.Header); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	_, err = answer(403, `{"error":{"code":"revoked_api_key","message":"m"}}`, "application/json").Chat(t.Context(), testkit.Hi)
	var refused *clawhq.AuthenticationError
	if !errors.As(err, &refused) || refused.Code != clawhq.CodeRevokedAPIKey {
		t.Errorf("an error: got %v", err)
	}
	stream := "data: {\"content\":\"a\"}\n\ndata: {\"content\":\"b\"}\n\ndata: [DONE]\n\n"
	if text, err := clawhq.CollectText(answer(200, stream, "text/event-stream").ChatStream(t.Context(), testkit.Hi)); err != nil || text != "ab" {
		t.Errorf("a stream: got %q, %v", text, err)
	}
	if err := answer(200, "", "application/json").Threads.Delete(t.Context(), "thread_1"); err != nil {
		t.Errorf("nothing, compressed: %v", err)
	}
	_, err = answer(200, `{"response":"`+strings.Repeat(" ", 17<<20)+`"}`, "application/json").Chat(t.Context(), testkit.Hi)
	if err == nil || !strings.Contains(err.Error(), "larger than 16 MiB") {
		t.Errorf("16 MiB are the limit of what is decompressed: got %v", err)
	}
	broken := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) {
		return testkit.Reply(200, zip(testkit.OKBody)[:20], "Content-Encoding", "gzip"), nil
	}, testkit.OneAttempt)
	if _, err := broken.Chat(t.Context(), testkit.Hi); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut off: got %v", err)
	}
}

// The events of a compressed stream are handed out as they arrive.
func TestGzipStreamIsNotHeldBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) {
			r, w := io.Pipe()
			go func() {
				z := gzip.NewWriter(w)
				for _, event := range []string{`{"content":"a"}`, `{"content":"b"}`, "[DONE]"} {
					fmt.Fprintf(z, "data: %s\n\n", event)
					z.Flush()
					time.Sleep(10 * time.Second)
				}
				z.Close()
				w.Close()
			}()
			resp := testkit.Reply(200, "", "Content-Encoding", "gzip", "Content-Type", "text/event-stream")
			resp.Body, resp.ContentLength = r, -1
			return resp, nil
		})
		start := time.Now()
		var at []time.Duration
		for _, err := range client.ChatStream(t.Context(), testkit.Hi) {
			if err != nil {
				t.Fatal(err)
			}
			at = append(at, time.Since(start))
		}
		if diff := cmp.Diff([]time.Duration{0, 10 * time.Second}, at); diff != "" {
			t.Errorf("chunks at (-want +got):\n%s", diff)
		}
		time.Sleep(time.Minute)
	})
}
