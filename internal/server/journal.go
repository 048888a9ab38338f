package server

import (
	"cmp"
	"iter"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// Request is an entry of the journal: a request as it arrived, and its reply. API
// keys are cut to their prefix, other credentials to their scheme or name.
type Request struct {
	Time     time.Time     // of arrival
	Duration time.Duration // until the handler returned, at least 1 ns; 0 before that
	Method   string
	Path     string // with the base path, without the query
	Query    string // as it was sent
	Header   http.Header
	Body     []byte // the beginning of the part that was read
	Omitted  int    // number of bytes that were read beyond Body

	Status       int // of the reply; 0 if none has begun
	ReplyHeader  http.Header
	Reply        []byte          // the beginning of its body, as written so far
	ReplyOmitted int             // number of bytes that were written beyond Reply
	ReplyTimes   []time.Duration // of a stream: when each data line of Reply was written, after Time

	RequestID string // given by the server
	KeyID     string // id of the request's API key, if the server knows the key
	Agent     string // slug of the agent that ran; empty if none ran, as in a replay
	Fault     string // the fault that was played, in the form of its String
	Err       string // why it failed, in more detail than in the reply
}

// entry is a Request and what the server needs to know about it.
type entry struct {
	Request         // without Reply while the call is under way
	number   uint64 // position among all requests that the journal has had
	replying []byte // Reply before it is redacted; nil when the call has ended
	dropped  bool   // dropped from the journal
	tokens   int64  // of a chat's message and answer, if the profile counts them
}

func newEntry(r *http.Request, id string, now time.Time) *entry {
	return &entry{Request: Request{
		Time:      now,
		Method:    r.Method,
		Path:      wire.Redact(r.URL.Path),
		Query:     wire.Redact(r.URL.RawQuery),
		Header:    redactHeader(r.Header),
		RequestID: id,
	}}
}

// journal adds the call's entry to the journal.
func (c *call) journal() {
	s, e := c.state, c.entry
	c.s.arrived++
	e.number = c.s.arrived
	s.journal = append(s.journal, e)
	size := len(e.Method) + len(e.Path) + len(e.Query) + headerSize(e.Header)
	watchers := c.s.watchers // the call must not be kept
	c.item = s.journaled.Keep(size, func() {
		oldest := s.journal[0]
		oldest.dropped = true
		for w := range watchers {
			delete(w.changed, oldest)
		}
		s.journal[0] = nil
		s.journal = s.journal[1:]
	})
}

// headerSize returns how many bytes a header takes, about.
func headerSize(h http.Header) (size int) {
	const entry = 80 // of the map, and of the list of values
	for name, values := range h {
		size += entry + len(name)
		for _, v := range values {
			size += len(v)
		}
	}
	return size
}

// journalReply adds the status and the header of the reply to the entry. Call it with
// s.mu held.
func (c *call) journalReply(status int) {
	c.entry.Status = status
	c.entry.ReplyHeader = redactHeader(c.w.Header())
	if !c.entry.dropped {
		c.state.journaled.Grow(c.item, headerSize(c.entry.ReplyHeader))
	}
	c.journalChanged()
}

// journalBody adds the beginning of the body, at most limit bytes, to the entry.
func (c *call) journalBody(limit int) {
	shown := c.body[:min(len(c.body), limit)]
	omitted := len(c.body) - len(shown)
	shown = []byte(wire.Redact(string(shown)))
	c.locked(func() {
		c.entry.Body, c.entry.Omitted = shown, omitted
		c.state.journaled.Grow(c.item, len(shown))
	})
}

// redactHeader returns a copy of h without credentials.
func redactHeader(h http.Header) http.Header {
	h = h.Clone()
	for name, values := range h {
		redact := wire.Redact
		switch name {
		case "Authorization", "Proxy-Authorization":
			redact = redactAuthorization
		case "Cookie":
			redact = redactCookies
		}
		for i, v := range values {
			values[i] = redact(v)
		}
	}
	return h
}

// redactAuthorization keeps the scheme and, of an API key, the prefix.
func redactAuthorization(v string) string {
	scheme, credential, ok := strings.Cut(v, " ")
	switch {
	case !ok:
		return "…"
	case wire.ValidKey(credential):
		return scheme + " " + wire.Redact(credential)
	}
	return scheme + " …"
}

// redactCookies keeps the names of the cookies.
func redactCookies(v string) string {
	cookies := strings.Split(v, ";")
	for i, c := range cookies {
		cookies[i] = "…" // a cookie without "=" may be a value alone
		if name, _, ok := strings.Cut(strings.TrimSpace(c), "="); ok {
			cookies[i] = name + "=…"
		}
	}
	return strings.Join(cookies, "; ")
}

// copy returns a copy of the entry's request. The copy shares the header and the
// body.
func (e *entry) copy(s *Server) Request {
	r := e.Request
	if e.replying != nil {
		r.Reply = s.redactReply(e.replying)
	}
	return r
}

// Clone returns a copy of the request that shares nothing with it.
func (r Request) Clone() Request {
	r.Header = r.Header.Clone()
	r.Body = slices.Clone(r.Body)
	r.ReplyHeader = r.ReplyHeader.Clone()
	r.Reply = slices.Clone(r.Reply)
	r.ReplyTimes = slices.Clone(r.ReplyTimes)
	return r
}

// Requests returns a copy of the journal: every request since the start or the last
// Reset, in the order of arrival. A request is in the journal before its handler
// begins, and its status before the client sees it.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests := make([]Request, len(s.state.journal))
	for i, e := range s.state.journal {
		requests[i] = e.copy(s).Clone()
	}
	return requests
}

// LatestRequests returns the latest requests for which match returns true, at most
// limit of them, in the order of arrival. total is the number of all such requests.
// match must not change the request; a nil match accepts every request.
func (s *Server) LatestRequests(limit int, match func(Request) bool) (latest []Request, total int) {
	if match == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		journal := s.state.journal
		for _, e := range journal[len(journal)-min(len(journal), max(limit, 0)):] {
			latest = append(latest, e.copy(s).Clone())
		}
		return latest, len(journal)
	}
	for _, r := range s.backward() {
		if !match(*r) {
			continue
		}
		if total++; total <= limit {
			latest = append(latest, r.Clone())
		}
	}
	slices.Reverse(latest)
	return latest, total
}

// scanned is how many requests backward reads before it unlocks s.mu for others.
const scanned = 256

// backward yields the requests of the journal with their numbers, the latest first. A
// request shares its header and body with the journal, and is valid until the next
// one.
func (s *Server) backward() iter.Seq2[uint64, *Request] {
	return func(yield func(uint64, *Request) bool) {
		var numbers [scanned]uint64
		var some [scanned]Request
		for before, n := uint64(math.MaxUint64), scanned; n == scanned; before = numbers[n-1] {
			s.mu.Lock()
			journal := s.state.journal
			end, _ := slices.BinarySearchFunc(journal, before, func(e *entry, before uint64) int { return cmp.Compare(e.number, before) })
			n = min(end, scanned)
			for i, e := range journal[end-n : end] {
				numbers[n-1-i], some[n-1-i] = e.number, e.Request
				if e.replying != nil {
					some[n-1-i] = e.copy(s)
				}
			}
			s.mu.Unlock()
			for i := range n {
				if !yield(numbers[i], &some[i]) {
					return
				}
			}
			if n == 0 {
				return
			}
		}
	}
}

// ClearRequests empties the journal.
func (s *Server) ClearRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropJournal()
	s.state.journal = nil
	s.state.journaled.Clear()
}

// dropJournal marks all entries as dropped: watchers neither keep them nor are told of
// them again. Call it with s.mu held.
func (s *Server) dropJournal() {
	for _, e := range s.state.journal {
		e.dropped = true
	}
	for w := range s.watchers {
		clear(w.changed)
	}
}

// A recorder is a ResponseWriter that records the beginning of a call's reply.
type recorder struct {
	http.ResponseWriter
	call *call
}

// Unwrap returns the underlying ResponseWriter, for http.ResponseController.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Write records p, up to the limit for a reply, and then writes it to the client.
func (w *recorder) Write(p []byte) (int, error) {
	c := w.call
	c.locked(func() {
		e := c.entry
		if e.dropped {
			return
		}
		shown := min(len(p), maxShownBody-len(e.replying))
		e.replying = append(e.replying, p[:shown]...)
		e.ReplyOmitted += len(p) - shown
		size := shown
		if c.streaming && shown > 0 {
			e.ReplyTimes = append(e.ReplyTimes, c.s.clock.Since(e.Time))
			size += 8
		}
		c.state.journaled.Grow(c.item, size)
	})
	return w.ResponseWriter.Write(p)
}

// redactReply returns a copy of a reply's body without credentials.
func (s *Server) redactReply(body []byte) []byte {
	return []byte(wire.Redact(strings.ReplaceAll(string(body), s.session(), "…")))
}
