package webhook

import (
	"context"
	"sync"
	"time"
)

// Seen is a store of the events that were handled, identified by their
// fingerprints, with which a [Handler] drops repeated deliveries. [MemorySeen]
// is a store for a single process, redisclawhq.NewSeen one for several.
//
// # At least once
//
// With a Seen, an event is handled at least once (of events that look the same, one
// of them: see [Event.Fingerprint]). It is handled again if the process is killed,
// or the store fails, after the event was handled and before Done has recorded it,
// and if handling takes longer than a claim lasts.
//
// To handle each event exactly once, insert its fingerprint in the database
// transaction of the work itself; a Seen then only spares the database.
// docs/exactly-once.md has the recipe, and examples/exactlyonce is a program. A
// receiver that only counts may do without a Seen: it then counts repeats, and all
// events that look the same.
//
// # Leases
//
// A store that outlives the process that made a claim must end the claim by
// itself, after a lease. A lease of 15 to 25 seconds, by the store's clock, is
// right: handling may take 9 seconds and Done 5 more, and the documented retries
// come 30 seconds, 5 minutes and 30 minutes after the attempt before them. If the
// process is killed, the first retry then finds the claim ended. A lease of a
// minute would outlive it, so that the event is handled after 5 minutes and
// 30 seconds. A handle function that works on after its context has ended must
// not need longer than the lease.
//
// # Implementations
//
// All methods must be safe for concurrent use, also by several processes. If a
// method panics, Handler treats that as an error. Handled events must be
// remembered for as long as they may be delivered again: the last documented retry
// comes 35 minutes and 30 seconds after the event, the live service's retries
// never end, and a person may replay any delivery in the log. A day is a good
// compromise.
//
// A claim belongs to the Seen value whose Claim has made it. Done and Forget are
// told the fingerprint only, so a store for several processes keeps a random token
// for each claim: in the value and in the store. While a value has a claim, a
// second Claim of the same fingerprint by that value waits until Done, Forget or
// its ctx has ended the wait, even past the lease of the first.
type Seen interface {
	// Claim reports whether the caller must handle the event.
	//
	// It returns true if the event was not handled and nobody has a claim; it
	// then has made a claim, in one atomic step, so that no other Claim of this
	// fingerprint returns true before the claim has ended. The caller must end
	// it with Done or Forget.
	//
	// It returns false if the event was handled before.
	//
	// While somebody else has a claim, Claim waits until that claim or ctx has
	// ended; at the end of ctx it returns an error. It may return an error at
	// once instead. After an error the event is not handled, and the service
	// delivers it again. An error of which it is not known whether the claim was
	// made, like that of a lost connection, must leave no claim that lasts
	// longer than a lease.
	Claim(ctx context.Context, fingerprint string) (bool, error)

	// Done records that the event was handled, and ends the claim. Handler calls
	// it after handle has returned nil, also if the service has disconnected;
	// ctx ends after 5 seconds. If the lease has ended meanwhile, Done records
	// the event all the same, unless somebody else has a claim or has handled
	// the event: then it changes nothing and returns an error, since the event
	// may have been handled twice. Handler logs an error of Done, and answers
	// the service with success.
	Done(ctx context.Context, fingerprint string) error

	// Forget ends the claim after the event was not handled, so that its next
	// delivery will be. Handler calls it, with a ctx as that of Done, after
	// handle has returned an error or panicked. It never ends the claim of
	// somebody else.
	Forget(ctx context.Context, fingerprint string) error
}

// The defaults of MemorySeen.
const (
	DefaultSeenCount = 10_000
	DefaultSeenAge   = 24 * time.Hour
)

// MemorySeen is a Seen store in memory, for a single process. Its claims have no
// lease, since they end with the process. It needs about 250 bytes per event. The
// zero value is ready to use. A MemorySeen must not be copied after first use.
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
