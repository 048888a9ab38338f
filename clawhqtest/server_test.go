package clawhqtest_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// post sends a chat with the server's key, without the SDK.
func post(ctx context.Context, s *clawhqtest.Server, body string) (*http.Response, error) {
	return postTo(ctx, s, s.URL()+"/v1/chat", s.APIKey(), body)
}

func postTo(ctx context.Context, s *clawhqtest.Server, url, key, body string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	return s.HTTPClient().Do(req)
}

// read returns the rest of a reply.
func read(t *testing.T, res *http.Response, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// errorCode returns the code of an error reply.
func errorCode(t *testing.T, body string) string {
	t.Helper()
	var e wire.ErrorEnvelope
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return e.Error.Code
}

const stream = `{"message":"hi","stream":true}`

func TestNetworks(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		opts []clawhqtest.Option
		url  string // its beginning
	}{
		{"TLS", nil, "https://127.0.0.1:"},
		{"plain", []clawhqtest.Option{clawhqtest.WithPlainHTTP()}, "http://127.0.0.1:"},
		{"memory", []clawhqtest.Option{clawhqtest.WithInMemory()}, "https://clawhq.test/api"},
		{"plain in memory", []clawhqtest.Option{clawhqtest.WithInMemory(), clawhqtest.WithPlainHTTP()}, "http://localhost/api"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := clawhqtest.NewTestServer(t, append(tc.opts, clawhqtest.WithAgent("mine", clawhqtest.Reply("a ", "b")))...)
			if !strings.HasPrefix(s.URL(), tc.url) || !strings.HasSuffix(s.URL(), "/api") {
				t.Errorf("URL %s", s.URL())
			}
			res, err := post(t.Context(), s, `{"message":"hi","agent":"mine"}`)
			if got := read(t, res, err); !strings.HasPrefix(got, `{"response":"a b","agent":"mine"`) {
				t.Errorf("reply %s", got)
			}
			res, err = post(t.Context(), s, `{"message":"hi","agent":"mine","stream":true}`)
			if got, want := read(t, res, err), "data: {\"content\": \"a \"}\n\ndata: {\"content\": \"b\"}\n\ndata: [DONE]\n\n"; got != want {
				t.Errorf("stream %q, want %q", got, want)
			}
			reply, err := s.Client().Chat(t.Context(), clawhq.ChatRequest{Message: "hi", Agent: "mine"})
			if err != nil || reply.Response != "a b" {
				t.Errorf("the SDK gets %+v, %v", reply, err)
			}
			if keys, err := s.Client().Keys.List(t.Context()); err != nil || len(keys) != 1 || keys[0].ID != s.KeyID() {
				t.Errorf("keys %+v, %v", keys, err)
			}
			res, err = s.HTTPClient().Get(strings.TrimSuffix(s.URL(), "/api") + "/openapi.json")
			if got, want := read(t, res, err), `"url": "`+s.URL()+`"`; !strings.Contains(got, want) {
				t.Errorf("the document has no %s: %.200s", want, got)
			}
			if got := len(s.Requests()); got != 4 {
				t.Errorf("%d requests in the journal", got)
			}
			s.Close()
			s.Close()
			if _, err := post(t.Context(), s, `{}`); !refused(err) {
				t.Errorf("after Close: %v", err)
			}
		})
	}
}

// A chunk is sent before the agent says the next one.
func TestChunksAreNotHeldBack(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]clawhqtest.Option{"TLS": nil, "memory": {clawhqtest.WithInMemory()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			heard := make(chan struct{})
			s := clawhqtest.NewTestServer(t, append(opts, clawhqtest.WithAgent("echo", func(ctx context.Context, m clawhqtest.Message) iter.Seq2[string, error] {
				return func(yield func(string, error) bool) {
					for range 3 {
						if !yield(m.Text, nil) {
							return
						}
						select {
						case <-heard:
						case <-ctx.Done():
							return
						}
					}
				}
			}))...)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // only a failure takes so long
			defer cancel()
			res, err := post(ctx, s, `{"message":"hi","agent":"echo","stream":true}`)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			lines := bufio.NewScanner(res.Body)
			for range 3 {
				for lines.Scan() && lines.Text() == "" {
				}
				if got := lines.Text(); got != `data: {"content": "hi"}` {
					t.Fatalf("line %q", got)
				}
				heard <- struct{}{}
			}
		})
	}
}

func TestPlainHTTPIsRefused(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]clawhqtest.Option{"TLS": nil, "memory": {clawhqtest.WithInMemory()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := clawhqtest.NewTestServer(t, opts...)
			res, err := postTo(t.Context(), s, strings.Replace(s.URL(), "https:", "http:", 1)+"/v1/chat", s.APIKey(), `{"message":"hi"}`)
			body := read(t, res, err)
			if res.StatusCode != 400 || errorCode(t, body) != "invalid_request" || !strings.Contains(body, "API requests must be made over HTTPS") {
				t.Errorf("status %d: %s", res.StatusCode, body)
			}
		})
	}
}

func TestOtherHostsAreNotInMemory(t *testing.T) {
	t.Parallel()
	s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
	_, err := postTo(t.Context(), s, "https://other.test/api/v1/chat", s.APIKey(), `{}`)
	var dns *net.DNSError
	if !errors.As(err, &dns) || !dns.IsNotFound {
		t.Errorf("error %v", err)
	}
}

func TestHandlerServedElsewhere(t *testing.T) {
	t.Parallel()
	s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
	elsewhere := httptest.NewTLSServer(s.Handler())
	defer elsewhere.Close()
	client := s.Client(clawhq.WithBaseURL(elsewhere.URL+"/api"), clawhq.WithHTTPClient(elsewhere.Client()))
	if _, err := client.Chat(t.Context(), clawhq.ChatRequest{Message: "hi"}); err != nil {
		t.Error(err)
	}
	if n := len(s.Requests()); n != 1 {
		t.Errorf("%d requests in the journal", n)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory(), clawhqtest.WithProfile(clawhqtest.Live),
			clawhqtest.WithAgentDelay(time.Second), clawhqtest.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		start := time.Now()
		res, err := post(t.Context(), s, `{"message":"hi"}`)
		if got := read(t, res, err); !strings.Contains(got, `"Echo: hi"`) || time.Since(start) != time.Second {
			t.Errorf("after %v: %s", time.Since(start), got)
		}
		synctest.Wait()
		if !strings.Contains(log.String(), "path=/api/v1/chat status=200") || strings.Contains(log.String(), s.APIKey()) {
			t.Errorf("log %q", log.String())
		}

		free := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory(), clawhqtest.WithPlan("free"))
		res, err = post(t.Context(), free, `{"message":"hi"}`)
		if got := errorCode(t, read(t, res, err)); got != "plan_required" {
			t.Errorf("plan: %s", got)
		}
	})
}

func TestKeysOfTheObject(t *testing.T) {
	t.Parallel()
	s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
	id, key := s.CreateKey("burst", 7)
	status := func(key string) (int, string) {
		res, err := postTo(t.Context(), s, s.URL()+"/v1/chat", key, `{"message":"hi"}`)
		read(t, res, err)
		return res.StatusCode, res.Header.Get("X-RateLimit-Limit")
	}
	for i, step := range []struct {
		do     func()
		status int
		limit  string
	}{
		{func() {}, 200, "7"},
		{func() { s.SetRateLimit(id, 2) }, 200, "2"},
		{func() {}, 429, ""},
		{func() { s.RevokeKey(id) }, 401, ""},
	} {
		step.do()
		if status, limit := status(key); status != step.status || limit != step.limit {
			t.Errorf("step %d: status %d, limit %q; want %d, %q", i, status, limit, step.status, step.limit)
		}
	}
	s.HandleAgent("mine", clawhqtest.Reply("x"))
	s.Reset()
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d requests after Reset", n)
	}
	if status, limit := status(s.APIKey()); status != 200 || limit != "60" {
		t.Errorf("first key after Reset: status %d, limit %q", status, limit)
	}
}

func TestClientWithInvalidOptionPanics(t *testing.T) {
	t.Parallel()
	s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
	defer func() {
		if p, ok := recover().(string); !ok || !strings.HasPrefix(p, "clawhqtest: Client: ") {
			t.Errorf("panic %v", p)
		}
	}()
	s.Client(clawhq.WithAPIKey("nonsense"))
}

// It must take less than a millisecond to start a server in memory, call it once and
// close it.
func BenchmarkStartCallClose(b *testing.B) {
	for b.Loop() {
		s := clawhqtest.NewServer(clawhqtest.WithInMemory())
		res, err := post(context.Background(), s, `{"message":"hi"}`)
		if err != nil {
			b.Fatal(err)
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
		s.Close()
	}
}
