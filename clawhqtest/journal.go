package clawhqtest

import (
	"context"
	"iter"
	"net/http"
	"time"

	"github.com/clawhq/clawhq-go/internal/server"
)

// A Request is an entry of the journal: a request and its outcome. API keys are
// cut to their prefix, and other credentials to their scheme or name.
type Request struct {
	Time     time.Time     // when the request arrived
	Duration time.Duration // how long its handling took, at least 1 ns; 0 while it is being handled
	Method   string
	Path     string // including the base path, without the query
	Query    string // the query as it was sent, without the question mark
	Header   http.Header
	Body     []byte // the part of the body that was read, up to 100 KiB and one byte; less with WithMemoryLimit
	Omitted  int    // number of bytes that were read beyond Body, for example of an upload

	Status       int             // status of the reply; 0 if none has begun
	ReplyHeader  http.Header     // as the server has set it, without what net/http adds (Date, Connection)
	Reply        []byte          // the part of the reply's body that was written, up to 16 KiB; keys, secrets and sessions are redacted
	ReplyOmitted int             // number of bytes that were written beyond Reply
	ReplyTimes   []time.Duration // of a stream: when each data line of Reply was written, since Time

	RequestID string // given by the server
	KeyID     string // the id of the request's API key; empty if the server does not know the key
	Agent     string // the slug of the agent that ran; empty if none did, for example because a stored reply was sent
	Fault     string // the String of the fault that was played; empty if none was
	Err       string // why the request failed, in more detail than the client is told
}

// Requests returns a copy of the journal: all requests since the start or the
// last Reset, in the order of arrival, with credentials redacted. The journal
// has a request before its agent runs, and its status before the client gets the
// reply. The journal grows until Reset unless [WithJournalLimit] or
// [WithMemoryLimit] bounds it; then the oldest requests are dropped.
func (s *Server) Requests() []Request {
	return fromEntries(s.service.Requests())
}

// LatestRequests returns the latest requests of the journal for which match returns
// true, at most limit of them, in the order of arrival. total is the number of all
// such requests. A nil match accepts every request. match must not change the
// request. For a few requests of a long journal, LatestRequests is much faster than
// Requests.
func (s *Server) LatestRequests(limit int, match func(Request) bool) (requests []Request, total int) {
	entries, total := s.service.LatestRequests(limit, forEntries(match))
	return fromEntries(entries), total
}

// WaitRequests waits until the journal has at least n requests for which match
// returns true, and returns all of these, in the order of arrival. It calls match for
// each request of the journal, and again when the request's agent starts, when its
// reply begins, and when it ends. match must not change the request. If ctx ends
// first, WaitRequests returns its error.
func (s *Server) WaitRequests(ctx context.Context, n int, match func(Request) bool) ([]Request, error) {
	entries, err := s.service.WaitRequests(ctx, n, forEntries(match))
	return fromEntries(entries), err
}

// FollowRequests returns a sequence of the latest requests of the journal for which
// match returns true, at most limit of them, in the order of arrival, and then of each
// such request that arrives. It yields a request again when its agent starts, its reply
// begins, and it ends; once, if several of these happen while the loop is at work. The
// sequence ends when ctx does. A nil match accepts every request. match must not change
// the request.
func (s *Server) FollowRequests(ctx context.Context, limit int, match func(Request) bool) iter.Seq[Request] {
	return func(yield func(Request) bool) {
		for r := range s.service.FollowRequests(ctx, limit, forEntries(match)) {
			if !yield(Request(r)) {
				return
			}
		}
	}
}

func forEntries(match func(Request) bool) func(server.Request) bool {
	if match == nil {
		return nil
	}
	return func(r server.Request) bool { return match(Request(r)) }
}

func fromEntries(entries []server.Request) []Request {
	requests := make([]Request, len(entries))
	for i, e := range entries {
		requests[i] = Request(e)
	}
	return requests
}

// ClearRequests empties the journal, and resets what GET /v1/usage counts.
func (s *Server) ClearRequests() { s.service.ClearRequests() }
