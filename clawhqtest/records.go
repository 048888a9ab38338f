package clawhqtest

import (
	"encoding/json"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/internal/server"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// A Conversation is one of the dashboard's chat, which no call of the API
// makes. What is left open [Server.AddConversation] fills in.
type Conversation struct {
	ID            string          // empty is a new one
	Agent         string          // slug or name; empty is the default agent
	CreatedAt     time.Time       // zero is now
	LastMessageAt time.Time       // zero is the last message's
	Messages      []StoredMessage // oldest first
}

// A StoredMessage is a message of a [Conversation].
type StoredMessage struct {
	ID        string // empty is a new one
	Role      string // RoleUser or RoleAssistant
	Content   string
	CreatedAt time.Time // zero is that of the message before
}

// AddConversation adds a conversation to the account, and returns its id.
func (s *Server) AddConversation(c Conversation) (id string) {
	added := server.Conversation{ID: c.ID, Agent: c.Agent, CreatedAt: c.CreatedAt, LastMessageAt: c.LastMessageAt}
	for _, m := range c.Messages {
		added.Messages = append(added.Messages, server.StoredMessage(m))
	}
	return s.service.AddConversation(added)
}

// An AuditEntry is an entry of the audit log. What is left open
// [Server.AddAuditEntry] fills in.
type AuditEntry struct {
	ID            string // empty is a new one
	Action        string // api_key_created, for example
	EntityType    string
	EntityID      string
	Category      string          // api_key or webhook, for example
	Details       json.RawMessage // a JSON object; nil is null
	IPAddress     string
	CreatedAt     time.Time // zero is now; microseconds are kept
	IntegrityHash string    // empty is none in profile Live, and computed in profile Documented
}

// AddAuditEntry adds an entry to the account's audit log, at the place that
// its time gives it, and returns its id. The server itself adds those of key
// management. It panics if the details are not JSON.
func (s *Server) AddAuditEntry(e AuditEntry) (id string) {
	return s.service.AddAuditEntry(server.AuditEntry(e))
}

// A File is a file of the account, as if it had been uploaded. What is left
// open [Server.AddFile] fills in.
type File struct {
	ID        string // empty is a new one
	Name      string
	MediaType string    // empty is what the name's extension stands for, or text/plain
	Purpose   string    // empty is knowledge_base
	Size      int64     // in bytes
	Status    string    // empty leaves it to the server: see SetFileStatus
	CreatedAt time.Time // zero is now
}

// AddFile adds a file to the account, in place of the one that has its id, if
// there is one, and returns its id. It panics on an empty name.
func (s *Server) AddFile(f File) (id string) { return s.service.AddFile(server.File(f)) }

// SetModels replaces the models that the account can choose from, until
// Reset.
func (s *Server) SetModels(models ...clawhq.Model) {
	list := make([]wire.Model, len(models))
	for i, m := range models {
		list[i] = wire.Model{ID: m.ID, Name: m.Name, ContextWindow: m.ContextWindow, Description: wire.Text(m.Description)}
	}
	s.service.SetModels(list)
}

// SetFileStatus makes the status of an uploaded file what it is told, such as
// pending_embedding or failed; an empty one leaves it to the server again,
// which takes two seconds to index a text and calls every other type an
// error. It panics if there is no file with that id.
func (s *Server) SetFileStatus(id, status string) { s.service.SetFileStatus(id, status) }
