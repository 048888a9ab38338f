package clawhqtest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// ask sends a request with the server's key, decodes the reply whatever its status,
// and returns the status.
func ask(t *testing.T, s *clawhqtest.Server, method, path, key, body string, reply any) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	res, err := s.HTTPClient().Do(req)
	text := read(t, res, err)
	if reply != nil {
		if err := json.Unmarshal([]byte(text), reply); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, text)
		}
	}
	return res.StatusCode
}

func TestAddConversation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory(), clawhqtest.WithProfile(clawhqtest.Live))
		at := time.Date(2026, 3, 16, 9, 0, 0, 0, time.UTC)
		filled := s.AddConversation(clawhqtest.Conversation{
			ID: "c1", Agent: "support_bot", CreatedAt: at, LastMessageAt: at.Add(time.Hour),
			Messages: []clawhqtest.StoredMessage{{ID: "m1", Role: clawhqtest.RoleUser, Content: "hi", CreatedAt: at}, {ID: "m2", Role: clawhqtest.RoleAssistant, Content: "ho"}},
		})
		open := s.AddConversation(clawhqtest.Conversation{})
		var list wire.ConversationList
		ask(t, s, "GET", "/v1/conversations", s.APIKey(), "", &list)
		now := wire.DatabaseTime(time.Now())
		want := []wire.Conversation{
			{ID: filled, AgentName: "Support Bot", CreatedAt: "2026-03-16T09:00:00+00:00", LastMessageAt: "2026-03-16T10:00:00+00:00"},
			{ID: open, AgentName: "sales-assistant", CreatedAt: now, LastMessageAt: now},
		}
		if diff := cmp.Diff(want, list.Conversations); diff != "" || filled != "c1" {
			t.Errorf("conversations (-want +got):\n%s", diff)
		}
		var messages wire.MessageList
		ask(t, s, "GET", "/v1/conversations/c1/messages", s.APIKey(), "", &messages)
		wantMessages := []wire.StoredMessage{
			{ID: "m1", Role: "user", Content: "hi", CreatedAt: "2026-03-16T09:00:00+00:00"},
			{ID: "m2", Role: "assistant", Content: "ho", CreatedAt: "2026-03-16T09:00:00+00:00"},
		}
		if diff := cmp.Diff(wantMessages, messages.Messages); diff != "" {
			t.Errorf("messages (-want +got):\n%s", diff)
		}
		s.Reset()
		ask(t, s, "GET", "/v1/conversations", s.APIKey(), "", &list)
		if list.Total != 0 {
			t.Errorf("%d conversations after Reset", list.Total)
		}
	})
}

// In profile Documented the log is a chain of hashes, in the order of time.
func TestAddAuditEntry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
		later := s.AddAuditEntry(clawhqtest.AuditEntry{Action: "admin_login", EntityType: "user"})
		before := s.AddAuditEntry(clawhqtest.AuditEntry{
			ID: "e1", Action: "api_key_created", EntityType: "api_key", EntityID: "k1", Category: "api_key", IPAddress: "203.0.113.42",
			Details: json.RawMessage(`{"prefix": "clw_1", "name": "k"}`), CreatedAt: time.Now().Add(-time.Hour),
		})
		var log wire.AuditLog
		ask(t, s, "GET", "/v1/audit-log", s.APIKey(), "", &log)
		if len(log.Entries) != 2 || log.Entries[0].ID != later || log.Entries[1].ID != before || before != "e1" {
			t.Fatalf("entries %+v", log.Entries)
		}
		if got, want := string(log.Entries[1].Details), `{"name":"k","prefix":"clw_1"}`; got != want {
			t.Errorf("details %s, want %s", got, want)
		}
		previous := ""
		for _, i := range []int{1, 0} {
			e := log.Entries[i]
			if want := wire.AuditHash(s.AccountID(), e, previous); string(e.IntegrityHash) != want || e.Hash != want || e.PreviousHash != previous {
				t.Errorf("entry %d has hash %s and %s after %s, want %s after %s", i, e.IntegrityHash, e.Hash, e.PreviousHash, want, previous)
			}
			previous = e.Hash
		}
		defer func() {
			if recover() == nil {
				t.Error("details that are not JSON are taken")
			}
		}()
		s.AddAuditEntry(clawhqtest.AuditEntry{Details: json.RawMessage("{oops")})
	})
}

func TestOffline(t *testing.T) {
	t.Parallel()
	s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
	s.SetOffline(true)
	var refused wire.ErrorEnvelope
	if status := ask(t, s, "POST", "/v1/chat", s.APIKey(), `{"message":"hi"}`, &refused); status != 503 || refused.Error.Code != wire.CodeAgentOffline {
		t.Errorf("status %d, error %+v", status, refused.Error)
	}
	s.SetOffline(false)
	if status := ask(t, s, "POST", "/v1/chat", s.APIKey(), `{"message":"hi"}`, nil); status != 200 {
		t.Errorf("status %d when it runs again", status)
	}
}

func TestSetFileStatus(t *testing.T) {
	t.Parallel()
	s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
	f, err := s.Client().Files.Upload(t.Context(), clawhq.UploadFileRequest{Name: "a.txt", Content: strings.NewReader("hello")})
	if err != nil {
		t.Fatal(err)
	}
	s.SetFileStatus(f.ID, wire.FileFailed)
	var got wire.File
	ask(t, s, "GET", "/v1/files/"+f.ID, s.APIKey(), "", &got)
	if got.Status != wire.FileFailed {
		t.Errorf("status %s, want failed", got.Status)
	}
}

func TestProfileNames(t *testing.T) {
	t.Parallel()
	for p, want := range map[clawhqtest.Profile]string{clawhqtest.Documented: "documented", clawhqtest.Live: "live", 7: "Profile(7)"} {
		if got := p.String(); got != want {
			t.Errorf("profile %d is %q, want %q", int(p), got, want)
		}
	}
}

// A nil agent answers as a built-in one. Reply ends when its caller stops listening.
func TestAgents(t *testing.T) {
	t.Parallel()
	s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory(), clawhqtest.WithAgent("builtin", nil))
	reply, err := s.Client().Chat(t.Context(), clawhq.ChatRequest{Message: "hi", Agent: "builtin"})
	if err != nil || !strings.HasPrefix(reply.Response, "Thanks for") {
		t.Errorf("the built-in agent answers %+v, %v", reply, err)
	}
	var heard []string
	for chunk := range clawhqtest.Reply("a", "b")(t.Context(), clawhqtest.Message{}) {
		heard = append(heard, chunk)
		break
	}
	if diff := cmp.Diff([]string{"a"}, heard); diff != "" {
		t.Errorf("heard (-want +got):\n%s", diff)
	}
}

func TestCertificate(t *testing.T) {
	t.Parallel()
	s := clawhqtest.NewTestServer(t)
	if c := s.Certificate(); c == nil || c.VerifyHostname("127.0.0.1") != nil {
		t.Errorf("certificate %v", c)
	}
	for _, opts := range [][]clawhqtest.Option{{clawhqtest.WithPlainHTTP()}, {clawhqtest.WithInMemory()}} {
		if c := clawhqtest.NewTestServer(t, opts...).Certificate(); c != nil {
			t.Errorf("certificate %v without TLS", c)
		}
	}
}

// A batch posts its result to its callback, over the network or to a handler.
func TestBatchCallback(t *testing.T) {
	t.Parallel()
	told := make(chan string, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		told <- r.Method + " " + r.URL.Path + " " + string(body)
	}))
	defer receiver.Close()
	batch := func(url string) string {
		return `{"requests":[{"custom_id":"a","message":"hi"}],"webhook_url":"` + url + `/done"}`
	}
	check := func(created wire.CreatedBatch) {
		t.Helper()
		got, wantStart := <-told, `POST /done {"batch_id":"`+created.BatchID+`","status":"completed","total":1,"completed":1,"failed":0,"completed_at":"`
		if !strings.HasPrefix(got, wantStart) {
			t.Errorf("told %s, want %s…", got, wantStart)
		}
	}

	var created wire.CreatedBatch
	s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
	ask(t, s, "POST", "/v1/chat/batch", s.APIKey(), batch(receiver.URL), &created)
	check(created)

	s = clawhqtest.NewTestServer(t, clawhqtest.WithInMemory(), clawhqtest.WithStrictWebhookTargets())
	s.DeliverTo(receiver.Config.Handler)
	if status := ask(t, s, "POST", "/v1/chat/batch", s.APIKey(), batch(receiver.URL), nil); status != 400 {
		t.Errorf("a loopback target: status %d, want 400", status)
	}
	ask(t, s, "POST", "/v1/chat/batch", s.APIKey(), batch("http://hooks.example.com"), &created)
	check(created)
}
