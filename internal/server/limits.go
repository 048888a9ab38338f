package server

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
}

// LimitsFor shares so many bytes out.
func LimitsFor(bytes int) Limits {
	return Limits{JournalBytes: bytes / 2, StateBytes: bytes / 4, DeliveryBytes: bytes / 4, Guarded: true}
}

// messageBytes is about what a message or a turn takes beside its text.
const messageBytes = 256

// Bounds of a guarded server.
const (
	maxShownBody     = 16 << 10
	bodiesAtOnce     = 128 // of wire.MaxBodyBytes
	longBodiesAtOnce = 2   // of uploads and threads, which are a hundred times as long
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
