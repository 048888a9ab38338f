package server

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"math"
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
	Query    string // as it was sent
	Header   http.Header
	Body     []byte // the beginning of what was read of it
	Omitted  int    // how many bytes were read beyond Body

	Status       int    // of the reply; 0 if none has begun
	Reply        []byte // the beginning of its body, as far as it was written
	ReplyOmitted int    // how many bytes were written beyond Reply

	RequestID string // the id that the server gave it
	KeyID     string // of the key that it bore, if the server knows it
	Agent     string // slug of the agent that ran; empty if none did, as in a replay
	Fault     string // the fault that was played, as its String prints it
	Err       string // why it failed, in more detail than the client is told
}

// entry is a Request and what else is known of it.
type entry struct {
	Request         // but for Reply while the call is under way
	number   uint64 // of the requests since the server began
	replying []byte // Reply, not yet redacted; nil when the call has ended
	dropped  bool   // from the journal, by its limits
	tokens   int64  // of a chat's message and answer, where they are counted
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

// journal adds the call's entry.
func (c *call) journal() {
	s, e := c.state, c.entry
	c.s.arrived++
	e.number = c.s.arrived
	s.journal = append(s.journal, e)
	size := len(e.Method) + len(e.Path) + len(e.Query)
	for name, values := range e.Header {
		size += len(name)
		for _, v := range values {
			size += len(v)
		}
	}
	c.item = s.journaled.Keep(size, func() {
		s.journal[0].dropped = true
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

// copy returns a copy of the entry's request, which shares its header and body.
func (e *entry) copy(s *Server) Request {
	r := e.Request
	if e.replying != nil {
		r.Reply = s.redactReply(e.replying)
	}
	return r
}

// Clone returns a copy of a request that shares nothing with it.
func (r Request) Clone() Request {
	r.Header = r.Header.Clone()
	r.Body = slices.Clone(r.Body)
	r.Reply = slices.Clone(r.Reply)
	return r
}

// Requests returns a copy of the journal: every request since the start or
// the last Reset, in the order of arrival. A request is in it before its
// handler begins, its status before the client sees it.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests := make([]Request, len(s.state.journal))
	for i, e := range s.state.journal {
		requests[i] = e.copy(s).Clone()
	}
	return requests
}

// LatestRequests returns the latest requests of the journal that match, at most limit
// of them, in the order of arrival, and how many match in all. match must not change
// the request; nil matches each.
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

// scanned is how many requests are looked at without a moment for others.
const scanned = 256

// backward yields the requests of the journal with their numbers, the latest first.
// They share their headers and bodies with it, and are good until the next.
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
	s.state.journal = nil
	s.state.journaled.Clear()
}

// WaitRequests waits until the journal has at least n requests that match, and returns
// all of these, in the order of arrival. It calls match for each request of the
// journal, and again when its agent starts, its reply begins, and it ends. match must
// not change the request. If ctx ends first, WaitRequests returns its error.
func (s *Server) WaitRequests(ctx context.Context, n int, match func(Request) bool) ([]Request, error) {
	w := &watcher{changed: map[*entry]bool{}, signal: make(chan struct{}, 1)}
	s.mu.Lock()
	s.watchers[w] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, w)
	}()
	found := map[uint64]Request{}
	look := func(number uint64, r Request) {
		if match == nil || match(r) {
			found[number] = r
		} else {
			delete(found, number)
		}
	}
	for number, r := range s.backward() {
		look(number, *r)
	}
	for {
		numbers, requests := s.changes(w)
		for i, number := range numbers {
			look(number, requests[i])
		}
		if all := s.still(found); len(all) >= n || ctx.Err() != nil {
			return all, ctx.Err()
		}
		select {
		case <-w.signal:
		case <-ctx.Done():
		}
	}
}

// A watcher waits for changes of the journal.
type watcher struct {
	changed map[*entry]bool // since it has looked
	signal  chan struct{}   // has an element when there are any
}

// changes returns what has changed since a watcher has looked, in the order of
// arrival.
func (s *Server) changes(w *watcher) (numbers []uint64, requests []Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for e := range w.changed {
		numbers, requests = append(numbers, e.number), append(requests, e.copy(s))
	}
	clear(w.changed)
	return numbers, requests
}

// still returns copies of those of the requests that the journal has still.
func (s *Server) still(found map[uint64]Request) (requests []Request) {
	s.mu.Lock()
	oldest := uint64(math.MaxUint64)
	if journal := s.state.journal; len(journal) > 0 {
		oldest = journal[0].number
	}
	s.mu.Unlock()
	for _, number := range slices.Sorted(maps.Keys(found)) {
		if number < oldest {
			delete(found, number)
			continue
		}
		requests = append(requests, found[number].Clone())
	}
	return requests
}

// journalChanged tells those who wait that the call's entry has changed. Call it with
// s.mu held.
func (c *call) journalChanged() {
	if c.fromDashboard() {
		return
	}
	for w := range c.s.watchers {
		w.changed[c.entry] = true
		select {
		case w.signal <- struct{}{}:
		default:
		}
	}
}

// A recorder is a ResponseWriter that records the beginning of a call's reply.
type recorder struct {
	http.ResponseWriter
	call *call
}

// Unwrap returns the ResponseWriter, for an http.ResponseController.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Write writes to the client, and records.
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
		c.state.journaled.Grow(c.item, shown)
	})
	return w.ResponseWriter.Write(p)
}

// redactReply returns the body of a reply without what authenticates.
func (s *Server) redactReply(body []byte) []byte {
	return []byte(wire.Redact(strings.ReplaceAll(string(body), s.session(), "…")))
}
