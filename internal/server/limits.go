package server

import (
	"github.com/clawhq/clawhq-go/internal/ledger"
	"github.com/clawhq/clawhq-go/internal/outbox"
)

// Limits bound what a server keeps, so that it can run for as long as one
// likes; the oldest goes first. The zero value keeps everything, as a test
// wants it, and 0 is no limit.
type Limits struct {
	JournalEntries int // requests in the journal
	JournalBytes   int
	StateBytes     int // of sessions, replies, threads, batches, files, audit entries and conversations
	DeliveryBytes  int // of what webhooks were sent, and of their logs

	// Guarded is for a server that strangers may reach: it reads a body into
	// memory only if the request's key or session is good, keeps no more than
	// maxShownBody of it in the journal, and handles few bodies at once.
	Guarded bool

	shared *shared // by several servers of a program; nil for one alone
}

// shared is what servers of one program share: the memory of what they store, and the
// bounds of what is under way.
type shared struct {
	memory     *ledger.Pool
	rooms      rooms
	deliveries *outbox.Slots
}

// Servers of one program have a part of its memory each, and share the rest.
const ownParts = 200

// own returns the bytes that a server has of a limit for itself.
func own(bytes int) int { return bytes / ownParts }

// SharedLimits returns the limits for several servers that store so many bytes in all.
// One server after the other may drop its oldest entries when all is taken, but each
// has 1/200 for itself.
func SharedLimits(bytes int) Limits {
	limits := LimitsFor(bytes)
	limits.shared = &shared{ledger.NewPool(bytes), newRooms(), newSlots()}
	return limits
}

// Deliveries of a guarded server: how many are attempted at a time, and how many may
// wait for that.
const (
	deliveriesAtOnce  = 64
	deliveriesWaiting = 1000
)

func newSlots() *outbox.Slots { return outbox.NewSlots(deliveriesAtOnce, deliveriesWaiting) }

// LimitsFor shares so many bytes out.
func LimitsFor(bytes int) Limits {
	return Limits{JournalBytes: bytes / 2, StateBytes: bytes / 4, DeliveryBytes: bytes / 4, Guarded: true}
}

// messageBytes is about what a message or a turn takes beside its text.
const messageBytes = 256

// Bounds of a guarded server.
const (
	maxShownBody     = 16 << 10
	smallBody        = 8 << 10 // that is read without a place
	bodiesAtOnce     = 128     // of wire.MaxBodyBytes
	longBodiesAtOnce = 2       // of uploads and threads, which are a hundred times as long
)

// rooms are where bodies are held, one of each length at a time in each place.
type rooms struct{ short, long chan struct{} }

func newRooms() rooms {
	return rooms{make(chan struct{}, bodiesAtOnce), make(chan struct{}, longBodiesAtOnce)}
}

// enter waits for a place in a room of a guarded server, which leave gives up.
func (c *call) enter(long bool) {
	if !c.s.cfg.Limits.Guarded {
		return
	}
	room := c.s.rooms.short
	if long {
		room = c.s.rooms.long
	}
	select {
	case room <- struct{}{}:
		c.room = room
	case <-c.ctx.Done():
	}
}

// leave gives the place up, for the call's end and before it waits for an
// agent or by a fault.
func (c *call) leave() {
	if c.room != nil {
		<-c.room
		c.room = nil
	}
}

// slots returns what bounds the deliveries of a server; nil is no bound.
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
