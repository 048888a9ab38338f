package dashboard

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"

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
	WebhookEvents  []string       `json:"webhook_events"`
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
	PageSize    int         `json:"page_size,omitempty"` // of a list without a limit; 0 where there are no pages
	Parameters  []parameter `json:"parameters"`
}

// parameter describes one parameter of an endpoint, and how to check it.
type parameter struct {
	Name        string   `json:"name"`
	In          string   `json:"in"`
	Type        string   `json:"type"`
	Description string   `json:"description"`
	Required    bool     `json:"required"`
	Default     any      `json:"default,omitempty"`
	MaxLength   int      `json:"max_length,omitempty"` // characters
	Pattern     string   `json:"pattern,omitempty"`    // regular expression for the whole value
	Options     []int    `json:"options,omitempty"`    // the only values there are
	Suggestions []string `json:"suggestions,omitempty"`
	Source      string   `json:"source,omitempty"` // the group whose ids, as replies have them, are suggested
	Multiline   bool     `json:"multiline,omitempty"`
	Accept      string   `json:"accept,omitempty"` // of a file
}

// How an endpoint authenticates, where a parameter goes, and what it is.
const (
	authKey     = "key"     // Authorization: Bearer
	authSession = "session" // the session cookie

	inPath   = "path"
	inQuery  = "query"
	inBody   = "body" // a JSON object
	inForm   = "form" // multipart/form-data
	inHeader = "header"

	typeString  = "string"
	typeInteger = "integer"
	typeBoolean = "boolean"
	typeJSON    = "json"
	typeFile    = "file"
)

// An operation is an endpoint as the playground offers it: what the API's own
// table does not say.
type operation struct {
	id, group, name, description string

	endpoint   wire.Endpoint
	parameters []parameter // but for the ids in the path and the page
}

var wildcard = regexp.MustCompile(`\{(\w+)\}`)

// offered returns the operation for the page, with the parameters that the
// API's table implies.
func (o operation) offered() endpoint {
	e := endpoint{
		ID: o.id, Group: o.group, Name: o.name, Description: o.description,
		Method: o.endpoint.Method, Path: o.endpoint.Path, Auth: authKey, PageSize: o.endpoint.Page.Default,
		Parameters: []parameter{},
	}
	for _, name := range wildcard.FindAllStringSubmatch(o.endpoint.Path, -1) {
		e.Parameters = append(e.Parameters, parameter{Name: name[1], In: inPath, Type: typeString, Required: true,
			Source: o.group, Description: "Id, as the replies have it."})
	}
	e.Parameters = append(e.Parameters, o.parameters...)
	if page := o.endpoint.Page; page != (wire.PageRange{}) {
		e.Parameters = append(e.Parameters,
			parameter{Name: "limit", In: inQuery, Type: typeInteger,
				Description: fmt.Sprintf("Rows on a page, 1 to %d; %d without it.", page.Most, page.Default)},
			parameter{Name: "offset", In: inQuery, Type: typeInteger, Description: "Rows before the page."})
	}
	if o.endpoint.Auth == wire.SessionAuth {
		e.Auth = authSession
	} else {
		e.Parameters = append(e.Parameters, parameter{Name: wire.HeaderClientRequestID, In: inHeader, Type: typeString,
			Description: "An id of yours, echoed in the reply."})
	}
	return e
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

func (d *Dashboard) catalog(w http.ResponseWriter, _ *http.Request) {
	c := catalog{
		BasePath:       wire.BasePath,
		OwnPath:        ownPath,
		APIKeys:        append([]string{}, d.config.APIKeys...),
		Profile:        d.config.Profile,
		SessionCookie:  wire.SessionCookie,
		KeyPattern:     keyPattern,
		KeyPrefixChars: wire.KeyPrefixLen,
		StatusTexts:    statusTexts,
		Faults:         d.config.Faults.Forms(),
		WebhookEvents:  append([]string{}, d.config.Events...),
	}
	for _, o := range slices.Concat(operations, webhookOperations) {
		c.Endpoints = append(c.Endpoints, o.offered())
	}
	writeJSON(w, http.StatusOK, c)
}
