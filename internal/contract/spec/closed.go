package spec

import (
	"slices"
	"strings"
)

// closed returns a document whose schemas allow no member that they do not name. The
// parts of a composition, such as allOf, stay open: what they make up is closed.
func closed(root map[string]any) map[string]any {
	c := closer{clone(root).(map[string]any), map[string]bool{}}
	whole := place{c.root, "", c.root}
	for _, schema := range whole.member("components").member("schemas").members() {
		c.schema(schema, true)
	}
	c.inline(whole)
	return c.root
}

type closer struct {
	root  map[string]any
	twins map[string]bool // open ones of components, by name
}

// inline closes the schemas that are outside of components.
func (c closer) inline(p place) {
	for _, m := range slices.Concat(p.members(), p.elements()) {
		switch {
		case m.pointer == "/components/schemas" || m.name() == "example" || m.name() == "examples" || m.name() == extension:
		case m.name() == "schema", m.name() == itemSchema:
			c.schema(m, true)
		default:
			c.inline(m)
		}
	}
}

// schema closes a schema, or only the schemas in it if close is false.
func (c closer) schema(p place, close bool) {
	s, ok := p.value.(map[string]any)
	if !ok {
		return
	}
	for _, keyword := range []string{"properties", "patternProperties", "$defs"} {
		for _, m := range p.member(keyword).members() {
			c.schema(m, true)
		}
	}
	for _, keyword := range []string{"items", "additionalProperties", "contains"} {
		c.schema(p.member(keyword), true)
	}
	for _, e := range p.member("prefixItems").elements() {
		c.schema(e, true)
	}

	_, hasProperties := s["properties"]
	whole := hasProperties || s["allOf"] != nil // made up of the parts
	for _, keyword := range []string{"allOf", "anyOf", "oneOf"} {
		for _, part := range p.member(keyword).elements() {
			c.schema(part, !whole && close)
		}
	}
	for _, keyword := range []string{"if", "then", "else", "not"} {
		c.schema(p.member(keyword), false)
	}
	if s["$ref"] != nil && (whole || !close) {
		c.open(s)
	}
	_, additional := s["additionalProperties"]
	_, unevaluated := s["unevaluatedProperties"]
	if close && whole && !additional && !unevaluated {
		s["unevaluatedProperties"] = false
	}
}

// open has a schema refer to the open twin of a component.
func (c closer) open(s map[string]any) {
	ref, _ := s["$ref"].(string)
	name, ok := strings.CutPrefix(ref, "#/components/schemas/")
	if !ok || strings.Contains(name, "/") || strings.HasSuffix(name, twin) {
		return
	}
	s["$ref"] = ref + twin
	if c.twins[name] {
		return
	}
	c.twins[name] = true
	schemas := place{c.root, "", c.root}.member("components").member("schemas")
	original := schemas.member(unescape(name))
	if !original.exists() {
		return
	}
	copied := clone(original.value).(map[string]any)
	if copied["unevaluatedProperties"] == false {
		delete(copied, "unevaluatedProperties")
	}
	schemas.value.(map[string]any)[unescape(name)+twin] = copied
	c.schema(schemas.member(unescape(name)+twin), false)
}

const twin = ".open"
