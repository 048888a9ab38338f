package clawhq

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// AuditLogService reads the account's audit log, which records changes of its
// keys, webhooks and knowledge base. API calls are not recorded. Use
// Client.AuditLog.
type AuditLogService struct{ core *core }

// AuditLogOptions selects a page of the audit log. Only entries that match all
// fields are returned; texts must match exactly, and an empty field matches
// every entry.
type AuditLogOptions struct {
	ListOptions

	Category   string // like "api_key"
	Action     string // like "api_key_created"
	EntityType string // like "api_key"
	EntityID   string
	From, To   time.Time // the first and the last time, both included
}

// AuditEntry is an entry of the audit log.
type AuditEntry struct {
	ID         string
	Action     string
	EntityType string
	EntityID   string // empty if there is none
	Category   string // empty if there is none
	IPAddress  string // empty if there is none

	// IntegrityHash links the entry to those before it: see VerifyAuditLog. The
	// live service has been seen to leave it empty.
	IntegrityHash string

	Details   json.RawMessage // nil or null if there are none
	CreatedAt time.Time
}

// List returns a page of the audit log, the newest entry first. A page has 50
// entries by default and 100 at most.
//
// Endpoint: GET /v1/audit-log
func (s *AuditLogService) List(ctx context.Context, opts AuditLogOptions, callOpts ...CallOption) (*Page[AuditEntry], error) {
	r := page(wire.ListAuditLog, opts.ListOptions)
	r.filter("category", opts.Category)
	r.filter("action", opts.Action)
	r.filter("entity_type", opts.EntityType)
	r.filter("entity_id", opts.EntityID)
	r.filter("from", string(wire.QueryTime(opts.From)))
	r.filter("to", string(wire.QueryTime(opts.To)))
	body, _, err := fetch[wire.AuditLog](ctx, s.core, r, callOpts)
	if err != nil {
		return nil, err
	}
	return pageOf(body.Paging, body.Entries, auditEntryOf), nil
}

// All returns an iterator over the entries from opts.Offset on. It requests page
// after page, opts.Limit entries each, as the loop proceeds. See
// [AuditLogService.List] and [ListOptions].
func (s *AuditLogService) All(ctx context.Context, opts AuditLogOptions, callOpts ...CallOption) iter.Seq2[AuditEntry, error] {
	return all(opts.ListOptions, callOpts, AuditEntry.id, func(at ListOptions, callOpts []CallOption) (*Page[AuditEntry], error) {
		opts := opts
		opts.ListOptions = at
		return s.List(ctx, opts, callOpts...)
	})
}

// The errors of VerifyAuditLog, for use with errors.Is.
var (
	// ErrAuditLogUnhashed reports that entries have no integrity hash and so
	// cannot be verified.
	ErrAuditLogUnhashed = errors.New("clawhq: audit log cannot be verified")

	// ErrAuditLogBroken reports an entry whose integrity hash does not follow
	// from its fields and the hash of the entry before it.
	ErrAuditLogBroken = errors.New("clawhq: audit log is broken")
)

// VerifyAuditLog checks that an account's audit log was not changed after it was
// written. The hash of each entry covers the entry's own fields and the hash of
// the entry before it.
//
// entries must be the whole log, read without a filter, with the oldest entry
// first: the reverse of the order of List and All. accountID is the id of the
// account, which is Webhook.AccountID of a webhook that was created or updated.
//
// VerifyAuditLog returns nil if every hash is right. Otherwise its error matches
// ErrAuditLogBroken and names the first entry whose hash is wrong. If hashes
// are missing, its error matches ErrAuditLogUnhashed; the live service has been
// seen to write none.
func VerifyAuditLog(accountID string, entries []AuditEntry) error {
	previous, unhashed := "", 0
	for i, e := range entries {
		if e.IntegrityHash == "" {
			unhashed++
			continue
		}
		if wire.AuditHash(accountID, auditEntryToWire(e), previous) != e.IntegrityHash {
			return fmt.Errorf("%w: the hash of entry %d of %d (id %q) is wrong: it or an entry before it was changed, or this is not the whole log of account %q with the oldest entry first",
				ErrAuditLogBroken, i+1, len(entries), oneLine(wire.Redact(e.ID)), oneLine(wire.Redact(accountID)))
		}
		previous = e.IntegrityHash
	}
	if unhashed > 0 {
		return fmt.Errorf("%w: %d of %d entries have no integrity hash", ErrAuditLogUnhashed, unhashed, len(entries))
	}
	return nil
}

func (e AuditEntry) id() string { return e.ID }

func auditEntryOf(e wire.AuditEntry) AuditEntry {
	return AuditEntry{
		ID: e.ID, Action: e.Action, EntityType: e.EntityType, EntityID: string(e.EntityID), Category: string(e.Category),
		IPAddress: string(e.IPAddress), IntegrityHash: e.AnyHash(), Details: e.AnyDetails(), CreatedAt: e.AnyCreatedAt().Time(),
	}
}

// auditEntryToWire returns the fields of an entry that its hash covers, as the
// service wrote them.
func auditEntryToWire(e AuditEntry) wire.AuditEntry {
	return wire.AuditEntry{
		ID: e.ID, Action: e.Action, EntityType: e.EntityType, EntityID: wire.Text(e.EntityID), Category: wire.Text(e.Category),
		Details: e.Details, CreatedAt: wire.DatabaseTime(e.CreatedAt),
	}
}
