package server

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go/internal/postgres"
	"github.com/clawhq/clawhq-go/internal/wire"
	"github.com/clawhq/clawhq-go/internal/wire/recorded"
)

// reply decodes a recorded reply.
func reply[T any](w *world, name string) (v T) {
	w.t.Helper()
	if err := json.Unmarshal([]byte(recorded.Get(name).Reply), &v); err != nil {
		w.t.Fatalf("%s: %v", name, err)
	}
	return v
}

// deployRecorded gives the built-in agents the recorded ids and times.
func (w *world) deployRecorded(e recorded.Exchange) {
	ids := []string{"a1a1a1a1-0000-4000-8000-000000000001", "a2a2a2a2-0000-4000-8000-000000000002"}
	at := []time.Time{time.Date(2026, 3, 10, 14, 30, 0, 0, time.UTC), time.Date(2026, 3, 12, 14, 30, 0, 0, time.UTC)}
	third := []string{"d8bd8032-87df-4a94-ab8c-1ae0150a90d8", "3c054c54-748d-4687-9422-e4dfa1789248"}
	switch {
	case strings.Contains(e.Reply, `"a1"`):
		ids = []string{"a1", "a2"}
	case strings.Contains(e.Reply, third[0]) || strings.Contains(e.Reply, third[1]):
		ids = third
		at = []time.Time{time.Date(2026, 11, 28, 17, 23, 47, 296e6, time.UTC), time.Date(2026, 11, 29, 16, 23, 47, 296e6, time.UTC)}
	}
	for i, a := range w.state.agents {
		a.id, a.deployedAt = ids[i], at[i]
		a.undeployed = e.Name == "agents_none" || i == 0 && slices.Contains([]string{"agent_delete_again", "agent_get_undeployed"}, e.Name)
	}
}

// setUp makes the state in which the exchange was recorded.
func (w *world) setUp(e recorded.Exchange) {
	prefix, _, _ := strings.Cut(e.Name, "_")
	switch prefix {
	case "audit":
		w.setUpAuditLog(e)
	case "batch":
		w.setUpBatches(e)
	case "chat":
		if e.Name == "chat_idem_2" {
			w.send(recorded.Get("chat_idem_1"))
		}
		if e.ReplyHeader.Get(wire.HeaderRateLimitLimit) == "300" {
			w.SetRateLimit(w.key.id, wire.Tier300)
		}
		if e.Name == "chat_server_lookup_fails" {
			w.Inject(FaultLookup(LookupServer))
		}
	case "conversation", "conversations":
		if e.Name != "conversations" {
			w.setUpConversations()
		}
	case "file", "files":
		w.setUpFiles(e)
	case "health":
		if e.Name == "health_plan_lookup_fails" {
			w.Inject(FaultLookup(LookupPlan))
		}
	case "keys":
		w.setUpKeys(e)
	case "models":
		if e.Name != "models_catalog" && e.Name != "models_query_ignored" {
			w.state.models = reply[wire.ModelList](w, e.Name).Models
		}
	case "prediction":
		p := reply[wire.Prediction](w, e.Name)
		w.state.predictions = map[string]wire.Prediction{p.PredictionID: p}
	case "thread", "threads":
		w.setUpThreads(e)
	case "usage":
		w.setUpUsage(e)
	case "webhook", "webhooks":
		w.setUpWebhooks(e)
	}
}

func (w *world) setUpAuditLog(e recorded.Exchange) {
	from := "audit_log"
	switch e.Name {
	case "audit", "audit_log_none", "audit_log_from_minutes", "audit_log_from_month":
		return
	case "audit_log_hashed", "audit_log_verify", "audit_log_verify_tampered":
		from = "audit_log_hashed"
		w.accountID = "22222222-2222-4222-8222-222222222222"
	}
	for i, entry := range reply[wire.AuditLog](w, from).Entries {
		if e.Name == "audit_log_verify_tampered" && i == 0 {
			entry.Details = json.RawMessage(`{"name":"tampered"}`)
		}
		w.AddAuditEntry(AuditEntry{
			ID: entry.ID, Action: entry.Action, EntityType: entry.EntityType, EntityID: string(entry.EntityID), Category: string(entry.Category),
			Details: entry.Details, IPAddress: string(entry.IPAddress), CreatedAt: entry.CreatedAt.Time(), IntegrityHash: string(entry.IntegrityHash),
		})
	}
}

// The requests that created the recorded batches, and how long before the recording.
var createdBatches = map[string]struct {
	name  string
	since time.Duration
}{
	"batch_get":               {"batch_create", time.Second},
	"batch_get_completed":     {"batch_create_slow", 2 * time.Second},
	"batch_get_processing":    {"batch_create_slow", time.Second},
	"batch_get_failed":        {"batch_create_all_fail", time.Second},
	"batch_get_unknown_agent": {"batch_create_unknown_agent", time.Second},
	"batch_get_vps_stopped":   {"batch_create_vps_stopped", time.Second},
}

// setUpBatches makes the batch of an exchange from the request that created it, so
// that the results are the server's own.
func (w *world) setUpBatches(e recorded.Exchange) {
	slow := `{"requests":[{"custom_id":"a","message":"one [sleep 300]"},{"custom_id":"b","message":"two"},{"custom_id":"c","message":"three"},
		{"custom_id":"d","message":"four [sleep 9000]"},{"custom_id":"e","message":"five"}]}`
	create := func(body string, since time.Duration) {
		s := service{w.Server, "clw_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6"}
		if auth := e.Header.Get("Authorization"); auth != "" {
			s.key = strings.TrimPrefix(auth, "Bearer ")
		}
		if res := s.send(request{path: "/api/v1/chat/batch", body: body}); res.Code != http.StatusOK {
			w.t.Fatalf("status %d: %s", res.Code, res.Body)
		}
		time.Sleep(since)
		synctest.Wait()
	}
	created, ok := createdBatches[e.Name]
	switch {
	case e.Name == "batch_get_agent_number_and_empty_answer":
		create(`{"requests":[{"custom_id":"a","message":"x","agent":5},{"custom_id":"b","message":"  y"},{"custom_id":"c","message":"[empty]"}]}`, time.Second)
	case ok:
		create(string(recorded.Get(created.name).Body()), created.since)
	case e.Name == "batch_get_in_progress":
		create(slow, time.Second)
	case e.Name == "batch_too_many_active":
		for range wire.MaxActiveBatches {
			create(slow, 0)
		}
		return
	default:
		return
	}
	recordedBatch := reply[wire.BatchReply](w, e.Name).Batch
	for id, b := range w.state.batches {
		delete(w.state.batches, id)
		b.id, b.createdAt = recordedBatch.ID, recordedBatch.CreatedAt.Time()
		if !b.completedAt.IsZero() {
			b.completedAt = recordedBatch.CompletedAt.Time()
		}
		w.state.batches[b.id] = b
		break
	}
}

func (w *world) setUpConversations() {
	messages := reply[wire.MessageList](w, "conversation_messages").Messages
	for _, c := range reply[wire.ConversationList](w, "conversations_list").Conversations {
		add := Conversation{ID: c.ID, Agent: c.AgentName, CreatedAt: c.CreatedAt.Time(), LastMessageAt: c.LastMessageAt.Time()}
		if strings.HasPrefix(c.ID, "c1") {
			add.Messages = storedMessages(messages)
		}
		w.AddConversation(add)
	}
}

func storedMessages(messages []wire.StoredMessage) (stored []StoredMessage) {
	for _, m := range messages {
		stored = append(stored, StoredMessage{m.ID, m.Role, m.Content, m.CreatedAt.Time()})
	}
	return stored
}

func (w *world) setUpFiles(e recorded.Exchange) {
	var rows []wire.File
	_, id, one := strings.Cut(e.URL, "/v1/files/")
	switch {
	case e.Name == "files_page" || e.Name == "files_past_end":
		rows = reply[wire.FileList](w, "files_list").Files
	case strings.HasPrefix(e.Name, "files_"):
		rows = reply[wire.FileList](w, e.Name).Files
	case one && e.Method == http.MethodGet && e.Status == http.StatusOK:
		rows = []wire.File{reply[wire.File](w, e.Name)}
	case e.Name == "file_delete" || e.Name == "file_get_other_purpose":
		rows = []wire.File{{FileID: id, Filename: "a.txt"}}
	}
	for _, row := range slices.Backward(rows) {
		f := &file{id: row.FileID, name: row.Filename, purpose: wire.PurposeKnowledgeBase, size: row.Size, status: row.Status, createdAt: row.CreatedAt.Time()}
		if row.Chunks != nil {
			f.chunks = *row.Chunks
		}
		if strings.Contains(row.FileID, "-") {
			f.kind = row.MIMEType // added in the dashboard
		}
		if e.Name == "file_get_other_purpose" {
			f.purpose = "assistants"
		}
		w.state.files = append(w.state.files, f)
	}
}

func (w *world) setUpKeys(e recorded.Exchange) {
	staging := "clw_14d29cab0b394d6f153eb5771392a0f0"
	at := time.Date(2026, 11, 23, 21, 53, 24, 185_000_000, time.UTC)
	switch _, id, one := strings.Cut(e.URL, "/api/keys/"); {
	case one && e.Status != http.StatusNotFound:
		rpm := wire.Tier120
		if kept, ok := postgres.UUID(id); ok && kept == "914bd154-2679-4df6-9ca1-12d87ad8755b" {
			id, rpm = kept, wire.Tier300
		}
		w.state.keys.add(hashedKey(id, "staging-test", rpm, staging), at)
	case e.Name == "keys_list":
		*w.key.usage.on(time.Now()) = day{dayOf(time.Now()), 7, 1}
		w.state.keys.add(hashedKey("c91757d8-fdbb-4ee8-959f-d47286a9b343", "staging-test", wire.Tier120, staging), at)
	case e.Name == "keys_create_limit":
		for range wire.MaxActiveKeys - 1 {
			w.CreateKey("full", wire.Tier60)
		}
	}
}

func (w *world) setUpThreads(e recorded.Exchange) {
	var rows []wire.Thread
	path, _, _ := strings.Cut(e.URL, "?")
	_, id, _ := strings.Cut(strings.TrimSuffix(path, "/messages"), "/v1/threads/")
	switch {
	case e.Name == "threads_page" || e.Name == "threads_page_2" || e.Name == "threads_past_end":
		rows = append(reply[wire.ThreadList](w, "threads_page").Threads, reply[wire.ThreadList](w, "threads_page_2").Threads...)
		for range 12 - len(rows) { // rows of later pages
			rows = append(rows, wire.Thread{ID: "thread_" + hexID(), Agent: "default", Metadata: json.RawMessage("{}"), CreatedAt: "2026-11-24T17:00:00Z", UpdatedAt: "2026-11-24T17:00:00Z"})
		}
	case strings.HasPrefix(e.Name, "threads"):
		rows = reply[wire.ThreadList](w, e.Name).Threads
	case e.Name == "thread_get":
		rows = []wire.Thread{reply[wire.ThreadReply](w, e.Name).Thread}
	case id != "" && e.Status != http.StatusNotFound:
		rows = []wire.Thread{{ID: id, Agent: "default", Metadata: json.RawMessage("{}")}}
	}
	for _, row := range slices.Backward(rows) {
		t := &thread{id: row.ID, agent: row.Agent, metadata: row.Metadata, createdAt: row.CreatedAt.Time(), updatedAt: row.UpdatedAt.Time()}
		switch {
		case strings.HasPrefix(e.Name, "thread_messages_p"): // pages of messages
			t.messages = storedMessages(reply[wire.MessageList](w, "thread_send_after_model_error").Messages)
		case strings.HasSuffix(path, "/messages") && e.Method == http.MethodGet:
			t.messages = storedMessages(reply[wire.MessageList](w, e.Name).Messages)
		}
		w.state.threads = append(w.state.threads, t)
	}
}

// setUpUsage writes a journal that results in the recorded figures.
func (w *world) setUpUsage(e recorded.Exchange) {
	chat := func(at time.Time, took float64, err string) {
		w.state.journal = append(w.state.journal, &entry{Request: Request{
			Time: at, Duration: time.Duration(took * float64(time.Millisecond)), Method: http.MethodPost, Path: chatPath, Status: http.StatusOK, KeyID: w.key.id, Agent: "support_bot", Err: err,
		}})
	}
	today := time.Now()
	switch e.Name {
	case "usage_none", "usage_days_hex":
	case "usage":
		for i := range 7 {
			chat(today.Add(-time.Hour), 36, map[int]string{0: "failed"}[i])
		}
	case "usage_capped_at_1000":
		chat(today.Add(-2*time.Hour), 5000, "")
		for range 1000 {
			chat(today.Add(-time.Hour), 10, "")
		}
	default:
		chat(time.Date(2026, 10, 15, 12, 0, 0, 0, time.UTC), 400.4, "")
		chat(time.Date(2026, 11, 23, 16, 0, 0, 0, time.UTC), 0.1, "")
		for _, took := range []float64{100, 100, 100, 41.9} {
			chat(today.Add(-time.Minute), took, map[float64]string{41.9: "failed"}[took])
		}
	}
}
