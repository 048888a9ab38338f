package openapi

import (
	"embed"
	"fmt"
	"sync"

	"github.com/clawhq/clawhq-go/internal/js"
	"github.com/clawhq/clawhq-go/internal/wire"
)

//go:embed api/*.json
var apiTemplates embed.FS

// The servers of docs/openapi.json.
const (
	ServiceURL         = "https://app.clawhq.tech" + wire.BasePath
	ServiceDescription = "the ClawHQ service"
)

// LiveExtension is the name of the member that says what the live service does
// differently, with a description, and with a JSON merge patch (RFC 7396) for the object
// that it is in.
const LiveExtension = "x-live"

// API returns the document of the API.
var API = sync.OnceValue(func() Text {
	templates := Assemble(apiTemplates, apiValues())
	byKey, bySession := NewCommon(templates, "key", "", "Other"), NewCommon(templates, "session", "Dashboard", "Other")
	var operations []Operation
	for _, e := range wire.Endpoints {
		o := Operation{Method: e.Method, Path: e.Path, Scheme: "apiKey", Common: byKey, Headers: successHeaders}
		if e.Page.Most > 0 {
			o.Parameters = append(o.Parameters, pageLimit(e.Page), Ref("parameters", "offset"))
		}
		seconds := int(wire.RateWindow.Seconds())
		switch {
		case e.Auth == wire.KeyAuth:
			o.Parameters = append(o.Parameters, Ref("parameters", "X-Client-Request-Id"))
			if e.Window != wire.KeyWindow {
				o.Live = fmt.Sprintf("Calls do not count in the key's window but in the account's window `%s`, which admits %d in any %d seconds.", e.Window.Name, e.Window.Limit, seconds)
			}
		default:
			o.Scheme, o.Common, o.Headers = "session", bySession, nil
			if e.Window.Limit > 0 {
				o.Note = fmt.Sprintf("An account may make %d of these calls in any %d seconds.", e.Window.Limit, seconds)
			}
		}
		operations = append(operations, o)
	}
	whole := Document(templates, operations)
	components := member(whole, "components")
	schemas := member(components, "schemas")
	components = with(components, "schemas", append(schemas, errorSchemas(member(schemas, "Error"))...))
	whole = with(with(whole, "webhooks", events(whole)), "components", components)
	return NewText(without(whole, "deliveryHeaders"))
})

// The headers of replies of /v1.
var (
	idHeaders      = []string{"X-Request-Id", "X-Client-Request-Id"}
	successHeaders = append(idHeaders[:2:2], "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
)

func headersOf(names []string) js.Object {
	headers := js.Object{}
	for _, name := range names {
		headers = append(headers, js.Member{Name: name, Value: Ref("headers", name)})
	}
	return headers
}

// pageLimit is the parameter of how many rows a page has.
func pageLimit(page wire.PageRange) js.Object {
	return object("name", "limit", "in", "query",
		"description", fmt.Sprintf("The maximum number of rows on the page. A number below 1 counts as 1, and one above %d as %[1]d.", page.Most),
		"schema", object("type", "integer", "minimum", 1.0, "maximum", float64(page.Most), "default", float64(page.Default)),
		"example", float64(page.Default),
		LiveExtension, object(
			"description", "Values are read as by JavaScript's `parseInt`: `1.9` is 1, `30x` is 30, and a value that is not a number gives the default.",
			"patch", object("schema", object("type", []any{"integer", "string"}, "minimum", nil, "maximum", nil)),
		))
}
