package server

import (
	"github.com/clawhq/clawhq-go/internal/ledger"
	"github.com/clawhq/clawhq-go/internal/window"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// state is everything that Reset replaces. A call uses the state that it began with,
// even after a Reset.
type state struct {
	roster
	keys     keyring
	callLogs map[string]*window.Log // the calls in the account's rate limit windows, by the name of the window
	replies  storedReplies
	faults   []Fault
	journal  []*entry

	journaled *ledger.Ledger // memory of the journal
	kept      *ledger.Ledger // memory of the replies and of the fields below

	sessions      map[sessionKey]*session
	models        []wire.Model
	conversations []*conversation
	threads       []*thread // in the order of creation
	batches       map[string]*batch
	files         []*file // in the order of creation
	audit         []auditEntry
	predictions   map[string]wire.Prediction
}

// roster holds the agents of the account. A Reset does not change it.
type roster struct {
	agents  []*agent // in the order of deployment, including undeployed ones
	offline bool     // the machine of the agents is stopped
}

// sessionKey identifies a chat session. Each API key has sessions of its own.
type sessionKey struct{ keyID, session string }

// session is the history of a chat session.
type session struct {
	turns []Turn // at most historyTurns, the latest
	count int    // number of all exchanges
	item  *ledger.Item
}

func newState(limits Limits) *state {
	s := &state{
		callLogs:  map[string]*window.Log{},
		journaled: ledger.New(limits.JournalEntries, limits.JournalBytes),
		kept:      ledger.New(0, limits.StateBytes),
		sessions:  map[sessionKey]*session{},
		models:    catalog(),
		batches:   map[string]*batch{},
	}
	if shared := limits.shared; shared != nil {
		s.journaled.Share(shared.memory, own(limits.JournalBytes))
		s.kept.Share(shared.memory, own(limits.StateBytes))
	}
	s.replies.kept = s.kept
	return s
}

// close returns the state's part of shared memory.
func (s *state) close() {
	if s.journaled != nil {
		s.journaled.Close()
		s.kept.Close()
	}
}
