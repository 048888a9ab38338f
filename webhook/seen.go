package webhook

import (
	"context"
	"sync"
	"time"
)

// Seen is a store of the events that were handled, identified by their
// fingerprints, with which a [Handler] drops repeated deliveries. [MemorySeen]
// is a store for a single process.
//
// A store for several processes has a row for each fingerprint that says
// whether the event is being handled or was handled. The row must be created in
// a step that cannot succeed twice, like SET … NX in Redis or an insert with a
// unique key in SQL. A claim must expire some time after the 10 seconds of a
// delivery, for example after a minute, since the process that made it may have
// stopped. Handled events must be kept as long as they may be delivered again;
// a day is longer than all documented retries take. If another process has the
// claim, Claim may poll until that claim ends, or return an error at once; the
// service then delivers the event again later.
//
// All methods must be safe for concurrent use.
type Seen interface {
	// Claim reports whether the caller must handle the event. If it returns
	// true, the caller must end the claim with Done or Forget. If it returns
	// false, the event was handled before. While another caller has a claim,
	// Claim waits until that claim ends; if ctx ends first, Claim returns an
	// error.
	Claim(ctx context.Context, fingerprint string) (bool, error)

	// Done ends the caller's claim after the event was handled.
	Done(ctx context.Context, fingerprint string) error

	// Forget ends the caller's claim after the event was not handled, so that
	// its next delivery will be.
	Forget(ctx context.Context, fingerprint string) error
}

// The defaults of MemorySeen.
const (
	DefaultSeenCount = 10_000
	DefaultSeenAge   = 24 * time.Hour
)

// MemorySeen is a Seen store in memory, for a single process. It needs about 250
// bytes per event. The zero value is ready to use. A MemorySeen must not be
// copied after first use.
type MemorySeen struct {
	// MaxCount is how many handled events are remembered; the oldest are
	// forgotten first. Zero or less means DefaultSeenCount.
	MaxCount int

	// MaxAge is how long a handled event is remembered. Zero or less means
	// DefaultSeenAge.
	MaxAge time.Duration

	mu      sync.Mutex
	claims  map[string]chan struct{} // closed when the claim ends
	handled map[string]bool
	order   []handling // of what was handled, the oldest first
}

type handling struct {
	fingerprint string
	at          time.Time
}

// Claim implements [Seen].
func (s *MemorySeen) Claim(ctx context.Context, fingerprint string) (bool, error) {
	for {
		claimed, other := s.claim(fingerprint)
		if other == nil {
			return claimed, nil
		}
		select {
		case <-other:
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
}

// claim claims an event unless it was handled. If another caller has a claim,
// it returns a channel that is closed when that claim ends.
func (s *MemorySeen) claim(fingerprint string) (claimed bool, other <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	if s.handled[fingerprint] {
		return false, nil
	}
	if c, ok := s.claims[fingerprint]; ok {
		return false, c
	}
	if s.claims == nil {
		s.claims = make(map[string]chan struct{})
	}
	s.claims[fingerprint] = make(chan struct{})
	return true, nil
}

// Done implements [Seen].
func (s *MemorySeen) Done(_ context.Context, fingerprint string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(fingerprint)
	if s.handled[fingerprint] {
		return nil
	}
	if s.handled == nil {
		s.handled = make(map[string]bool)
	}
	s.handled[fingerprint] = true
	s.order = append(s.order, handling{fingerprint, time.Now()})
	s.expire()
	return nil
}

// Forget implements [Seen].
func (s *MemorySeen) Forget(_ context.Context, fingerprint string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(fingerprint)
	return nil
}

// end ends a claim and wakes the callers that wait for it.
func (s *MemorySeen) end(fingerprint string) {
	if c, ok := s.claims[fingerprint]; ok {
		close(c)
		delete(s.claims, fingerprint)
	}
}

// expire forgets events that are too old or too many.
func (s *MemorySeen) expire() {
	most, age := s.MaxCount, s.MaxAge
	if most <= 0 {
		most = DefaultSeenCount
	}
	if age <= 0 {
		age = DefaultSeenAge
	}
	for len(s.order) > most || len(s.order) > 0 && time.Since(s.order[0].at) >= age {
		delete(s.handled, s.order[0].fingerprint)
		s.order[0] = handling{} // a later append frees its memory
		s.order = s.order[1:]
	}
}
