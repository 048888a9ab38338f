package main

import (
	"bufio"
	"context"
	"io"
	"iter"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
)

// handler returns the app in front of a service, without retries, so that each
// fault shows.
func handler(service *clawhqtest.Server, patience time.Duration) http.Handler {
	return NewHandler(service.Client(clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 1})), patience)
}

// backend starts the app in front of a reference server.
func backend(t *testing.T, patience time.Duration) (*httptest.Server, *clawhqtest.Server) {
	service := clawhqtest.NewTestServer(t)
	app := httptest.NewServer(handler(service, patience))
	t.Cleanup(app.Close)
	return app, service
}

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestRelay(t *testing.T) {
	t.Parallel()
	app, service := backend(t, time.Minute)
	service.HandleAgent("support-bot", clawhqtest.Reply("one\n", `"two"`))
	resp, body := get(t, app.URL+"/ask?q=hi")
	want := "event: message\ndata: \"one\\n\"\n\nevent: message\ndata: \"\\\"two\\\"\"\n\nevent: done\ndata: \"\"\n\n"
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" || body != want {
		t.Errorf("got %s %v\n%s", resp.Status, resp.Header, body)
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	app, _ := backend(t, time.Minute)
	if resp, body := get(t, app.URL+"/"); resp.StatusCode != 200 || !strings.Contains(body, "EventSource") {
		t.Errorf("got %s\n%s", resp.Status, body)
	}
}

// Errors before the first chunk become statuses of our own.
func TestRelayErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		fault      clawhqtest.Fault
		status     int
		retryAfter string
	}{
		{"rate limited", clawhqtest.FaultRateLimit("7"), 503, "7"},
		{"rate limited for 56,000 years", clawhqtest.FaultRateLimit("1793675129406"), 503, ""},
		{"agent offline", clawhqtest.FaultStatus(503, clawhq.CodeAgentOffline), 503, ""},
		{"content blocked", clawhqtest.FaultStatus(400, clawhq.CodeContentBlocked), 400, ""},
		{"no such agent", clawhqtest.FaultStatus(404, clawhq.CodeAgentNotFound), 404, ""},
		{"our key is revoked", clawhqtest.FaultStatus(401, clawhq.CodeRevokedAPIKey), 502, ""},
		{"a proxy's page", clawhqtest.FaultHTML(500), 502, ""},
		{"no reply", clawhqtest.FaultReset(), 502, ""},
		{"a stream that says nothing", clawhqtest.FaultStreamCut(0), 502, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			app, service := backend(t, time.Minute)
			service.Inject(tt.fault)
			resp, body := get(t, app.URL+"/ask?q=hi")
			if resp.StatusCode != tt.status || resp.Header.Get("Retry-After") != tt.retryAfter {
				t.Errorf("got %s, %v: %s", resp.Status, resp.Header, body)
			}
			if strings.Contains(body, "req_") || strings.Contains(body, "clw_") || strings.Contains(body, "event:") {
				t.Errorf("the browser is told %q", body)
			}
		})
	}
	t.Run("no question", func(t *testing.T) {
		t.Parallel()
		app, service := backend(t, time.Minute)
		resp, _ := get(t, app.URL+"/ask?q=")
		if sent := len(service.Requests()); resp.StatusCode != 400 || sent != 0 {
			t.Errorf("got %s after %d requests", resp.Status, sent)
		}
	})
	t.Run("an agent that takes too long", func(t *testing.T) {
		t.Parallel()
		app, service := backend(t, time.Second)
		service.Inject(clawhqtest.FaultStreamStall(0))
		if resp, _ := get(t, app.URL+"/ask?q=hi"); resp.StatusCode != 504 {
			t.Errorf("got %s", resp.Status)
		}
	})
	t.Run("no room within the rate limit", func(t *testing.T) {
		t.Parallel()
		app, service := backend(t, 30*time.Second)
		service.SetRateLimit(service.KeyID(), 1)
		get(t, app.URL+"/ask?q=hi") // the first reply tells the limit
		if resp, _ := get(t, app.URL+"/ask?q=hi"); resp.StatusCode != 503 {
			t.Errorf("got %s", resp.Status)
		}
	})
}

// After the first chunk it is too late for a status.
func TestRelayCutOff(t *testing.T) {
	t.Parallel()
	app, service := backend(t, time.Minute)
	service.Inject(clawhqtest.FaultStreamCut(2))
	resp, body := get(t, app.URL+"/ask?q=hi")
	if resp.StatusCode != 200 || !strings.HasSuffix(body, "event: failure\ndata: \"The answer was cut off. Please ask again.\"\n\n") {
		t.Errorf("got %s\n%s", resp.Status, body)
	}
}

// begin asks a question at url, whose agent says one word and then waits to be
// stopped. It returns the rest of the answer, and stopped is closed when the
// agent has been stopped.
func begin(ctx context.Context, t *testing.T, service *clawhqtest.Server, url string) (rest *bufio.Reader, stopped chan struct{}) {
	stopped = make(chan struct{})
	service.HandleAgent("support-bot", func(ctx context.Context, _ clawhqtest.Message) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			yield("one ", nil)
			<-ctx.Done()
			close(stopped)
		}
	})
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "GET", url+"/ask?q=hi", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	rest = bufio.NewReader(resp.Body)
	for _, want := range []string{"event: message\n", "data: \"one \"\n", "\n"} {
		if line, err := rest.ReadString('\n'); line != want {
			t.Fatalf("got %q, %v", line, err)
		}
	}
	return rest, stopped
}

func wait(t *testing.T, stopped chan struct{}) {
	t.Helper()
	select {
	case <-stopped:
	case <-time.After(10 * time.Second):
		t.Error("the agent was not stopped")
	}
}

// The agent stops when the browser leaves.
func TestBrowserLeaves(t *testing.T) {
	t.Parallel()
	app, service := backend(t, time.Minute)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	_, stopped := begin(ctx, t, service, app.URL)
	leave()
	wait(t, stopped)
}

// When the app stops, the agent does, and the browser is told that the answer
// is not whole.
func TestShutdown(t *testing.T) {
	t.Parallel()
	service := clawhqtest.NewTestServer(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	served := make(chan error, 1)
	go func() { served <- serve(ctx, listener, handler(service, time.Minute)) }()
	rest, stopped := begin(t.Context(), t, service, "http://"+listener.Addr().String())
	stop()
	wait(t, stopped)
	if events, err := io.ReadAll(rest); err != nil || !strings.HasPrefix(string(events), "event: failure\n") {
		t.Errorf("got %q, %v", events, err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
