package server

import (
	"bytes"
	"cmp"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/internal/js"
	"github.com/clawhq/clawhq-go/internal/postgres"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// What the services ask a profile.

// agent shows an agent, by the documentation with the pages' name of its id.
func (p Profile) agent(shown wire.Agent) wire.Agent {
	if p != Live {
		shown.AgentID = shown.ID
	}
	return shown
}

// deployOrder returns the built-in agents, the default one last.
func (p Profile) deployOrder(sales, support agent) []agent {
	if p == Live {
		return []agent{support, sales}
	}
	return []agent{sales, support}
}

// conversations adds to a list of conversations the page that was asked for,
// which the pages have it say.
func (p Profile) conversations(list wire.ConversationList, limit, offset int) wire.ConversationList {
	if p != Live {
		list.Limit, list.Offset = limit, &offset
	}
	return list
}

// cut answers an upload whose body was too long to be read: live it is only
// found to break off.
func (p Profile) cut(bad *refusal) error {
	if p == Live {
		return bad
	}
	return refuse(wire.CodeFileTooLarge, errFileTooLarge, "")
}

// isOf reports whether an agent with that name and slug is asked for: live by a
// part of its name in any case, in which a * stands for any text; by the pages by
// its slug too.
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

// conversation shows a conversation, by the documentation with the pages'
// fields.
func (p Profile) conversation(kept *conversation) wire.Conversation {
	shown := wire.Conversation{
		ID:            kept.ID,
		AgentName:     kept.Agent,
		CreatedAt:     p.time(kept.CreatedAt),
		LastMessageAt: p.time(kept.LastMessageAt),
	}
	if p != Live {
		shown.Agent, shown.MessageCount, shown.StartedAt, shown.Status = kept.slug, len(kept.Messages), shown.CreatedAt, "active"
	}
	return shown
}

// threadBody parses the body of a creation, for which live anything will do.
func (p Profile) threadBody(body []byte) (js.Object, error) {
	o, ok := parseObject(body)
	if !ok && p != Live && len(bytes.TrimSpace(body)) > 0 {
		return nil, refuse(wire.CodeInvalidRequest, errBadJSON, "")
	}
	return o, nil
}

// threadAgent returns the agent that a thread is created with, which live is
// not checked.
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

// batchAgent returns a request of a batch for an agent.
func (p Profile) batchAgent(agent any) batchItem {
	text, isText := agent.(string)
	if p == Live && !isText && js.Truthy(agent) {
		return batchItem{agent: js.String(agent), badAgent: true}
	}
	return batchItem{agent: text}
}

// databaseText returns what a column of texts makes of a value.
func databaseText(v any) string {
	if text, ok := v.(string); ok {
		return text
	}
	return string(js.Stringify(v))
}

// storable refuses what live cannot be stored, with that message.
func (p Profile) storable(message string, values ...any) error {
	if p == Live && !postgres.Storable(values) {
		return refuse(wire.CodeInternalError, message, "")
	}
	return nil
}

// threadOpening returns the title and the first message that a thread is
// created with, of which the pages speak.
func (p Profile) threadOpening(body js.Object) (title, message string) {
	if p == Live {
		return "", ""
	}
	title, _, _ = field[string](body, "title")
	message, _, _ = field[string](body, "message")
	return title, strings.TrimSpace(message)
}

// thread shows a thread, by the documentation with the pages' fields.
func (p Profile) thread(t *thread) wire.Thread {
	shown := wire.Thread{ID: t.id, Agent: t.agent, Metadata: t.metadata, CreatedAt: p.time(t.createdAt), UpdatedAt: p.time(t.updatedAt)}
	if p != Live {
		shown.Title, shown.MessageCount = t.title, len(t.messages)
	}
	return shown
}

// nameless answers an upload whose file has no name, which JavaScript takes
// for text.
func (p Profile) nameless() error {
	if p == Live {
		return refuse(wire.CodeUnsupportedFileType, "Unsupported file type: undefined", "")
	}
	return refuse(wire.CodeMissingParameter, "file must have a filename", "file")
}

// file shows a file as lists do.
func (p Profile) file(f *file, now time.Time) wire.File {
	status, _ := f.indexed(now)
	return wire.File{FileID: f.id, Filename: f.name, Size: f.size, MIMEType: p.fileType(f), Status: status, CreatedAt: p.time(f.createdAt)}
}

// auditEntries shows entries, oldest first: by the documentation each with its
// hash and with the pages' fields, live with the hash it was given, if any.
// Their times have the database's form in both, which hashes are made over.
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

// date reads a parameter that is a time, and zero where it is absent. It has to be
// one for JavaScript, and one for the database, which live fails if it is none.
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

// slug returns the slug of an agent: live the name's in lower case, with an
// underscore for what cannot stand in one; by the pages the one it was
// deployed with, with hyphens.
func (p Profile) slug(deployedAs, name string) string {
	if p != Live {
		return deployedAs
	}
	slug := listedSlug(name)
	for strings.Contains(slug, "__") {
		slug = strings.ReplaceAll(slug, "__", "_")
	}
	return cmp.Or(strings.Trim(slug, "_"), slug)
}

// listSlug returns the slug that the list of agents shows, which live is not
// always the one that chat takes.
func (p Profile) listSlug(a *agent) string {
	if p == Live {
		return listedSlug(a.name)
	}
	return a.slug
}

// defaultAgent returns the agent for messages that name none, of those that
// are deployed, or nil: the one deployed last or, by the documentation,
// support-bot while there is one.
func (p Profile) defaultAgent(deployed []*agent) *agent {
	if len(deployed) == 0 {
		return nil
	}
	if p != Live {
		if i := slices.IndexFunc(deployed, func(a *agent) bool { return a.slug == supportBot }); i >= 0 {
			return deployed[i]
		}
	}
	return deployed[len(deployed)-1]
}

// moderated reports what is wrong with the content of a message: live by
// lists of words.
func (p Profile) moderated(message string) error {
	if p == Live {
		if topic := blockedTopic(message); topic != "" {
			return refuse(wire.CodeContentBlocked, "Content blocked: "+topic, "")
		}
	}
	return nil
}

// fileType returns the mime_type of a file that is there: live the extension
// of its name.
func (p Profile) fileType(f *file) string {
	if p == Live {
		return cmp.Or(f.kind, strings.ToLower(f.name[strings.LastIndexByte(f.name, '.')+1:]))
	}
	return cmp.Or(f.kind, f.mediaType)
}

// takesName reports whether the store takes a file of that name.
func (p Profile) takesName(name string) bool { return p != Live || storedName.MatchString(name) }

var storedName = regexp.MustCompile(`^[\w/!.*'() &$@=;:+,?-]*$`)

// uploadStatus returns the status in the reply of an upload: live only the
// knowledge base finds out at once that a file is no text.
func (p Profile) uploadStatus(f *file, text bool) string {
	if text || p == Live && f.purpose != wire.PurposeKnowledgeBase {
		return wire.FileProcessing
	}
	return wire.FileError
}

// finds reports whether a file is found again: live only in the knowledge
// base.
func (p Profile) finds(f *file) bool {
	return p != Live || f.purpose == wire.PurposeKnowledgeBase
}

// listedSlug replaces what cannot stand in a slug.
func listedSlug(name string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return '_'
	}, strings.ToLower(name))
}

// health adds to the service's state what the pages have it say.
func (p Profile) health(c *call, shown wire.Health) wire.Health {
	if p == Live {
		return shown
	}
	now := c.s.clock.Now()
	agents := "healthy"
	if c.state.offline {
		agents = "offline"
	}
	uptime := math.Floor(now.Sub(c.s.started).Seconds())
	shown.Timestamp, shown.Version, shown.UptimeSeconds = wire.HandlerTime(now), wire.HealthVersion, &uptime
	shown.Components = wire.Components{"api": "healthy", "database": "healthy", "agents": agents}
	return shown
}

// usage adds to the service's figures what the pages have.
func (p Profile) usage(shown wire.Usage, byAgent map[string]tally, since, now time.Time) wire.Usage {
	if p == Live {
		return shown
	}
	page := &wire.UsagePage{Requests: shown.Totals.Requests, Tokens: shown.Totals.Tokens, PeriodStart: wire.HandlerTime(since), PeriodEnd: wire.HandlerTime(now),
		ByAgent: wire.AgentUsages{}}
	for _, agent := range slices.Sorted(maps.Keys(byAgent)) {
		page.ByAgent = append(page.ByAgent, wire.AgentUsage{Agent: agent, Requests: byAgent[agent].calls, Tokens: byAgent[agent].tokens})
	}
	for i := range shown.Usage.Days {
		shown.Usage.Days[i].AverageLatencyMS = shown.Usage.Days[i].AverageResponseMS
	}
	shown.Usage.Page = page
	return shown
}
