package server

import (
	"github.com/clawhq/clawhq-go/internal/ledger"
	"github.com/clawhq/clawhq-go/internal/outbox"
)

// Limits bounds what a server stores. When a limit is reached, the oldest entries are
// dropped. 0 means no limit.
type Limits struct {
	JournalEntries int // requests in the journal
	JournalBytes   int
	StateBytes     int // sessions, replies, threads, batches, files, audit entries and conversations
	DeliveryBytes  int // deliveries of webhooks and their logs

	// Guarded protects a server that strangers can reach. Such a server reads a body
	// into memory only if the request's key or session is valid, stores at most
	// maxShownBody of it in the journal, and holds few bodies at once.
	Guarded bool

	shared *shared // with the program's other servers; nil if there are none
}

// shared is what all servers of a program share: memory for what they store, and
// slots for request bodies and deliveries.
type shared struct {
	memory     *ledger.Pool
	bodies     bodySlots
	deliveries *outbox.Slots
}

// ownParts is how many parts shared memory is divided into. Each server is guaranteed
// one part of the memory. Servers compete for the rest.
const ownParts = 200

// own returns the part of a limit that each server is guaranteed.
func own(bytes int) int { return bytes / ownParts }

// SharedLimits returns the limits for several servers that together store at most the
// given number of bytes. When the memory is full, a server that stores more drops its
// own oldest entries. Each server is guaranteed 1/200 of the memory.
func SharedLimits(bytes int) Limits {
	limits := LimitsFor(bytes)
	limits.shared = &shared{ledger.NewPool(bytes), newBodySlots(), newSlots()}
	return limits
}

// Bounds on the deliveries of a guarded server.
const (
	deliveriesAtOnce  = 64   // attempts at the same time
	deliveriesWaiting = 1000 // attempts that may wait
)

func newSlots() *outbox.Slots { return outbox.NewSlots(deliveriesAtOnce, deliveriesWaiting) }

// LimitsFor returns the limits for a guarded server that stores at most the given
// number of bytes.
func LimitsFor(bytes int) Limits {
	return Limits{JournalBytes: bytes / 2, StateBytes: bytes / 4, DeliveryBytes: bytes / 4, Guarded: true}
}

// messageBytes is roughly the memory that a message takes besides its text.
const messageBytes = 256

// Bounds on the bodies of a guarded server.
const (
	maxShownBody     = 16 << 10 // at most so much of a body is stored in the journal
	smallBody        = 8 << 10  // at most so long is a body that is read without a slot
	bodiesAtOnce     = 128      // of at most wire.MaxBodyBytes
	longBodiesAtOnce = 2        // of uploads and new threads, which may be a hundred times as long
)

// bodySlots bounds how many request bodies are in memory at once. Short and long bodies
// have slots of their own.
type bodySlots struct{ short, long chan struct{} }

func newBodySlots() bodySlots {
	return bodySlots{make(chan struct{}, bodiesAtOnce), make(chan struct{}, longBodiesAtOnce)}
}

// acquireBodySlot waits for a slot for the call's body, if the server is guarded.
func (c *call) acquireBodySlot(long bool) {
	if !c.s.cfg.Limits.Guarded {
		return
	}
	slots := c.s.bodies.short
	if long {
		slots = c.s.bodies.long
	}
	select {
	case slots <- struct{}{}:
		c.bodySlot = slots
	case <-c.ctx.Done():
	}
}

// releaseBodySlot frees the call's slot, if it has one. A call frees its slot before
// it waits for an agent or a fault, and when it ends.
func (c *call) releaseBodySlot() {
	if c.bodySlot != nil {
		<-c.bodySlot
		c.bodySlot = nil
	}
}

// slots returns the slots for a server's deliveries; nil means no bound.
func (l Limits) slots() *outbox.Slots {
	switch {
	case l.shared != nil:
		return l.shared.deliveries
	case l.Guarded:
		return newSlots()
	}
	return nil
}

// pool returns the memory that the server shares with others, or nil.
func (l Limits) pool() *ledger.Pool {
	if l.shared == nil {
		return nil
	}
	return l.shared.memory
}
