package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A placed is an error with its place in a JSON text.
type placed struct {
	path   []any // names of members, and indexes of elements
	offset int64 // offset in the text; -1 if only the path is known
	err    error
}

func (e *placed) Unwrap() error { return e.err }

// Error returns the message after the path, such as "keys[2]: name is missing".
func (e *placed) Error() string {
	var path strings.Builder
	for _, step := range e.path {
		switch step := step.(type) {
		case int:
			fmt.Fprintf(&path, "[%d]", step)
		default:
			if path.Len() > 0 {
				path.WriteString(".")
			}
			fmt.Fprint(&path, step)
		}
	}
	if path.Len() == 0 {
		return e.err.Error()
	}
	return path.String() + ": " + e.err.Error()
}

// at returns err as an error of a part of a JSON value. It returns nil if err is nil.
func at(err error, path ...any) error {
	if err == nil {
		return nil
	}
	if inner, ok := err.(*placed); ok {
		return &placed{append(path, inner.path...), -1, inner.err}
	}
	return &placed{path, -1, err}
}

// Line returns the line of a JSON text to which an error of ParseDocument or New
// refers, or 0 if it is not known.
func Line(text []byte, err error) int {
	var e *placed
	if !errors.As(err, &e) {
		return 0
	}
	offset := e.offset
	if offset < 0 {
		offset = find(text, e.path)
	}
	if offset < 0 || offset > int64(len(text)) {
		return 0
	}
	return 1 + bytes.Count(text[:offset], []byte("\n"))
}

// find returns the offset of an element of a JSON text, given by its path. If only
// the beginning of the path is there, it returns the offset of that; if nothing is,
// -1.
func find(text []byte, path []any) int64 {
	found := int64(-1)
	for _, step := range path {
		d := json.NewDecoder(bytes.NewReader(text[max(found, 0):]))
		base := max(found, 0)
		if _, err := d.Token(); err != nil { // the opening bracket
			return found
		}
		at := int64(-1)
		for i := 0; d.More() && at < 0; i++ {
			var name any = i
			if _, isName := step.(string); isName {
				name, _ = d.Token()
			}
			var v json.RawMessage
			if d.Decode(&v) != nil {
				return found
			}
			if name == step {
				at = base + d.InputOffset() - int64(len(v))
			}
		}
		if at < 0 {
			return found
		}
		found = at
	}
	return found
}

// decode reads a single JSON value, and refuses unknown fields.
func decode(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, end := d.Token(); end != io.EOF {
			return &placed{nil, d.InputOffset(), errors.New("there is more than one JSON value")}
		}
	}
	var mismatch *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	var inner *placed
	switch {
	case err == nil:
		return nil
	case err == io.EOF:
		return errors.New("it is empty: it must be JSON")
	case errors.As(err, &inner):
		return inner
	case errors.As(err, &syntax):
		return &placed{nil, syntax.Offset, errors.New(strings.TrimPrefix(err.Error(), "json: "))}
	case errors.As(err, &mismatch):
		field := mismatch.Field
		if field == "" {
			field = "it"
		}
		return fmt.Errorf("%s cannot be a JSON %s", field, mismatch.Value)
	case err == io.ErrUnexpectedEOF:
		return &placed{nil, int64(len(text)), errors.New("it ends too early")}
	}
	return errors.New(strings.TrimPrefix(err.Error(), "json: "))
}

// decodeList reads a JSON list. Its errors name the element.
func decodeList[T any](text json.RawMessage, name string, list *[]T) error {
	if text == nil {
		return nil
	}
	var elements []json.RawMessage
	if err := decode(text, &elements); err != nil {
		return at(err, name)
	}
	if elements == nil { // null
		return nil
	}
	*list = make([]T, len(elements))
	for i, element := range elements {
		if err := decode(element, &(*list)[i]); err != nil {
			return at(err, name, i)
		}
	}
	return nil
}

// textOr reads JSON that is either a string or an object.
func textOr(b []byte, text *string, object any) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, text)
	}
	return decode(b, object)
}
