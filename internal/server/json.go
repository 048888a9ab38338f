package server

import (
	"bytes"
	"encoding/json"
)

// encodeJSON encodes as JavaScript would: <, > and & stay as they are.
func encodeJSON(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // only shapes of package wire come here
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// object is a JSON object whose names are matched exactly, as JavaScript
// does.
type object map[string]any

func parseObject(body []byte) (o object, ok bool) {
	var v any // which package json decodes into without reflection
	err := json.Unmarshal(body, &v)
	o, ok = v.(map[string]any)
	return o, ok && err == nil
}

// field returns an object's member. A null counts as absent; ok is false for
// one of another type.
func field[T string | bool | float64](o object, name string) (v T, present, ok bool) {
	member := o[name]
	if member == nil {
		return v, false, true
	}
	v, ok = member.(T)
	return v, true, ok
}

// truthy reports whether a value counts as true in JavaScript.
func truthy(v any) bool { return v != nil && v != false && v != 0.0 && v != "" }
