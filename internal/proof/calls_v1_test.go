package proof_test

import (
	"strings"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// v1Calls are the calls that an API key authenticates, chats first.
var v1Calls = []endpointCall{
	returning(wire.Chat, func(a arguments) (*clawhq.ChatResponse, error) {
		return a.client.Chat(a.ctx, chatOf(a), a.opts...)
	}, func(r *clawhq.ChatResponse) any {
		return object{"response": r.Response, "agent": r.Agent, "request_id": r.RequestID}
	}, clawhq.ChatRequest{Message: "hi"}, clawhq.ChatChunk{Content: "text"}, clawhq.ChatResponse{Response: "r"}).exactly(),

	returning(wire.GetHealth, func(a arguments) (*clawhq.Health, error) {
		return a.client.Health(a.ctx, a.opts...)
	}, func(h *clawhq.Health) any {
		return object{"status": h.Status, "plan": h.Plan, "agents": shapes(h.Agents, func(s string) any { return s })}
	}, clawhq.Health{Status: "ok"}),
	returning(wire.GetUsage, func(a arguments) (*clawhq.Usage, error) {
		return a.client.Usage(a.ctx, a.days, a.opts...)
	}, pointed(usageShape), clawhq.Usage{Period: "7d"}, clawhq.UsageDay{Requests: 1}, clawhq.UsageTotals{Requests: 1}),
	returning(wire.ListModels, func(a arguments) ([]clawhq.Model, error) {
		return a.client.Models.List(a.ctx, a.opts...)
	}, func(models []clawhq.Model) any {
		return object{"models": shapes(models, modelShape), "total": float64(len(models))}
	}, &clawhq.ModelsService{}, clawhq.Model{ID: "m"}),

	returning(wire.ListAgents, func(a arguments) (*clawhq.Page[clawhq.Agent], error) {
		return a.client.Agents.List(a.ctx, a.page, a.opts...)
	}, pointed(pageShape("agents", agentShape)), &clawhq.AgentsService{}, clawhq.ListOptions{Limit: 1}, clawhq.Page[clawhq.Model]{Items: []clawhq.Model{{ID: "m"}}}),
	returning(wire.GetAgent, func(a arguments) (*clawhq.Agent, error) {
		return a.client.Agents.Get(a.ctx, a.id(), a.opts...)
	}, pointed(wrapped("agent", agentShape)), clawhq.Agent{ID: "a"}, clawhq.AgentModel{Primary: "m"}),
	done(wire.UndeployAgent, func(a arguments) error {
		return a.client.Agents.Undeploy(a.ctx, a.id(), a.opts...)
	}, object{"undeployed": true}),

	returning(wire.ListConversations, func(a arguments) (*clawhq.Page[clawhq.Conversation], error) {
		return a.client.Conversations.List(a.ctx, clawhq.ConversationOptions{ListOptions: a.page, Agent: a.text("agent", "")}, a.opts...)
	}, pointed(pageShape("conversations", conversationShape)), &clawhq.ConversationsService{}, clawhq.ConversationOptions{Agent: "a"}, clawhq.Conversation{ID: "c"}),
	returning(wire.ListConversationMessages, func(a arguments) (*clawhq.Page[clawhq.StoredMessage], error) {
		return a.client.Conversations.Messages(a.ctx, a.id(), a.page, a.opts...)
	}, pointed(pageShape("messages", messageShape)), clawhq.StoredMessage{ID: "m"}, clawhq.RoleUser),

	returning(wire.CreateThread, func(a arguments) (*clawhq.Thread, error) {
		return a.client.Threads.Create(a.ctx, clawhq.CreateThreadRequest{Agent: a.text("agent", "")}, a.opts...)
	}, pointed(wrapped("thread", threadShape)), &clawhq.ThreadsService{}, clawhq.CreateThreadRequest{Agent: "a"}),
	returning(wire.ListThreads, func(a arguments) (*clawhq.Page[clawhq.Thread], error) {
		return a.client.Threads.List(a.ctx, a.page, a.opts...)
	}, pointed(pageShape("threads", threadShape))),
	returning(wire.GetThread, func(a arguments) (*clawhq.Thread, error) {
		return a.client.Threads.Get(a.ctx, a.id(), a.opts...)
	}, pointed(wrapped("thread", threadShape)), clawhq.Thread{ID: "t"}),
	done(wire.DeleteThread, func(a arguments) error {
		return a.client.Threads.Delete(a.ctx, a.id(), a.opts...)
	}, object{"deleted": true}),
	returning(wire.SendThreadMessage, func(a arguments) (*clawhq.ThreadReply, error) {
		return a.client.Threads.Send(a.ctx, a.id(), a.text("message", "hi"), a.opts...)
	}, func(r *clawhq.ThreadReply) any {
		return object{"response": r.Response, "message_id": r.MessageID, "thread_id": r.ThreadID}
	}, clawhq.ThreadReply{Response: "r"}),
	returning(wire.ListThreadMessages, func(a arguments) (*clawhq.Page[clawhq.StoredMessage], error) {
		return a.client.Threads.Messages(a.ctx, a.id(), a.page, a.opts...)
	}, pointed(pageShape("messages", messageShape))).completed(func(shape object, a arguments) { shape["thread_id"] = a.id() }),

	returning(wire.CreateBatch, func(a arguments) (*clawhq.Batch, error) {
		return a.client.Batches.Create(a.ctx, clawhq.CreateBatchRequest{Requests: []clawhq.BatchRequest{{CustomID: a.text("custom_id", "a"), Message: "hi"}}}, a.opts...)
	}, func(b *clawhq.Batch) any {
		shape := batchShape(*b).(object)
		shape["batch_id"], shape["id"], shape["results"] = shape["id"], nil, nil
		return shape
	}, &clawhq.BatchesService{}, clawhq.CreateBatchRequest{}, clawhq.BatchRequest{CustomID: "a"}),
	returning(wire.GetBatch, func(a arguments) (*clawhq.Batch, error) {
		return a.client.Batches.Get(a.ctx, a.id(), a.opts...)
	}, pointed(wrapped("batch", batchShape)), clawhq.Batch{ID: "b"}, clawhq.BatchResult{CustomID: "a"}, clawhq.BatchFailed),

	returning(wire.UploadFile, func(a arguments) (*clawhq.File, error) {
		return a.client.Files.Upload(a.ctx, clawhq.UploadFileRequest{Name: a.text("filename", "a.txt"), Content: strings.NewReader("x")}, a.opts...)
	}, pointed(fileShape), &clawhq.FilesService{}, clawhq.UploadFileRequest{Name: "a.txt"}),
	returning(wire.ListFiles, func(a arguments) (*clawhq.Page[clawhq.File], error) {
		return a.client.Files.List(a.ctx, a.page, a.opts...)
	}, pointed(pageShape("files", fileShape))),
	returning(wire.GetFile, func(a arguments) (*clawhq.File, error) {
		return a.client.Files.Get(a.ctx, a.id(), a.opts...)
	}, pointed(fileShape), clawhq.File{ID: "f"}, clawhq.FileProcessed),
	done(wire.DeleteFile, func(a arguments) error {
		return a.client.Files.Delete(a.ctx, a.id(), a.opts...)
	}, object{"deleted": true}),

	returning(wire.ListAuditLog, func(a arguments) (*clawhq.Page[clawhq.AuditEntry], error) {
		return a.client.AuditLog.List(a.ctx, clawhq.AuditLogOptions{ListOptions: a.page, Action: a.text("action", ""), EntityID: a.text("entity_id", "")}, a.opts...)
	}, pointed(pageShape("entries", auditShape)), &clawhq.AuditLogService{}, clawhq.AuditLogOptions{Action: "a"}, clawhq.AuditEntry{ID: "e"}),
}

// chatOf returns the request of a chat.
func chatOf(a arguments) clawhq.ChatRequest {
	return clawhq.ChatRequest{Message: a.text("message", "hi"), Agent: a.text("agent", ""), SessionID: a.text("session_id", "")}
}

// streamChat is the other call of wire.Chat.
func streamChat(a arguments) (any, error) {
	return clawhq.CollectText(a.client.ChatStream(a.ctx, chatOf(a), a.opts...))
}
