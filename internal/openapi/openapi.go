// Package openapi makes the OpenAPI 3.1 documents of the API and, for package control,
// of the control API: prose, schemas and examples come from templates, and what tables
// know comes from the tables.
//
//	io.Copy(w, openapi.API().For(r, secure, wire.BasePath)) // as the server that r came to sends it
//
// A template is JSON that names values, as in "maxLength": "${MaxMessageChars}": see
// [Assemble]. The files docs/openapi.json and docs/openapi-control.json are written by
//
//	go test ./internal/openapi ./internal/control -run Document -update
package openapi

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/clawhq/clawhq-go/internal/js"
)

// Path is where a document is served, below what it describes.
const Path = "/openapi.json"

// A Text is that of an OpenAPI document, without its server.
type Text struct{ before, after []byte }

// NewText returns the text of a document.
func NewText(whole js.Object) Text {
	text := indented(with(whole, "servers", nil), "")
	before, after, ok := bytes.Cut(text, []byte("\n  \"servers\": null"))
	if !ok {
		panic("openapi: the document has no servers")
	}
	return Text{append(before, "\n  \"servers\": "...), append(after, '\n')}
}

func indented(v any, prefix string) []byte {
	var text bytes.Buffer
	if err := json.Indent(&text, js.Stringify(v), prefix, "  "); err != nil {
		panic(err) // Stringify writes JSON
	}
	return text.Bytes()
}

// At returns the document of the server at that URL. All readers of a document share its
// text.
func (t Text) At(serverURL, description string) io.Reader {
	servers := indented([]any{object("url", serverURL, "description", description)}, "  ")
	return io.MultiReader(bytes.NewReader(t.before), bytes.NewReader(servers), bytes.NewReader(t.after))
}

// For returns the document of the server that the request came to: its URL is the
// request's, with base in place of Path. secure tells whether that was over TLS.
func (t Text) For(r *http.Request, secure bool, base string) io.Reader {
	server := url.URL{Scheme: "http", Host: r.Host, Path: r.URL.Path}
	if secure {
		server.Scheme = "https"
	}
	if whole, err := url.ParseRequestURI(r.RequestURI); err == nil { // r.URL lacks what http.StripPrefix has stripped
		server.Path = whole.Path
	}
	server.Path = strings.TrimSuffix(server.Path, Path) + base
	return t.At(server.String(), "the server that has sent this document")
}
