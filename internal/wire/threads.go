package wire

import "encoding/json"

// Limits of a thread's metadata.
const (
	MaxMetadataChars  = 4_000 // UTF-16 units of compact JSON
	MaxMetadataLevels = 5     // a value within the metadata is on the second
)

// DefaultThreadAgent is the agent of a thread that names none.
const DefaultThreadAgent = "default"

// CreateThreadRequest is the body of POST /v1/threads.
type CreateThreadRequest struct {
	Agent    string          `json:"agent,omitempty"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
}

// Thread is a conversation kept by the service. A created one comes without
// updated_at. Title and MessageCount are the reference pages'.
type Thread struct {
	ID        string          `json:"id"`
	Agent     string          `json:"agent"`
	Metadata  json.RawMessage `json:"metadata"`
	CreatedAt Time            `json:"created_at"`
	UpdatedAt Time            `json:"updated_at,omitempty"`

	Title        string `json:"title,omitempty"`
	MessageCount int    `json:"message_count,omitempty"`
}

// ThreadReply is the reply of POST /v1/threads and GET /v1/threads/{id}. Response
// is the reference pages': the answer to the first message, if the thread was
// created with one.
type ThreadReply struct {
	Thread   Thread `json:"thread"`
	Response string `json:"response,omitempty"`
}

// Check tells whether there is a thread.
func (r ThreadReply) Check() error { return need(member{"thread id", r.Thread.ID != ""}) }

// ThreadList is the reply of GET /v1/threads.
type ThreadList struct {
	Threads []Thread `json:"threads"`
	Paging
}

// Check tells whether the list is there.
func (l ThreadList) Check() error { return need(member{"threads", l.Threads != nil}) }

// ThreadMessageRequest is the body of POST /v1/threads/{id}/messages.
type ThreadMessageRequest struct {
	Message string `json:"message"`
}

// ThreadAnswer is the reply of POST /v1/threads/{id}/messages. MessageID is
// the answer's id.
type ThreadAnswer struct {
	Response  *string `json:"response"`
	MessageID string  `json:"message_id"`
	ThreadID  string  `json:"thread_id"`
}

// UnmarshalJSON takes a response that is not a text for none.
func (a *ThreadAnswer) UnmarshalJSON(b []byte) error {
	var r struct {
		Response  json.RawMessage `json:"response"`
		MessageID Text            `json:"message_id"`
		ThreadID  Text            `json:"thread_id"`
	}
	err := json.Unmarshal(b, &r)
	*a = ThreadAnswer{nil, string(r.MessageID), string(r.ThreadID)}
	if len(r.Response) > 0 && r.Response[0] == '"' {
		a.Response = new(string)
		err = json.Unmarshal(r.Response, a.Response)
	}
	return err
}

// Check tells whether there is an answer.
func (a ThreadAnswer) Check() error { return need(member{"response", a.Response != nil}) }

// Deleted is the reply of DELETE for threads and files.
type Deleted struct {
	Deleted bool `json:"deleted"`
}

// Check tells whether something was deleted.
func (d Deleted) Check() error { return need(member{"deleted", d.Deleted}) }
