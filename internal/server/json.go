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
type object map[string]json.RawMessage

func parseObject(body []byte) (o object, ok bool) {
	err := json.Unmarshal(body, &o)
	return o, err == nil && o != nil
}

// field returns an object's member. A null counts as absent; ok is false for
// one of another type.
func field[T any](o object, name string) (v T, present, ok bool) {
	raw, present := o[name]
	if !present || string(raw) == "null" {
		return v, false, true
	}
	err := json.Unmarshal(raw, &v)
	return v, true, err == nil
}
