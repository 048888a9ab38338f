package wire

import (
	"encoding/json"

	"github.com/clawhq/clawhq-go/internal/js"
	"github.com/clawhq/clawhq-go/internal/postgres"
)

// Text is a string that is null in JSON if it is empty. Decoding never fails: a value
// that is not a string becomes empty.
type Text string

// MarshalJSON writes null for an empty string.
func (t Text) MarshalJSON() ([]byte, error) {
	if t == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(t))
}

// UnmarshalJSON never fails.
func (t *Text) UnmarshalJSON(b []byte) error {
	var text string
	_ = json.Unmarshal(b, &text)
	*t = Text(text)
	return nil
}

// JSONB returns a JSON text in the form in which the service's database and its
// JavaScript return it: compact, with only the necessary escapes, with JavaScript's
// numbers, with members ordered by the length of their names and then bytewise, and
// with the last value of a repeated name. It returns nil if the text is not JSON.
func JSONB(text json.RawMessage) json.RawMessage {
	v, ok := js.Parse(text)
	if !ok {
		return nil
	}
	return js.Stringify(postgres.JSONB(v))
}

// appendText appends a string as JSON, or null if it is empty.
func appendText(b []byte, t Text) []byte {
	if t == "" {
		return append(b, "null"...)
	}
	return js.AppendQuoted(b, string(t))
}

// JSONChars returns the length of a JSON text in its compact form, in UTF-16 units; 0
// if it is not JSON.
func JSONChars(text json.RawMessage) int { return UTF16Len(string(JSONB(text))) }

// JSONLevels returns how deep a JSON text is nested: 1 for a scalar and for an empty
// list or object, and one more for each list or object around them; 0 if it is not
// JSON.
func JSONLevels(text json.RawMessage) int {
	v, ok := js.Parse(text)
	if !ok {
		return 0
	}
	return levels(v)
}

func levels(v any) int {
	deepest := 0
	switch v := v.(type) {
	case js.Object:
		for _, member := range v {
			deepest = max(deepest, levels(member.Value))
		}
	case []any:
		for _, element := range v {
			deepest = max(deepest, levels(element))
		}
	}
	return deepest + 1
}
