package webhook

import (
	"context"
	"sync"
	"time"
)

// Seen remembers which events were handled, by their fingerprints, so that a
// [Handler] can drop repeats. [MemorySeen] is one for a single process.
//
// One that several processes share keeps a row for each fingerprint, made in
// one step that cannot succeed twice (SET … NX in Redis, a unique key in SQL),
// which says whether the event is being handled or was. A claim must end by
// itself some time after the 10 seconds of a delivery, say after a minute, for
// the process that made it may be gone. What was handled is kept for as long as
// repeats come: a day spans all retries of the product's page. Where a claim is
// held by another, Claim may ask again until it is settled, or give up at once
// with an error, upon which the service sends the event again later.
//
// All methods are called by many goroutines at a time.
type Seen interface {
	// Claim reports whether the event is the caller's to handle. If so, the
	// caller ends the claim by Done or Forget. If not, it was handled before.
	// While another caller has a claim, Claim waits until that is ended or ctx
	// is done, and then returns an error.
	Claim(ctx context.Context, fingerprint string) (bool, error)

	// Done ends the caller's claim: the event was handled.
	Done(ctx context.Context, fingerprint string) error

	// Forget ends the caller's claim: the event was not handled, and the next
	// delivery of it is to be.
	Forget(ctx context.Context, fingerprint string) error
}

// Defaults of a MemorySeen.
const (
	DefaultSeenCount = 10_000
	DefaultSeenAge   = 24 * time.Hour
)

// MemorySeen is a Seen store in memory, for one process. It forgets what was
// handled when that is too old or too much; some 250 bytes an event. The zero
// value is ready to use. It must not be copied after first use.
type MemorySeen struct {
	// MaxCount is how many handled events are remembered; the oldest are
	// forgotten first. 0 or less means DefaultSeenCount.
	MaxCount int

	// MaxAge is for how long they are. 0 or less means DefaultSeenAge.
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

// claim claims an event unless it was handled. Where another caller has a
// claim, it returns what is closed when that ends.
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

// end ends a claim and wakes those who wait for it.
func (s *MemorySeen) end(fingerprint string) {
	if c, ok := s.claims[fingerprint]; ok {
		close(c)
		delete(s.claims, fingerprint)
	}
}

// expire forgets what is too old or too much.
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
		s.order[0] = handling{} // appending moves what is left, in time
		s.order = s.order[1:]
	}
}
