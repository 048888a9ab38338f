package server

import (
	"bytes"
	"encoding/json"

	"github.com/clawhq/clawhq-go/internal/js"
)

// encodeJSON encodes v as JavaScript does: <, > and & stay as they are.
func encodeJSON(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // cannot happen with the types that come here
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// parseObject parses a JSON object.
func parseObject(body []byte) (o js.Object, ok bool) {
	v, _ := js.Parse(body)
	o, ok = v.(js.Object)
	return o, ok
}

// field returns a member of an object. A null counts as absent. ok is false if the
// member has another type.
func field[T string | bool | float64](o js.Object, name string) (v T, present, ok bool) {
	member, _ := o.Get(name)
	if member == nil {
		return v, false, true
	}
	v, ok = member.(T)
	return v, true, ok
}

// member returns a member of an object; nil if it is null or absent.
func member(o js.Object, name string) any {
	v, _ := o.Get(name)
	return v
}
