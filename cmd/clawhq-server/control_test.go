package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// control calls the control API and decodes the reply into reply, unless that is nil.
// It returns the status and the text of an error.
func (p *program) control(method, path, body string, reply any) (status int, problem string) {
	p.t.Helper()
	response, text := p.call(method, p.controlURL+path, "Bearer "+p.token, body)
	if response.StatusCode != http.StatusOK {
		var flat struct{ Error string }
		if err := json.Unmarshal([]byte(text), &flat); err != nil {
			p.t.Fatalf("%s %s: status %d, body %s", method, path, response.StatusCode, text)
		}
		return response.StatusCode, flat.Error
	}
	if reply != nil {
		if err := json.Unmarshal([]byte(text), reply); err != nil {
			p.t.Fatalf("%s %s: %v in %s", method, path, err, text)
		}
	}
	return response.StatusCode, ""
}

// do is control for calls that must succeed.
func (p *program) do(method, path, body string, reply any) {
	p.t.Helper()
	if status, problem := p.control(method, path, body, reply); status != http.StatusOK {
		p.t.Fatalf("%s %s %s: status %d, %s", method, path, body, status, problem)
	}
}

// call sends a request, and returns the reply after reading its body.
func (p *program) call(method, url, authorization, body string) (*http.Response, string) {
	p.t.Helper()
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Authorization", authorization)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := p.client.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return response, string(text)
}

// statuses makes n chats and returns their statuses.
func (p *program) statuses(n int) (statuses []int) {
	p.t.Helper()
	for range n {
		response, _ := p.chat(`{"message":"hi"}`)
		statuses = append(statuses, response.StatusCode)
	}
	return statuses
}

func TestControlGuard(t *testing.T) {
	t.Parallel()
	p := start(t)
	for authorization, want := range map[string]int{
		"": 401, "Bearer": 401, "Bearer ": 401, "Bearer " + p.key: 401, "Bearer " + p.token + "x": 401, "Basic " + p.token: 401, "Bearer " + p.token: 200,
	} {
		if response, body := p.call("GET", p.controlURL+"/clock", authorization, ""); response.StatusCode != want || strings.Contains(body, p.token) {
			t.Errorf("Authorization %q: status %d, want %d; body %s", authorization, response.StatusCode, want, body)
		}
	}
	if status, problem := p.control("GET", "/nonsense", "", nil); status != 404 || !strings.Contains(problem, "GET /control/nonsense") {
		t.Errorf("an unknown path: status %d, %s", status, problem)
	}
	// Calls of the control API are in no journal.
	var journal struct{ Total int }
	if p.do("GET", "/requests", "", &journal); journal.Total != 0 {
		t.Errorf("the journal has %d requests", journal.Total)
	}
}

// TestClock fills the window of a key, and makes room in it by advancing the clock.
func TestClock(t *testing.T) {
	t.Parallel()
	p := start(t, "-rpm", "30")
	p.statuses(30)
	limited, _ := p.chat(`{"message":"hi"}`)
	if limited.StatusCode != 429 || limited.Header.Get("Retry-After") != "60" {
		t.Fatalf("call 31: status %d, Retry-After %q", limited.StatusCode, limited.Header.Get("Retry-After"))
	}
	var clock struct{ Now string }
	p.do("POST", "/clock", `{"advance": "60s"}`, &clock)
	if got := p.statuses(1); got[0] != 200 || clock.Now == "" {
		t.Errorf("a minute later: status %d; the clock says %q", got[0], clock.Now)
	}
}

func TestTargetedFaults(t *testing.T) {
	t.Parallel()
	p := start(t)
	type faults struct{ Faults []map[string]any }
	var waiting faults
	p.do("POST", "/faults", `[{"fault": "429:7", "path": "/v1/chat", "method": "POST", "nth": 3}, {"fault": "500", "agent": "sales-assistant"}, "503:agent_offline"]`, &waiting)
	want := []map[string]any{
		{"fault": "429:7", "path": "/v1/chat", "method": "POST", "nth": 3.0}, {"fault": "500", "agent": "sales-assistant"}, {"fault": "503:agent_offline"},
	}
	if diff := cmp.Diff(want, waiting.Faults); diff != "" {
		t.Errorf("armed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{503, 200, 429, 200}, p.statuses(4)); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	waiting = faults{}
	p.do("GET", "/faults", "", &waiting)
	if diff := cmp.Diff(want[1:2], waiting.Faults); diff != "" {
		t.Errorf("waiting (-want +got):\n%s", diff)
	}
	if p.do("DELETE", "/faults", "", &waiting); len(waiting.Faults) != 0 {
		t.Errorf("after clearing: %v", waiting.Faults)
	}
	p.do("POST", "/faults", fmt.Sprintf(`{"fault": "502", "key": %q}`, p.key), &waiting)
	if text := fmt.Sprint(waiting.Faults); strings.Contains(text, p.key) || !strings.Contains(text, p.key[:12]) {
		t.Errorf("a fault's key is shown as %s", text)
	}
	if got := p.statuses(1); got[0] != 502 {
		t.Errorf("the key's fault: status %d", got[0])
	}
}

func TestAgents(t *testing.T) {
	t.Parallel()
	p := start(t)
	p.do("POST", "/agents", `{"slug": "support-bot", "replies": [
		"We are open.", {"chunks": ["From ", "9 to 5."], "delay": "20s", "chunk_delay": "1s"}, {"text": "Well, ", "error": "out of memory"}]}`, nil)
	if _, body := p.chat(`{"message":"hi"}`); !strings.Contains(body, `"response":"We are open."`) {
		t.Errorf("the first reply is %s", body)
	}

	// The second waits for the clock.
	replied := make(chan string)
	go func() {
		_, body := p.chat(`{"message":"second","stream":true}`)
		replied <- body
	}()
	p.do("GET", "/requests/wait?agent=support-bot&body=second", "", nil)
	body := ""
	for body == "" { // in steps, since an agent has only a minute, and may not be waiting yet
		select {
		case body = <-replied:
		default:
			p.do("POST", "/clock", `{"advance": "100ms"}`, nil)
		}
	}
	if want := "data: {\"content\": \"From \"}\n\ndata: {\"content\": \"9 to 5.\"}\n\ndata: [DONE]\n\n"; body != want {
		t.Errorf("the second reply is %q, want %q", body, want)
	}

	for range 2 { // the last reply is repeated
		if response, body := p.chat(`{"message":"hi"}`); response.StatusCode != 502 || !strings.Contains(body, "model_error") || strings.Contains(body, "memory") {
			t.Errorf("a failure: status %d, %s", response.StatusCode, body)
		}
	}
	var journal struct{ Requests []struct{ Error string } }
	if p.do("GET", "/requests?status=502", "", &journal); len(journal.Requests) != 2 || journal.Requests[0].Error != "out of memory" {
		t.Errorf("the journal has %+v", journal)
	}
	if p.do("DELETE", "/agents", "", nil); p.statuses(1)[0] != 200 {
		t.Error("the built-in agent is not back")
	}
}

func TestJournal(t *testing.T) {
	t.Parallel()
	p := start(t)
	p.do("POST", "/faults", `{"fault": "503", "nth": 2}`, nil)
	p.chat(`{"message":"first"}`)
	p.chat(`{"message":"second"}`)
	p.call("GET", p.base+"/v1/health", "Bearer "+p.key, "")
	p.call("GET", p.base+"/v1/threads/none", "Bearer "+p.key, "")
	var journal struct {
		Requests []struct {
			Method, Path, Body, Fault, Agent string
			Status                           int
			Headers                          http.Header
			RequestID                        string `json:"request_id"`
		}
		Total int
	}
	for query, want := range map[string]int{
		"": 4, "?method=POST": 2, "?method=PUT": 0, "?path=/v1/chat": 2, "?path=GET+/v1/chat": 0, "?path=/v1/threads/{id}": 1, "?status=404": 1, "?agent=support-bot": 1,
		"?fault=true": 1, "?fault=false": 3, "?body=second": 1, "?path=/v1/chat&status=200": 1, "?key=" + p.key: 4,
	} {
		if p.do("GET", "/requests"+query, "", &journal); len(journal.Requests) != want || journal.Total != want {
			t.Errorf("%q: %d requests, total %d, want %d", query, len(journal.Requests), journal.Total, want)
		}
	}
	p.do("GET", "/requests?limit=1", "", &journal)
	if r := journal.Requests; len(r) != 1 || journal.Total != 4 || r[0].Path != "/api/v1/threads/none" {
		t.Errorf("the latest of 4 is %+v", journal)
	}
	p.do("GET", "/requests?body=second", "", &journal)
	if r := journal.Requests[0]; r.Body != `{"message":"second"}` || r.Status != 503 || r.Fault != `FaultStatus(503, "").On(Nth(2))` || strings.Contains(fmt.Sprint(r.Headers), p.key) ||
		r.Headers.Get("Content-Type") != "application/json" || !strings.HasPrefix(r.RequestID, "req_") {
		t.Errorf("the second is %+v", r)
	}

	arrived := make(chan int)
	go func() {
		var waited struct{ Total int }
		p.do("GET", "/requests/wait?path=/v1/chat&count=3&timeout=1m", "", &waited)
		arrived <- waited.Total
	}()
	p.chat(`{"message":"third"}`)
	if got := <-arrived; got != 3 {
		t.Errorf("waited for %d requests", got)
	}
	if status, problem := p.control("GET", "/requests/wait?path=/v1/models&timeout=10ms", "", nil); status != 504 || problem != "0 of 1 requests came in 10ms" {
		t.Errorf("waiting in vain: status %d, %s", status, problem)
	}
	p.do("DELETE", "/requests", "", nil)
	if p.do("GET", "/requests", "", &journal); journal.Total != 0 {
		t.Errorf("after clearing there are %d requests", journal.Total)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	p := start(t, "-key", "ci:120")
	var made struct {
		Keys []struct{ ID, Name, Key string }
	}
	p.do("POST", "/keys", `{"name": "fixed", "key": "clw_0123456789abcdef0123456789abcdef", "rpm": 2}`, &made)
	fixed := made.Keys[0]
	health := func() (int, string) {
		t.Helper()
		response, _ := p.call("GET", p.base+"/v1/health", "Bearer "+fixed.Key, "")
		return response.StatusCode, response.Header.Get("X-RateLimit-Limit")
	}
	check := func(step string, wantStatus int, wantLimit string) {
		t.Helper()
		if status, limit := health(); status != wantStatus || limit != wantLimit {
			t.Errorf("%s: status %d, limit %s, want %d and %s", step, status, limit, wantStatus, wantLimit)
		}
	}
	check("new", 200, "2")
	p.do("PATCH", "/keys/"+fixed.ID, `{"rpm": 300}`, nil)
	check("changed", 200, "300")
	p.do("DELETE", "/keys/"+fixed.ID, "", nil)
	check("revoked", 401, "")
	p.do("POST", "/keys", `{"name": "fixed", "key": "clw_0123456789abcdef0123456789abcdef", "rpm": 60}`, &made)
	if check("added again", 200, "60"); made.Keys[0].ID != fixed.ID {
		t.Errorf("its id has changed")
	}
	var listed struct {
		Keys []struct {
			Name string
			RPM  int
		}
	}
	p.do("GET", "/keys", "", &listed)
	if got := fmt.Sprint(listed.Keys); got != "[{default 60} {ci 120} {fixed 60}]" {
		t.Errorf("the keys are %s", got)
	}
	if status, problem := p.control("DELETE", "/keys/none", "", nil); status != 404 || problem != `no key has the id "none"` {
		t.Errorf("an unknown key: status %d, %s", status, problem)
	}
}

// TestEvents makes an event that is delivered to a webhook on this machine.
func TestEvents(t *testing.T) {
	t.Parallel()
	came := make(chan string, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		came <- r.Header.Get("X-ClawHQ-Event") + " " + string(body)
	}))
	defer receiver.Close()
	create := func(p *program) int {
		t.Helper()
		request, _ := http.NewRequest("POST", p.base+"/webhooks", strings.NewReader(fmt.Sprintf(`{"url": %q, "events": ["agent.deployed"]}`, receiver.URL)))
		request.Header.Set("Content-Type", "application/json")
		request.AddCookie(&http.Cookie{Name: "session", Value: p.session})
		response, err := p.client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.StatusCode
	}
	p := start(t)
	if status := create(p); status != 200 {
		t.Fatalf("creating a webhook: status %d", status)
	}
	var sent struct {
		Deliveries []struct {
			Event  string
			Status int
		}
	}
	p.do("POST", "/events", `{"event": "agent.deployed", "data": {"agent_name": "a"}}`, &sent)
	if got := <-came; !strings.HasPrefix(got, `agent.deployed {"event":"agent.deployed","data":{"agent_name":"a"}`) {
		t.Errorf("the receiver got %s", got)
	}
	if got := fmt.Sprint(sent.Deliveries); got != "[{agent.deployed 200}]" {
		t.Errorf("deliveries are %s", got)
	}
	p.do("GET", "/deliveries/wait?event=agent.deployed&status=200&attempt=1", "", &sent)
	if got := fmt.Sprint(sent.Deliveries); got != "[{agent.deployed 200}]" {
		t.Errorf("waited for deliveries %s", got)
	}
	if p.do("GET", "/deliveries?status=500", "", &sent); len(sent.Deliveries) != 0 {
		t.Errorf("deliveries with status 500: %v", sent.Deliveries)
	}
	if status, problem := p.control("GET", "/deliveries/wait?count=2&timeout=10ms", "", nil); status != 504 || problem != "1 of 2 deliveries came in 10ms" {
		t.Errorf("waiting in vain: status %d, %s", status, problem)
	}
	var advanced struct {
		Now     string
		Pending *int
	}
	if p.do("POST", "/clock", `{"advance": "1h"}`, &advanced); advanced.Now == "" || advanced.Pending == nil || *advanced.Pending != 0 {
		t.Errorf("an advance answers %+v", advanced)
	}
	if status := create(start(t, "-strict-webhooks")); status != 400 {
		t.Errorf("-strict-webhooks: status %d", status)
	}
}
