package server

import (
	"cmp"
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// AuditEntry is an entry of the audit log.
type AuditEntry struct {
	ID            string // empty means a new one
	Action        string
	EntityType    string
	EntityID      string
	Category      string
	Details       json.RawMessage // a JSON object; nil means null
	IPAddress     string
	CreatedAt     time.Time // zero means now
	IntegrityHash string    // empty means none in profile Live, and the right hash in profile Documented
}

// auditEntry is an entry of the log, with all fields filled in.
type auditEntry struct{ AuditEntry }

// AddAuditEntry adds an entry and returns its id. It panics if the details are not
// JSON.
func (s *Server) AddAuditEntry(add AuditEntry) (id string) {
	if add.Details != nil && wire.JSONB(add.Details) == nil {
		panic("clawhqtest: AddAuditEntry: the details are not JSON")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.log(add, s.clock.Now())
}

// log adds an entry to the audit log, which is sorted by time.
func (s *state) log(add AuditEntry, now time.Time) (id string) {
	add.ID = cmp.Or(add.ID, uuid.NewString())
	if add.CreatedAt.IsZero() {
		add.CreatedAt = now
	}
	add.CreatedAt = add.CreatedAt.UTC().Truncate(time.Microsecond)
	if add.Details != nil {
		add.Details = wire.JSONB(add.Details)
	}
	at, _ := slices.BinarySearchFunc(s.audit, add.CreatedAt, func(e auditEntry, t time.Time) int {
		return cmp.Or(e.CreatedAt.Compare(t), -1) // after entries of the same time
	})
	s.audit = slices.Insert(s.audit, at, auditEntry{add})
	s.kept.Keep(len(add.Details)+len(add.EntityID), func() {
		i := slices.IndexFunc(s.audit, func(e auditEntry) bool { return e.ID == add.ID })
		s.audit = slices.Delete(s.audit, i, i+1)
	})
	return add.ID
}

// logManagement adds an entry about a call that has changed a key or a webhook.
func (c *call) logManagement(action, category, entityID string, details any) {
	e := AuditEntry{Action: action, EntityType: category, EntityID: entityID, Category: category, IPAddress: clientIP(c.r)}
	if details != nil {
		e.Details = encodeJSON(details)
	}
	c.state.log(e, c.s.clock.Now())
}

// clientIP returns the address of a request's client: the first in X-Forwarded-For,
// which proxies set, or else the connection's.
func clientIP(r *http.Request) string {
	if forwarded, _, _ := strings.Cut(r.Header.Get("X-Forwarded-For"), ","); forwarded != "" {
		return strings.TrimSpace(forwarded)
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return "127.0.0.1" // an in-memory connection
	}
	return host
}

// listAuditLog answers GET /v1/audit-log: the entries that pass the filters, newest
// first.
func (c *call) listAuditLog() (any, error) {
	p := c.profile
	now := c.s.clock.Now()
	from, err := p.date(c.query("from"), "from", now)
	if err != nil {
		return nil, err
	}
	to, err := p.date(c.query("to"), "to", now)
	if err != nil {
		return nil, err
	}
	if err := p.storable("Failed to fetch audit logs", c.query("category"), c.query("action"), c.query("entity_type"), c.query("entity_id")); err != nil {
		return nil, err
	}
	entries := p.auditEntries(c.s.accountID, c.state.audit)
	slices.Reverse(entries)
	entries = slices.DeleteFunc(entries, func(e wire.AuditEntry) bool {
		for _, filter := range []struct{ name, value string }{
			{"category", string(e.Category)}, {"action", e.Action}, {"entity_type", e.EntityType}, {"entity_id", string(e.EntityID)},
		} {
			if wanted := c.query(filter.name); wanted != "" && wanted != filter.value {
				return true
			}
		}
		at := e.CreatedAt.Time()
		return !from.IsZero() && at.Before(from) || !to.IsZero() && at.After(to)
	})
	page, paging, err := pageOf(c, entries, "audit logs")
	if err != nil {
		return nil, err
	}
	return wire.AuditLog{Entries: append([]wire.AuditEntry{}, page...), Paging: paging}, nil
}

// verifyAuditLog answers GET /audit-log/verify. It skips entries without a hash.
func (c *call) verifyAuditLog() (any, error) {
	verdict := wire.AuditVerdict{Valid: true, Total: len(c.state.audit)}
	previous := ""
	for i, e := range c.profile.auditEntries(c.s.accountID, c.state.audit) {
		if e.IntegrityHash == "" {
			continue
		}
		if wire.AuditHash(c.s.accountID, e, previous) != string(e.IntegrityHash) {
			verdict.Valid, verdict.BrokenAt = false, &i
			break
		}
		previous = string(e.IntegrityHash)
		verdict.Verified++
	}
	return verdict, nil
}

// auditUser is the user of every entry.
const auditUser = "owner@example.com"
