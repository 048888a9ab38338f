package server

import (
	"math"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// quirks are the differences between the profiles that are no more than a value.
type quirks struct {
	jsonSpace string // after the colons in the JSON of a stream's events

	agentsByID              bool      // a message may name its agent by the id
	echoes                  bool      // the built-in agents are those behind the recordings
	streamsLate             bool      // a stream's header waits for the first chunk, so that an agent that fails before it gets an error's status
	agentsOutlive           bool      // an agent goes on when its client has left
	plainLimit, streamLimit timeLimit // of agents
	cleansAnswers           bool      // reasoning is removed from answers, and they are trimmed

	holdsKeys     bool // an idempotency key is held while its first request runs
	replaysUnread bool // a stored reply is sent whatever the body of the request

	countsAnswers bool // a key's usage counts chats that came to an agent, and its last use is an answer; else it counts all calls
	countsTokens  bool // usage has tokens
	usageDays     int  // how many days of usage are shown unless a number is asked for
	usageCalls    int  // how many calls, of the newest, usage is counted over

	shortText    int  // the most characters of a text that has nothing to index
	anyTier      bool // a key can be created with a tier that there is not, which makes it one of the default tier
	sessionFirst bool // what wants a session is refused without one before it is found to lack the method or path
	idFirst      bool // the id of a webhook is looked up before the body is read
	countsUnits  bool // the length of a body without a Content-Length is counted in UTF-16 units
	casts        bool // values of a webhook's update are what the database takes them for
	longBodies   bool // the dashboard's endpoints take bodies of any length
	uploadLimit  int  // how much of a long body is read, in bytes: enough to tell that a file is too large, unless it is cut
	allowsPages  bool // replies of /v1 let pages of any origin read them
}

var profiles = [...]quirks{
	Documented: {
		jsonSpace:    " ",
		agentsByID:   true,
		holdsKeys:    true,
		countsTokens: true,
		usageDays:    30,
		usageCalls:   math.MaxInt,
		uploadLimit:  wire.MaxFileBytes + 64<<10,
	},
	Live: {
		echoes:        true,
		streamsLate:   true,
		agentsOutlive: true,
		plainLimit:    firstChunk,
		streamLimit:   eachPart,
		cleansAnswers: true,
		replaysUnread: true,
		countsAnswers: true,
		usageDays:     7,
		usageCalls:    1000,
		shortText:     10,
		anyTier:       true,
		sessionFirst:  true,
		idFirst:       true,
		casts:         true,
		longBodies:    true,
		countsUnits:   true,
		uploadLimit:   wire.MaxUploadBodyBytes,
		allowsPages:   true,
	},
}

// quirks returns those of the profile.
func (p Profile) quirks() *quirks { return &profiles[p] }
