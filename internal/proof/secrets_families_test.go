package proof_test

import (
	"context"
	"iter"
	"strings"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
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
		func(o ...clawhq.CallOption) (any, error) { return client.Agents.Get(ctx, testKey, o...) },
		func(o ...clawhq.CallOption) (any, error) { return nil, client.Agents.Undeploy(ctx, testKey, o...) },
		func(o ...clawhq.CallOption) (any, error) {
			return client.Conversations.List(ctx, clawhq.ConversationOptions{Agent: testKey}, o...)
		},
		func(o ...clawhq.CallOption) (any, error) {
			return client.Conversations.Messages(ctx, testKey, clawhq.ListOptions{}, o...)
		},
		func(o ...clawhq.CallOption) (any, error) {
			return client.Threads.Create(ctx, clawhq.CreateThreadRequest{Agent: testKey}, o...)
		},
		func(o ...clawhq.CallOption) (any, error) { return client.Threads.Send(ctx, testKey, "hi", o...) },
		func(o ...clawhq.CallOption) (any, error) { return nil, client.Threads.Delete(ctx, testKey, o...) },
		func(o ...clawhq.CallOption) (any, error) {
			return client.Batches.Create(ctx, clawhq.CreateBatchRequest{Requests: []clawhq.BatchRequest{{CustomID: testKey, Message: "hi"}}}, o...)
		},
		func(o ...clawhq.CallOption) (any, error) {
			return client.Batches.Create(ctx, clawhq.CreateBatchRequest{WebhookURL: testKey}, o...)
		},
		func(o ...clawhq.CallOption) (any, error) { return client.Batches.Wait(ctx, testKey, o...) },
		func(o ...clawhq.CallOption) (any, error) {
			return client.Files.Upload(ctx, clawhq.UploadFileRequest{Name: testKey, Content: strings.NewReader(testKey), ContentType: testKey}, o...)
		},
		func(o ...clawhq.CallOption) (any, error) {
			return client.Files.Upload(ctx, clawhq.UploadFileRequest{Name: testKey + "é", Content: strings.NewReader(testKey)}, o...)
		},
		func(o ...clawhq.CallOption) (any, error) { return client.Files.Get(ctx, testKey, o...) },
		func(o ...clawhq.CallOption) (any, error) {
			return client.AuditLog.List(ctx, clawhq.AuditLogOptions{EntityID: testKey}, o...)
		},
		func(o ...clawhq.CallOption) (any, error) {
			return nil, clawhq.VerifyAuditLog(testKey, []clawhq.AuditEntry{{ID: testKey, IntegrityHash: "x"}})
		},
		func(o ...clawhq.CallOption) (any, error) {
			return nil, client.Do(ctx, "POST", "/v1/"+testKey+"?"+testKey+"="+sentinelSession, testKey, nil, o...)
		},
		func(o ...clawhq.CallOption) (any, error) {
			return nil, client.Do(ctx, "GET", "/keys/"+testKey+"/%", nil, nil, o...)
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
