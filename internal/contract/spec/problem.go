package spec

import (
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// A Problem is one way in which an exchange is not as the document has it. It shows
// types, names, limits, and values of enumerations, but no other value.
type Problem struct {
	Kind   Kind   `json:"kind"`
	At     string `json:"at"`               // reply/agents/0/id, header Retry-After, query limit
	Want   string `json:"want,omitempty"`   // what the document has
	Got    string `json:"got,omitempty"`    // what came
	Schema string `json:"schema,omitempty"` // JSON Pointer into the document
}

// A Kind is a kind of Problem.
type Kind string

// The kinds of problems.
const (
	KindOperation Kind = "operation"    // the document has no such operation
	KindStatus    Kind = "status"       // nor the operation such a reply
	KindMediaType Kind = "content type" // nor the reply such a body
	KindMissing   Kind = "missing"      // a member or header that has to be there is not
	KindNew       Kind = "new"          // a member or header is there that the document does not name
	KindType      Kind = "type"         // a value has another JSON type
	KindValue     Kind = "value"        // a value is none of those allowed
	KindSyntax    Kind = "syntax"       // the body is not JSON, or the stream does not end as it should
	KindDocument  Kind = "document"     // the schema itself is wrong
)

// String returns the problem in one line.
func (p Problem) String() string {
	text := fmt.Sprintf("%s: %s", p.At, p.Kind)
	if p.Want != "" {
		text += ", want " + p.Want
	}
	if p.Got != "" {
		text += ", got " + p.Got
	}
	if p.Schema != "" {
		text += " (" + p.Schema + ")"
	}
	return text
}

// problems returns those of a value that a schema does not allow.
func (a *API) problems(at string, err error) []Problem {
	e, ok := err.(*jsonschema.ValidationError)
	if !ok {
		return []Problem{{Kind: KindDocument, At: at, Got: err.Error()}}
	}
	var all []Problem
	for _, leaf := range leaves(e) {
		for _, p := range problemsOf(at, leaf) {
			// The members of a part that is not valid count as unknown to the whole.
			if name := lastOf(p.At); p.Kind != KindNew || !a.find(p.Schema).declares(name) {
				all = append(all, p)
			}
		}
	}
	return all
}

// leaves returns the causes of an error that have none themselves: of alternatives
// those of the one that came closest.
func leaves(e *jsonschema.ValidationError) []*jsonschema.ValidationError {
	if len(e.Causes) == 0 {
		return []*jsonschema.ValidationError{e}
	}
	var all []*jsonschema.ValidationError
	_, any := e.ErrorKind.(*kind.AnyOf)
	_, one := e.ErrorKind.(*kind.OneOf)
	for _, cause := range e.Causes {
		found := leaves(cause)
		switch {
		case !any && !one:
			all = append(all, found...)
		case all == nil, nearer(found, all):
			all = found
		}
	}
	return all
}

// nearer reports whether the errors of one alternative mean less than another's: the
// value at the top has the right type, and there are fewer of them.
func nearer(a, b []*jsonschema.ValidationError) bool {
	depth := func(list []*jsonschema.ValidationError) (least int) {
		least = 1 << 10
		for _, e := range list {
			if _, isType := e.ErrorKind.(*kind.Type); isType {
				least = min(least, len(e.InstanceLocation))
			}
		}
		return least
	}
	if da, db := depth(a), depth(b); da != db {
		return da > db
	}
	return len(a) < len(b)
}

func problemsOf(at string, e *jsonschema.ValidationError) []Problem {
	for _, name := range e.InstanceLocation {
		at += "/" + Escape(name)
	}
	_, schema, _ := strings.Cut(e.SchemaURL, "#")
	schema = strings.ReplaceAll(schema, twin+"/", "/")
	one := func(k Kind, want, got string) []Problem { return []Problem{{k, at, want, got, schema}} }
	switch k := e.ErrorKind.(type) {
	case *kind.Type:
		return one(KindType, strings.Join(k.Want, " or "), k.Got)
	case *kind.Required:
		var all []Problem
		for _, name := range k.Missing {
			all = append(all, Problem{Kind: KindMissing, At: at + "/" + Escape(name), Schema: schema})
		}
		return all
	case *kind.AdditionalProperties:
		var all []Problem
		for _, name := range k.Properties {
			all = append(all, Problem{Kind: KindNew, At: at + "/" + Escape(name), Schema: schema})
		}
		return all
	case *kind.FalseSchema:
		return []Problem{{Kind: KindNew, At: at, Schema: strings.TrimSuffix(schema, "/unevaluatedProperties")}}
	case *kind.Enum:
		return one(KindValue, "one of "+listed(k.Want), shown(k.Got))
	case *kind.Const:
		return one(KindValue, shown(k.Want), shown(k.Got))
	case *kind.Format:
		return one(KindValue, "format "+k.Want, "")
	case *kind.Pattern:
		return one(KindValue, "pattern "+k.Want, "")
	case *kind.MinLength:
		return one(KindValue, fmt.Sprintf("at least %d characters", k.Want), fmt.Sprint(k.Got))
	case *kind.MaxLength:
		return one(KindValue, fmt.Sprintf("at most %d characters", k.Want), fmt.Sprint(k.Got))
	case *kind.Minimum:
		return one(KindValue, "at least "+k.Want.RatString(), k.Got.RatString())
	case *kind.Maximum:
		return one(KindValue, "at most "+k.Want.RatString(), k.Got.RatString())
	case *kind.MinItems:
		return one(KindValue, fmt.Sprintf("at least %d items", k.Want), fmt.Sprint(k.Got))
	case *kind.MaxItems:
		return one(KindValue, fmt.Sprintf("at most %d items", k.Want), fmt.Sprint(k.Got))
	}
	return one(KindValue, strings.Join(e.ErrorKind.KeywordPath(), "/"), "")
}

func listed(values []any) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = fmt.Sprint(v)
	}
	return strings.Join(texts, ", ")
}

// shown returns a value of an enumeration: a word, not a text that may be anybody's.
func shown(v any) string {
	text := fmt.Sprint(v)
	word := func(r rune) bool {
		return r == '_' || r == '-' || r == '.' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	}
	if len(text) > 30 || strings.IndexFunc(text, func(r rune) bool { return !word(r) }) >= 0 {
		return "another text"
	}
	return text
}
