package e2e

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestTools uses what stands above the list: agents, faults and the clock.
func TestTools(t *testing.T) {
	s := startServer(t, "-agent-delay", "2s")
	b := openTab(t, s)
	b.open(s.dashboard)
	b.wantText("#agents-state", "2 deployed")

	// Agents.
	b.click("#agents-tool summary")
	b.fill("#agent-slug", "helper")
	b.eval(`(() => { document.querySelector('#agent-replies').value = 'Hello.\n{"chunks": ["a", "b"], "error": "out of memory"}'; return true; })()`, new(bool))
	b.click("#agent-form [type=submit]")
	b.wantText("#agents-list", "helper2 replies, fails")
	b.click(`#agents-list [aria-label="Edit helper"]`)
	b.until(`document.querySelector('#agent-replies').value.split('\n')[0] === 'Hello.'`)
	b.fill("#agent-delay", "soon")
	b.click("#agent-form [type=submit]")
	b.wantText("#agents-message", `delay "soon": it must be a duration`)
	if status := s.post(t, "/v1/chat", s.key, `{"message":"hi","agent":"helper"}`); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	b.click("#agents-offline")
	b.wantText("#agents-state", "offline")
	if status := s.post(t, "/v1/chat", s.key, `{"message":"hi"}`); status != http.StatusServiceUnavailable {
		t.Errorf("offline: status %d", status)
	}
	b.click("#agents-reset")
	b.wantText("#agents-state", "2 deployed")

	// Faults, aimed and more than once.
	b.click("#aim-tool summary")
	b.fill("#aim-fault", "nonsense")
	b.click("#aim-form [type=submit]")
	b.wantText("#aim-message", `fault "nonsense": unknown`)
	b.fill("#aim-fault", "429:7")
	b.wantText("#aim-meaning", "Retry-After")
	b.choose("#aim-path", "GET /v1/health")
	b.eval(`(() => { const key = document.querySelector('#aim-key'); key.selectedIndex = 1; return true; })()`, new(bool))
	b.fill("#aim-times", "2")
	b.click("#aim-form [type=submit]")
	b.wantText("#aim-queue", "for the next 2 requests to GET /v1/health with default")
	for i, want := range []int{429, 429, 200} {
		if status, _ := s.call(t, http.MethodGet, "/v1/health", s.key, ""); status != want {
			t.Errorf("request %d: status %d, want %d", i, status, want)
		}
	}
	b.wantText("#aim-count", "none armed")

	// A test changes things, too.
	s.controls(t, http.MethodPost, "/faults", `[{"fault": "500", "times": 0}, {"fault": "503", "nth": 2}]`)
	b.wantText("#aim-queue", "500 for all requests")
	b.wantText("#aim-queue", "503 for the next request from number 2 on")
	b.click("#aim-clear")
	b.wantText("#aim-count", "none armed")

	// The clock: a stream that takes 2 s for each chunk, and a retry.
	b.click("#clock-tool summary")
	b.until(`document.querySelector('#clock-next').disabled`)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }))
	defer receiver.Close()
	if status := s.post(t, "/webhooks", "", `{"url":"`+receiver.URL+`","events":["api.request"]}`); status >= 300 {
		t.Fatalf("status %d", status)
	}
	answered := make(chan int, 1)
	go func() { answered <- s.post(t, "/v1/chat", s.key, `{"message":"Hello","stream":true}`) }()
	b.wantText(newest, "…")
	b.click("[data-advance='1m']")
	b.wantText("#clock-ahead", "+1 min")
	if status := <-answered; status != 200 {
		t.Errorf("status %d", status)
	}
	b.until(`!document.querySelector('#clock-next').disabled`)
	b.click("#clock-next")
	b.until(`!/^\+1 min 0 s$/.test(document.querySelector('#clock-ahead').textContent)`)
	if deliveries := string(s.controls(t, http.MethodGet, "/deliveries", "")); strings.Count(deliveries, `"attempt":`) != 2 {
		t.Errorf("deliveries: %s", deliveries)
	}
}
