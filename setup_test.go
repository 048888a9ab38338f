package clawhq_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/jarcoal/httpmock"
)

const ms = time.Millisecond

// testKey is a well-formed key that the service does not know.
const testKey = "clw_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6"

const chatURL = clawhq.DefaultBaseURL + "/v1/chat"

// mockClient returns a client whose requests go to the mock.
func mockClient(t *testing.T, mock *httpmock.MockTransport, opts ...clawhq.Option) *clawhq.Client {
	t.Helper()
	client, err := clawhq.NewClient(append([]clawhq.Option{
		clawhq.WithAPIKey(testKey),
		clawhq.WithBaseURL(clawhq.DefaultBaseURL),
		clawhq.WithHTTPClient(&http.Client{Transport: mock}),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// reply returns an http.Response as the service would send it.
func reply(status int, body string, header ...string) *http.Response {
	r := httpmock.NewStringResponse(status, body)
	r.ContentLength = int64(len(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

const okBody = `{"response":"Hello.","agent":"support-bot","request_id":"req_1"}`

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// mockStream returns a client for which every stream is body.
func mockStream(t *testing.T, body string, opts ...clawhq.Option) *clawhq.Client {
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", chatURL, func(*http.Request) (*http.Response, error) {
		return reply(200, body, "Content-Type", "text/event-stream", "X-Request-Id", "req_1"), nil
	})
	return mockClient(t, mock, append([]clawhq.Option{clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 1})}, opts...)...)
}

var hi = clawhq.ChatRequest{Message: "hi"}

// bubble runs f with a server in memory inside a synctest bubble, which fails
// if f leaves a goroutine behind.
func bubble(t *testing.T, f func(t *testing.T, s *clawhqtest.Server), opts ...clawhqtest.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f(t, clawhqtest.NewTestServer(t, append([]clawhqtest.Option{clawhqtest.WithInMemory()}, opts...)...))
	})
}

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
