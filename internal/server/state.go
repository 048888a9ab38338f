package server

import (
	"github.com/clawhq/clawhq-go/internal/window"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// state is what Reset starts afresh. A request keeps to the one that it began
// with.
type state struct {
	keys    keyring
	windows map[string]*window.Log // the account's, by name
	replies replies
	faults  []Fault
	journal []*Request

	sessions      map[sessionKey][]Turn
	models        []wire.Model
	conversations []*conversation
	threads       []*thread // in the order of creation
	batches       map[string]*batch
	files         []*file // in the order of creation
	audit         []auditEntry
	predictions   map[string]wire.Prediction
}

// sessionKey names a chat session, which no key shares with another.
type sessionKey struct{ keyID, session string }

func newState() *state {
	return &state{
		windows:  map[string]*window.Log{},
		sessions: map[sessionKey][]Turn{},
		models:   catalog(),
		batches:  map[string]*batch{},
	}
}
