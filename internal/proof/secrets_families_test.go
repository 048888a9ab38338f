package proof_test

import (
	"context"
	"iter"
	"strings"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
)

// familyCalls returns the calls of all services except chat and keys. They have the
// API key in every argument that a caller may confuse with it.
func familyCalls(ctx context.Context, client *clawhq.Client) []func(...clawhq.CallOption) (any, error) {
	return []func(...clawhq.CallOption) (any, error){
		func(o ...clawhq.CallOption) (any, error) { return client.Health(ctx, o...) },
		func(o ...clawhq.CallOption) (any, error) { return client.Usage(ctx, 7, o...) },
		func(o ...clawhq.CallOption) (any, error) { return client.Models.List(ctx, o...) },
		func(o ...clawhq.CallOption) (any, error) { return client.Agents.List(ctx, clawhq.ListOptions{}, o...) },
		func(o ...clawhq.CallOption) (any, error) {
			return first(client.Agents.All(ctx, clawhq.ListOptions{}, o...))
		},
		func(o ...clawhq.CallOption) (any, error) { return client.Agents.Get(ctx, testkit.Key, o...) },
		func(o ...clawhq.CallOption) (any, error) { return nil, client.Agents.Undeploy(ctx, testkit.Key, o...) },
		func(o ...clawhq.CallOption) (any, error) {
			return client.Conversations.List(ctx, clawhq.ConversationOptions{Agent: testkit.Key}, o...)
		},
		func(o ...clawhq.CallOption) (any, error) {
			return client.Conversations.Messages(ctx, testkit.Key, clawhq.ListOptions{}, o...)
		},
		func(o ...clawhq.CallOption) (any, error) {
			return client.Threads.Create(ctx, clawhq.CreateThreadRequest{Agent: testkit.Key}, o...)
		},
		func(o ...clawhq.CallOption) (any, error) { return client.Threads.Send(ctx, testkit.Key, "hi", o...) },
		func(o ...clawhq.CallOption) (any, error) { return nil, client.Threads.Delete(ctx, testkit.Key, o...) },
		func(o ...clawhq.CallOption) (any, error) {
			return client.Batches.Create(ctx, clawhq.CreateBatchRequest{Requests: []clawhq.BatchRequest{{CustomID: testkit.Key, Message: "hi"}}}, o...)
		},
		func(o ...clawhq.CallOption) (any, error) {
			return client.Batches.Create(ctx, clawhq.CreateBatchRequest{WebhookURL: testkit.Key}, o...)
		},
		func(o ...clawhq.CallOption) (any, error) { return client.Batches.Wait(ctx, testkit.Key, o...) },
		func(o ...clawhq.CallOption) (any, error) {
			return client.Files.Upload(ctx, clawhq.UploadFileRequest{Name: testkit.Key, Content: strings.NewReader(testkit.Key), ContentType: testkit.Key}, o...)
		},
		func(o ...clawhq.CallOption) (any, error) {
			return client.Files.Upload(ctx, clawhq.UploadFileRequest{Name: testkit.Key + "é", Content: strings.NewReader(testkit.Key)}, o...)
		},
		func(o ...clawhq.CallOption) (any, error) { return client.Files.Get(ctx, testkit.Key, o...) },
		func(o ...clawhq.CallOption) (any, error) {
			return client.AuditLog.List(ctx, clawhq.AuditLogOptions{EntityID: testkit.Key}, o...)
		},
		func(o ...clawhq.CallOption) (any, error) {
			return nil, clawhq.VerifyAuditLog(testkit.Key, []clawhq.AuditEntry{{ID: testkit.Key, IntegrityHash: "x"}})
		},
		func(o ...clawhq.CallOption) (any, error) {
			return nil, client.Do(ctx, "POST", "/v1/"+testkit.Key+"?"+testkit.Key+"="+sentinelSession, testkit.Key, nil, o...)
		},
		func(o ...clawhq.CallOption) (any, error) {
			return nil, client.Do(ctx, "GET", "/keys/"+testkit.Key+"/%", nil, nil, o...)
		},
	}
}

func first[T any](seq iter.Seq2[T, error]) (v T, err error) {
	for v, err := range seq {
		return v, err
	}
	return v, nil
}

// familyValues returns values of the types of these services.
func familyValues() []any {
	return []any{
		&clawhq.AgentsService{}, &clawhq.ModelsService{}, &clawhq.ConversationsService{},
		clawhq.ListOptions{Limit: 1}, clawhq.Page[clawhq.Model]{Items: []clawhq.Model{{ID: "m"}}}, clawhq.Model{ID: "m"},
		clawhq.Agent{ID: "a"}, clawhq.AgentModel{Primary: "m"},
		clawhq.Health{Status: "ok"}, clawhq.Usage{Period: "7d"}, clawhq.UsageDay{Requests: 1}, clawhq.UsageTotals{Requests: 1},
		&clawhq.ThreadsService{}, &clawhq.BatchesService{}, &clawhq.FilesService{}, &clawhq.AuditLogService{},
		clawhq.CreateThreadRequest{Agent: "a"}, clawhq.Thread{ID: "t"}, clawhq.ThreadReply{Response: "r"},
		clawhq.CreateBatchRequest{}, clawhq.BatchRequest{CustomID: "a"}, clawhq.Batch{ID: "b"}, clawhq.BatchResult{CustomID: "a"}, clawhq.BatchFailed,
		clawhq.UploadFileRequest{Name: "a.txt"}, clawhq.File{ID: "f"}, clawhq.FileProcessed,
		clawhq.AuditLogOptions{Action: "a"}, clawhq.AuditEntry{ID: "e"},
		clawhqtest.AuditEntry{}, clawhqtest.Conversation{}, clawhqtest.StoredMessage{}, clawhqtest.Path("/v1/chat"),
		clawhq.ConversationOptions{Agent: "a"}, clawhq.Conversation{ID: "c"}, clawhq.StoredMessage{ID: "m"}, clawhq.RoleUser,
	}
}
