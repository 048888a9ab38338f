package server

import (
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/internal/js"
	"github.com/clawhq/clawhq-go/internal/postgres"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// Differences between the profiles in single services.

// isOf reports whether an agent, given by name and slug, is asked for. In profile
// Documented the parameter is a part of the name, in any case, or the slug. In
// profile Live it is a part of the name, in which * stands for any text.
func (p Profile) isOf(name, slug, asked string) bool {
	if p != Live {
		return strings.Contains(strings.ToLower(name), strings.ToLower(asked)) || strings.EqualFold(slug, asked)
	}
	rest := strings.ToLower(name)
	for part := range strings.SplitSeq(strings.ToLower(asked), "*") {
		i := strings.Index(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return true
}

// threadAgent returns the agent of a new thread. Profile Live takes any value for it.
func (p Profile) threadAgent(agents *roster, body js.Object) (string, error) {
	if agent := member(body, "agent"); p == Live && js.Truthy(agent) {
		return databaseText(agent), nil
	}
	name, err := p.text(body, "agent", refuse(wire.CodeInvalidParameter, "agent must be a string", "agent"))
	switch {
	case err != nil:
		return "", err
	case name == "" || name == wire.DefaultThreadAgent:
		return wire.DefaultThreadAgent, nil
	case agents.find(p, name) == nil:
		return "", refuse(wire.CodeAgentNotFound, agentNotFound(name), "")
	}
	return name, nil
}

// batchAgent returns a batch item for the agent that a request names.
func (p Profile) batchAgent(agent any) batchItem {
	text, isText := agent.(string)
	if p == Live && !isText && js.Truthy(agent) {
		return batchItem{agent: js.String(agent), badAgent: true}
	}
	return batchItem{agent: text}
}

// databaseText returns a value as a text column of the database stores it.
func databaseText(v any) string {
	if text, ok := v.(string); ok {
		return text
	}
	return string(js.Stringify(v))
}

// storable returns an error with that message if the values cannot be stored in the
// database of profile Live.
func (p Profile) storable(message string, values ...any) error {
	if p == Live && !postgres.Storable(values) {
		return refuse(wire.CodeInternalError, message, "")
	}
	return nil
}

// auditEntries returns the entries of the log in the form of a reply, oldest first.
// In profile Documented each has its hash and the fields of the reference pages; in
// profile Live it has the hash that AddAuditEntry was given, if any. Times have the
// database's form in both profiles, since it is what the hashes contain.
func (p Profile) auditEntries(accountID string, log []auditEntry) []wire.AuditEntry {
	shown := make([]wire.AuditEntry, len(log))
	previous := ""
	for i, e := range log {
		s := wire.AuditEntry{
			ID:            e.ID,
			Action:        e.Action,
			EntityType:    e.EntityType,
			EntityID:      wire.Text(e.EntityID),
			Category:      wire.Text(e.Category),
			Details:       e.Details,
			IPAddress:     wire.Text(e.IPAddress),
			CreatedAt:     wire.DatabaseTime(e.CreatedAt),
			IntegrityHash: wire.Text(e.IntegrityHash),
		}
		if p != Live {
			if e.IntegrityHash == "" {
				s.IntegrityHash = wire.Text(wire.AuditHash(accountID, s, previous))
			}
			s.Timestamp, s.Metadata, s.UserEmail = s.CreatedAt, s.Details, auditUser
			s.Hash, s.PreviousHash = string(s.IntegrityHash), previous
			previous = s.Hash
		}
		shown[i] = s
	}
	return shown
}

// date reads a query parameter that is a time; it returns the zero time if there is
// none. A time must be valid for JavaScript and for the database. In profile Live the
// latter fails with an internal error.
func (p Profile) date(text, name string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, ok := postgres.Time(text, now)
	switch valid := js.ValidDate(text); {
	case valid && ok:
		return at, nil
	case valid && p == Live:
		return time.Time{}, refuse(wire.CodeInternalError, "Failed to fetch audit logs", "")
	}
	return time.Time{}, refuse(wire.CodeInvalidParameter, name+" must be a valid ISO 8601 date", name)
}
