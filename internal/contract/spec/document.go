// Package spec reads an OpenAPI 3.1 document and checks exchanges by it.
//
//	document, err := spec.Parse(text)
//	problems, how := document.Check(exchange)
//
// An x-live is an object with a description and, where it changes what is valid, a
// patch: a JSON merge patch (RFC 7396) of the object that it is in. What the live
// service does is valid by the document or by the document with every patch applied.
//
// The check is closed: an object of a reply must have no member, and a reply no header,
// that the document does not name, unless a schema has additionalProperties. In
// text/event-stream the schema is that of each event's data, which is JSON: x-itemSchema
// names it. x-lastEvent is the data of the last event, if a whole stream has one.
package spec

import (
	"fmt"
	"io"
	"maps"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// A Document is an OpenAPI document.
type Document struct {
	root             map[string]any
	documented, live func() *API
}

// Parse reads a document in JSON.
func Parse(text io.Reader) (*Document, error) {
	v, err := jsonschema.UnmarshalJSON(text)
	if err != nil {
		return nil, fmt.Errorf("the document: %w", err)
	}
	root, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("the document is no JSON object")
	}
	return New(root), nil
}

// New returns a document that was decoded by package jsonschema. It must not be
// changed any more.
func New(root map[string]any) *Document {
	return &Document{root,
		sync.OnceValue(func() *API { return newAPI(root) }),
		sync.OnceValue(func() *API { return newAPI(live(root).(map[string]any)) }),
	}
}

// Documented returns what the document says but for any x-live.
func (d *Document) Documented() *API { return d.documented() }

// Live returns what the document says with the patch of each x-live.
func (d *Document) Live() *API { return d.live() }

// LiveRoot returns the decoded document with the patch of each x-live.
func (d *Document) LiveRoot() map[string]any { return d.live().root }

// Clone returns a copy of the decoded document.
func (d *Document) Clone() map[string]any { return clone(d.root).(map[string]any) }

// How says by what an exchange is valid.
type How int

const (
	Invalid    How = iota
	Documented     // as the document has it
	Live           // by the patch of an x-live
	Noted          // by the words of an x-live that has no patch
)

// String returns the reading.
func (h How) String() string {
	return [...]string{"not valid", "valid as documented", "valid by the patch of an x-live", "under the words of an x-live"}[h]
}

// Check returns how an exchange is valid or, if it is not, the problems of the reading
// that comes closest.
func (d *Document) Check(x Exchange) ([]Problem, How) { return d.closest(x, (*API).Check) }

// CheckReply is Check without a look at the request.
func (d *Document) CheckReply(x Exchange) ([]Problem, How) { return d.closest(x, (*API).checkReply) }

// CheckDocumented is CheckReply without any x-live.
func (d *Document) CheckDocumented(x Exchange) []Problem { return d.documented().checkReply(x) }

// CheckSent returns how a request is valid that the service sends, of a webhook's event or
// a callback with that name.
func (d *Document) CheckSent(name string, x Exchange) ([]Problem, How) {
	return d.closest(x, func(a *API, x Exchange) []Problem { return a.checkSent(name, x) })
}

func (d *Document) closest(x Exchange, check func(*API, Exchange) []Problem) ([]Problem, How) {
	documented := check(d.documented(), x)
	if len(documented) == 0 {
		return nil, Documented
	}
	live := check(d.live(), x)
	switch {
	case len(live) == 0:
		return nil, Live
	case d.noted(live), d.noted(documented):
		return nil, Noted
	case len(live) < len(documented):
		return live, Invalid
	}
	return documented, Invalid
}

// noted reports whether each problem lies under an x-live without a patch. The words of
// an operation are too wide for that, and those of a response are not about its JSON.
func (d *Document) noted(problems []Problem) bool {
	for _, p := range problems {
		if ofReply := strings.HasPrefix(p.At, "reply"); ofReply && p.Kind != KindSyntax && p.Kind != KindMediaType || !d.worded(p.Schema) {
			return false
		}
	}
	return true
}

// worded reports whether an object around a place has an x-live without a patch.
func (d *Document) worded(pointer string) bool {
	parts := strings.Split(pointer, "/")
	for n := 4; n <= len(parts); n++ {
		if n == 4 && parts[1] == "paths" {
			continue // the operation
		}
		extension := d.documented().find(strings.Join(parts[:n], "/")).member(extension)
		if extension.exists() && !extension.member("patch").exists() {
			return true
		}
	}
	return false
}

// Operation returns the one that an exchange is a call of, or nil.
func (d *Document) Operation(x Exchange) *Operation { return d.documented().operation(x) }

// Outside reports whether an exchange is a call of no operation.
func (d *Document) Outside(x Exchange) bool {
	return d.documented().operation(x) == nil && d.live().operation(x) == nil
}

// Names reports whether the operation names the status of a reply. What only its default
// response allows is an accident.
func (d *Document) Names(x Exchange) bool { return d.documented().names(x) || d.live().names(x) }

// extension is the name of what says how the live service differs.
const extension = "x-live"

// live returns a value with the patches of all x-live in it.
func live(v any) any {
	switch v := v.(type) {
	case map[string]any:
		o := make(map[string]any, len(v))
		for name, member := range v {
			if name != extension {
				o[name] = live(member)
			}
		}
		x, _ := v[extension].(map[string]any)
		if patch, ok := x["patch"]; ok {
			return patched(o, patch)
		}
		return o
	case []any:
		list := make([]any, len(v))
		for i, element := range v {
			list[i] = live(element)
		}
		return list
	}
	return v
}

// patched returns a value after a JSON merge patch, MergePatch of RFC 7396 §2.
func patched(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	o, _ := target.(map[string]any)
	o = maps.Clone(o)
	if o == nil {
		o = map[string]any{}
	}
	for name, change := range changes {
		if change == nil {
			delete(o, name)
		} else {
			o[name] = patched(o[name], change)
		}
	}
	return o
}

func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		o := make(map[string]any, len(v))
		for name, member := range v {
			o[name] = clone(member)
		}
		return o
	case []any:
		list := make([]any, len(v))
		for i, element := range v {
			list[i] = clone(element)
		}
		return list
	}
	return v
}
