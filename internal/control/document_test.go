package control

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go/clawhqtest"
)

// entries has, for each list of a Document, an entry with all members, and which request
// shows it afterwards.
var entries = map[string]struct{ entry, shown string }{
	"agents":        {`{"slug": "greeter", "replies": [{"text": "Hello.", "delay": "1s"}, {"error": "model_error"}]}`, `/api/v1/agents greeter`},
	"faults":        {`{"fault": "503:agent_offline", "times": 2}`, `/control/faults agent_offline`},
	"keys":          {`{"name": "staging", "key": "clw_0123456789abcdef0123456789abcdef", "rpm": 30}`, `/control/keys staging`},
	"models":        {`{"id": "m1", "name": "Model", "context_window": 8000, "description": null}`, `/api/v1/models m1`},
	"files":         {`{"id": "file_1", "name": "notes.txt", "media_type": "text/plain", "purpose": "knowledge_base", "size": 12, "status": "processed", "created_at": "2026-03-01T09:00:00Z"}`, `/api/v1/files file_1`},
	"conversations": {`{"id": "00000000-0000-4000-8000-000000000001", "agent": "support-bot", "created_at": "2026-03-01T09:00:00Z", "last_message_at": "2026-03-01T09:01:00Z", "messages": [{"id": "00000000-0000-4000-8000-000000000002", "role": "user", "content": "Hi.", "created_at": "2026-03-01T09:01:00Z"}]}`, `/api/v1/conversations 00000000-0000-4000-8000-000000000001`},
	"audit-entries": {`{"id": "00000000-0000-4000-8000-000000000003", "action": "api_key_created", "entity_type": "api_key", "entity_id": "k1", "category": "api_key", "details": {"name": "prod"}, "ip_address": "192.0.2.1", "created_at": "2026-03-01T09:00:00Z", "integrity_hash": "ab"}`, `/api/v1/audit-log api_key_created`},
}

// Each list of a document can be sent by itself: one entry, or a list of them.
func TestLists(t *testing.T) {
	t.Parallel()
	for name, e := range entries {
		for _, body := range []string{e.entry, "[" + e.entry + "]"} {
			c := newCaller(t)
			if status, reply := c.call("POST", "/control/"+name, body); status != http.StatusOK {
				t.Errorf("%s: status %d, %s", body, status, reply)
			}
			path, want, _ := strings.Cut(e.shown, " ")
			if status, reply := c.call("GET", path, ""); status != http.StatusOK || !strings.Contains(reply, want) {
				t.Errorf("%s after %s: status %d, %s", path, body, status, reply)
			}
		}
	}
}

// A journal can be filtered by each of its parameters, and says what it leaves out.
func TestFilters(t *testing.T) {
	t.Parallel()
	c := newCaller(t)
	c.call("POST", "/control/agents", `{"slug": "long", "replies": [{"text": "`+strings.Repeat("long ", 8<<10)+`"}]}`)
	c.call("POST", "/api/v1/chat", `{"agent": "long", "message": "`+strings.Repeat("m", 20<<10)+`"}`)
	c.call("POST", "/api/v1/chat", `{"agent": "long", "message": "brief"}`)
	var journal struct {
		Requests []struct {
			RequestID    string `json:"request_id"`
			Omitted      int
			ReplyOmitted int `json:"reply_omitted"`
		}
		Total int
	}
	_, reply := c.call("GET", "/control/requests", "")
	if err := json.Unmarshal([]byte(reply), &journal); err != nil || journal.Total != 2 || journal.Requests[1].ReplyOmitted == 0 {
		t.Fatalf("%v, %+v in %s", err, journal, reply)
	}
	for query, want := range map[string]int{
		"method=POST": 2, "method=GET": 0, "path=/v1/chat": 2, "limit=1": 2, "body=brief": 1, "request_id=" + journal.Requests[1].RequestID: 1, "agent=long": 1,
	} {
		_, reply := c.call("GET", "/control/requests?"+query, "")
		if err := json.Unmarshal([]byte(reply), &journal); err != nil || journal.Total != want {
			t.Errorf("%s: %v, %d requests, want %d: %s", query, err, journal.Total, want, reply)
		}
	}
}

// What is not there is said so.
func TestMissing(t *testing.T) {
	t.Parallel()
	c := newCaller(t)
	for _, call := range [][3]string{
		{"PATCH", "/control/keys/none", `{"rpm": 60}`}, {"DELETE", "/control/keys/none", ""}, {"GET", "/control/sandboxes", ""}, {"GET", "/control/nothing", ""},
	} {
		if status, reply := c.call(call[0], call[1], call[2]); status != http.StatusNotFound || !strings.Contains(reply, `"error"`) {
			t.Errorf("%v: status %d, %s", call, status, reply)
		}
	}
}

// A delivery without a reply has an error, and those of a webhook can be told apart.
func TestDeliveryFilters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCaller(t)
		c.server.DeliverTo(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
		c.call("POST", "/api/webhooks", `{"url": "https://hooks.example.com/a", "events": ["agent.deployed"]}`)
		c.call("POST", "/control/events", `{"event": "agent.deployed", "data": {}}`)
		synctest.Wait()
		var log struct {
			Deliveries []struct {
				ID        string
				WebhookID string `json:"webhook_id"`
				Error     string
			}
		}
		_, reply := c.call("GET", "/control/deliveries", "")
		if err := json.Unmarshal([]byte(reply), &log); err != nil || len(log.Deliveries) != 1 || log.Deliveries[0].Error == "" {
			t.Fatalf("%v, %s", err, reply)
		}
		replay := "/api/webhooks/" + log.Deliveries[0].WebhookID + "/deliveries/" + log.Deliveries[0].ID + "/replay"
		for query, want := range map[string]int{"webhook=" + log.Deliveries[0].WebhookID: 1, "webhook=none": 0, "limit=1": 1, "event=agent.deployed": 1, "status=200": 0, "attempt=1": 1} {
			_, reply := c.call("GET", "/control/deliveries?"+query, "")
			if err := json.Unmarshal([]byte(reply), &log); err != nil || len(log.Deliveries) != want {
				t.Errorf("%s: %v, %d deliveries, want %d: %s", query, err, len(log.Deliveries), want, reply)
			}
		}
		if status, reply := c.call("POST", replay, ""); status != http.StatusBadGateway {
			t.Errorf("a replay without a reply: status %d, %s", status, reply)
		}
	})
}

// Who waits when the program ends is told so.
func TestWaitEnds(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/control/requests/wait", "/control/deliveries/wait"} {
		synctest.Test(t, func(t *testing.T) {
			c := newCaller(t)
			ctx, end := context.WithCancel(t.Context())
			r := httptest.NewRequestWithContext(ctx, http.MethodGet, path+"?timeout=5m", nil)
			r.Header.Set("Authorization", "Bearer "+c.control.Token())
			time.AfterFunc(time.Minute, end)
			w := httptest.NewRecorder()
			if c.control.ServeHTTP(w, r); w.Code != http.StatusServiceUnavailable {
				t.Errorf("%s: status %d, %s", path, w.Code, w.Body)
			}
		})
	}
}

// A caller calls a server and its control API.
type caller struct {
	server  *clawhqtest.Server
	control *Control
}

func newCaller(t *testing.T) caller {
	t.Helper()
	server := clawhqtest.NewServer(clawhqtest.WithInMemory())
	t.Cleanup(server.Close)
	c, err := New(Config{Server: server, RPM: 60, Events: []string{"agent.deployed"}, AnyHost: true})
	if err != nil {
		t.Fatal(err)
	}
	return caller{server, c}
}

// call returns the status and body of a reply.
func (c caller) call(method, path, body string) (int, string) {
	r := httptest.NewRequest(method, "https://clawhq.test"+path, strings.NewReader(body))
	handler, token := http.Handler(c.control), c.control.Token()
	if strings.HasPrefix(path, "/api/") {
		handler, token = c.server.Handler(), c.server.APIKey()
		r.AddCookie(&http.Cookie{Name: "session", Value: c.server.Session()})
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}
