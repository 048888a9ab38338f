package clawhqtest

import (
	"context"
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

// WaitRequests waits until the journal has n requests that match, in whatever
// state they are, and returns all that do, in the order of arrival. match is
// called anew, with every request, when one arrives, its agent starts, its
// reply begins or it ends. The error is the context's, if that is done first.
func (s *Server) WaitRequests(ctx context.Context, n int, match func(Request) bool) ([]Request, error) {
	for {
		changed := s.service.JournalChanged()
		var found []Request
		for _, r := range s.Requests() {
			if match(r) {
				found = append(found, r)
			}
		}
		if len(found) >= n {
			return found, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return found, ctx.Err()
		}
	}
}

// ClearRequests empties the journal, and with it what GET /v1/usage counts.
func (s *Server) ClearRequests() { s.service.ClearRequests() }
