package wire

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"unicode/utf8"
)

// Text is a text that is null in JSON if it is empty. Decoding never fails: a value
// that is not a text becomes empty.
type Text string

// MarshalJSON writes an empty text as null.
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
// JavaScript return it: compact, with only the necessary escapes, with members
// ordered by the length of their names and then bytewise, and with the last value
// of a repeated name. It returns nil if the text is not JSON.
func JSONB(text json.RawMessage) json.RawMessage {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil
	}
	if _, err := d.Token(); err != io.EOF {
		return nil
	}
	return appendJSONB(nil, v)
}

func appendJSONB(b []byte, v any) []byte {
	switch v := v.(type) {
	case map[string]any:
		names := slices.SortedFunc(maps.Keys(v), func(x, y string) int {
			return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y))
		})
		b = append(b, '{')
		for i, name := range names {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, name), ':')
			b = appendJSONB(b, v[name])
		}
		return append(b, '}')
	case []any:
		b = append(b, '[')
		for i, element := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSONB(b, element)
		}
		return append(b, ']')
	case string:
		return appendString(b, v)
	case nil:
		return append(b, "null"...)
	}
	return fmt.Append(b, v) // a number as it was, or a boolean
}

// appendString quotes s as JavaScript does: only quotes, backslashes and
// control characters are escaped.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\b':
			b = append(b, `\b`...)
		case r == '\f':
			b = append(b, `\f`...)
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r < ' ':
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

// appendText is appendString, with null for what is empty.
func appendText(b []byte, t Text) []byte {
	if t == "" {
		return append(b, "null"...)
	}
	return appendString(b, string(t))
}

// JSONChars returns the length of a JSON text once it is compact, in UTF-16
// units; 0 if it is not JSON.
func JSONChars(text json.RawMessage) int { return UTF16Len(string(JSONB(text))) }

// JSONLevels returns how deep a JSON text is nested: 1 for a scalar and for
// what is empty, one more for each list or object around it; 0 if it is not
// JSON.
func JSONLevels(text json.RawMessage) int {
	var v any
	if json.Unmarshal(text, &v) != nil {
		return 0
	}
	return levels(v)
}

func levels(v any) int {
	deepest := 0
	switch v := v.(type) {
	case map[string]any:
		for _, member := range v {
			deepest = max(deepest, levels(member))
		}
	case []any:
		for _, element := range v {
			deepest = max(deepest, levels(element))
		}
	}
	return deepest + 1
}
