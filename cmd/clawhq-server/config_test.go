package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const document = `{
	"keys": [{"name": "ci", "key": "clw_0123456789abcdef0123456789abcdef", "rpm": 120}, {"name": "spare"}],
	"agents": [{"slug": "greeter", "replies": ["Hello.", "Hello again."]}],
	"models": [{"id": "m1", "name": "Model One", "context_window": 1000}],
	"files": [{"id": "file_1", "name": "faq.md", "size": 2500, "status": "processed"}],
	"conversations": [{"id": "conv_1", "agent": "greeter", "messages": [{"role": "user", "content": "hi"}]}],
	"audit_entries": [{"id": "audit_1", "action": "agent_deployed", "category": "agent", "details": {"by": "us"}}],
	"faults": ["429:7", {"fault": "503", "nth": 2}]
}`

// configFile writes a document to a file and returns its name.
func configFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// facts are the effects of a document on a server, as the API shows them.
func (p *program) facts() (facts []string) {
	p.t.Helper()
	for _, path := range []string{"/v1/models", "/v1/files", "/v1/conversations", "/v1/audit-log", "/v1/agents"} {
		response, body := p.call("GET", p.base+path, "Bearer clw_0123456789abcdef0123456789abcdef", "")
		var reply map[string]any
		if err := json.Unmarshal([]byte(body), &reply); err != nil {
			p.t.Fatalf("%s: status %d, %s", path, response.StatusCode, body)
		}
		for _, list := range []string{"models", "files", "conversations", "audit_logs", "entries", "logs", "agents"} {
			items, _ := reply[list].([]any)
			for _, item := range items {
				o := item.(map[string]any)
				for _, name := range []string{"file_id", "slug", "id"} {
					if o[name] != nil {
						facts = append(facts, fmt.Sprint(path, " ", o[name]))
						break
					}
				}
			}
		}
	}
	return facts
}

// A document has the same effect with -config and with the control API. A reset
// returns to the state at the start.
func TestConfig(t *testing.T) {
	t.Parallel()
	p := start(t, "-config", configFile(t, document), "-fault", "500", "-key", "further:30")
	if p.key != "clw_0123456789abcdef0123456789abcdef" {
		t.Errorf("the printed key is %s", p.key)
	}
	other := start(t)
	var applied struct {
		Keys                 []struct{ Name, Key string }
		Files, Conversations []string
		AuditEntries         []string `json:"audit_entries"`
	}
	other.do("POST", "/config", document, &applied)
	if len(applied.Keys) != 2 || applied.Files[0] != "file_1" || applied.Conversations[0] != "conv_1" || applied.AuditEntries[0] != "audit_1" || len(applied.Keys[1].Key) != 36 {
		t.Errorf("applied: %+v", applied)
	}
	want := []string{"/v1/models m1", "/v1/files file_1", "/v1/conversations conv_1", "/v1/audit-log audit_1", "/v1/agents greeter"}
	keys := map[string]string{} // ids
	for range 2 {
		if diff := cmp.Diff([]int{429, 500, 503, 200}, p.statuses(4)); diff != "" {
			t.Errorf("by flag (-want +got):\n%s", diff)
		}
		if _, body := p.chat(`{"message":"hi","agent":"greeter"}`); !strings.Contains(body, `"Hello."`) {
			t.Errorf("the agent says %s", body)
		}
		if diff := cmp.Diff(want, p.facts()[:len(want)]); diff != "" {
			t.Errorf("by flag (-want +got):\n%s", diff)
		}
		p.do("POST", "/config", `{"offline": true, "models": []}`, nil)
		p.do("POST", "/agents", `{"slug": "late", "replies": ["…"]}`, nil)
		var reset struct{ Keys []struct{ ID, Key string } }
		p.do("POST", "/reset", "", &reset)
		for _, k := range reset.Keys { // all printed keys
			if !strings.Contains(p.greeting, k.Key) || keys[k.Key] != "" && keys[k.Key] != k.ID {
				t.Errorf("a reset gave key %s the id %s, before %q; the greeting was\n%s", k.Key, k.ID, keys[k.Key], p.greeting)
			}
			keys[k.Key] = k.ID
		}
	}
	if len(keys) != 3 {
		t.Errorf("there were keys %v, want the same 3 after each reset", keys)
	}
	other.do("DELETE", "/faults", "", nil)
	if diff := cmp.Diff(want, other.facts()[:len(want)]); diff != "" {
		t.Errorf("by the control API (-want +got):\n%s", diff)
	}
}

// An error in a document names its place, and nothing of the document is applied.
func TestBadDocuments(t *testing.T) {
	t.Parallel()
	p := start(t)
	long := strings.Repeat("x", 101)
	for _, tt := range []struct{ path, body, want string }{
		{"/config", ``, "the body: it is empty: it must be JSON"},
		{"/config", `{`, "the body: it ends too early"},
		{"/config", `{} {}`, "the body: there is more than one JSON value"},
		{"/config", `{"nonsense": 1}`, `the body: unknown field "nonsense"`},
		{"/config", `{"keys": 1}`, "the body: keys: it cannot be a JSON number"},
		{"/config", `{"keys": [{"name": "a"}], "agents": [{"slug": "b"}, {}]}`, "agents[1]: slug is missing"},
		{"/keys", `{}`, "keys[0]: name is missing"},
		{"/keys", `{"name": "` + long + `"}`, "keys[0]: name has 101 characters: the maximum is 100"},
		{"/keys", `{"name": "a", "key": "clw_short"}`, "keys[0]: key must be clw_ and 32 letters or digits"},
		{"/keys", `{"name": "a", "rpm": -1}`, "keys[0]: rpm is -1: it must be from 1 to 100000"},
		{"/keys", `{"name": "a", "rpm": 0}`, "keys[0]: rpm is 0: it must be from 1 to 100000"},
		{"/agents", `{"slug": "` + long + `"}`, "agents[0]: slug has 101 characters: the maximum is 100"},
		{"/agents", `[{"slug": "a", "replies": ["", {"delay": "soon"}]}]`, `agents[0].replies[1]: delay "soon": it must be a duration from 0s to 8784h0m0s, for example 200ms`},
		{"/agents", `{"slug": "a", "replies": [{"chunk_delay": "-1s"}]}`, `chunk_delay "-1s": it must be a duration`},
		{"/agents", `{"slug": "a", "replies": [{"text": "a", "chunks": ["b"]}]}`, "has a text and chunks"},
		{"/agents", `{"slug": "a", "replies": [{"txt": "a"}]}`, `unknown field "txt"`},
		{"/models", `{"name": "a"}`, "models[0]: id is missing"},
		{"/files", `{"size": 1}`, "files[0]: name is missing"},
		{"/files", `{"name": "a.txt", "size": 10485761}`, "files[0]: size is 10485761: it must be from 0 to 10485760 bytes"},
		{"/files", `{"name": "a.txt", "status": "wat"}`, `files[0]: status "wat": it must be one of processing, processed,`},
		{"/conversations", `{"messages": [{"role": "system"}]}`, `conversations[0].messages[0]: role "system": it must be user or assistant`},
		{"/audit-entries", `{}`, "audit_entries[0]: action is missing"},
		{"/audit-entries", `{"action": "a", "details": 1}`, "audit_entries[0]: details must be a JSON object"},
		{"/faults", `{}`, "faults[0]: fault is missing, for example 429:7"},
		{"/faults", `["500", "nonsense"]`, `faults[1]: fault "nonsense": unknown: the forms are 429:7,`},
		{"/faults", `{"fault": "500", "path": "chat"}`, `faults[0]: path "chat": it must be a path below the base URL, such as /v1/chat`},
		{"/faults", `{"fault": "500", "path": "/api/v1/chat"}`, `it must be a path below the base URL, such as /v1/chat`},
		{"/faults", `{"fault": "500", "path": "SEND /v1/chat"}`, `before the path, there can only be a method: GET, POST,`},
		{"/faults", `{"fault": "500", "method": "post"}`, `faults[0]: method "post": it must be one of GET, POST,`},
		{"/faults", `{"fault": "500", "key": "clw_0123456789abcdef0123456789abcdef"}`, `faults[0]: key "clw_01234567…": it must be the id or the value of a key`},
		{"/faults", `{"fault": "500", "path": "/v1/chats"}`, `faults[0]: path "/v1/chats": no endpoint has it`},
		{"/faults", `{"fault": "500", "path": "DELETE /v1/chat"}`, `faults[0]: path "DELETE /v1/chat": no endpoint has it`},
		{"/faults", `{"fault": "500", "times": -1}`, `faults[0]: times is -1: it must be from 0`},
		{"/faults", `{"fault": "500", "nth": -1}`, "faults[0]: nth is -1: it must be from 1 to 1000000"},
		{"/faults", `{"fault": "500", "after": 1}`, `unknown field "after"`},
		{"/faults", "[" + strings.Repeat(`"500",`, 1000) + `"500"]`, "faults: there are 1001 entries: the maximum is 1000 at a time"},
		{"/clock", `{}`, "advance is missing: it must be a duration up to 8784h0m0s, for example 60s"},
		{"/clock", `{"advance": "-1s"}`, `advance "-1s": it must be a duration from 0s to 8784h0m0s`},
		{"/clock", `{"advance": "60"}`, `advance "60": it must be a duration`},
		{"/clock", `{"advance": 60}`, "the body: advance cannot be a JSON number"},
		{"/events", `{"event": "nonsense"}`, `event: unknown "nonsense": it must be one of `},
		{"/events", `{"event": "agent.deployed", "data": []}`, "data must be a JSON object"},
	} {
		if status, problem := p.control("POST", tt.path, tt.body, nil); status != 400 || !strings.Contains(problem, tt.want) {
			t.Errorf("%s %.100s: status %d, %s; want %s", tt.path, tt.body, status, problem, tt.want)
		}
	}
	for path, want := range map[string]string{
		"?fault=1": `fault: unknown "1": it must be one of true, false`, "?method=post": `method: unknown "post": it must be one of GET`, "?key=none": `key "none": it must be the id or the value of a key`,
		"?status=42": `status 42: it must be 0`, "?%zz": `invalid URL escape "%zz"`,
		"?nonsense=1": `the query: unknown "nonsense": it must be one of limit, method, path,`, "?status=ok": `status "ok": it must be a number from 0 to 599`,
		"?limit=0": `limit "0": it must be a number from 1 to 1000`, "?path=chat": `path "chat": it must be a path below the base URL`, "?path=/a&path=/b": "path is given 2 times",
		"/wait?timeout=1h": `timeout "1h": it must be a duration up to 5m0s, for example 10s`, "/wait?count=x": `count "x": it must be a number from 1 to 1000`,
	} {
		if status, problem := p.control("GET", "/requests"+path, "", nil); status != 400 || !strings.Contains(problem, want) {
			t.Errorf("/requests%s: status %d, %s; want %s", path, status, problem, want)
		}
	}
	for call, want := range map[string]string{
		"GET /clock?x=1": `the query: GET /clock has no parameters, such as "x"`, "POST /reset?hard=true": `the query: POST /reset has no parameters`,
		"GET /deliveries?event=chat": `event: unknown "chat": it must be one of`, "GET /deliveries/wait?limit=1": `the query: unknown "limit": it must be one of count, timeout, event,`,
	} {
		method, path, _ := strings.Cut(call, " ")
		if status, problem := p.control(method, path, "", nil); status != 400 || !strings.Contains(problem, want) {
			t.Errorf("%s: status %d, %s; want %s", call, status, problem, want)
		}
	}
	if status, problem := p.control("POST", "/config", `{"keys": [`+strings.Repeat(" ", 1<<20)+`]}`, nil); status != 413 || problem != "the body is longer than 1048576 bytes" {
		t.Errorf("a body too long: status %d, %s", status, problem)
	}
	var keys struct{ Keys []any }
	if p.do("GET", "/keys", "", &keys); len(keys.Keys) != 1 {
		t.Errorf("there are %d keys, want the first only", len(keys.Keys))
	}

	// At the start the program reports the same errors, with the line of the file.
	for _, tt := range []struct{ text, want string }{
		{`{"faults": ["nonsense"]}`, `line 1: faults[0]: fault "nonsense": unknown: the forms are`},
		{"{\n\"keys\": [\n{\"name\": \"a\"},\n{\"nam\": \"b\"}\n]}", `line 4: keys[1]: unknown field "nam"`},
		{"{\n\"keys\": [\n\n{\"name\": \"a\", \"rpm\": \"60\"}\n]}", `line 4: keys[0]: rpm cannot be a JSON string`},
		{"{\"agents\": [{\"slug\": \"a\",\n\"replies\": [\"\",\n{\"delay\": \"soon\"}]}]}", `line 3: agents[0].replies[1]: delay "soon": it must be`},
		{"{\"agents\": [{\"slug\": \"a\",\n\"replies\": [\"\",\n\n{\"dela\": \"1s\"}]}]}", `line 4: agents[0].replies[1]: unknown field "dela"`},
		{"{\n\"keys\": [}\n", `line 2: invalid character '}'`},
		{"{\n\"keys\": [\n", `line 3: it ends too early`},
		{"{\n\n\"faults\": 7}", `line 3: faults: it cannot be a JSON number`},
	} {
		var stdout, stderr bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		name := configFile(t, tt.text)
		code := run(ctx, []string{"-addr", "127.0.0.1:0", "-config", name}, &stdout, &stderr)
		if want := "clawhq-server: -config " + name + ": " + tt.want; code == 0 || !strings.HasPrefix(stderr.String(), want) || stdout.Len() > 0 {
			t.Errorf("exit status %d, %s; want %s", code, &stderr, want)
		}
	}
}

// TestFaultQueueIsBounded fills the queue of faults.
func TestFaultQueueIsBounded(t *testing.T) {
	t.Parallel()
	p := start(t)
	p.do("POST", "/faults", "["+strings.Repeat(`"500",`, 999)+`"500"]`, nil)
	if status, problem := p.control("POST", "/faults", `"500"`, nil); status != http.StatusBadRequest || problem != "1000 faults wait already: the maximum is 1000" {
		t.Errorf("status %d, %s", status, problem)
	}
}
