package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestSameFailure plays each kind of fault, and fails without one: the page knows the
// fault by which the next request fails in the same way.
func TestSameFailure(t *testing.T) {
	s := startServer(t)
	b := openTab(t, s)
	b.open(s.dashboard)
	var faults []string
	b.until(`document.querySelectorAll('#aim-faults option').length > 10`)
	b.eval(`[...document.querySelectorAll('#aim-faults option')].map((o) => o.value)`, &faults)
	client := *untrusting
	// await has the client wait for the reply to a fault: it leaves by itself only where
	// there will be none for long.
	await := func(fault string) {
		client.Timeout = 10 * time.Second
		if strings.HasPrefix(fault, "stall") || strings.HasPrefix(fault, "delay") {
			client.Timeout = time.Second
		}
	}
	// send chats, and returns what the client sees.
	send := func(key, path, body string) string {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.base+path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+key)
		reply, err := client.Do(r)
		if err != nil {
			return "no reply"
		}
		defer reply.Body.Close()
		text, _ := io.ReadAll(reply.Body)
		var envelope struct{ Error struct{ Code string } }
		json.Unmarshal(text, &envelope)
		return fmt.Sprint(reply.StatusCode, " ", envelope.Error.Code, " ", reply.Header.Get("Content-Type"))
	}
	// repeat returns the fault for the latest request.
	repeat := func() (fault string) {
		t.Helper()
		for range 100 {
			journal := s.controls(t, http.MethodGet, "/requests?limit=1", "")
			if strings.Contains(string(journal), `"duration_ms":0,`) {
				time.Sleep(20 * time.Millisecond) // its client has just left
				continue
			}
			b.eval(fmt.Sprintf(`import('/static/failure.js').then(({ outcome }) => outcome(JSON.parse(%q).requests[0]).repeat)`, journal), &fault)
			return fault
		}
		t.Fatal("a request does not end")
		return ""
	}
	for _, fault := range faults {
		await(fault)
		s.controls(t, http.MethodPost, "/faults", fmt.Sprintf(`{"fault": %q}`, fault))
		send(s.key, "/v1/chat", `{"message":"hi","stream":true}`)
		if got := repeat(); got != fault {
			t.Errorf("after %s the next one fails by %q", fault, got)
		}
	}
	await("")
	s.controls(t, http.MethodDelete, "/faults", "")
	s.controls(t, http.MethodPost, "/agents", `[{"slug": "failing", "replies": [{"chunks": [], "error": "no"}]}, {"slug": "breaking", "replies": [{"chunks": ["a"], "error": "no"}]}]`)
	for name, tt := range map[string]struct{ key, path, body string }{
		"an unknown key":       {"clw_00000000000000000000000000000000", "/v1/chat", `{"message":"hi"}`},
		"an unknown path":      {s.key, "/v1/nothing", `{}`},
		"no message":           {s.key, "/v1/chat", `{}`},
		"no JSON":              {s.key, "/v1/chat", `{`},
		"an unknown agent":     {s.key, "/v1/chat", `{"message":"hi","agent":"nobody"}`},
		"an agent that fails":  {s.key, "/v1/chat", `{"message":"hi","agent":"failing"}`},
		"a stream that breaks": {s.key, "/v1/chat", `{"message":"hi","agent":"breaking","stream":true}`},
	} {
		want := send(tt.key, tt.path, tt.body)
		fault := repeat()
		s.controls(t, http.MethodPost, "/faults", fmt.Sprintf(`{"fault": %q}`, fault))
		if got := send(s.key, "/v1/chat", `{"message":"hi","stream":true}`); got != want {
			t.Errorf("%s: the client sees %s, and by %s then %s", name, want, fault, got)
		}
	}
	send(s.key, "/v1/chat", `{"message":"hi"}`)
	if fault := repeat(); fault != "" {
		t.Errorf("after a success the next one fails by %q", fault)
	}
}
