package clawhqtest_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

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

// A chunk is on its way before the agent says the next.
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
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // used up only by a failure
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

// untilDone is an agent that says a word, waits for its context and reports
// that it ended.
func untilDone(ended chan<- error) clawhqtest.AgentFunc {
	return func(ctx context.Context, _ clawhqtest.Message) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			if yield("a", nil) {
				<-ctx.Done()
			}
			ended <- ctx.Err()
		}
	}
}

func TestClientThatLeavesEndsTheAgent(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"message":"hi","agent":"slow"}`, `{"message":"hi","agent":"slow","stream":true}`} {
		synctest.Test(t, func(t *testing.T) {
			ended := make(chan error, 1)
			s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory(), clawhqtest.WithAgent("slow", untilDone(ended)))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			start := time.Now()
			res, err := post(ctx, s, body)
			if err == nil {
				_, err = io.ReadAll(res.Body)
				res.Body.Close()
			}
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
			if err := <-ended; err != context.Canceled || time.Since(start) != time.Second {
				t.Errorf("the agent ended after %v with %v", time.Since(start), err)
			}
			synctest.Wait()
			if got := s.Requests()[0]; got.Err == "" || got.Duration != time.Second {
				t.Errorf("journal has error %q after %v", got.Err, got.Duration)
			}
		})
	}
}

// Close ends everything at once, also clients that send or read no more, and
// nothing is left: the bubble would not end.
func TestCloseLeavesNothing(t *testing.T) {
	t.Parallel()
	flood := func(context.Context, clawhqtest.Message) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			for yield(strings.Repeat("x", 1000), nil) {
			}
		}
	}
	for _, tc := range []struct {
		name string
		// begin returns while its request is being served.
		begin func(*testing.T, *clawhqtest.Server)
		took  time.Duration
	}{
		{"nothing", func(*testing.T, *clawhqtest.Server) {}, 0},
		{"idle", func(t *testing.T, s *clawhqtest.Server) {
			res, err := post(t.Context(), s, `{"message":"hi"}`)
			read(t, res, err)
		}, 0},
		{"stalled", func(t *testing.T, s *clawhqtest.Server) {
			s.Inject(clawhqtest.FaultStreamStall(1))
			res, err := post(context.Background(), s, stream)
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				defer res.Body.Close()
				b, err := io.ReadAll(res.Body)
				if !strings.HasSuffix(string(b), `"message": "the server is shutting down"}}`+"\n\ndata: [DONE]\n\n") || err != nil {
					t.Errorf("the stream ends with %q, %v", b, err)
				}
			}()
		}, 0},
		{"unread", func(t *testing.T, s *clawhqtest.Server) {
			s.HandleAgent("flood", flood)
			res, err := post(context.Background(), s, `{"message":"hi","agent":"flood","stream":true}`)
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				<-t.Context().Done()
				res.Body.Close()
			}()
		}, time.Second},
		{"unsent", func(t *testing.T, s *clawhqtest.Server) {
			body, unsent := io.Pipe()
			go func() {
				<-t.Context().Done()
				unsent.Close()
			}()
			go func() {
				if res, err := s.HTTPClient().Post(s.URL()+"/v1/chat", "", body); err == nil {
					res.Body.Close()
					t.Errorf("status %d for half a request", res.StatusCode)
				}
			}()
		}, time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := clawhqtest.NewServer(clawhqtest.WithInMemory())
				tc.begin(t, s)
				synctest.Wait()
				start := time.Now()
				s.Close()
				if d := time.Since(start); d != tc.took {
					t.Errorf("Close took %v, want %v", d, tc.took)
				}
			})
		})
	}
}

// Sockets of Windows fail with errors of their own.
func refused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.Errno(10061))
}
func reset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.Errno(10054))
}

func TestFaultsOnTheWire(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]clawhqtest.Option{
		"TLS":    nil,
		"plain":  {clawhqtest.WithPlainHTTP()},
		"memory": {clawhqtest.WithInMemory()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := clawhqtest.NewTestServer(t, opts...)
			s.Inject(clawhqtest.FaultReset(), clawhqtest.FaultStreamCut(0))
			for range 2 {
				if _, err := post(t.Context(), s, `{"message":"hi"}`); !reset(err) {
					t.Errorf("reset: %v", err)
				}
			}

			s.Inject(clawhqtest.FaultStreamCut(2))
			res, err := post(t.Context(), s, stream)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(res.Body)
			res.Body.Close()
			if got, want := string(b), "data: {\"content\": \"Thanks \"}\n\ndata: {\"content\": \"for \"}\n\n"; got != want || !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("cut: %q, %v; want %q", got, err, want)
			}
		})
	}
}

func TestStall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
		s.Inject(clawhqtest.FaultStreamStall(1), clawhqtest.FaultStreamStall(1))
		for body, want := range map[string]string{stream: "data: {\"content\": \"Thanks \"}\n\n", `{"message":"hi"}`: ""} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			var got []byte
			res, err := post(ctx, s, body)
			if err == nil {
				got, err = io.ReadAll(res.Body)
				res.Body.Close()
			}
			cancel()
			if string(got) != want || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %q, %v", body, got, err)
			}
		}
	})
}

// Fault codes may be the SDK's.
func TestFaultCodesOfTheSDK(t *testing.T) {
	t.Parallel()
	s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
	const code clawhq.ErrorCode = "agent_offline"
	s.Inject(clawhqtest.FaultStatus(503, code), clawhqtest.FaultStreamError(code, 0), clawhqtest.FaultLegacyError(503, code),
		clawhqtest.FaultHTML(502), clawhqtest.FaultRateLimit("1"), clawhqtest.FaultDelay(0), clawhqtest.FaultStreamMalformed(1))
	var got []string
	for _, f := range s.Faults() {
		got = append(got, f.String())
	}
	want := []string{`FaultStatus(503, "agent_offline")`, `FaultStreamError("agent_offline", 0)`, `FaultLegacyError(503, "agent_offline")`,
		"FaultHTML(502)", `FaultRateLimit("1")`, "FaultDelay(0s)", "FaultStreamMalformed(1)"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
	for _, want := range []string{"agent_offline", "agent_offline"} {
		res, err := post(t.Context(), s, `{"message":"hi"}`)
		if got := errorCode(t, read(t, res, err)); got != want || res.StatusCode != 503 {
			t.Errorf("status %d, code %s", res.StatusCode, got)
		}
	}
	s.ClearFaults()
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

// recorder is a testing.TB that keeps what it is told.
type recorder struct {
	testing.TB
	cleanup []func()
	errors  []string
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.cleanup = append(r.cleanup, f) }
func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

func TestUnusedFaultsAreReported(t *testing.T) {
	t.Parallel()
	var r recorder
	s := clawhqtest.NewTestServer(&r, clawhqtest.WithInMemory())
	s.Inject(clawhqtest.FaultStatus(500, ""), clawhqtest.FaultHTML(502), clawhqtest.FaultReset())
	res, err := post(t.Context(), s, `{"message":"hi"}`)
	read(t, res, err)
	for _, f := range r.cleanup {
		f()
	}
	want := []string{"clawhqtest: no request met the fault FaultHTML(502)", "clawhqtest: no request met the fault FaultReset()"}
	if diff := cmp.Diff(want, r.errors); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	if _, err := post(t.Context(), s, `{}`); err == nil {
		t.Error("the server still runs")
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

// Chats go on while keys come and go; none is served that begins after the
// revocation of its key has returned.
func TestRevocationUnderLoad(t *testing.T) {
	t.Parallel()
	s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
	const chatters, rounds = 50, 20

	// A key's lock is held for writing while it is revoked, so that a chat
	// knows whether it began before or after.
	type entry struct {
		sync.RWMutex
		id, key string
		revoked bool
	}
	create := func() *entry {
		id, key := s.CreateKey("k", 1_000_000)
		return &entry{id: id, key: key}
	}
	var mu sync.Mutex
	current := create()

	done := make(chan struct{})
	var wg sync.WaitGroup
	for i := range chatters {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				mu.Lock()
				e := current
				mu.Unlock()
				e.RLock()
				revoked := e.revoked
				e.RUnlock()
				body := `{"message":"hi","session_id":"s"}`
				if i%2 == 0 {
					body = stream
				}
				res, err := postTo(context.Background(), s, s.URL()+"/v1/chat", e.key, body)
				if err != nil {
					t.Error(err)
					return
				}
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
				switch res.StatusCode {
				case http.StatusUnauthorized:
					continue
				case http.StatusOK, http.StatusTooManyRequests: // the latter while the tier is 300
					if !revoked {
						continue
					}
				}
				t.Errorf("status %d, key revoked before: %v", res.StatusCode, revoked)
			}
		})
	}
	manage := func(method, id, body string) {
		req, err := http.NewRequest(method, s.URL()+"/keys/"+id, strings.NewReader(body))
		if err != nil {
			t.Error(err)
			return
		}
		req.AddCookie(&http.Cookie{Name: "session", Value: s.Session()})
		res, err := s.HTTPClient().Do(req)
		if err != nil {
			t.Error(err)
			return
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", method, res.Status)
		}
	}
	for round := range rounds {
		e := current
		next := create()
		if round%2 == 0 {
			manage(http.MethodPatch, e.id, `{"rate_limit_per_min":300}`)
			s.SetRateLimit(e.id, 1_000_000)
		}
		e.Lock()
		if round%2 == 0 {
			manage(http.MethodDelete, e.id, "")
		} else {
			s.RevokeKey(e.id)
		}
		e.revoked = true
		e.Unlock()
		mu.Lock()
		current = next
		mu.Unlock()
	}
	close(done)
	wg.Wait()
}

// A server started, called once and closed in memory is to cost less than a
// millisecond.
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
