package server

import (
	"math"
	"regexp"
	"time"

	"github.com/clawhq/clawhq-go/internal/outbox"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// quirks are the differences between the profiles that are values. The comment on a
// bool says what true means.
type quirks struct {
	// All endpoints.
	codes      map[string]wire.Code // status and type of the error codes that differ from wire.Codes
	messages   map[string]string    // error messages that replace those in the variable messages
	pageFields bool                 // requests and replies also have the fields that only the reference pages describe
	anyBody    bool                 // a JSON value that is no object counts as an object without members

	// Keys, sessions and the rate limit.
	keyFormat       func(key string) bool // reports whether a key has a format that is looked up
	exactScheme     bool                  // the scheme of a credential must be written "Bearer"
	sessionFirst    bool                  // without a session, an unknown path or method outside /v1 is 401
	endpointWindows bool                  // each endpoint of /v1 counts in its own window; otherwise in the key's
	countsAnswers   bool                  // a key's usage counts chats that reach an agent, and its last use is an answer; otherwise it counts all calls
	anyTier         bool                  // a key with an unknown tier is created with the default tier; otherwise it is refused

	// Agents.
	agentsByID              bool      // a message may name its agent by the id
	slugFromName            bool      // an agent's slug is made from its name
	echoes                  bool      // the built-in agents are those behind the recordings
	salesLast               bool      // of the built-in agents, sales-assistant is deployed last
	defaultSlug             string    // of the default agent; if no agent has it, the one deployed last is the default
	agentsOutlive           bool      // an agent goes on when its client has left
	plainLimit, streamLimit timeLimit // what an agent's time limit covers, without and with a stream

	// Chats.
	moderates     bool   // messages about certain topics are refused
	trimsMessages bool   // an agent gets the message of a chat without the blanks around it
	cleansAnswers bool   // answers have no reasoning, and no blanks around them
	emptyAnswer   string // replaces an empty answer to a chat
	jsonSpace     string // after the colons in the JSON of a stream's events
	streamsLate   bool   // a stream's header is sent with the first chunk, so that an agent that fails earlier gets a status of its own
	countsUnits   bool   // the length of a body without a Content-Length is counted in UTF-16 units
	allowsPages   bool   // replies of /v1 let web pages of any origin read them

	// Idempotency keys.
	ignoresLongKeys bool // a key that is too long is ignored; otherwise it is refused
	holdsKeys       bool // a key is held while its first request runs
	replaysUnread   bool // a stored reply is sent whatever the body of the request
	replaysBare     bool // a replay has neither the rate limit nor the client's request id
	storesJSONB     bool // a stored reply is read from a jsonb column, which reorders it

	// Lists and usage.
	pastEndFails bool // a list that begins after its last row is an error; otherwise it is empty
	countsTokens bool // usage has tokens
	usageDays    int  // how many days of usage are shown by default
	usageCalls   int  // usage counts only this many calls, the newest

	// Files.
	uploadLimit    int            // how many bytes of a long body are read
	cutsUploads    bool           // an upload beyond uploadLimit is an invalid form; otherwise its file is too large
	noFileName     *refusal       // refuses a file without a name
	fileNames      *regexp.Regexp // the names of files that can be stored; nil means all
	extensionTypes bool           // the mime_type of a stored file is the extension of its name
	knowledgeOnly  bool           // only files of the knowledge base are examined and found
	shortText      int            // a text with at most this many characters is too short to be indexed

	// The dashboard's endpoints.
	longBodies    bool          // bodies may have any length
	idFirst       bool          // the id of a webhook is looked up before the body is read
	casts         bool          // the database converts the values of a webhook's update
	webhookEvents []string      // to which a webhook can subscribe
	deliveries    outbox.Policy // how events are delivered
}

// quirks returns the quirks of the profile.
func (p Profile) quirks() *quirks { return &profiles[p] }

var profiles = [...]quirks{
	Documented: {
		pageFields: true,

		keyFormat: wire.ValidKey,

		agentsByID:  true,
		defaultSlug: supportBot,

		jsonSpace: " ",

		holdsKeys: true,

		countsTokens: true,
		usageDays:    30,
		usageCalls:   math.MaxInt,

		uploadLimit: wire.MaxFileBytes + 64<<10, // enough to tell that a file is too large
		noFileName:  refuse(wire.CodeMissingParameter, "file must have a filename", "file"),

		webhookEvents: wire.WebhookEvents,
		deliveries:    outbox.Policy{Retry: documentedRetry, LogRetries: true, Pausing: true},
	},
	Live: {
		codes: wire.LiveCodes,
		messages: map[string]string{
			wire.CodePlanRequired: "API access requires a Pro plan or higher",
			wire.CodeModelTimeout: "Agent took too long to respond",
			wire.CodeAgentOffline: "VPS is not running",
		},
		anyBody: true,

		keyFormat:       liveKeyFormat,
		exactScheme:     true,
		sessionFirst:    true,
		endpointWindows: true,
		countsAnswers:   true,
		anyTier:         true,

		slugFromName:  true,
		echoes:        true,
		salesLast:     true,
		agentsOutlive: true,
		plainLimit:    firstChunk,
		streamLimit:   eachPart,

		moderates:     true,
		trimsMessages: true,
		cleansAnswers: true,
		emptyAnswer:   noAnswer,
		streamsLate:   true,
		countsUnits:   true,
		allowsPages:   true,

		ignoresLongKeys: true,
		replaysUnread:   true,
		replaysBare:     true,
		storesJSONB:     true,

		pastEndFails: true,
		usageDays:    7,
		usageCalls:   1000,

		uploadLimit:    wire.MaxUploadBodyBytes,
		cutsUploads:    true,
		noFileName:     refuse(wire.CodeUnsupportedFileType, "Unsupported file type: undefined", ""), // JavaScript takes it for text
		fileNames:      regexp.MustCompile(`^[\w/!.*'() &$@=;:+,?-]*$`),
		extensionTypes: true,
		knowledgeOnly:  true,
		shortText:      10,

		longBodies:    true,
		idFirst:       true,
		casts:         true,
		webhookEvents: wire.LiveWebhookEvents,
		deliveries:    outbox.Policy{Retry: liveRetry, Throwing: true},
	},
}

// liveKeyFormat reports whether the live service looks a key up.
func liveKeyFormat(key string) bool {
	return len(key) == wire.KeyLen && key[:len(wire.KeyStart)] == wire.KeyStart
}

// documentedRetries are the waits before the retries of a delivery. After the last
// retry, the delivery has failed.
var documentedRetries = []time.Duration{30 * time.Second, 5 * time.Minute, 30 * time.Minute}

func documentedRetry(n int, _ time.Duration) (wait time.Duration, again bool) {
	if n > len(documentedRetries) {
		return 0, false
	}
	return documentedRetries[n-1], true
}

// liveRetry waits the webhook's own interval before the first retry, and two minutes
// before each further one. The retries of the live service never end.
func liveRetry(n int, interval time.Duration) (wait time.Duration, again bool) {
	if n == 1 {
		return interval, true
	}
	return 2 * time.Minute, true
}
