package clawhqtest

import (
	"encoding/json"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/internal/server"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// A Conversation is a conversation of the dashboard's chat, for
// [Server.AddConversation].
type Conversation struct {
	ID            string          // empty means a new id
	Agent         string          // slug or name; empty means the default agent
	CreatedAt     time.Time       // zero means now
	LastMessageAt time.Time       // zero means the time of the last message
	Messages      []StoredMessage // the oldest first
}

// A StoredMessage is a message of a [Conversation].
type StoredMessage struct {
	ID        string // empty means a new id
	Role      string // RoleUser or RoleAssistant
	Content   string
	CreatedAt time.Time // zero means the time of the message before
}

// AddConversation adds a conversation to the account, and returns its id.
func (s *Server) AddConversation(c Conversation) (id string) {
	added := server.Conversation{ID: c.ID, Agent: c.Agent, CreatedAt: c.CreatedAt, LastMessageAt: c.LastMessageAt}
	for _, m := range c.Messages {
		added.Messages = append(added.Messages, server.StoredMessage(m))
	}
	return s.service.AddConversation(added)
}

// An AuditEntry is an entry of the audit log, for [Server.AddAuditEntry].
type AuditEntry struct {
	ID            string // empty means a new id
	Action        string // for example api_key_created
	EntityType    string
	EntityID      string
	Category      string          // for example api_key or webhook
	Details       json.RawMessage // a JSON object; nil means null
	IPAddress     string
	CreatedAt     time.Time // zero means now; stored in microseconds
	IntegrityHash string    // empty means no hash in profile Live, and the right hash in profile Documented
}

// AddAuditEntry adds an entry to the account's audit log, in the order of CreatedAt,
// and returns its id. The server itself adds entries for the management of keys and
// webhooks. AddAuditEntry panics if Details are not JSON.
func (s *Server) AddAuditEntry(e AuditEntry) (id string) {
	return s.service.AddAuditEntry(server.AuditEntry(e))
}

// A File is a file of the knowledge base, for [Server.AddFile].
type File struct {
	ID        string // empty means a new id
	Name      string
	MediaType string    // empty means the media type of the name's extension, or text/plain
	Purpose   string    // empty means knowledge_base
	Size      int64     // in bytes
	Status    string    // empty means that the server sets it: see SetFileStatus
	CreatedAt time.Time // zero means now
}

// AddFile adds a file to the account as if it had been uploaded, and returns its
// id. It replaces a file with the same id. It panics if the name is empty.
func (s *Server) AddFile(f File) (id string) { return s.service.AddFile(server.File(f)) }

// SetModels replaces the models of the account until Reset.
func (s *Server) SetModels(models ...clawhq.Model) {
	list := make([]wire.Model, len(models))
	for i, m := range models {
		list[i] = wire.Model{ID: m.ID, Name: m.Name, ContextWindow: m.ContextWindow, Description: wire.Text(m.Description)}
	}
	s.service.SetModels(list)
}

// SetFileStatus sets the status of a file, for example to pending_embedding or
// failed. If status is empty, the server sets it again: a text is processing for
// two seconds and then processed, and a file of any other type is error.
// SetFileStatus panics if there is no file with that id.
func (s *Server) SetFileStatus(id, status string) { s.service.SetFileStatus(id, status) }
