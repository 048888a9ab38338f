package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/clawhq/clawhq-go/clawhqtest"
	apiserver "github.com/clawhq/clawhq-go/internal/server"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// newID calls the server and returns the id in the reply, whatever it is
// called.
func (s server) newID(t *testing.T, path, body string) string {
	t.Helper()
	status, reply := s.call(t, http.MethodPost, path, s.key, body)
	var ids struct {
		Thread struct{ ID string }
		Batch  string `json:"batch_id"`
	}
	if err := json.Unmarshal(reply, &ids); err != nil || status != http.StatusOK && status != http.StatusCreated {
		t.Fatalf("POST %s: status %d, body %s", path, status, reply)
	}
	return ids.Thread.ID + ids.Batch
}

// fromDashboard calls key or webhook management as the dashboard does, which no limit
// counts.
func (s server) fromDashboard(t *testing.T, method, path, body string) []byte {
	t.Helper()
	r := httptest.NewRequest(method, "https://clawhq.test/api"+path, strings.NewReader(body))
	r.AddCookie(&http.Cookie{Name: "session", Value: s.session})
	w := httptest.NewRecorder()
	s.api.Handler().ServeHTTP(w, apiserver.FromDashboard(r))
	if w.Code != http.StatusOK {
		t.Fatalf("%s %s: status %d, body %s", method, path, w.Code, w.Body)
	}
	return w.Body.Bytes()
}

// webhookID creates a webhook and returns its id.
func (s server) webhookID(t *testing.T, url string) string {
	t.Helper()
	var created wire.WebhookReply
	if err := json.Unmarshal(s.fromDashboard(t, http.MethodPost, "/webhooks", `{"url":"`+url+`","events":["api.request"]}`), &created); err != nil {
		t.Fatal(err)
	}
	return created.Webhook.ID
}

// deliveryID returns the id of a webhook's newest delivery, once there is one.
func (s server) deliveryID(t *testing.T, webhookID string) string {
	t.Helper()
	for range 100 {
		var list wire.DeliveryList
		if err := json.Unmarshal(s.fromDashboard(t, http.MethodGet, "/webhooks/"+webhookID+"/deliveries", ""), &list); err != nil {
			t.Fatal(err)
		}
		if len(list.Deliveries) > 0 {
			return list.Deliveries[0].ID
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("nothing was delivered")
	return ""
}

// agentID returns the id of the agent with a slug.
func (s server) agentID(t *testing.T, slug string) string {
	t.Helper()
	_, reply := s.call(t, http.MethodGet, "/v1/agents?limit=100", s.key, "")
	var list struct {
		Agents []struct{ ID, Name, Slug string }
	}
	if err := json.Unmarshal(reply, &list); err != nil {
		t.Fatalf("GET /v1/agents: %s", reply)
	}
	for _, agent := range list.Agents {
		if agent.Slug == slug || agent.Name == slug {
			return agent.ID
		}
	}
	t.Fatalf("no agent %s in %s", slug, reply)
	return ""
}

// TestSnippetsRun copies the requests of every endpoint as programs of every
// language, and runs them as they are.
func TestSnippetsRun(t *testing.T) {
	agents := map[string]clawhqtest.AgentFunc{}
	languages := []string{"curl", "go", "python", "javascript"}
	for _, language := range languages {
		agents["undeployed-by-"+language] = clawhqtest.Reply("I am here")
	}
	s := serve(t, agents)
	s.api.SetRateLimit(s.api.KeyID(), 10_000)
	b := openPlayground(t, s, "chat")

	dir := t.TempDir()
	const name = "it's a note.txt"
	if err := os.WriteFile(filepath.Join(dir, name), []byte("We are open from nine to five."), 0o600); err != nil {
		t.Fatal(err)
	}
	upload := func() string {
		t.Helper()
		b.choose("#endpoint", "files.upload")
		b.run("choose a file", chromedp.SetUploadFiles("#parameter-file", []string{filepath.Join(dir, name)}, chromedp.ByQuery))
		b.send()
		var id string
		b.eval(`JSON.parse(document.querySelector('#response-body .rows').textContent).file_id`, &id)
		return id
	}
	thread := func() string { return s.newID(t, "/v1/threads", `{}`) }
	talk := s.api.AddConversation(clawhqtest.Conversation{Messages: []clawhqtest.StoredMessage{{Role: clawhqtest.RoleUser, Content: "said before"}}})

	s.api.DeliverTo(newReceiver(t).Config.Handler)
	id := s.webhookID(t, "https://example.com/receiver")
	theWebhook := func(string) string { return id }

	const message = `It's "five o'clock" \ $HOME %s here, 你好 😀`
	echoed := []string{"o'clock", "$HOME", "%s", "你好", "😀"}
	var programs sync.WaitGroup
	var inGo goPrograms
	var wantsInGo [][]string
	check := func(name, program, out string, wants []string) {
		for _, want := range wants {
			if !slices.ContainsFunc(strings.Split(want, "|"), func(w string) bool {
				return strings.Contains(out, w) || strings.Contains(strings.ReplaceAll(out, ": ", ":"), w)
			}) {
				t.Errorf("%s: the output lacks %q:\n%s\nprogram:\n%s", name, want, out, program)
			}
		}
	}
	atOnce := make(chan struct{}, 2)
	for _, tt := range []struct {
		endpoint string
		fields   map[string]string
		id       func(language string) string // of what the call is about, if it is about one
		wants    []string                     // each with what may stand in its place, after a bar
	}{
		{"chat", map[string]string{"message": message, "session_id": "snippets", "X-Client-Request-Id": "it's mine"}, nil, echoed},
		{"chat.stream", map[string]string{"message": message, "agent": "sales-assistant"}, nil, echoed},
		{"health", nil, nil, []string{`"status":"ok"|Status:ok`}},

		{"threads.create", map[string]string{"metadata": `{"order": [1, null, true, "o'clock"]}`}, nil, []string{`"order"`, "o'clock"}},
		{"threads.send", map[string]string{"message": message}, func(string) string { return thread() }, echoed},
		{"threads.messages", nil, func(string) string { return thread() }, []string{`"messages":[]|Items:[]`}},
		{"threads.list", map[string]string{"limit": "1", "offset": "1"}, nil, []string{`"has_more":true|HasMore:true`}},
		{"threads.get", nil, func(string) string { return thread() }, []string{`"thread"|ID:`}},
		{"threads.delete", nil, func(string) string { return thread() }, []string{`"deleted":true|done`}},

		{"batches.create", nil, nil, []string{"batch_id", `"total":2`}},
		{"batches.get", nil, func(string) string {
			return s.newID(t, "/v1/chat/batch", `{"requests":[{"custom_id":"a","message":"hi"}]}`)
		}, []string{`"total":1|Total:1`}},

		{"files.upload", nil, nil, []string{"file_id", name, `"mime_type":"text/plain"`}},
		{"files.list", nil, nil, []string{name}},
		{"files.get", nil, func(string) string { return upload() }, []string{name}},
		{"files.delete", nil, func(string) string { return upload() }, []string{`"deleted":true|done`}},

		{"agents.list", nil, nil, []string{"support-bot", "sales-assistant"}},
		{"agents.get", nil, func(string) string { return s.agentID(t, "sales-assistant") }, []string{"sales-assistant"}},
		{"agents.undeploy", nil, func(language string) string { return s.agentID(t, "undeployed-by-"+language) }, []string{`"undeployed":true|done`}},
		{"models.list", nil, nil, []string{`"models"|ID:`}},

		{"conversations.list", nil, nil, []string{talk}},
		{"conversations.messages", nil, func(string) string { return talk }, []string{"said before"}},
		{"usage", map[string]string{"days": "3"}, nil, []string{`"period":"3d"|KeyName:`}},
		{"audit-log.list", map[string]string{"category": "api_key"}, nil, []string{`"entries"`}},
		{"audit-log.verify", nil, nil, []string{`"valid":true`}},
		{"predictions.create", nil, nil, []string{"not yet available"}},
		{"predictions.get", nil, func(string) string { return "none" }, []string{"Prediction not found"}},

		{"webhooks.create", map[string]string{"url": "https://example.com/hooks?a='1'"}, nil, []string{"whsec_", "a='1'"}},
		{"webhooks.list", nil, nil, []string{"https://example.com/hooks"}},
		{"webhooks.update", map[string]string{"enabled": "false", "paused_at": "null"}, theWebhook, []string{`"enabled":false`}},
		{"webhooks.test", nil, theWebhook, []string{`"success":true|Success:true`, `"status_code":204|StatusCode:204`}},
		{"webhooks.deliveries", nil, theWebhook, []string{"api.request"}},
		{"webhooks.replay", nil, func(string) string {
			b.choose("#endpoint", "webhooks.replay")
			b.fill("#parameter-delivery", s.deliveryID(t, id))
			return id
		}, []string{`"success":true|Success:true|done`}},
		// Three a minute are let in.
		{"webhooks.retry", nil, theWebhook, []string{`"retried":0|Too many requests`}},
		{"webhooks.stats", nil, nil, []string{"success_rate|SuccessRate:"}},
		{"webhooks.delete", nil, func(string) string { return s.webhookID(t, "http://127.0.0.1:9/gone") }, []string{`"success":true|Success:true|done`}},

		{"keys.create", map[string]string{"name": `o'clock "key" 😀`}, nil, []string{"full_key", "o'clock", "😀"}},
		{"keys.list", nil, nil, []string{"rate_limit_per_min|RateLimit:"}},
		{"keys.update", map[string]string{"name": "renamed"}, func(string) string { return s.api.KeyID() }, []string{"renamed"}},
		{"keys.revoke", nil, func(string) string { id, _ := s.api.CreateKey("short-lived", 30); return id }, []string{`"success":true|Success:true|done`}},
	} {
		for i, language := range languages {
			id := ""
			if tt.id != nil {
				id = tt.id(language)
			}
			if i == 0 || id != "" {
				b.choose("#endpoint", tt.endpoint)
				b.eval(`document.querySelectorAll('details.more').forEach((d) => { d.open = true; }) ?? true`, new(bool))
				for field, text := range tt.fields {
					b.fill("#parameter-"+field, text)
				}
				if id != "" {
					b.fill("#parameter-id", id)
				}
				if tt.endpoint == "files.upload" {
					b.run("choose a file", chromedp.SetUploadFiles("#parameter-file", []string{filepath.Join(dir, name)}, chromedp.ByQuery))
				}
			}
			b.click(`#request-forms input[value=` + language + `]`)
			program := b.text("#request-code")
			if strings.Contains(program, s.key) || strings.Contains(program, s.session) {
				t.Errorf("%s, %s: the program holds a credential:\n%s", tt.endpoint, language, program)
			}
			if language == "go" { // all are linked at once
				inGo, wantsInGo = append(inGo, program), append(wantsInGo, tt.wants)
				continue
			}
			atOnce <- struct{}{}
			programs.Go(func() {
				defer func() { <-atOnce }()
				out := runProgram(t, s, dir, language, program, "NODE_EXTRA_CA_CERTS="+s.certificate)
				check(tt.endpoint+", "+language, program, out, tt.wants)
			})
		}
	}
	programs.Wait()
	for _, k := range s.api.Keys() { // there may be five
		if k.ID != s.api.KeyID() && k.Name != "short-lived" {
			s.api.RevokeKey(k.ID)
		}
	}
	built := inGo.build(t)
	for i, program := range inGo {
		s.api.AdvanceClock(time.Minute) // they are quicker than the limits of some endpoints
		out := runCommand(t, s, dir, []string{built, strconv.Itoa(i)}, program)
		check("Go", program, out, wantsInGo[i])
	}
}
