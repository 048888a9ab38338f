package server

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"math"
	"slices"
)

// WaitRequests waits until match returns true for at least n requests of the journal,
// and returns all of these, in the order of arrival. It calls match for each request
// of the journal, and again when the request's agent starts, when its reply begins,
// and when it ends. match must not change the request. If ctx ends first,
// WaitRequests returns the error of ctx.
func (s *Server) WaitRequests(ctx context.Context, n int, match func(Request) bool) ([]Request, error) {
	w, stop := s.watch()
	defer stop()
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
		s.deleteDropped(found)
		if len(found) >= n || ctx.Err() != nil {
			var all []Request
			for _, number := range slices.Sorted(maps.Keys(found)) {
				all = append(all, found[number].Clone())
			}
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

// watch adds a watcher. The caller must call stop.
func (s *Server) watch() (w *watcher, stop func()) {
	w = &watcher{changed: map[*entry]bool{}, signal: make(chan struct{}, 1)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watchers[w] = true
	return w, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, w)
	}
}

// changes returns the requests that have changed since the watcher last looked, in the
// order of arrival.
func (s *Server) changes(w *watcher) (numbers []uint64, requests []Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	byArrival := func(a, b *entry) int { return cmp.Compare(a.number, b.number) }
	for _, e := range slices.SortedFunc(maps.Keys(w.changed), byArrival) {
		numbers, requests = append(numbers, e.number), append(requests, e.copy(s))
	}
	clear(w.changed)
	return numbers, requests
}

// deleteDropped deletes from found what is no longer in the journal.
func (s *Server) deleteDropped(found map[uint64]Request) {
	s.mu.Lock()
	oldest := uint64(math.MaxUint64)
	if journal := s.state.journal; len(journal) > 0 {
		oldest = journal[0].number
	}
	s.mu.Unlock()
	maps.DeleteFunc(found, func(number uint64, _ Request) bool { return number < oldest })
}

// journalChanged tells the watchers that the call's entry has changed. Call it with
// s.mu held.
func (c *call) journalChanged() {
	if c.fromDashboard() || c.entry.dropped {
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

// FollowRequests yields the latest requests of the journal for which match returns
// true, at most limit of them, in the order of arrival, and then each such request that
// arrives. It yields a request again when its agent starts, its reply begins, and it
// ends; once where several of these have happened since the last look. It ends when ctx
// does. match must not change the request; a nil match accepts every request.
func (s *Server) FollowRequests(ctx context.Context, limit int, match func(Request) bool) iter.Seq[Request] {
	if match == nil {
		match = func(Request) bool { return true }
	}
	return func(yield func(Request) bool) {
		w, stop := s.watch()
		defer stop()
		var requests []Request
		for _, r := range s.backward() {
			if len(requests) >= limit {
				break
			}
			if match(*r) {
				requests = append(requests, *r)
			}
		}
		slices.Reverse(requests)
		for {
			for _, r := range requests {
				if ctx.Err() != nil || !yield(r.Clone()) {
					return
				}
			}
			select {
			case <-w.signal:
			case <-ctx.Done():
				return
			}
			_, requests = s.changes(w)
			requests = slices.DeleteFunc(requests, func(r Request) bool { return !match(r) })
		}
	}
}
