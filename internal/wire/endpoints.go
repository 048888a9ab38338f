package wire

import "net/http"

// The endpoints of the API, with the windows of the live service.
var (
	Chat      = Endpoint{Method: http.MethodPost, Path: "/v1/chat", Window: KeyWindow}
	GetHealth = Endpoint{Method: http.MethodGet, Path: "/v1/health", Window: Window{"health", 60}}
	GetUsage  = Endpoint{Method: http.MethodGet, Path: "/v1/usage", Window: Window{"usage", 60}}

	ListAgents    = Endpoint{Method: http.MethodGet, Path: "/v1/agents", Window: Window{"agents", 60}, Page: PageRange{20, 100}}
	GetAgent      = Endpoint{Method: http.MethodGet, Path: "/v1/agents/{id}", Window: Window{"agent", 60}}
	UndeployAgent = Endpoint{Method: http.MethodDelete, Path: "/v1/agents/{id}", Window: Window{"agent-delete", 10}}

	ListModels = Endpoint{Method: http.MethodGet, Path: "/v1/models", Window: Window{"models", 60}}

	ListConversations        = Endpoint{Method: http.MethodGet, Path: "/v1/conversations", Window: Window{"conversations", 60}, Page: PageRange{20, 100}}
	ListConversationMessages = Endpoint{Method: http.MethodGet, Path: "/v1/conversations/{id}/messages", Window: Window{"conversation-messages", 60}, Page: PageRange{50, 200}}

	CreateThread       = Endpoint{Method: http.MethodPost, Path: "/v1/threads", Window: Window{"thread-create", 30}}
	ListThreads        = Endpoint{Method: http.MethodGet, Path: "/v1/threads", Window: threadReads, Page: PageRange{20, 100}}
	GetThread          = Endpoint{Method: http.MethodGet, Path: "/v1/threads/{id}", Window: threadReads}
	DeleteThread       = Endpoint{Method: http.MethodDelete, Path: "/v1/threads/{id}", Window: Window{"thread-delete", 60}}
	SendThreadMessage  = Endpoint{Method: http.MethodPost, Path: "/v1/threads/{id}/messages", Window: KeyWindow}
	ListThreadMessages = Endpoint{Method: http.MethodGet, Path: "/v1/threads/{id}/messages", Window: Window{"thread-messages", 60}, Page: PageRange{50, 200}}

	CreateBatch = Endpoint{Method: http.MethodPost, Path: "/v1/chat/batch", Window: Window{"batch-create", 5}}
	GetBatch    = Endpoint{Method: http.MethodGet, Path: "/v1/chat/batch/{id}", Window: Window{"batch", 60}}

	UploadFile = Endpoint{Method: http.MethodPost, Path: "/v1/files", Window: Window{"file-upload", 10}}
	ListFiles  = Endpoint{Method: http.MethodGet, Path: "/v1/files", Window: Window{"files", 60}, Page: PageRange{20, 100}}
	GetFile    = Endpoint{Method: http.MethodGet, Path: "/v1/files/{id}", Window: Window{"file", 60}}
	DeleteFile = Endpoint{Method: http.MethodDelete, Path: "/v1/files/{id}", Window: Window{"file-delete", 20}}

	ListAuditLog = Endpoint{Method: http.MethodGet, Path: "/v1/audit-log", Window: Window{"audit-log", 30}, Page: PageRange{50, 100}}

	// Both endpoints of predictions count in one window, with different limits.
	CreatePrediction = Endpoint{Method: http.MethodPost, Path: "/v1/predictions", Window: Window{"predictions", 10}}
	GetPrediction    = Endpoint{Method: http.MethodGet, Path: "/v1/predictions/{id}", Window: Window{"predictions", 60}}
)

var threadReads = Window{"threads", 60}

// The dashboard's own endpoints. Their windows count in both profiles.
var (
	ListKeys  = Endpoint{Method: http.MethodGet, Path: "/keys", Auth: SessionAuth, Window: Window{"keys", 20}}
	CreateKey = Endpoint{Method: http.MethodPost, Path: "/keys", Auth: SessionAuth, Window: Window{"key-create", 5}}
	UpdateKey = Endpoint{Method: http.MethodPatch, Path: "/keys/{id}", Auth: SessionAuth, Window: Window{"key-update", 10}}
	RevokeKey = Endpoint{Method: http.MethodDelete, Path: "/keys/{id}", Auth: SessionAuth, Window: Window{"key-revoke", 10}}

	VerifyAuditLog = Endpoint{Method: http.MethodGet, Path: "/audit-log/verify", Auth: SessionAuth}

	ListWebhooks    = Endpoint{Method: http.MethodGet, Path: "/webhooks", Auth: SessionAuth, Window: Window{"webhooks", 20}}
	CreateWebhook   = Endpoint{Method: http.MethodPost, Path: "/webhooks", Auth: SessionAuth, Window: Window{"webhook-create", 5}}
	UpdateWebhook   = Endpoint{Method: http.MethodPatch, Path: "/webhooks/{id}", Auth: SessionAuth, Window: Window{"webhook-update", 10}}
	DeleteWebhook   = Endpoint{Method: http.MethodDelete, Path: "/webhooks/{id}", Auth: SessionAuth, Window: Window{"webhook-delete", 10}}
	TestWebhook     = Endpoint{Method: http.MethodPost, Path: "/webhooks/{id}/test", Auth: SessionAuth, Window: Window{"webhook-test", 5}}
	ListDeliveries  = Endpoint{Method: http.MethodGet, Path: "/webhooks/{id}/deliveries", Auth: SessionAuth, Window: Window{"deliveries", 30}}
	ReplayDelivery  = Endpoint{Method: http.MethodPost, Path: "/webhooks/{id}/deliveries/{delivery}/replay", Auth: SessionAuth, Window: Window{"delivery-replay", 10}}
	RetryDeliveries = Endpoint{Method: http.MethodPost, Path: "/webhooks/{id}/deliveries/bulk-retry", Auth: SessionAuth, Window: Window{"delivery-retry", 3}}
	GetWebhookStats = Endpoint{Method: http.MethodGet, Path: "/webhooks/stats", Auth: SessionAuth, Window: Window{"webhook-stats", 20}}
)

// Endpoints has all endpoints.
var Endpoints = []Endpoint{
	Chat, GetHealth, GetUsage,
	ListAgents, GetAgent, UndeployAgent,
	ListModels,
	ListConversations, ListConversationMessages,
	CreateThread, ListThreads, GetThread, DeleteThread, SendThreadMessage, ListThreadMessages,
	CreateBatch, GetBatch,
	UploadFile, ListFiles, GetFile, DeleteFile,
	ListAuditLog,
	CreatePrediction, GetPrediction,
	ListKeys, CreateKey, UpdateKey, RevokeKey,
	VerifyAuditLog,
	ListWebhooks, CreateWebhook, UpdateWebhook, DeleteWebhook, TestWebhook, ListDeliveries, ReplayDelivery, RetryDeliveries, GetWebhookStats,
}
