package control

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// A Document describes the state of a server. Applying it changes only what it names.
type Document struct {
	Keys          []Key          `json:"keys,omitempty"`
	Agents        []Agent        `json:"agents,omitempty"`
	Models        []wire.Model   `json:"models,omitempty"` // replaces the models
	Files         []File         `json:"files,omitempty"`
	Conversations []Conversation `json:"conversations,omitempty"`
	AuditEntries  []AuditEntry   `json:"audit_entries,omitempty"`
	Faults        []Fault        `json:"faults,omitempty"`
	Offline       *bool          `json:"offline,omitempty"` // whether the machine of the agents is stopped
}

// UnmarshalJSON reads a document, and refuses unknown fields.
func (d *Document) UnmarshalJSON(b []byte) error {
	var text struct {
		Keys          json.RawMessage `json:"keys"`
		Agents        json.RawMessage `json:"agents"`
		Models        json.RawMessage `json:"models"`
		Files         json.RawMessage `json:"files"`
		Conversations json.RawMessage `json:"conversations"`
		AuditEntries  json.RawMessage `json:"audit_entries"`
		Faults        json.RawMessage `json:"faults"`
		Offline       *bool           `json:"offline"`
	}
	if err := decode(b, &text); err != nil {
		return err
	}
	d.Offline = text.Offline
	return cmp.Or(
		decodeList(text.Keys, "keys", &d.Keys),
		decodeList(text.Agents, "agents", &d.Agents),
		decodeList(text.Models, "models", &d.Models),
		decodeList(text.Files, "files", &d.Files),
		decodeList(text.Conversations, "conversations", &d.Conversations),
		decodeList(text.AuditEntries, "audit_entries", &d.AuditEntries),
		decodeList(text.Faults, "faults", &d.Faults),
	)
}

// A Key is an API key of the account.
type Key struct {
	ID   string `json:"id,omitempty"` // only in replies
	Name string `json:"name"`
	Key  string `json:"key"` // clw_ and 32 letters or digits; empty means a new one
	RPM  int    `json:"rpm"`
}

// UnmarshalJSON reads a key, whose limit is 60 by default.
func (k *Key) UnmarshalJSON(b []byte) error {
	type object Key
	*k = Key{RPM: wire.DefaultTier}
	return decode(b, (*object)(k))
}

// A File is an uploaded file.
type File struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	MediaType string    `json:"media_type"` // empty means that of the name's extension
	Purpose   string    `json:"purpose"`
	Size      int64     `json:"size"`   // in bytes
	Status    string    `json:"status"` // empty means as indexing determines it
	CreatedAt time.Time `json:"created_at"`
}

// A Conversation is a conversation of the dashboard's chat.
type Conversation struct {
	ID            string    `json:"id"`
	Agent         string    `json:"agent"`
	CreatedAt     time.Time `json:"created_at"`
	LastMessageAt time.Time `json:"last_message_at"`
	Messages      []Message `json:"messages"`
}

// A Message is part of a Conversation.
type Message struct {
	ID        string    `json:"id"`
	Role      string    `json:"role"` // user or assistant
	Content   string    `json:"content"`
	CreatedAt time.Time `json:"created_at"`
}

// An AuditEntry is an entry of the audit log.
type AuditEntry struct {
	ID            string          `json:"id"`
	Action        string          `json:"action"`
	EntityType    string          `json:"entity_type"`
	EntityID      string          `json:"entity_id"`
	Category      string          `json:"category"`
	Details       json.RawMessage `json:"details"`
	IPAddress     string          `json:"ip_address"`
	CreatedAt     time.Time       `json:"created_at"`
	IntegrityHash string          `json:"integrity_hash"`
}

// Limits of documents.
const (
	MaxDocumentBytes = 1 << 20
	maxItems         = 1000    // in each list
	maxRPM           = 100_000 // of a key
	maxKeys          = 10_000  // of a server, revoked ones included
)

// ParseDocument parses a document, and refuses unknown fields.
func ParseDocument(text []byte) (d Document, err error) {
	if len(text) > MaxDocumentBytes {
		return d, fmt.Errorf("it is longer than %d bytes", MaxDocumentBytes)
	}
	return d, decode(text, &d)
}

// parseWait parses a duration that a document or a request waits.
func parseWait(field, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > maxAdvance {
		return 0, fmt.Errorf("%s %q: it must be a duration from 0s to %v, for example 200ms", field, text, maxAdvance)
	}
	return d, nil
}

// check returns the changes that apply a document, or an error if the document is
// not valid.
func (c *Control) check(d Document) (changes []func(*Applied), err error) {
	change := func(f func(*Applied)) { changes = append(changes, f) }
	keys := c.knownKeys(d.Keys)
	if n := len(c.server.Keys()) + len(d.Keys); len(d.Keys) > 0 && n > maxKeys {
		return nil, at(fmt.Errorf("there would be %d: the maximum is %d", n, maxKeys), "keys")
	}
	lists := []struct {
		name   string
		length int
		item   func(i int) error
	}{
		{"keys", len(d.Keys), func(i int) error {
			k, err := d.Keys[i].check()
			change(func(a *Applied) { a.Keys = append(a.Keys, c.addKey(k)) })
			return err
		}},
		{"agents", len(d.Agents), func(i int) error {
			slug := d.Agents[i].Slug
			answer, err := d.Agents[i].parse(c.server)
			change(func(*Applied) { c.server.HandleAgent(slug, answer) })
			return err
		}},
		{"models", len(d.Models), func(i int) error {
			if d.Models[i].ID == "" {
				return errors.New("id is missing")
			}
			return nil
		}},
		{"files", len(d.Files), func(i int) error {
			f := d.Files[i]
			change(func(a *Applied) { a.Files = append(a.Files, c.server.AddFile(clawhqtest.File(f))) })
			return f.check()
		}},
		{"conversations", len(d.Conversations), func(i int) error {
			conversation, err := d.Conversations[i].check()
			change(func(a *Applied) { a.Conversations = append(a.Conversations, c.server.AddConversation(conversation)) })
			return err
		}},
		{"audit_entries", len(d.AuditEntries), func(i int) error {
			e := d.AuditEntries[i]
			change(func(a *Applied) {
				a.AuditEntries = append(a.AuditEntries, c.server.AddAuditEntry(clawhqtest.AuditEntry(e)))
			})
			return e.check()
		}},
		{"faults", len(d.Faults), func(i int) error {
			_, err := d.Faults[i].parse(keys)
			return err
		}},
	}
	for _, list := range lists {
		if list.length > maxItems {
			return nil, at(fmt.Errorf("there are %d entries: the maximum is %d at a time", list.length, maxItems), list.name)
		}
		for i := range list.length {
			if err := list.item(i); err != nil {
				return nil, at(err, list.name, i)
			}
		}
	}
	if d.Models != nil {
		models := make([]clawhq.Model, len(d.Models))
		for i, m := range d.Models {
			models[i] = clawhq.Model{ID: m.ID, Name: m.Name, ContextWindow: m.ContextWindow, Description: string(m.Description)}
		}
		change(func(*Applied) { c.server.SetModels(models...) })
	}
	if d.Offline != nil {
		change(func(*Applied) { c.server.SetOffline(*d.Offline) })
	}
	return changes, nil
}

func (k Key) check() (Key, error) {
	switch n := wire.UTF16Len(wire.Trim(k.Name)); {
	case k.ID != "":
		return k, errors.New("id: the server makes it")
	case n == 0:
		return k, errors.New("name is missing")
	case n > wire.MaxKeyNameChars:
		return k, fmt.Errorf("name has %d characters: the maximum is %d", n, wire.MaxKeyNameChars)
	case k.Key != "" && !wire.ValidKey(k.Key):
		return k, fmt.Errorf("key must be %s and %d letters or digits", wire.KeyStart, wire.KeyLen-len(wire.KeyStart))
	}
	return k, checkRPM(k.RPM)
}

func checkRPM(rpm int) error {
	if rpm < 1 || rpm > maxRPM {
		return fmt.Errorf("rpm is %d: it must be from 1 to %d", rpm, maxRPM)
	}
	return nil
}

func (f File) check() error {
	switch {
	case f.Name == "":
		return errors.New("name is missing")
	case f.Status != "" && !slices.Contains(wire.FileStatuses, f.Status):
		return fmt.Errorf("status %q: it must be one of %s", f.Status, strings.Join(wire.FileStatuses, ", "))
	case f.Size < 0 || f.Size > wire.MaxFileBytes:
		return fmt.Errorf("size is %d: it must be from 0 to %d bytes", f.Size, int64(wire.MaxFileBytes))
	}
	return nil
}

func (c Conversation) check() (clawhqtest.Conversation, error) {
	checked := clawhqtest.Conversation{ID: c.ID, Agent: c.Agent, CreatedAt: c.CreatedAt, LastMessageAt: c.LastMessageAt}
	for i, m := range c.Messages {
		if !slices.Contains([]string{clawhqtest.RoleUser, clawhqtest.RoleAssistant}, m.Role) {
			return checked, at(fmt.Errorf("role %q: it must be %s or %s", m.Role, clawhqtest.RoleUser, clawhqtest.RoleAssistant), "messages", i)
		}
		checked.Messages = append(checked.Messages, clawhqtest.StoredMessage(m))
	}
	return checked, nil
}

func (e AuditEntry) check() error {
	if e.Action == "" {
		return errors.New("action is missing")
	}
	if len(e.Details) > 0 && e.Details[0] != '{' && string(e.Details) != "null" {
		return errors.New("details must be a JSON object")
	}
	return nil
}
