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

// AuditLogService reads the account's audit log: what was done to its keys,
// its webhooks and its knowledge base. Calls of the API write nothing to it. A
// Client's is Client.AuditLog.
type AuditLogService struct{ core *core }

// AuditLogOptions chooses a page of the audit log. What is empty chooses all;
// the texts have to match exactly.
type AuditLogOptions struct {
	ListOptions

	Category   string // like "api_key"
	Action     string // like "api_key_created"
	EntityType string // like "api_key"
	EntityID   string
	From, To   time.Time // both included
}

// AuditEntry is an entry of the audit log.
type AuditEntry struct {
	ID         string
	Action     string
	EntityType string
	EntityID   string // empty if there is none, like the next two
	Category   string
	IPAddress  string

	// IntegrityHash ties the entry to those before it: see VerifyAuditLog. The
	// live service has been seen to leave it empty.
	IntegrityHash string

	Details   json.RawMessage // nil or null if there are none
	CreatedAt time.Time
}

// List returns a page of the audit log, the newest entry first: 50 without a
// Limit, 100 at most.
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

// All returns the entries from Offset on, Limit a request, as the loop goes.
// See [AuditLogService.List].
func (s *AuditLogService) All(ctx context.Context, opts AuditLogOptions, callOpts ...CallOption) iter.Seq2[AuditEntry, error] {
	return all(opts.ListOptions, AuditEntry.id, func(at ListOptions) (*Page[AuditEntry], error) {
		opts := opts
		opts.ListOptions = at
		return s.List(ctx, opts, callOpts...)
	})
}

// What VerifyAuditLog may find.
var (
	// ErrAuditLogUnhashed says that entries have no integrity hash, so that
	// nothing can be said of them.
	ErrAuditLogUnhashed = errors.New("clawhq: audit log cannot be verified")

	// ErrAuditLogBroken says that an entry does not have the integrity hash
	// that follows from its fields and from the entry before it.
	ErrAuditLogBroken = errors.New("clawhq: audit log is broken")
)

// VerifyAuditLog checks that an account's audit log was not changed since it
// was written: each entry's hash covers its own fields and the hash of the
// entry before it. It takes the whole log, without any filter and with the
// oldest entry first, that is, List's order reversed; and the account's id,
// which a webhook's creation shows.
//
// It returns nil for a log that is whole, an error that matches
// ErrAuditLogBroken for one that is not, from the first entry on that does not
// fit, and one that matches ErrAuditLogUnhashed where entries bear no hash:
// the live service has been seen to write none.
func VerifyAuditLog(accountID string, entries []AuditEntry) error {
	previous, unhashed := "", 0
	for i, e := range entries {
		if e.IntegrityHash == "" {
			unhashed++
			continue
		}
		if wire.AuditHash(accountID, auditEntryToWire(e), previous) != e.IntegrityHash {
			return fmt.Errorf("%w: entry %d of %d (id %q) does not have its hash: it, or what was before it, is not as it was written, or this is not the whole log of account %q with the oldest entry first",
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

// auditEntryToWire returns what of an entry its hash covers, as the service
// wrote it.
func auditEntryToWire(e AuditEntry) wire.AuditEntry {
	return wire.AuditEntry{
		ID: e.ID, Action: e.Action, EntityType: e.EntityType, EntityID: wire.Text(e.EntityID), Category: wire.Text(e.Category),
		Details: e.Details, CreatedAt: wire.DatabaseTime(e.CreatedAt),
	}
}
