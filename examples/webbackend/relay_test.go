package main

import (
	"bufio"
	"context"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
)

// backend returns the app in front of a reference server.
func backend(t *testing.T) (*httptest.Server, *clawhqtest.Server) {
	service := clawhqtest.NewTestServer(t)
	app := httptest.NewServer(NewHandler(service.Client(clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 1}))))
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
	app, service := backend(t)
	service.HandleAgent("support-bot", clawhqtest.Reply("one\n", `"two"`))
	resp, body := get(t, app.URL+"/ask?q=hi")
	want := "data: \"one\\n\"\n\ndata: \"\\\"two\\\"\"\n\nevent: done\ndata: \"\"\n\n"
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" || body != want {
		t.Errorf("got %s %v\n%s", resp.Status, resp.Header, body)
	}
}

func TestPage(t *testing.T) {
	app, _ := backend(t)
	if resp, body := get(t, app.URL+"/"); resp.StatusCode != 200 || !strings.Contains(body, "EventSource") {
		t.Errorf("got %s\n%s", resp.Status, body)
	}
}

// Errors before the first chunk become statuses of our own.
func TestRelayErrors(t *testing.T) {
	app, service := backend(t)
	for _, tt := range []struct {
		name       string
		fault      clawhqtest.Fault
		status     int
		retryAfter string
	}{
		{"rate limited", clawhqtest.FaultRateLimit("7"), 503, "7"},
		{"rate limited for 56,000 years", clawhqtest.FaultRateLimit("1793675129406"), 503, ""},
		{"agent offline", clawhqtest.FaultStatus(503, clawhq.CodeAgentOffline), 503, ""},
		{"no such agent", clawhqtest.FaultStatus(404, clawhq.CodeAgentNotFound), 404, ""},
		{"our key is revoked", clawhqtest.FaultStatus(401, clawhq.CodeRevokedAPIKey), 502, ""},
		{"a proxy's page", clawhqtest.FaultHTML(500), 502, ""},
		{"no reply", clawhqtest.FaultReset(), 502, ""},
	} {
		// A client of its own, since a 429 makes the next call wait.
		app.Config.Handler = NewHandler(service.Client(clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 1})))
		service.Inject(tt.fault)
		resp, body := get(t, app.URL+"/ask?q=hi")
		if resp.StatusCode != tt.status || resp.Header.Get("Retry-After") != tt.retryAfter || strings.Contains(body, "req_") {
			t.Errorf("%s: got %s, %v: %s", tt.name, resp.Status, resp.Header, body)
		}
	}
	if resp, _ := get(t, app.URL+"/ask?q="); resp.StatusCode != 400 {
		t.Errorf("no question: got %s", resp.Status)
	}
}

// After the first chunk it is too late for a status.
func TestRelayCutOff(t *testing.T) {
	app, service := backend(t)
	service.Inject(clawhqtest.FaultStreamCut(2))
	if resp, body := get(t, app.URL+"/ask?q=hi"); resp.StatusCode != 200 || !strings.Contains(body, "event: failure\n") || strings.Contains(body, "event: done") {
		t.Errorf("got %s\n%s", resp.Status, body)
	}
}

// The agent stops when the browser leaves.
func TestBrowserLeaves(t *testing.T) {
	app, service := backend(t)
	left := make(chan error, 1)
	service.HandleAgent("support-bot", func(ctx context.Context, _ clawhqtest.Message) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			yield("one ", nil)
			<-ctx.Done()
			left <- ctx.Err()
		}
	})
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	req, err := http.NewRequestWithContext(ctx, "GET", app.URL+"/ask?q=hi", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if line, err := bufio.NewReader(resp.Body).ReadString('\n'); line != "data: \"one \"\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	leave()
	select {
	case <-left:
	case <-time.After(10 * time.Second):
		t.Error("the agent was not stopped")
	}
}
