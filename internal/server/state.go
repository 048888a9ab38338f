package server

import (
	"github.com/clawhq/clawhq-go/internal/ledger"
	"github.com/clawhq/clawhq-go/internal/window"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// state is what Reset starts afresh. A request keeps to the one that it began
// with.
type state struct {
	roster
	keys     keyring
	callLogs map[string]*window.Log // of the calls that count in the account's windows, by the window's name
	replies  storedReplies
	faults   []Fault
	journal  []*entry

	journaled *ledger.Ledger // of journal
	kept      *ledger.Ledger // of what follows, and of replies

	sessions      map[sessionKey]*session
	models        []wire.Model
	conversations []*conversation
	threads       []*thread // in the order of creation
	batches       map[string]*batch
	files         []*file // in the order of creation
	audit         []auditEntry
	predictions   map[string]wire.Prediction
}

// roster is the agents of the account. It outlives a Reset.
type roster struct {
	agents  []*agent // in the order of deployment, undeployed ones too
	offline bool     // the agents' machine does not run
}

// sessionKey names a chat session, which no key shares with another.
type sessionKey struct{ keyID, session string }

// session is what has been said in a chat session.
type session struct {
	turns []Turn // the latest historyTurns
	count int    // of all exchanges
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

// close gives back what the state has of shared memory.
func (s *state) close() {
	if s.journaled != nil {
		s.journaled.Close()
		s.kept.Close()
	}
}
