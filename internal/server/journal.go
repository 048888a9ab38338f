package server

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// Request is an entry of the journal: a request as it came, and what became
// of it. API keys are cut to their prefix, other credentials to their scheme
// or name.
type Request struct {
	Time     time.Time     // of arrival
	Duration time.Duration // until the handler was done; 0 before
	Method   string
	Path     string // with the base path, without the query
	Header   http.Header
	Body     []byte // the beginning of what was read of it
	Omitted  int    // how many bytes were read beyond Body

	Status    int    // of the reply; 0 if none has begun
	RequestID string // the id that the server gave it
	KeyID     string // of the key that it bore, if the server knows it
	Agent     string // slug of the agent that ran; empty if none did, as in a replay
	Fault     string // the fault that was played, as its String prints it
	Err       string // why it failed, in more detail than the client is told
}

// entry is a Request and what else is known of it.
type entry struct {
	Request
	tokens int64 // of a chat's message and answer, where they are counted
}

func newEntry(r *http.Request, id string, now time.Time) *entry {
	return &entry{Request: Request{
		Time:      now,
		Method:    r.Method,
		Path:      wire.Redact(r.URL.Path),
		Header:    redactHeader(r.Header),
		RequestID: id,
	}}
}

// journal adds the call's entry.
func (c *call) journal() {
	s, e := c.state, c.entry
	s.journal = append(s.journal, e)
	size := len(e.Method) + len(e.Path)
	for name, values := range e.Header {
		size += len(name)
		for _, v := range values {
			size += len(v)
		}
	}
	c.item = s.journaled.Keep(size, func() {
		s.journal[0] = nil
		s.journal = s.journal[1:]
	})
}

// journalBody adds the beginning of the body to the entry.
func (c *call) journalBody(most int) {
	shown := c.body[:min(len(c.body), most)]
	omitted := len(c.body) - len(shown)
	shown = []byte(wire.Redact(string(shown)))
	c.locked(func() {
		c.entry.Body, c.entry.Omitted = shown, omitted
		c.state.journaled.Grow(c.item, len(shown))
	})
}

// redactHeader returns a copy of h without what authenticates.
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

// redactAuthorization keeps the scheme and the prefix of an API key.
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

// redactCookies keeps the names.
func redactCookies(v string) string {
	cookies := strings.Split(v, ";")
	for i, c := range cookies {
		cookies[i] = "…" // without a name, which may be the value
		if name, _, ok := strings.Cut(strings.TrimSpace(c), "="); ok {
			cookies[i] = name + "=…"
		}
	}
	return strings.Join(cookies, "; ")
}

// Requests returns a copy of the journal: every request since the start or
// the last Reset, in the order of arrival. A request is in it before its
// handler begins, its status before the client sees it.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests := make([]Request, len(s.state.journal))
	for i, e := range s.state.journal {
		requests[i] = e.Request
		requests[i].Header = e.Header.Clone()
		requests[i].Body = slices.Clone(e.Body)
	}
	return requests
}

// ClearRequests empties the journal.
func (s *Server) ClearRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.journal = nil
	s.state.journaled.Clear()
}

// JournalChanged returns a channel that is closed at the next change of the
// journal: a request arrives, its agent starts, its reply begins, it ends.
func (s *Server) JournalChanged() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return s.changed
}

// journalChanged tells those who wait. Call it with s.mu held.
func (s *Server) journalChanged() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}
