package wire

import "encoding/json"

// ChatRequest is the body of POST /v1/chat.
type ChatRequest struct {
	Message   string `json:"message"`
	Agent     string `json:"agent,omitempty"`
	SessionID string `json:"session_id,omitempty"`
	Stream    bool   `json:"stream,omitempty"`
}

// ChatReply is the body of a successful, non-streaming chat. Response is a
// pointer to tell an empty answer from none.
type ChatReply struct {
	Response  *string `json:"response"`
	Agent     string  `json:"agent"`
	RequestID string  `json:"request_id"`
}

// Check tells whether there is an answer.
func (r ChatReply) Check() error { return need(member{"response", r.Response != nil}) }

// StreamEvent is the data of a chat stream's event: a piece of text, or an
// error of the shapes that error bodies have. An event with neither is one
// that a later version of the service added.
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

// FlatError is the older shape of an error body: key management sends the
// text alone, the reference pages add the other fields.
type FlatError struct {
	Error      string   `json:"error"`
	Code       string   `json:"code,omitempty"`
	Status     int      `json:"status,omitempty"`
	RetryAfter *float64 `json:"retry_after,omitempty"` // seconds
}

// Health is the reply of GET /v1/health. Agents holds names. The fields from
// Timestamp on are the reference pages'.
type Health struct {
	Status string   `json:"status"`
	Plan   string   `json:"plan"`
	Agents []string `json:"agents"`

	Timestamp     Time       `json:"timestamp,omitempty"`
	Components    Components `json:"components,omitempty"`
	UptimeSeconds *float64   `json:"uptime_seconds,omitempty"`
	Version       string     `json:"version,omitempty"`
}

// Components holds the states of the parts of the service, by name.
type Components map[string]string

// UnmarshalJSON never fails: it takes a state as a text or as the status of an object,
// and leaves others out.
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

// HealthVersion is the version that the reference server says the service has.
const HealthVersion = "1.0.0"

// Check tells whether there is a status.
func (h Health) Check() error { return need(member{"status", h.Status != ""}) }

// HealthOK is the status of a service that works.
const HealthOK = "ok"

// Key statuses.
const (
	KeyActive  = "active"
	KeyRevoked = "revoked"
)

// Key is an API key as key management lists it. A PATCH answers with id,
// name and rate_limit_per_min alone.
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

// KeyStats counts a key's calls: today's and the last seven days', and how
// many of the latter failed.
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

// Check tells whether the list is there.
func (l KeyList) Check() error { return need(member{"keys", l.Keys != nil}) }

// CreateKeyRequest is the body of POST /keys.
type CreateKeyRequest struct {
	Name            string `json:"name"`
	RateLimitPerMin int    `json:"rate_limit_per_min,omitempty"`
}

// CreatedKey is the key in the reply of POST /keys: the only time that the
// full key is shown.
type CreatedKey struct {
	ID              string `json:"id"`
	Name            string `json:"name"`
	KeyPrefix       string `json:"key_prefix"`
	Status          string `json:"status"`
	RateLimitPerMin int    `json:"rate_limit_per_min"`
	CreatedAt       Time   `json:"created_at"`
	FullKey         string `json:"full_key"`
}

// Check tells whether the key is there, which is worth more than all the rest.
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

// Check tells whether it is of a key.
func (k UpdatedKey) Check() error { return need(member{"key", k.ID != ""}) }

// KeyReply wraps the key in the replies of POST and PATCH.
type KeyReply[K interface {
	CreatedKey | UpdatedKey
	Reply
}] struct {
	Key K `json:"key"`
}

// Check tells whether the key is there.
func (r KeyReply[K]) Check() error { return r.Key.Check() }

// Success is the reply of DELETE /keys/{id}.
type Success struct {
	Success bool `json:"success"`
}

// Check tells whether the revocation succeeded.
func (s Success) Check() error { return need(member{"success", s.Success}) }
