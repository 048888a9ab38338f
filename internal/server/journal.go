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

// Request is an entry of the journal: a request as it arrived, and its reply. API
// keys are cut to their prefix, other credentials to their scheme or name.
type Request struct {
	Time     time.Time     // of arrival
	Duration time.Duration // until the handler returned; 0 before that
	Method   string
	Path     string // with the base path, without the query
	Query    string // as it was sent
	Header   http.Header
	Body     []byte // the beginning of the part that was read
	Omitted  int    // number of bytes that were read beyond Body

	Status       int    // of the reply; 0 if none has begun
	Reply        []byte // the beginning of its body, as written so far
	ReplyOmitted int    // number of bytes that were written beyond Reply

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
	dropped  bool   // dropped from the journal by its limits
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
	r.Reply = slices.Clone(r.Reply)
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
	s.state.journal = nil
	s.state.journaled.Clear()
}

// WaitRequests waits until match returns true for at least n requests of the journal,
// and returns all of these, in the order of arrival. It calls match for each request
// of the journal, and again when the request's agent starts, when its reply begins,
// and when it ends. match must not change the request. If ctx ends first,
// WaitRequests returns the error of ctx.
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
	changed map[*entry]bool // entries that have changed since the watcher last looked
	signal  chan struct{}   // has an element if changed is not empty
}

// changes returns the requests that have changed since the watcher last looked, in no
// particular order.
func (s *Server) changes(w *watcher) (numbers []uint64, requests []Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for e := range w.changed {
		numbers, requests = append(numbers, e.number), append(requests, e.copy(s))
	}
	clear(w.changed)
	return numbers, requests
}

// still returns copies of those of the requests that are still in the journal, in the
// order of arrival. It deletes the others from found.
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

// journalChanged tells the watchers that the call's entry has changed. Call it with
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
		c.state.journaled.Grow(c.item, shown)
	})
	return w.ResponseWriter.Write(p)
}

// redactReply returns a copy of a reply's body without credentials.
func (s *Server) redactReply(body []byte) []byte {
	return []byte(wire.Redact(strings.ReplaceAll(string(body), s.session(), "…")))
}
