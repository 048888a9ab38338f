package wire

import "net/http"

// Endpoints lists all endpoints, in the order of this file.
var Endpoints []Endpoint

// known adds an endpoint to Endpoints. Every endpoint is declared with it.
func known(e Endpoint) Endpoint {
	Endpoints = append(Endpoints, e)
	return e
}

var threadReads = Window{"threads", 60}

// The endpoints of the API, with the windows of the live service.
var (
	Chat      = known(Endpoint{Method: http.MethodPost, Path: "/v1/chat", Window: KeyWindow})
	GetHealth = known(Endpoint{Method: http.MethodGet, Path: "/v1/health", Window: Window{"health", 60}})
	GetUsage  = known(Endpoint{Method: http.MethodGet, Path: "/v1/usage", Window: Window{"usage", 60}})

	ListAgents    = known(Endpoint{Method: http.MethodGet, Path: "/v1/agents", Window: Window{"agents", 60}, Page: PageRange{20, 100}})
	GetAgent      = known(Endpoint{Method: http.MethodGet, Path: "/v1/agents/{id}", Window: Window{"agent", 60}})
	UndeployAgent = known(Endpoint{Method: http.MethodDelete, Path: "/v1/agents/{id}", Window: Window{"agent-delete", 10}})

	ListModels = known(Endpoint{Method: http.MethodGet, Path: "/v1/models", Window: Window{"models", 60}})

	ListConversations        = known(Endpoint{Method: http.MethodGet, Path: "/v1/conversations", Window: Window{"conversations", 60}, Page: PageRange{20, 100}})
	ListConversationMessages = known(Endpoint{Method: http.MethodGet, Path: "/v1/conversations/{id}/messages", Window: Window{"conversation-messages", 60}, Page: PageRange{50, 200}})

	CreateThread       = known(Endpoint{Method: http.MethodPost, Path: "/v1/threads", Window: Window{"thread-create", 30}})
	ListThreads        = known(Endpoint{Method: http.MethodGet, Path: "/v1/threads", Window: threadReads, Page: PageRange{20, 100}})
	GetThread          = known(Endpoint{Method: http.MethodGet, Path: "/v1/threads/{id}", Window: threadReads})
	DeleteThread       = known(Endpoint{Method: http.MethodDelete, Path: "/v1/threads/{id}", Window: Window{"thread-delete", 60}})
	SendThreadMessage  = known(Endpoint{Method: http.MethodPost, Path: "/v1/threads/{id}/messages", Window: KeyWindow})
	ListThreadMessages = known(Endpoint{Method: http.MethodGet, Path: "/v1/threads/{id}/messages", Window: Window{"thread-messages", 60}, Page: PageRange{50, 200}})

	CreateBatch = known(Endpoint{Method: http.MethodPost, Path: "/v1/chat/batch", Window: Window{"batch-create", 5}})
	GetBatch    = known(Endpoint{Method: http.MethodGet, Path: "/v1/chat/batch/{id}", Window: Window{"batch", 60}})

	UploadFile = known(Endpoint{Method: http.MethodPost, Path: "/v1/files", Window: Window{"file-upload", 10}})
	ListFiles  = known(Endpoint{Method: http.MethodGet, Path: "/v1/files", Window: Window{"files", 60}, Page: PageRange{20, 100}})
	GetFile    = known(Endpoint{Method: http.MethodGet, Path: "/v1/files/{id}", Window: Window{"file", 60}})
	DeleteFile = known(Endpoint{Method: http.MethodDelete, Path: "/v1/files/{id}", Window: Window{"file-delete", 20}})

	ListAuditLog = known(Endpoint{Method: http.MethodGet, Path: "/v1/audit-log", Window: Window{"audit-log", 30}, Page: PageRange{50, 100}})

	// Both endpoints of predictions count in one window, but with different limits.
	CreatePrediction = known(Endpoint{Method: http.MethodPost, Path: "/v1/predictions", Window: Window{"predictions", 10}})
	GetPrediction    = known(Endpoint{Method: http.MethodGet, Path: "/v1/predictions/{id}", Window: Window{"predictions", 60}})
)

// The dashboard's own endpoints. Both profiles use their windows.
var (
	ListKeys  = known(Endpoint{Method: http.MethodGet, Path: "/keys", Auth: SessionAuth, Window: Window{"keys", 20}})
	CreateKey = known(Endpoint{Method: http.MethodPost, Path: "/keys", Auth: SessionAuth, Window: Window{"key-create", 5}})
	UpdateKey = known(Endpoint{Method: http.MethodPatch, Path: "/keys/{id}", Auth: SessionAuth, Window: Window{"key-update", 10}})
	RevokeKey = known(Endpoint{Method: http.MethodDelete, Path: "/keys/{id}", Auth: SessionAuth, Window: Window{"key-revoke", 10}})

	VerifyAuditLog = known(Endpoint{Method: http.MethodGet, Path: "/audit-log/verify", Auth: SessionAuth})

	ListWebhooks    = known(Endpoint{Method: http.MethodGet, Path: "/webhooks", Auth: SessionAuth, Window: Window{"webhooks", 20}})
	CreateWebhook   = known(Endpoint{Method: http.MethodPost, Path: "/webhooks", Auth: SessionAuth, Window: Window{"webhook-create", 5}})
	UpdateWebhook   = known(Endpoint{Method: http.MethodPatch, Path: "/webhooks/{id}", Auth: SessionAuth, Window: Window{"webhook-update", 10}})
	DeleteWebhook   = known(Endpoint{Method: http.MethodDelete, Path: "/webhooks/{id}", Auth: SessionAuth, Window: Window{"webhook-delete", 10}})
	TestWebhook     = known(Endpoint{Method: http.MethodPost, Path: "/webhooks/{id}/test", Auth: SessionAuth, Window: Window{"webhook-test", 5}})
	ListDeliveries  = known(Endpoint{Method: http.MethodGet, Path: "/webhooks/{id}/deliveries", Auth: SessionAuth, Window: Window{"deliveries", 30}})
	ReplayDelivery  = known(Endpoint{Method: http.MethodPost, Path: "/webhooks/{id}/deliveries/{delivery}/replay", Auth: SessionAuth, Window: Window{"delivery-replay", 10}})
	RetryDeliveries = known(Endpoint{Method: http.MethodPost, Path: "/webhooks/{id}/deliveries/bulk-retry", Auth: SessionAuth, Window: Window{"delivery-retry", 3}})
	GetWebhookStats = known(Endpoint{Method: http.MethodGet, Path: "/webhooks/stats", Auth: SessionAuth, Window: Window{"webhook-stats", 20}})
)
