package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sandbox creates a sandbox, and returns a client of it.
func (p *program) sandbox(document string) (*program, string) {
	p.t.Helper()
	response, text := p.call("POST", p.controlURL+"/sandboxes", "Bearer "+p.token, document)
	var made struct {
		ID string
		about
	}
	if err := json.Unmarshal([]byte(text), &made); err != nil || response.StatusCode != http.StatusCreated {
		p.t.Fatalf("creating a sandbox: status %d, %s", response.StatusCode, text)
	}
	return &program{t: p.t, base: made.BaseURL, key: made.APIKey, session: made.Session, controlURL: made.ControlURL, token: made.ControlToken, client: p.client}, made.ID
}

// A sandbox is a server of its own, in the state in which the program started.
func TestSandboxes(t *testing.T) {
	t.Parallel()
	p := start(t, "-config", configFile(t, document), "-key", "ci:120", "-fault", "500")
	one, id := p.sandbox("")
	two, _ := p.sandbox(`{"agents": [{"slug": "support-bot", "replies": ["From the second."]}]}`)
	if want := strings.TrimSuffix(p.base, "/api") + "/sandbox/" + id + "/api"; one.base != want || one.controlURL != strings.TrimSuffix(want, "/api")+"/control" {
		t.Errorf("base URL %s, control URL %s", one.base, one.controlURL)
	}
	if one.token == p.token || one.token == two.token || one.session == p.session || one.key != p.key || two.key == p.key {
		t.Errorf("credentials: %+v, %+v", one, two)
	}

	if diff := cmp.Diff([]int{429, 500, 503, 200}, one.statuses(4)); diff != "" { // its own faults
		t.Errorf("as the program started (-want +got):\n%s", diff)
	}
	one.do("POST", "/clock", `{"advance": "48h"}`, nil)
	one.do("POST", "/reset", "", nil)
	if response, body := two.chat(`{"message": "hi"}`); response.StatusCode != 500 { // -fault
		t.Errorf("the second: status %d, %s", response.StatusCode, body)
	}
	if _, body := two.chat(`{"message": "hi"}`); !strings.Contains(body, "From the second.") {
		t.Errorf("the second says %s", body)
	}
	var clock struct{ Now time.Time }
	if two.do("GET", "/clock", "", &clock); time.Until(clock.Now) > time.Hour {
		t.Errorf("the second's clock says %v", clock.Now)
	}
	var journal struct {
		Requests []struct{ Path string }
		Total    int
	}
	for client, want := range map[*program]int{p: 0, one: 0, two: 2} {
		if client.do("GET", "/requests", "", &journal); journal.Total != want || want > 0 && journal.Requests[0].Path != "/api/v1/chat" {
			t.Errorf("a journal has %+v, want %d requests", journal, want)
		}
	}
	// A sandbox does not accept the program's token, nor the program that of a
	// sandbox.
	for url, token := range map[string]string{one.controlURL: p.token, p.controlURL: one.token, two.controlURL: one.token} {
		if response, _ := p.call("GET", url+"/clock", "Bearer "+token, ""); response.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s with another's token: status %d", url, response.StatusCode)
		}
	}
	if status, problem := one.control("POST", "/sandboxes", "", nil); status != http.StatusNotFound {
		t.Errorf("a sandbox in a sandbox: status %d, %s", status, problem)
	}
	if status, problem := p.control("POST", "/sandboxes", `{"keys": [{}]}`, nil); status != http.StatusBadRequest || problem != "keys[0]: name is missing" {
		t.Errorf("a bad document: status %d, %s", status, problem)
	}

	p.do("POST", "/reset", "", nil) // does not reset the sandboxes
	var list struct {
		Sandboxes []struct {
			ID      string
			BaseURL string `json:"base_url"`
		}
	}
	if p.do("GET", "/sandboxes", "", &list); len(list.Sandboxes) != 2 || list.Sandboxes[0].ID != id || list.Sandboxes[0].BaseURL != one.base {
		t.Errorf("the list is %+v", list)
	}

	// When a sandbox ends, the requests that wait in it end.
	one.do("POST", "/agents", `{"slug": "slow", "replies": [{"text": "late", "delay": "1h"}]}`, nil)
	one.do("DELETE", "/faults", "", nil)
	ended := make(chan int, 2)
	for _, underWay := range []func() *http.Response{
		func() *http.Response {
			response, _ := p.call("GET", one.controlURL+"/requests/wait?count=1000&timeout=5m", "Bearer "+one.token, "")
			return response
		},
		func() *http.Response {
			response, _ := one.chat(`{"message": "hi", "agent": "slow"}`)
			return response
		},
	} {
		go func() {
			status := 0
			defer func() { ended <- status }() // also if the call ends the goroutine
			status = underWay().StatusCode
		}()
	}
	one.do("GET", "/requests/wait?agent=slow", "", nil)
	for under := (struct {
		Sandboxes []struct {
			UnderWay int `json:"under_way"`
		}
	}{}); len(under.Sandboxes) == 0 || under.Sandboxes[0].UnderWay < 2; time.Sleep(10 * time.Millisecond) {
		p.do("GET", "/sandboxes", "", &under)
	}
	p.do("DELETE", "/sandboxes/"+id, "", nil)
	for range 2 {
		if status := <-ended; status != http.StatusServiceUnavailable {
			t.Errorf("what was under way got status %d", status)
		}
	}
	for _, url := range []string{one.base + "/v1/health", one.controlURL + "/clock", strings.TrimSuffix(p.base, "/api") + "/sandbox/none/api/v1/health"} {
		response, body := p.call("GET", url, "Bearer "+one.token, "")
		var flat struct{ Error string }
		if err := json.Unmarshal([]byte(body), &flat); err != nil || response.StatusCode != http.StatusNotFound || flat.Error == "" {
			t.Errorf("%s after the end: status %d, %s", url, response.StatusCode, body)
		}
	}
	if status, _ := p.control("DELETE", "/sandboxes/"+id, "", nil); status != http.StatusNotFound {
		t.Errorf("deleting it again: status %d", status)
	}
}

// A sandbox ends if nobody has used it for a while, but not while a request is under
// way.
func TestIdleSandboxes(t *testing.T) {
	t.Parallel()
	p := start(t, "-sandbox-idle", "700ms")
	p.sandbox("")
	busy, _ := p.sandbox("")
	waited := make(chan int)
	go func() {
		status, _ := busy.control("GET", "/requests/wait?timeout=3s", "", nil)
		waited <- status
	}()
	var list struct{ Sandboxes []struct{ ID string } }
	for deadline := time.Now().Add(2500 * time.Millisecond); time.Now().Before(deadline) && len(list.Sandboxes) != 1; time.Sleep(20 * time.Millisecond) {
		p.do("GET", "/sandboxes", "", &list)
	}
	if status := <-waited; len(list.Sandboxes) != 1 || status != http.StatusGatewayTimeout {
		t.Errorf("sandboxes %+v; the one under way got status %d", list, status)
	}
}

// There can be 200 sandboxes at a time, each with a journal of its own. One more is
// refused.
func TestManySandboxes(t *testing.T) {
	t.Parallel()
	p := start(t, "-log", "off")
	var making sync.WaitGroup
	for range 8 {
		making.Go(func() {
			for range maxSandboxes / 8 {
				box, id := p.sandbox("")
				if got := box.statuses(2); got[0] != 200 || got[1] != 200 {
					t.Errorf("sandbox %s: statuses %v", id, got)
				}
				var journal struct{ Total int }
				if box.do("GET", "/requests", "", &journal); journal.Total != 2 {
					t.Errorf("sandbox %s: %d requests", id, journal.Total)
				}
			}
		})
	}
	making.Wait()
	page, err := os.ReadFile("../../docs/server.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{fmt.Sprintf("There can be %d at a time", maxSandboxes), fmt.Sprintf("store at most %d MB", keptBytes>>20)} {
		if !strings.Contains(string(page), want) {
			t.Errorf("docs/server.md does not say: %s", want)
		}
	}
	if status, problem := p.control("POST", "/sandboxes", "", nil); status != http.StatusServiceUnavailable || problem != fmt.Sprintf("there are %d sandboxes, which is the maximum: delete one", maxSandboxes) {
		t.Errorf("one more: status %d, %s", status, problem)
	}
}

// The program and its sandboxes serve the documents of docs, each with its own server,
// and that of the control API to who has the token.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	p := start(t)
	box, _ := p.sandbox("")
	for _, p := range []*program{p, box} {
		api, controls := strings.TrimSuffix(p.base, "/api")+"/openapi.json", p.controlURL+"/openapi.json"
		for _, tc := range []struct{ url, authorization, file, server string }{
			{api, "", "openapi.json", p.base},
			{controls, "Bearer " + p.token, "openapi-control.json", p.controlURL},
		} {
			response, text := p.call("GET", tc.url, tc.authorization, "")
			got, want := map[string]any{}, map[string]any{}
			file, err := os.ReadFile("../../docs/" + tc.file)
			if err := errors.Join(err, json.Unmarshal([]byte(text), &got), json.Unmarshal(file, &want)); err != nil || response.StatusCode != http.StatusOK {
				t.Fatalf("%s: status %d, %v", tc.url, response.StatusCode, err)
			}
			want["servers"] = []any{map[string]any{"url": tc.server, "description": "the server that has sent this document"}}
			if !cmp.Equal(want, got) { // a diff would be long
				t.Errorf("%s is not docs/%s with the server %v: servers %v", tc.url, tc.file, want["servers"], got["servers"])
			}
		}
		if response, text := p.call("GET", controls, "", ""); response.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s without a token: status %d, %s", controls, response.StatusCode, text)
		}
	}
}
