package dashboard

import (
	"fmt"
	"net/http"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// catalog is what the page knows of the API: its endpoints, from which the
// playground's list and forms are made, and the constants that both sides
// share.
type catalog struct {
	BasePath       string         `json:"base_path"`
	OwnPath        string         `json:"own_path"` // before the base path in the page's own calls
	APIKeys        []string       `json:"api_keys"`
	Profile        string         `json:"profile"`
	SessionCookie  string         `json:"session_cookie"`
	KeyPattern     string         `json:"key_pattern"` // regular expression, unanchored
	KeyPrefixChars int            `json:"key_prefix_chars"`
	StatusTexts    map[int]string `json:"status_texts"` // HTTP/2 has none on the wire
	Endpoints      []endpoint     `json:"endpoints"`
	Faults         []FaultForm    `json:"faults"`
}

// endpoint describes one operation of the API.
type endpoint struct {
	ID          string      `json:"id"`
	Group       string      `json:"group"`
	Name        string      `json:"name"`
	Description string      `json:"description"`
	Method      string      `json:"method"`
	Path        string      `json:"path"` // below BasePath, with {name} for path parameters
	Auth        string      `json:"auth"`
	Parameters  []parameter `json:"parameters"`
}

// parameter describes one parameter of an endpoint, and how to check it.
type parameter struct {
	Name        string   `json:"name"`
	In          string   `json:"in"`
	Type        string   `json:"type"` // string, integer or boolean
	Description string   `json:"description"`
	Required    bool     `json:"required"`
	Default     any      `json:"default,omitempty"`
	MaxLength   int      `json:"max_length,omitempty"` // characters
	Pattern     string   `json:"pattern,omitempty"`    // regular expression for the whole value
	Options     []int    `json:"options,omitempty"`    // the only values there are
	Suggestions []string `json:"suggestions,omitempty"`
	Source      string   `json:"source,omitempty"` // "keys": the ids of the account's keys are suggested
	Multiline   bool     `json:"multiline,omitempty"`
}

// How an endpoint authenticates, and where a parameter goes.
const (
	authKey     = "key"     // Authorization: Bearer
	authSession = "session" // the session cookie

	inPath   = "path"
	inBody   = "body"
	inHeader = "header"
)

var (
	sessionIDPattern = fmt.Sprintf("[A-Za-z0-9_-]{1,%d}", wire.MaxSessionIDChars)
	keyPattern       = fmt.Sprintf("%s[A-Za-z0-9]{%d}", wire.KeyStart, wire.KeyLen-len(wire.KeyStart))

	tiers = []int{wire.Tier30, wire.Tier60, wire.Tier120, wire.Tier300}
)

// endpoints lists the API's operations, in the order they are offered.
var endpoints = []endpoint{
	{
		ID: "chat", Group: "Chat", Name: "Chat",
		Description: "Sends a message to an agent and answers with its reply.",
		Method:      http.MethodPost, Path: wire.PathChat, Auth: authKey,
		Parameters: chatParameters(false),
	},
	{
		ID: "chat.stream", Group: "Chat", Name: "Streaming chat",
		Description: "Sends a message and answers with server-sent events, a piece of the reply in each.",
		Method:      http.MethodPost, Path: wire.PathChat, Auth: authKey,
		Parameters: chatParameters(true),
	},
	{
		ID: "health", Group: "Chat", Name: "Check a key",
		Description: "Checks a key without sending a message.",
		Method:      http.MethodGet, Path: wire.PathHealth, Auth: authKey,
		Parameters: []parameter{},
	},
	{
		ID: "keys.list", Group: "API keys", Name: "List keys",
		Description: "Lists the account's keys with their use; never the full keys.",
		Method:      http.MethodGet, Path: wire.PathKeys, Auth: authSession,
		Parameters: []parameter{},
	},
	{
		ID: "keys.create", Group: "API keys", Name: "Create a key",
		Description: fmt.Sprintf("Creates a key; its reply is the only one that holds the full key. An account has at most %d active keys.", wire.MaxActiveKeys),
		Method:      http.MethodPost, Path: wire.PathKeys, Auth: authSession,
		Parameters: []parameter{keyName(true), keyTier(wire.DefaultTier)},
	},
	{
		ID: "keys.update", Group: "API keys", Name: "Change a key",
		Description: "Renames a key or changes its tier, from the very next request on.",
		Method:      http.MethodPatch, Path: wire.PathKeys + "/{id}", Auth: authSession,
		Parameters: []parameter{keyID, keyName(false), keyTier(nil)},
	},
	{
		ID: "keys.revoke", Group: "API keys", Name: "Revoke a key",
		Description: "Revokes a key at once and for good.",
		Method:      http.MethodDelete, Path: wire.PathKeys + "/{id}", Auth: authSession,
		Parameters: []parameter{keyID},
	},
}

func chatParameters(stream bool) []parameter {
	return []parameter{
		{Name: "message", In: inBody, Type: "string", Required: true, MaxLength: wire.MaxMessageChars, Multiline: true,
			Description: "What to say to the agent.", Default: "What are your business hours?"},
		{Name: "agent", In: inBody, Type: "string", Suggestions: []string{"support-bot", "sales-assistant"},
			Description: "Slug or name of the agent; by default the most recently deployed one."},
		{Name: "session_id", In: inBody, Type: "string", Pattern: sessionIDPattern,
			Description: "Messages with one id share their history."},
		{Name: "stream", In: inBody, Type: "boolean", Default: stream,
			Description: "Answer with server-sent events."},
		{Name: "X-Idempotency-Key", In: inHeader, Type: "string", MaxLength: wire.MaxIdempotencyKeyChars,
			Description: "The same key within 24 hours gets the stored reply again."},
		{Name: "X-Client-Request-Id", In: inHeader, Type: "string",
			Description: "An id of yours, echoed in the reply."},
	}
}

var keyID = parameter{Name: "id", In: inPath, Type: "string", Required: true, Source: "keys",
	Description: "Id of the key, as the list has it."}

func keyName(required bool) parameter {
	return parameter{Name: "name", In: inBody, Type: "string", Required: required, MaxLength: wire.MaxKeyNameChars,
		Description: "For your reference only."}
}

func keyTier(tier any) parameter {
	return parameter{Name: "rate_limit_per_min", In: inBody, Type: "integer", Default: tier, Options: tiers,
		Description: "Requests a minute."}
}

var statusTexts = func() map[int]string {
	texts := make(map[int]string)
	for status := 100; status < 600; status++ {
		if text := http.StatusText(status); text != "" {
			texts[status] = text
		}
	}
	return texts
}()

func (d *Dashboard) endpoints(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, catalog{
		BasePath:       wire.BasePath,
		OwnPath:        ownPath,
		APIKeys:        append([]string{}, d.config.APIKeys...),
		Profile:        d.config.Profile,
		SessionCookie:  wire.SessionCookie,
		KeyPattern:     keyPattern,
		KeyPrefixChars: wire.KeyPrefixLen,
		StatusTexts:    statusTexts,
		Endpoints:      endpoints,
		Faults:         d.config.Faults.Forms(),
	})
}
