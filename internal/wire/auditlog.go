package wire

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/clawhq/clawhq-go/internal/js"
)

// The actions that key management and webhook management log, and their
// categories.
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

// AuditEntry is an entry of the audit log. The fields from Timestamp on are
// the reference pages'.
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

// AnyCreatedAt returns when it happened, whatever that is called.
func (e AuditEntry) AnyCreatedAt() Time { return cmp.Or(e.CreatedAt, e.Timestamp) }

// AnyHash returns the integrity hash, whatever it is called.
func (e AuditEntry) AnyHash() string { return cmp.Or(string(e.IntegrityHash), e.Hash) }

// AnyDetails returns the details, whatever they are called, nil for null.
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

// Check tells whether the list is there.
func (l AuditLog) Check() error { return need(member{"entries", l.Entries != nil}) }

// AuditVerdict is the reply of GET /audit-log/verify: BrokenAt is the entry,
// counted from 0 and the oldest, that does not have its hash.
type AuditVerdict struct {
	Valid    bool `json:"valid"`
	Verified int  `json:"verified"` // entries with a hash, up to the broken one
	BrokenAt *int `json:"broken_at,omitempty"`
	Total    int  `json:"total"`
}

// AuditHash returns the integrity hash of an entry in an account's log:
// lower-case hexadecimal SHA-256 of the JSON of its fields, with previous the
// hash of the entry before it and empty for the first. It takes the time as
// it is sent.
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
