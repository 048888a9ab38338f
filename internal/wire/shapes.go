package wire

import "encoding/json"

// ChatRequest is the body of POST /v1/chat.
type ChatRequest struct {
	Message   string `json:"message"`
	Agent     string `json:"agent,omitempty"`
	SessionID string `json:"session_id,omitempty"`
	Stream    bool   `json:"stream,omitempty"`
}

// ChatReply is the body of a successful chat without a stream. Response is a pointer,
// to distinguish an empty answer from a missing one.
type ChatReply struct {
	Response  *string `json:"response"`
	Agent     string  `json:"agent"`
	RequestID string  `json:"request_id"`
}

// Check returns an error if the answer is missing.
func (r ChatReply) Check() error { return need(member{"response", r.Response != nil}) }

// StreamEvent is the data of an event in a chat's stream: a piece of the answer, or
// an error in one of the forms of error bodies. If it has neither, it is an event of
// a later version of the service.
type StreamEvent struct {
	Content *string         `json:"content,omitempty"`
	Error   json.RawMessage `json:"error,omitempty"`
}

// ErrorEnvelope is the body of a /v1 error.
type ErrorEnvelope struct {
	Error Error `json:"error"`
}

// Error is the inner object of an ErrorEnvelope.
type Error struct {
	Code      string `json:"code"`
	Message   string `json:"message"`
	Type      string `json:"type"`
	RequestID string `json:"request_id"`
	Param     string `json:"param,omitempty"`
}

// FlatError is the older form of an error body. The dashboard's endpoints send only
// Error; the reference pages have the other fields too.
type FlatError struct {
	Error      string   `json:"error"`
	Code       string   `json:"code,omitempty"`
	Status     int      `json:"status,omitempty"`
	RetryAfter *float64 `json:"retry_after,omitempty"` // seconds
}

// Health is the reply of GET /v1/health. Agents has the names of the agents. Only the
// reference pages have the fields from Timestamp on.
type Health struct {
	Status string   `json:"status"`
	Plan   string   `json:"plan"`
	Agents []string `json:"agents"`

	Timestamp     Time       `json:"timestamp,omitempty"`
	Components    Components `json:"components,omitempty"`
	UptimeSeconds *float64   `json:"uptime_seconds,omitempty"`
	Version       string     `json:"version,omitempty"`
}

// Components has the state of each part of the service, by the name of the part.
type Components map[string]string

// UnmarshalJSON never fails. A state is a string, or the member status of an object;
// other values are left out.
func (c *Components) UnmarshalJSON(b []byte) error {
	var parts map[string]json.RawMessage
	_ = json.Unmarshal(b, &parts)
	for name, part := range parts {
		var detail struct {
			Status string `json:"status"`
		}
		if json.Unmarshal(part, &detail.Status) != nil && json.Unmarshal(part, &detail) != nil || detail.Status == "" {
			continue
		}
		if *c == nil {
			*c = Components{}
		}
		(*c)[name] = detail.Status
	}
	return nil
}

// HealthVersion is the version of the service that the reference server reports.
const HealthVersion = "1.0.0"

// Check returns an error if the status is missing.
func (h Health) Check() error { return need(member{"status", h.Status != ""}) }

// HealthOK is the status of a service that works.
const HealthOK = "ok"

// Key statuses.
const (
	KeyActive  = "active"
	KeyRevoked = "revoked"
)

// Key is an API key in the reply of GET /keys.
type Key struct {
	ID              string `json:"id"`
	Name            string `json:"name"`
	KeyPrefix       string `json:"key_prefix"`
	UsageCount      int64  `json:"usage_count"`
	LastUsedAt      Time   `json:"last_used_at"`
	Status          string `json:"status"`
	RateLimitPerMin int    `json:"rate_limit_per_min"`
	CreatedAt       Time   `json:"created_at"`
}

// KeyStats counts a key's calls: those of today and of the last seven days. Errors
// counts the calls of the last seven days that failed.
type KeyStats struct {
	Today  int64 `json:"today"`
	Week   int64 `json:"week"`
	Errors int64 `json:"errors"`
}

// KeyList is the reply of GET /keys.
type KeyList struct {
	Keys     []Key               `json:"keys"`
	KeyStats map[string]KeyStats `json:"keyStats"`
}

// Check returns an error if the list is missing.
func (l KeyList) Check() error { return need(member{"keys", l.Keys != nil}) }

// CreateKeyRequest is the body of POST /keys.
type CreateKeyRequest struct {
	Name            string `json:"name"`
	RateLimitPerMin int    `json:"rate_limit_per_min,omitempty"`
}

// CreatedKey is the key in the reply of POST /keys, the only reply with the full key.
type CreatedKey struct {
	ID              string `json:"id"`
	Name            string `json:"name"`
	KeyPrefix       string `json:"key_prefix"`
	Status          string `json:"status"`
	RateLimitPerMin int    `json:"rate_limit_per_min"`
	CreatedAt       Time   `json:"created_at"`
	FullKey         string `json:"full_key"`
}

// Check returns an error if the full key is missing, without which the reply is useless.
func (k CreatedKey) Check() error { return need(member{"full_key", k.FullKey != ""}) }

// UpdateKeyRequest is the body of PATCH /keys/{id}.
type UpdateKeyRequest struct {
	Name            *string `json:"name,omitempty"`
	RateLimitPerMin *int    `json:"rate_limit_per_min,omitempty"`
}

// UpdatedKey is the key in the reply of PATCH /keys/{id}.
type UpdatedKey struct {
	ID              string `json:"id"`
	Name            string `json:"name"`
	RateLimitPerMin int    `json:"rate_limit_per_min"`
}

// Check returns an error if the key is missing.
func (k UpdatedKey) Check() error { return need(member{"key", k.ID != ""}) }

// KeyReply is the reply of POST /keys and of PATCH /keys/{id}.
type KeyReply[K interface {
	CreatedKey | UpdatedKey
	Reply
}] struct {
	Key K `json:"key"`
}

// Check returns an error if the key is missing.
func (r KeyReply[K]) Check() error { return r.Key.Check() }

// Success is the reply of DELETE for keys and webhooks.
type Success struct {
	Success bool `json:"success"`
}

// Check returns an error if the call did not succeed.
func (s Success) Check() error { return need(member{"success", s.Success}) }
