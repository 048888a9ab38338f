package wire

import "encoding/json"

// Limits of a thread's metadata.
const (
	MaxMetadataChars  = 4_000 // UTF-16 units of compact JSON
	MaxMetadataLevels = 5     // the metadata object is the first level, a value in it the second
)

// DefaultThreadAgent is the agent of a thread that was created without one.
const DefaultThreadAgent = "default"

// CreateThreadRequest is the body of POST /v1/threads.
type CreateThreadRequest struct {
	Agent    string          `json:"agent,omitempty"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
}

// Thread is a thread in a reply. The reply to its creation has no updated_at. Only
// the reference pages have Title and MessageCount.
type Thread struct {
	ID        string          `json:"id"`
	Agent     string          `json:"agent"`
	Metadata  json.RawMessage `json:"metadata"`
	CreatedAt Time            `json:"created_at"`
	UpdatedAt Time            `json:"updated_at,omitempty"`

	Title        string `json:"title,omitempty"`
	MessageCount int    `json:"message_count,omitempty"`
}

// ThreadReply is the reply of POST /v1/threads and of GET /v1/threads/{id}. Response,
// which only the reference pages have, is the answer to the message with which the
// thread was created.
type ThreadReply struct {
	Thread   Thread `json:"thread"`
	Response string `json:"response,omitempty"`
}

// Check returns an error if the thread is missing.
func (r ThreadReply) Check() error { return need(member{"thread id", r.Thread.ID != ""}) }

// ThreadList is the reply of GET /v1/threads.
type ThreadList struct {
	Threads []Thread `json:"threads"`
	Paging
}

// Check returns an error if the list is missing.
func (l ThreadList) Check() error { return need(member{"threads", l.Threads != nil}) }

// ThreadMessageRequest is the body of POST /v1/threads/{id}/messages.
type ThreadMessageRequest struct {
	Message string `json:"message"`
}

// ThreadAnswer is the reply of POST /v1/threads/{id}/messages. MessageID is the id of
// the answer.
type ThreadAnswer struct {
	Response  *string `json:"response"`
	MessageID string  `json:"message_id"`
	ThreadID  string  `json:"thread_id"`
}

// UnmarshalJSON treats a response that is not a string as missing.
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

// Check returns an error if the answer is missing.
func (a ThreadAnswer) Check() error { return need(member{"response", a.Response != nil}) }

// Deleted is the reply of DELETE for threads and files.
type Deleted struct {
	Deleted bool `json:"deleted"`
}

// Check returns an error if nothing was deleted.
func (d Deleted) Check() error { return need(member{"deleted", d.Deleted}) }
