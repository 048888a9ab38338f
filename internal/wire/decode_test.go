package wire_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go/internal/wire"
)

func TestTime(t *testing.T) {
	t.Parallel()
	at := func(nsec int) time.Time { return time.Date(2026, 3, 10, 14, 30, 0, nsec, time.UTC) }
	for in, want := range map[string]time.Time{
		`"2026-03-10T14:30:00+00:00"`:        at(0),
		`"2026-03-10T14:30:00.5+00:00"`:      at(500_000_000),
		`"2026-03-10T14:30:00.123456+00:00"`: at(123_456_000),
		`"2026-03-10T14:30:00.245Z"`:         at(245_000_000),
		`"2026-03-10T16:30:00+02:00"`:        at(0),
		`"2026-03-10 14:30:00+00"`:           at(0),
		`"2026-03-10 14:30:00.5+00:00"`:      at(500_000_000),
		`"2026-03-10T14:30:00"`:              at(0),
		`"2026-03-10 14:30:00"`:              at(0),
		`"2026-03-10"`:                       at(0).Truncate(24 * time.Hour),
		`""`:                                 {},
		`null`:                               {},
		`"soon"`:                             {},
		`7`:                                  {},
		`{"a":1}`:                            {},
	} {
		var got wire.Time
		if err := json.Unmarshal([]byte(in), &got); err != nil {
			t.Errorf("%s: %v", in, err)
		}
		if got.Time() != want {
			t.Errorf("%s: got %v, want %v", in, got.Time(), want)
		}
	}
	for want, got := range map[string]wire.Time{
		`"2026-03-10T14:30:00+00:00"`:        wire.DatabaseTime(at(0)),
		`"2026-03-10T14:30:00.123456+00:00"`: wire.DatabaseTime(at(123_456_789)),
		`"2026-03-10T14:30:00.120Z"`:         wire.HandlerTime(at(120_000_000).In(time.FixedZone("", 3600))),
		`null`:                               wire.HandlerTime(time.Time{}),
	} {
		if b, err := json.Marshal(got); err != nil || string(b) != want {
			t.Errorf("written as %s, %v; want %s", b, err, want)
		}
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		body string
		into wire.Reply
		want wire.Reply
		err  string
	}{
		{`{"agents":[],"has_more":false,"total":0}`, &wire.AgentList{}, &wire.AgentList{Agents: []wire.Agent{}}, ""},
		{`{"agents":[{"agent_id":"a1","name":"A","description":null,"deployed_at":7,"new":[]}],"total":"many"}`, &wire.AgentList{},
			&wire.AgentList{Agents: []wire.Agent{{AgentID: "a1", Name: "A"}}}, ""},
		{`{"agent":{"id":"a1","model":5,"description":5,"deployed_at":"2026-03-10T14:30:00Z"}}`, &wire.AgentReply{},
			&wire.AgentReply{Agent: wire.Agent{ID: "a1", DeployedAt: "2026-03-10T14:30:00Z"}}, ""},
		{`{"agent":{"id":5}}`, &wire.AgentReply{}, nil, "the reply has no agent id"},
		{"\uFEFF" + `{"agent":{"id":"a1"}}`, &wire.AgentReply{}, &wire.AgentReply{Agent: wire.Agent{ID: "a1"}}, ""},
		{`{"response":5,"message_id":"m"}`, &wire.ThreadAnswer{}, nil, "the reply has no response"},
		{`{"response":null}`, &wire.ThreadAnswer{}, nil, "the reply has no response"},
		{`{"response":"","message_id":7,"thread_id":[]}`, &wire.ThreadAnswer{}, &wire.ThreadAnswer{Response: new(string)}, ""},
		{`{"success":false,"error":"timeout"}`, &wire.Delivered{}, &wire.Delivered{Error: "timeout"}, ""},
		{`{"success":true,"status_code":"200"}`, &wire.Delivered{}, &wire.Delivered{Success: true}, ""},
		{`{"error":{"code":"x","message":"m"}}`, &wire.Delivered{}, nil, "the reply reports an error"},
		{`{"error":"Unauthorized"}`, &wire.Delivered{}, nil, "the reply reports an error"},
		{`{"error":null}`, &wire.Delivered{}, &wire.Delivered{}, ""},
		{`{"error":{},"thread":{"id":"t"}}`, &wire.ThreadReply{}, nil, "the reply reports an error"},
		{`{"agents":null}`, &wire.AgentList{}, nil, "the reply has no agents"},
		{`[]`, &wire.AgentList{}, nil, "the reply has no agents"},
		{`{"agents":`, &wire.AgentList{}, nil, "unexpected end of JSON input"},
		{`{}`, &wire.Undeployed{}, nil, "the reply has no undeployed"},
		{`{}`, &wire.ModelList{}, nil, "the reply has no models"},
		{`{}`, &wire.Usage{}, nil, "the reply has no usage"},
		{`{}`, &wire.ConversationList{}, nil, "the reply has no conversations"},
		{`{}`, &wire.MessageList{}, nil, "the reply has no messages"},
		{`{}`, &wire.ThreadReply{}, nil, "the reply has no thread id"},
		{`{}`, &wire.ThreadList{}, nil, "the reply has no threads"},
		{`{}`, &wire.ThreadAnswer{}, nil, "the reply has no response"},
		{`{}`, &wire.Deleted{}, nil, "the reply has no deleted"},
		{`{}`, &wire.CreatedBatch{}, nil, "the reply has no batch_id"},
		{`{"batch":{"id":"b"}}`, &wire.BatchReply{}, nil, "the reply has no batch status"},
		{`{}`, &wire.File{}, nil, "the reply has no file_id"},
		{`{}`, &wire.FileList{}, nil, "the reply has no files"},
		{`{}`, &wire.AuditLog{}, nil, "the reply has no entries"},
		{`{}`, &wire.ChatReply{}, nil, "the reply has no response"},
		{`{}`, &wire.KeyList{}, nil, "the reply has no keys"},
		{`{"key":{"id":"k"}}`, &wire.KeyReply[wire.CreatedKey]{}, nil, "the reply has no full_key"},
		{`{"key":{"full_key":"clw_x","created_at":7}}`, &wire.KeyReply[wire.CreatedKey]{},
			&wire.KeyReply[wire.CreatedKey]{Key: wire.CreatedKey{FullKey: "clw_x"}}, ""},
		{`{}`, &wire.KeyReply[wire.UpdatedKey]{}, nil, "the reply has no key"},
		{`{}`, &wire.Success{}, nil, "the reply has no success"},
		{`{}`, &wire.WebhookList{}, nil, "the reply has no webhooks"},
		{`{}`, &wire.WebhookReply{}, nil, "the reply has no webhook id"},
		{`{"webhook":{"id":"w"}}`, &wire.CreatedWebhookReply{}, nil, "the reply has no secret"},
		{`{"webhook":{"id":"w","secret":"s","paused_at":null,"retry_interval_seconds":30}}`, &wire.WebhookReply{},
			&wire.WebhookReply{Webhook: wire.Webhook{ID: "w", Secret: "s", WebhookDetails: &wire.WebhookDetails{RetryIntervalSeconds: 30}}}, ""},
		{`{}`, &wire.Delivered{}, &wire.Delivered{}, ""},
		{`{}`, &wire.DeliveryList{}, nil, "the reply has no deliveries"},
		{`{}`, &wire.RetriedDeliveries{}, nil, "the reply has no retried"},
		{`{}`, &wire.WebhookStatsReply{}, nil, "the reply has no stats"},
		{`{}`, &wire.Health{}, nil, "the reply has no status"},
	} {
		err := wire.Decode([]byte(tc.body), tc.into)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if text != tc.err {
			t.Errorf("%T of %s: error %q, want %q", tc.into, tc.body, text, tc.err)
		}
		if tc.want != nil {
			if diff := cmp.Diff(tc.want, tc.into); diff != "" {
				t.Errorf("%T of %s (-want +got):\n%s", tc.into, tc.body, diff)
			}
		}
	}
}

func TestOtherNames(t *testing.T) {
	t.Parallel()
	if got := (wire.Agent{AgentID: "a"}).AnyID(); got != "a" {
		t.Errorf("agent id %q", got)
	}
	c := wire.Conversation{Agent: "support-bot", StartedAt: "2026-03-10T14:30:00Z"}
	if c.AnyAgent() != "support-bot" || c.AnyCreatedAt() != "2026-03-10T14:30:00Z" {
		t.Errorf("conversation of %q, begun %q", c.AnyAgent(), c.AnyCreatedAt())
	}
	for _, e := range []wire.AuditEntry{
		{CreatedAt: "2026-03-10T14:30:00Z", IntegrityHash: "h", Details: json.RawMessage(`{"a":1}`)},
		{Timestamp: "2026-03-10T14:30:00Z", Hash: "h", Details: json.RawMessage(`null`), Metadata: json.RawMessage(`{"a":1}`)},
	} {
		if e.AnyCreatedAt() != "2026-03-10T14:30:00Z" || e.AnyHash() != "h" || string(e.AnyDetails()) != `{"a":1}` {
			t.Errorf("audit entry of %q, hash %q, details %s", e.AnyCreatedAt(), e.AnyHash(), e.AnyDetails())
		}
	}
	if got := (wire.AuditEntry{Details: json.RawMessage("null")}).AnyDetails(); got != nil {
		t.Errorf("details %s, want none", got)
	}
	text, err := json.Marshal([]wire.Text{"", "a"})
	if err != nil || string(text) != `[null,"a"]` {
		t.Errorf("texts are written as %s, %v", text, err)
	}
	if got, want := (wire.ConversationList{HasMore: true, Total: 3}).Paging(), (wire.Paging{HasMore: true, Total: 3}); got != want {
		t.Errorf("paging %+v, want %+v", got, want)
	}
}

func TestJSONB(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"bb": 1, "a": [true, null], "cc": {"z": 1.50, "y": "x"}}`: `{"a":[true,null],"bb":1,"cc":{"y":"x","z":1.5}}`,
		`{"a":1,"a":2}`:                   `{"a":2}`,
		`"<é&\u2028\u0000\b\f\n\r\t\"\\"`: "\"<é&\u2028\\u0000\\b\\f\\n\\r\\t\\\"\\\\\"",
		` 7 `:                             `7`,
		`{oops`:                           ``,
		`1 2`:                             ``,
		``:                                ``,
	} {
		if got := string(wire.JSONB(json.RawMessage(in))); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestJSONSizes(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][2]int{ // characters, levels
		`{}`:                              {2, 1},
		`"T-1"`:                           {5, 1},
		`[1, "two"]`:                      {9, 2},
		`{"a": {"b": {"c": {"d": 1}}}}`:   {25, 5},
		`{"a":{"b":{"c":{"d":{}}}}}`:      {26, 5},
		`{"a":{"b":{"c":{"d":{"e":1}}}}}`: {31, 6},
		`"😀"`:                             {4, 1},
		`{oops`:                           {0, 0},
	} {
		if got := [2]int{wire.JSONChars(json.RawMessage(in)), wire.JSONLevels(json.RawMessage(in))}; got != want {
			t.Errorf("%s: %d characters and levels, want %d", in, got, want)
		}
	}
}

// The hashes were recorded: of the whole log of an account, oldest first.
func TestAuditHash(t *testing.T) {
	t.Parallel()
	const account = "22222222-2222-4222-8222-222222222222"
	var log wire.AuditLog
	if err := wire.Decode([]byte(`{"entries":[
		{"id":"0a0a0a0a-0000-4000-8000-000000000000","action":"api_key_created","entity_type":"api_key","entity_id":"k0","category":"api_key","details":{"a":"x<é","b":1},"ip_address":null,"created_at":"2026-03-16T10:00:00+00:00","integrity_hash":"80b290cca56d9efc2e88e26e6736c416d681a8310d3de4274dd05add0289dfc2"},
		{"id":"0a0a0a0a-0000-4000-8000-000000000001","action":"api_key_created","entity_type":"api_key","entity_id":null,"category":"api_key","details":null,"ip_address":null,"created_at":"2026-03-16T10:00:01+00:00","integrity_hash":"7e260c9f9aeeb482b4ba9e3a4d38baedc3aaf4bc4bf0ee82a17e8f9d95eb515c"},
		{"id":"0a0a0a0a-0000-4000-8000-000000000002","action":"api_key_created","entity_type":"api_key","entity_id":"k2","category":"api_key","details":{"name":"k","prefix":"clw_1"},"ip_address":null,"created_at":"2026-03-16T10:00:02+00:00","integrity_hash":"2a0fac93d5dc51d12f343b02700137280ecade2d093a55cc495fbc56c36d0d86"}
	]}`), &log); err != nil {
		t.Fatal(err)
	}
	previous := ""
	for _, e := range log.Entries {
		got := wire.AuditHash(account, e, previous)
		if got != string(e.IntegrityHash) {
			t.Errorf("%s: got %s, want %s", e.ID, got, e.IntegrityHash)
		}
		previous = got
	}
}

// One member of a reply has any other value. Decode fails only if the reply is
// useless without the member.
func TestDecodeForgives(t *testing.T) {
	t.Parallel()
	const (
		at      = `"2026-03-10T14:30:00Z"`
		agent   = `{"id":"a","agent_id":"a","name":"A","slug":"a","description":"d","status":"s","model":{"primary":"p","fallback":"f"},"deployed_at":` + at + `}`
		thread  = `{"id":"t","agent":"a","metadata":{},"created_at":` + at + `,"updated_at":` + at + `,"title":"t","message_count":1,"response":"r"}`
		key     = `{"id":"k","name":"n","key_prefix":"p","usage_count":1,"last_used_at":` + at + `,"status":"s","rate_limit_per_min":1,"created_at":` + at + `,"full_key":"clw_x"}`
		file    = `{"file_id":"f","filename":"n","size":1,"mime_type":"m","purpose":"p","status":"s","chunks":1,"created_at":` + at + `}`
		paging  = `,"has_more":true,"total":1}`
		webhook = `{"id":"w","user_id":"u","url":"u","secret":"s","events":["e"],"enabled":true,"description":"d","last_triggered_at":` + at +
			`,"last_status":"s","last_status_code":1,"failure_count":1,"created_at":` + at + `,"filter_conditions":[],"retry_max_attempts":1,"retry_interval_seconds":1,"transformation":"t","paused_at":` + at + `,"event_version":"v"}`
	)
	for _, tc := range []struct {
		body  string
		reply func() wire.Reply
		needs []string
	}{
		{`{"agents":[` + agent + `]` + paging, func() wire.Reply { return &wire.AgentList{} }, []string{"agents"}},
		{`{"agent":` + agent + `}`, func() wire.Reply { return &wire.AgentReply{} }, []string{"agent"}},
		{`{"undeployed":true}`, func() wire.Reply { return &wire.Undeployed{} }, []string{"undeployed"}},
		{`{"models":[{"id":"m","name":"n","context_window":1,"description":"d"}]` + paging, func() wire.Reply { return &wire.ModelList{} }, []string{"models"}},
		{`{"key_name":"k","period":"7d","usage":[{"date":"d","requests":1,"errors":1,"avg_response_time_ms":1}],"totals":{"total_requests":1,"total_errors":1,"avg_response_time_ms":1}}`,
			func() wire.Reply { return &wire.Usage{} }, []string{"usage"}},
		{`{"status":"ok","plan":"p","agents":["a"]}`, func() wire.Reply { return &wire.Health{} }, []string{"status"}},
		{`{"conversations":[{"id":"c","agent_name":"a","agent":"a","created_at":` + at + `,"last_message_at":` + at + `,"session_id":"s","message_count":1,"started_at":` + at + `,"status":"s"}],"limit":1,"offset":1,"next_cursor":"n"` + paging,
			func() wire.Reply { return &wire.ConversationList{} }, []string{"conversations"}},
		{`{"messages":[{"id":"m","role":"user","content":"c","created_at":` + at + `}],"thread_id":"t"` + paging, func() wire.Reply { return &wire.MessageList{} }, []string{"messages"}},
		{`{"thread":` + thread + `}`, func() wire.Reply { return &wire.ThreadReply{} }, []string{"thread", "thread.id"}},
		{`{"threads":[` + thread + `]` + paging, func() wire.Reply { return &wire.ThreadList{} }, []string{"threads"}},
		{`{"response":"r","message_id":"m","thread_id":"t"}`, func() wire.Reply { return &wire.ThreadAnswer{} }, []string{"response"}},
		{`{"deleted":true}`, func() wire.Reply { return &wire.Deleted{} }, []string{"deleted"}},
		{`{"batch_id":"b","status":"s","total":1,"completed":1,"failed":1,"created_at":` + at + `}`, func() wire.Reply { return &wire.CreatedBatch{} }, []string{"batch_id"}},
		{`{"batch":{"id":"b","status":"s","total":1,"completed":1,"failed":1,"results":[{"custom_id":"c","status":"s","message":"m","agent":"a","response":"r","error":"e"}],"created_at":` + at + `,"completed_at":` + at + `}}`,
			func() wire.Reply { return &wire.BatchReply{} }, []string{"batch", "batch.id", "batch.status"}},
		{file, func() wire.Reply { return &wire.File{} }, []string{"file_id"}},
		{`{"files":[` + file + `]` + paging, func() wire.Reply { return &wire.FileList{} }, []string{"files"}},
		{`{"entries":[{"id":"e","action":"a","entity_type":"t","entity_id":"i","category":"c","details":{},"ip_address":"i","created_at":` + at + `,"integrity_hash":"h","timestamp":` + at + `,"user_email":"e","metadata":{},"hash":"h","previous_hash":"p"}]` + paging,
			func() wire.Reply { return &wire.AuditLog{} }, []string{"entries"}},
		{`{"keys":[` + key + `],"keyStats":{"k":{"today":1,"week":1,"errors":1}}}`, func() wire.Reply { return &wire.KeyList{} }, []string{"keys"}},
		{`{"key":` + key + `}`, func() wire.Reply { return &wire.KeyReply[wire.CreatedKey]{} }, []string{"key", "key.full_key"}},
		{`{"key":` + key + `}`, func() wire.Reply { return &wire.KeyReply[wire.UpdatedKey]{} }, []string{"key", "key.id"}},
		{`{"success":true}`, func() wire.Reply { return &wire.Success{} }, []string{"success"}},
		{`{"webhooks":[` + webhook + `]}`, func() wire.Reply { return &wire.WebhookList{} }, []string{"webhooks"}},
		{`{"webhook":` + webhook + `}`, func() wire.Reply { return &wire.CreatedWebhookReply{} }, []string{"webhook", "webhook.secret"}},
		{`{"webhook":` + webhook + `}`, func() wire.Reply { return &wire.WebhookReply{} }, []string{"webhook", "webhook.id"}},
		{`{"success":true,"status_code":1}`, func() wire.Reply { return &wire.Delivered{} }, nil},
		{`{"deliveries":[{"id":"d","event_type":"e","status_code":1,"response_body":"r","latency_ms":1,"success":true,"retry_count":1,"created_at":` + at + `}]}`,
			func() wire.Reply { return &wire.DeliveryList{} }, []string{"deliveries"}},
		{`{"retried":1,"succeeded":1,"failed":1}`, func() wire.Reply { return &wire.RetriedDeliveries{} }, []string{"retried"}},
		{`{"stats":[{"webhook_id":"w","total_deliveries":1,"successful_deliveries":1,"failed_deliveries":1,"avg_latency_ms":1,"success_rate":1}]}`,
			func() wire.Reply { return &wire.WebhookStatsReply{} }, []string{"stats"}},
	} {
		if err := wire.Decode([]byte(tc.body), tc.reply()); err != nil {
			t.Fatalf("%s: %v", tc.body, err)
		}
		var whole any
		if err := json.Unmarshal([]byte(tc.body), &whole); err != nil {
			t.Fatal(err)
		}
		replaced := 0
		var walk func(path string, v any)
		replace := func(path string, set func(any), old any) {
			for _, wrong := range []any{nil, true, 1.5, 1e30, -1, "text", []any{}, []any{7, "a", nil}, map[string]any{}, map[string]any{"a": 1}} {
				set(wrong)
				body, err := json.Marshal(whole)
				if err != nil {
					t.Fatal(err)
				}
				if err := wire.Decode(body, tc.reply()); err != nil && !slices.Contains(tc.needs, path) {
					t.Errorf("%T, %s: %v", tc.reply(), body, err)
				}
				replaced++
			}
			set(old)
			walk(path, old)
		}
		walk = func(path string, v any) {
			switch v := v.(type) {
			case map[string]any:
				for name, old := range v {
					replace(strings.TrimPrefix(path+"."+name, "."), func(wrong any) { v[name] = wrong }, old)
				}
			case []any:
				for i, old := range v {
					replace(path+"[]", func(wrong any) { v[i] = wrong }, old)
				}
			}
		}
		walk("", whole)
		if replaced == 0 {
			t.Errorf("%T: nothing was replaced", tc.reply())
		}
	}
}
