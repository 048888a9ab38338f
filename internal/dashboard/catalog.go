package dashboard

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// catalog is what the page needs to know of the API: the endpoints, from which the
// playground makes its list and its forms, and the constants that page and server
// share.
type catalog struct {
	BasePath       string         `json:"base_path"`
	OwnPath        string         `json:"own_path"` // precedes the base path in the page's own calls
	APIKeys        []string       `json:"api_keys"`
	Profile        string         `json:"profile"`
	SessionCookie  string         `json:"session_cookie"`
	KeyPattern     string         `json:"key_pattern"` // a regular expression, not anchored
	KeyPrefixChars int            `json:"key_prefix_chars"`
	StatusTexts    map[int]string `json:"status_texts"` // which HTTP/2 does not send
	Endpoints      []endpoint     `json:"endpoints"`
	Faults         []FaultForm    `json:"faults"`
	WebhookEvents  []string       `json:"webhook_events"`
	Control        control        `json:"control"`
	Certificate    *certificate   `json:"certificate"` // null if clients need none
	Docs           []link         `json:"docs"`
}

// control is how the page calls the control API.
type control struct {
	Path  string `json:"path"`
	Token string `json:"token"`
}

// certificate is where the server's certificate is.
type certificate struct {
	Path string `json:"path"` // on the server
	File string `json:"file"` // on the server's machine; may be empty
}

// link is a page of the documentation.
type link struct {
	Title string `json:"title"`
	URL   string `json:"url"`
}

const docsURL = "https://github.com/clawhq/clawhq-go/blob/main/docs/"

// docs are the pages that the first minute leads to.
var docs = []link{
	{"Test against this server, in any language", docsURL + "server.md"},
	{"The Go SDK", "https://pkg.go.dev/github.com/clawhq/clawhq-go"},
	{"Errors and retries", docsURL + "errors.md"},
	{"Rate limits", docsURL + "rate-limits.md"},
	{"Webhooks", docsURL + "webhooks.md"},
}

// endpoint describes an endpoint of the API in the playground.
type endpoint struct {
	ID          string      `json:"id"`
	Group       string      `json:"group"`
	Name        string      `json:"name"`
	Description string      `json:"description"`
	Method      string      `json:"method"`
	Path        string      `json:"path"` // below BasePath, with {name} for path parameters
	Auth        string      `json:"auth"`
	PageSize    int         `json:"page_size,omitempty"` // default limit of a list; 0 if it has no pages
	Parameters  []parameter `json:"parameters"`
}

// parameter describes a parameter of an endpoint, and how to check its value.
type parameter struct {
	Name        string   `json:"name"`
	In          string   `json:"in"`
	Type        string   `json:"type"`
	Description string   `json:"description"`
	Required    bool     `json:"required"`
	Default     any      `json:"default,omitempty"`
	MaxLength   int      `json:"max_length,omitempty"` // in characters
	Pattern     string   `json:"pattern,omitempty"`    // a regular expression for the whole value
	Options     []int    `json:"options,omitempty"`    // the only valid values
	Meanings    []string `json:"meanings,omitempty"`   // of the options
	Suggestions []string `json:"suggestions,omitempty"`
	Source      string   `json:"source,omitempty"` // the group whose replies have the ids to suggest, or sourceDeployed
	Multiline   bool     `json:"multiline,omitempty"`
	Accept      string   `json:"accept,omitempty"` // of a file: the types and extensions to offer
}

// The values of endpoint.Auth, parameter.In and parameter.Type.
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

	sourceDeployed = "deployed agents"
)

// An operation is an entry of the playground. It has what wire.Endpoint does not say.
type operation struct {
	id, group, name, description string

	endpoint   wire.Endpoint
	parameters []parameter // without ids in the path, limit and offset
}

var wildcard = regexp.MustCompile(`\{(\w+)\}`)

// offered returns the operation for the page, with the parameters that follow from
// the wire.Endpoint.
func (o operation) offered() endpoint {
	e := endpoint{
		ID: o.id, Group: o.group, Name: o.name, Description: o.description,
		Method: o.endpoint.Method, Path: o.endpoint.Path, Auth: authKey, PageSize: o.endpoint.Page.Default,
		Parameters: []parameter{},
	}
	for _, name := range wildcard.FindAllStringSubmatch(o.endpoint.Path, -1) {
		e.Parameters = append(e.Parameters, parameter{Name: name[1], In: inPath, Type: typeString, Required: true,
			Source: o.group, Description: "The id, from an earlier reply."})
	}
	e.Parameters = append(e.Parameters, o.parameters...)
	if page := o.endpoint.Page; page != (wire.PageRange{}) {
		e.Parameters = append(e.Parameters,
			parameter{Name: "limit", In: inQuery, Type: typeInteger,
				Description: fmt.Sprintf("Results per page, 1 to %d. Default: %d.", page.Most, page.Default)},
			parameter{Name: "offset", In: inQuery, Type: typeInteger, Description: "How many results to skip."})
	}
	if o.endpoint.Auth == wire.SessionAuth {
		e.Auth = authSession
	} else {
		e.Parameters = append(e.Parameters, parameter{Name: wire.HeaderClientRequestID, In: inHeader, Type: typeString,
			Description: "An id of your own, returned with the reply."})
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
		KeyPattern:     wire.KeyPattern,
		KeyPrefixChars: wire.KeyPrefixLen,
		StatusTexts:    statusTexts,
		Faults:         d.config.Faults.Forms(),
		WebhookEvents:  append([]string{}, d.config.Events...),
		Control:        control{d.config.ControlPath, d.config.ControlToken},
		Docs:           docs,
	}
	if d.config.Certificate != nil {
		c.Certificate = &certificate{certificatePath, d.config.CertificateFile}
	}
	for _, o := range slices.Concat(operations, webhookOperations) {
		c.Endpoints = append(c.Endpoints, o.offered())
	}
	writeJSON(w, http.StatusOK, c)
}
