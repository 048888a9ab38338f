package server

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"
	"time"

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

// echoes reports whether the built-in agents are those behind the recordings.
func (p Profile) echoes() bool { return p == Live }

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

// isOf reports whether a conversation is one with an agent: live by a part of
// its name in any case, by the pages by its slug too.
func (p Profile) isOf(kept *conversation, agent string) bool {
	return strings.Contains(strings.ToLower(kept.Agent), strings.ToLower(agent)) || p != Live && strings.EqualFold(kept.slug, agent)
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
func (p Profile) threadBody(body []byte) (object, error) {
	o, ok := parseObject(body)
	if !ok && p != Live && len(bytes.TrimSpace(body)) > 0 {
		return nil, refuse(wire.CodeInvalidRequest, errBadJSON, "")
	}
	return o, nil
}

// threadAgent returns the agent that a thread is created with, which live is
// not checked.
func (p Profile) threadAgent(s *Server, body object) (string, error) {
	agent := body["agent"]
	if p == Live && truthy(agent) {
		return fmt.Sprint(agent), nil
	}
	name, err := p.text(body, "agent", refuse(wire.CodeInvalidParameter, "agent must be a string", "agent"))
	switch {
	case err != nil:
		return "", err
	case name == "":
		return wire.DefaultThreadAgent, nil
	case s.findAgent(name) == nil:
		return "", refuse(wire.CodeAgentNotFound, agentNotFound(name), "")
	}
	return name, nil
}

// threadOpening returns the title and the first message that a thread is
// created with, of which the pages speak.
func (p Profile) threadOpening(body object) (title, message string) {
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

// date reads a parameter that is a time, and zero where it is absent. Live it
// has to be one for JavaScript first, which is refused, and one for the
// database then, which fails.
func (p Profile) date(text, name string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if at := wire.Time(text).Time(); !at.IsZero() {
		return at, nil
	}
	if p == Live && jsDate(text) {
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

// defaultDays is how many days of usage are shown unless a number is asked
// for.
func (p Profile) defaultDays() int {
	if p == Live {
		return 7
	}
	return 30
}

// maxUsageCalls is how many calls, of the newest, usage is counted over.
func (p Profile) maxUsageCalls() int {
	if p == Live {
		return 1000
	}
	return math.MaxInt
}

// fileType returns the mime_type of a file that is there: live the extension
// of its name.
func (p Profile) fileType(f *file) string {
	if p == Live {
		return cmp.Or(f.kind, strings.TrimPrefix(path.Ext(f.name), "."))
	}
	return cmp.Or(f.kind, f.mediaType)
}

// storable reports whether the store takes a file of that name.
func (p Profile) storable(name string) bool {
	return p != Live || strings.IndexFunc(name, func(r rune) bool { return r > '~' }) < 0
}

// finds reports whether a file is found again: live only in the knowledge
// base.
func (p Profile) finds(f *file) bool {
	return p != Live || f.purpose == wire.PurposeKnowledgeBase
}

// anyTier reports whether a key can be created with a tier that there is not,
// which makes it one of the default tier.
func (p Profile) anyTier() bool { return p == Live }

// uploadLimit is how much of a long body is read, in bytes: the live service
// cuts it, the documented one reads enough to tell that a file is too large.
func (p Profile) uploadLimit() int {
	if p == Live {
		return wire.MaxUploadBodyBytes - 1
	}
	return wire.MaxFileBytes + 64<<10
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
