package consumer

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/relay"
	"github.com/clawhq/clawhq-go/webhook"
)

// rows is a list that is read page by page or as a whole.
type rows[T, O any] interface {
	List(context.Context, O, ...clawhq.CallOption) (*clawhq.Page[T], error)
	All(context.Context, O, ...clawhq.CallOption) iter.Seq2[T, error]
}

// messages is the list of messages of a conversation or a thread.
type messages interface {
	Messages(context.Context, string, clawhq.ListOptions, ...clawhq.CallOption) (*clawhq.Page[clawhq.StoredMessage], error)
	AllMessages(context.Context, string, clawhq.ListOptions, ...clawhq.CallOption) iter.Seq2[clawhq.StoredMessage, error]
}

// getter returns one row by its id.
type getter[T any] interface {
	Get(context.Context, string, ...clawhq.CallOption) (*T, error)
}

// deleter deletes one row by its id.
type deleter interface {
	Delete(context.Context, string, ...clawhq.CallOption) error
}

// The services of the API.
var (
	_ interface {
		Do(ctx context.Context, method, path string, in, out any, opts ...clawhq.CallOption) error
		Health(context.Context, ...clawhq.CallOption) (*clawhq.Health, error)
		Usage(context.Context, int, ...clawhq.CallOption) (*clawhq.Usage, error)
	} = (*clawhq.Client)(nil)

	_ interface {
		rows[clawhq.Agent, clawhq.ListOptions]
		getter[clawhq.Agent]
		Undeploy(context.Context, string, ...clawhq.CallOption) error
	} = (*clawhq.AgentsService)(nil)
	_ interface {
		List(context.Context, ...clawhq.CallOption) ([]clawhq.Model, error)
	} = (*clawhq.ModelsService)(nil)
	_ interface {
		rows[clawhq.Conversation, clawhq.ConversationOptions]
		messages
	} = (*clawhq.ConversationsService)(nil)
	_ interface {
		rows[clawhq.Thread, clawhq.ListOptions]
		getter[clawhq.Thread]
		deleter
		messages
		Create(context.Context, clawhq.CreateThreadRequest, ...clawhq.CallOption) (*clawhq.Thread, error)
		Send(ctx context.Context, id, message string, opts ...clawhq.CallOption) (*clawhq.ThreadReply, error)
	} = (*clawhq.ThreadsService)(nil)
	_ interface {
		getter[clawhq.Batch]
		Create(context.Context, clawhq.CreateBatchRequest, ...clawhq.CallOption) (*clawhq.Batch, error)
		Wait(context.Context, string, ...clawhq.CallOption) (*clawhq.Batch, error)
	} = (*clawhq.BatchesService)(nil)
	_ interface {
		rows[clawhq.File, clawhq.ListOptions]
		getter[clawhq.File]
		deleter
		Upload(context.Context, clawhq.UploadFileRequest, ...clawhq.CallOption) (*clawhq.File, error)
	} = (*clawhq.FilesService)(nil)
	_ rows[clawhq.AuditEntry, clawhq.AuditLogOptions] = (*clawhq.AuditLogService)(nil)
	_ func(string, []clawhq.AuditEntry) error         = clawhq.VerifyAuditLog
	_ interface {
		deleter
		Create(context.Context, clawhq.CreateWebhookRequest, ...clawhq.CallOption) (*clawhq.CreatedWebhook, error)
		List(context.Context, ...clawhq.CallOption) ([]clawhq.Webhook, error)
		Update(context.Context, string, clawhq.UpdateWebhookRequest, ...clawhq.CallOption) (*clawhq.Webhook, error)
		Test(context.Context, string, ...clawhq.CallOption) (*clawhq.DeliveryResult, error)
		Deliveries(context.Context, string, ...clawhq.CallOption) ([]clawhq.Delivery, error)
		Replay(ctx context.Context, id, deliveryID string, opts ...clawhq.CallOption) (*clawhq.DeliveryResult, error)
		RetryFailed(context.Context, string, ...clawhq.CallOption) (*clawhq.RetryResult, error)
		Stats(context.Context, ...clawhq.CallOption) ([]clawhq.WebhookStats, error)
	} = (*clawhq.WebhooksService)(nil)

	_ = clawhq.Health{Status: "", Plan: "", Agents: []string(nil)}
	_ = clawhq.Usage{
		KeyName: "", Period: "", Totals: clawhq.UsageTotals{Requests: int64(0), Errors: int64(0), AverageResponseTime: time.Second},
		Days: []clawhq.UsageDay{{Date: "", Requests: int64(0), Errors: int64(0), AverageResponseTime: time.Second}},
	}
	_ = clawhq.Agent{ID: "", Name: "", Slug: "", Description: "", Status: "", Model: clawhq.AgentModel{Primary: "", Fallback: ""}, DeployedAt: time.Time{}}
	_ = clawhq.Model{ID: "", Name: "", Description: "", ContextWindow: 0}
	_ = clawhq.ConversationOptions{ListOptions: clawhq.ListOptions{Limit: 0, Offset: 0}, Agent: ""}
	_ = clawhq.Conversation{ID: "", AgentName: "", CreatedAt: time.Time{}, LastMessageAt: time.Time{}, SessionID: "", Status: "", MessageCount: 0}
	_ = clawhq.StoredMessage{ID: "", Role: clawhq.RoleUser, Content: "", CreatedAt: time.Time{}}
	_ = []clawhq.Role{clawhq.RoleUser, clawhq.RoleAssistant}
	_ = clawhq.CreateThreadRequest{Agent: "", Metadata: map[string]any(nil)}
	_ = clawhq.Thread{ID: "", Agent: "", Metadata: json.RawMessage(nil), CreatedAt: time.Time{}, UpdatedAt: time.Time{}}
	_ = clawhq.ThreadReply{Response: "", MessageID: "", ThreadID: "", RequestID: ""}
	_ = clawhq.CreateBatchRequest{Requests: []clawhq.BatchRequest{{CustomID: "", Message: "", Agent: ""}}, WebhookURL: ""}
	_ = clawhq.Batch{
		ID: "", Status: clawhq.BatchProcessing, Total: 0, Completed: 0, Failed: 0, CreatedAt: time.Time{}, CompletedAt: time.Time{},
		Results: []clawhq.BatchResult{{CustomID: "", Status: clawhq.BatchPending, Response: "", Error: ""}},
	}
	_ = []clawhq.BatchStatus{clawhq.BatchProcessing, clawhq.BatchPending, clawhq.BatchCompleted, clawhq.BatchPartial, clawhq.BatchFailed}
	_ = clawhq.UploadFileRequest{Name: "", ContentType: "", Purpose: "", Content: io.Reader(nil), Progress: func(sent, total int64) {}}
	_ = clawhq.File{ID: "", Name: "", MIMEType: "", Purpose: "", Status: clawhq.FileStatus(""), Size: int64(0), Chunks: 0, CreatedAt: time.Time{}}
	_ = clawhq.AuditLogOptions{ListOptions: clawhq.ListOptions{}, Category: "", Action: "", EntityType: "", EntityID: "", From: time.Time{}, To: time.Time{}}
	_ = clawhq.AuditEntry{
		ID: "", Action: "", EntityType: "", EntityID: "", Category: "", IPAddress: "", IntegrityHash: "", Details: json.RawMessage(nil), CreatedAt: time.Time{},
	}
	_ = clawhq.CreateWebhookRequest{URL: "", Description: "", Events: []webhook.EventType(nil)}
	_ = clawhq.CreatedWebhook{Webhook: clawhq.Webhook{}, Secret: clawhq.Secret{}}
	_ = clawhq.UpdateWebhookRequest{
		URL: (*string)(nil), Description: (*string)(nil), Events: []webhook.EventType(nil), Enabled: (*bool)(nil), Paused: (*bool)(nil),
		RetryInterval: (*time.Duration)(nil), MaxAttempts: (*int)(nil),
	}

	_ func(http.Header, []byte, webhook.Options) (*webhook.Event, error)                                = webhook.Verify
	_ func(webhook.Options, func(context.Context, *webhook.Event) error) http.Handler                   = webhook.Handler
	_ func(http.ResponseWriter, *http.Request, iter.Seq2[clawhq.ChatChunk, error], relay.Options) error = relay.SSE
	_ func(error) int                                                                                   = relay.Status
	_                                                                                                   = webhook.Options{Secrets: []string(nil), Tolerance: time.Minute, Now: time.Now}
	_                                                                                                   = webhook.Event{
		Type: webhook.EventType(""), Timestamp: time.Time{}, Test: false, Data: json.RawMessage(nil), DeliveredAt: time.Time{},
	}
	_ interface {
		Decode(any) error
		Fingerprint() string
	} = (*webhook.Event)(nil)
	_ = []error{webhook.ErrSignature, webhook.ErrTimestamp}

	_ func(*clawhqtest.Server) *x509.Certificate = (*clawhqtest.Server).Certificate
	_ clawhqtest.Fault                           = clawhqtest.FaultStatus(503, "").On(clawhqtest.Path("/v1/threads"))
	_ clawhqtest.Option                          = clawhqtest.WithStrictWebhookTargets()
)

// A day in the life of an app that uses everything.
func TestServicesFromOutside(t *testing.T) {
	s := clawhqtest.NewTestServer(t)
	client := s.Client(clawhq.WithTrace(&clawhq.Trace{}))
	ctx := t.Context()

	thread, err := client.Threads.Create(ctx, clawhq.CreateThreadRequest{Agent: "support-bot"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Threads.Send(ctx, thread.ID, "When are you open?"); err != nil {
		t.Error(err)
	}
	said := 0
	for _, err := range client.Threads.AllMessages(ctx, thread.ID, clawhq.ListOptions{}) {
		if err != nil {
			t.Error(err)
		}
		said++
	}
	if said != 2 {
		t.Errorf("the thread has %d messages, want 2", said)
	}

	file, err := client.Files.Upload(ctx, clawhq.UploadFileRequest{Name: "hours.txt", Content: strings.NewReader("9 to 5")})
	if err != nil || file.Size != 6 {
		t.Errorf("got %+v, %v", file, err)
	}
	var health struct{ Status string }
	if err := client.Do(ctx, http.MethodGet, "/v1/health", nil, &health); err != nil || health.Status == "" {
		t.Errorf("got %+v, %v", health, err)
	}
	_, err = client.Threads.Get(ctx, "thread_unknown")
	if !errors.Is(err, clawhq.CodeThreadNotFound) {
		t.Errorf("got %v, want %v", err, clawhq.CodeThreadNotFound)
	}

	seen := make(chan *webhook.Event, 1)
	created, err := client.Webhooks.Create(ctx, clawhq.CreateWebhookRequest{URL: "https://localhost/hook", Events: []webhook.EventType{webhook.EventAPIRequest}})
	if err != nil {
		t.Fatal(err)
	}
	s.DeliverTo(webhook.Handler(webhook.Options{Secrets: []string{created.Secret.Reveal()}}, func(_ context.Context, e *webhook.Event) error {
		seen <- e
		return nil
	}))
	if _, err := client.Chat(ctx, clawhq.ChatRequest{Message: "hi"}); err != nil {
		t.Fatal(err)
	}
	if e := <-seen; e.Type != webhook.EventAPIRequest || e.Test {
		t.Errorf("got %+v, want a real %s", e, webhook.EventAPIRequest)
	}
}
