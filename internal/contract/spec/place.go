package spec

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// A place is a value in a document.
type place struct {
	root    map[string]any
	pointer string // JSON Pointer
	value   any
}

func (p place) exists() bool { return p.value != nil }

// member returns that of an object; it does not exist if there is none.
func (p place) member(name string) place {
	o, _ := p.value.(map[string]any)
	return place{p.root, p.pointer + "/" + Escape(name), o[name]}
}

func (p place) names() []string {
	o, _ := p.value.(map[string]any)
	return slices.Sorted(maps.Keys(o))
}

func (p place) members() (all []place) {
	for _, name := range p.names() {
		all = append(all, p.member(name))
	}
	return all
}

// name returns the last part of the pointer.
func (p place) name() string { return lastOf(p.pointer) }

func lastOf(pointer string) string { return unescape(pointer[strings.LastIndex(pointer, "/")+1:]) }

func (p place) list() []any {
	list, _ := p.value.([]any)
	return list
}

func (p place) element(i int) place {
	return place{p.root, p.pointer + "/" + itoa(i), p.list()[i]}
}

func (p place) elements() (all []place) {
	for i := range p.list() {
		all = append(all, p.element(i))
	}
	return all
}

func (p place) text(name string) string {
	s, _ := p.member(name).value.(string)
	return s
}

// resolved follows a place's $ref, if it has one.
func (p place) resolved() place {
	for range 10 {
		ref, ok := strings.CutPrefix(p.text("$ref"), "#/")
		if !ok {
			return p
		}
		p = place{p.root, "", p.root}
		for name := range strings.SplitSeq(ref, "/") {
			p = p.member(unescape(name))
		}
	}
	return p
}

// find returns the value at a JSON Pointer.
func (a *API) find(pointer string) place {
	p := place{a.root, "", a.root}
	for name := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if n, err := strconv.Atoi(name); err == nil && n < len(p.list()) {
			p = p.element(n)
		} else {
			p = p.member(unescape(name))
		}
	}
	return p
}

// declares reports whether a schema has a member of that name, itself or in its parts.
func (p place) declares(name string) bool {
	if p.member("properties").member(name).exists() {
		return true
	}
	if ref := p.resolved(); ref.pointer != p.pointer && ref.declares(name) {
		return true
	}
	for _, keyword := range []string{"allOf", "anyOf", "oneOf"} {
		for _, part := range p.member(keyword).elements() {
			if part.declares(name) {
				return true
			}
		}
	}
	return false
}

func itoa(i int) string { return strconv.Itoa(i) }

var (
	escaper   = strings.NewReplacer("~", "~0", "/", "~1")
	unescaper = strings.NewReplacer("~1", "/", "~0", "~")
)

// Escape escapes a name for a JSON Pointer (RFC 6901 §3).
func Escape(name string) string   { return escaper.Replace(name) }
func unescape(part string) string { return unescaper.Replace(part) }
