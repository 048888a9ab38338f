package clawhqtest

import (
	"net/http"
	"time"
)

// A Request is an entry of the journal: a request as it came, and what became
// of it. API keys are cut to their prefix, other credentials to their scheme
// or name.
type Request struct {
	Time     time.Time     // of arrival
	Duration time.Duration // until the handler was done; 0 before
	Method   string
	Path     string // with the base path, without the query
	Header   http.Header
	Body     []byte // what was read of it, up to 100 KiB and a byte; less with WithMemoryLimit
	Omitted  int    // how many bytes were read beyond Body, of an upload for example

	Status    int    // of the reply; 0 if none has begun
	RequestID string // the id that the server gave it
	KeyID     string // of the key that it bore, if the server knows it
	Agent     string // slug of the agent that ran; empty if none did, as in a replay
	Fault     string // the fault that was played, as its String prints it
	Err       string // why it failed, in more detail than the client is told
}

// Requests returns a copy of the journal: every request since the start or
// the last Reset, in the order of arrival, credentials redacted. A request is
// in it before its agent runs, its status before the client sees it. The
// journal grows until Reset, unless [WithJournalLimit] or [WithMemoryLimit]
// bounds it: then the oldest are gone.
func (s *Server) Requests() []Request {
	entries := s.service.Requests()
	requests := make([]Request, len(entries))
	for i, e := range entries {
		requests[i] = Request(e)
	}
	return requests
}
