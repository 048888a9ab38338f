package wire

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/clawhq/clawhq-go/internal/js"
)

// The actions and categories of the audit entries about keys and webhooks.
const (
	AuditKeyCreated     = "api_key_created"
	AuditKeyUpdated     = "api_key_updated"
	AuditKeyRevoked     = "api_key_revoked"
	AuditWebhookCreated = "webhook_created"
	AuditWebhookUpdated = "webhook_updated"
	AuditWebhookDeleted = "webhook_deleted"

	AuditKeys     = "api_key"
	AuditWebhooks = "webhook"
)

// AuditEntry is an entry of the audit log. Only the reference pages have the fields
// from Timestamp on.
type AuditEntry struct {
	ID            string          `json:"id"`
	Action        string          `json:"action"`
	EntityType    string          `json:"entity_type"`
	EntityID      Text            `json:"entity_id"`
	Category      Text            `json:"category"`
	Details       json.RawMessage `json:"details"`
	IPAddress     Text            `json:"ip_address"`
	CreatedAt     Time            `json:"created_at"`
	IntegrityHash Text            `json:"integrity_hash"`

	Timestamp    Time            `json:"timestamp,omitempty"`
	UserEmail    string          `json:"user_email,omitempty"`
	Metadata     json.RawMessage `json:"metadata,omitempty"`
	Hash         string          `json:"hash,omitempty"`
	PreviousHash string          `json:"previous_hash,omitempty"`
}

// AnyCreatedAt returns the time of the entry under either name.
func (e AuditEntry) AnyCreatedAt() Time { return cmp.Or(e.CreatedAt, e.Timestamp) }

// AnyHash returns the integrity hash under either name.
func (e AuditEntry) AnyHash() string { return cmp.Or(string(e.IntegrityHash), e.Hash) }

// AnyDetails returns the details under either name; nil if they are null.
func (e AuditEntry) AnyDetails() json.RawMessage {
	for _, details := range []json.RawMessage{e.Details, e.Metadata} {
		if details != nil && string(details) != "null" {
			return details
		}
	}
	return nil
}

// AuditLog is the reply of GET /v1/audit-log, newest entry first.
type AuditLog struct {
	Entries []AuditEntry `json:"entries"`
	Paging
}

// Check returns an error if the list is missing.
func (l AuditLog) Check() error { return need(member{"entries", l.Entries != nil}) }

// AuditVerdict is the reply of GET /audit-log/verify. BrokenAt is the index of the
// first entry whose hash is wrong, counted from the oldest.
type AuditVerdict struct {
	Valid    bool `json:"valid"`
	Verified int  `json:"verified"` // number of entries with the right hash, up to BrokenAt
	BrokenAt *int `json:"broken_at,omitempty"`
	Total    int  `json:"total"`
}

// AuditHash returns the integrity hash of an entry of an account's audit log: the
// SHA-256, in lower-case hexadecimal, of the JSON of its fields. previous is the hash
// of the entry before it, or empty for the first. The time is part of it in the form
// in which it is sent.
func AuditHash(accountID string, e AuditEntry, previous string) string {
	details := JSONB(e.Details)
	if details == nil {
		details = json.RawMessage("null")
	}
	b := js.AppendQuoted([]byte(`{"id":`), e.ID)
	b = js.AppendQuoted(append(b, `,"user_id":`...), accountID)
	b = js.AppendQuoted(append(b, `,"action":`...), e.Action)
	b = js.AppendQuoted(append(b, `,"entity_type":`...), e.EntityType)
	b = appendText(append(b, `,"entity_id":`...), e.EntityID)
	b = appendText(append(b, `,"category":`...), e.Category)
	b = append(append(b, `,"details":`...), details...)
	b = js.AppendQuoted(append(b, `,"created_at":`...), string(e.CreatedAt))
	b = appendText(append(b, `,"previous_hash":`...), Text(previous))
	sum := sha256.Sum256(append(b, '}'))
	return hex.EncodeToString(sum[:])
}
