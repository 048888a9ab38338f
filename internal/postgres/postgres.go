// Package postgres reads values as the service's database, PostgreSQL, does. Handlers
// pass on some values unchecked, and the database converts them to a uuid, a boolean
// or a timestamptz.
//
//	id, ok := postgres.UUID("{D8BD8032-87DF-4A94-AB8C-1AE0150A90D8}")
//	on, ok := postgres.Bool("yes")
//	at, ok := postgres.Time("tomorrow", now)
package postgres

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/clawhq/clawhq-go/internal/js"
)

// Storable reports whether a value of package js can be stored, as text or as jsonb.
// It cannot if a string in it has U+0000 or a lone surrogate.
func Storable(v any) bool {
	switch v := v.(type) {
	case string:
		return utf8.ValidString(v) && !strings.Contains(v, "\x00")
	case []any:
		return !slices.ContainsFunc(v, func(element any) bool { return !Storable(element) })
	case js.Object:
		return !slices.ContainsFunc(v, func(m js.Member) bool { return !Storable(m.Name) || !Storable(m.Value) })
	}
	return true
}

// JSONB returns a value as JavaScript gets it from a jsonb column. The database
// orders members by the length of their names and then bytewise, and JavaScript
// enumerates array indices first.
func JSONB(v any) any {
	switch v := v.(type) {
	case []any:
		stored := make([]any, len(v))
		for i, element := range v {
			stored[i] = JSONB(element)
		}
		return stored
	case js.Object:
		stored := make(js.Object, len(v))
		for i, m := range v {
			stored[i] = js.Member{Name: m.Name, Value: JSONB(m.Value)}
		}
		slices.SortFunc(stored, func(a, b js.Member) int {
			return cmp.Or(cmp.Compare(len(a.Name), len(b.Name)), cmp.Compare(a.Name, b.Name))
		})
		stored.Sort()
		return stored
	}
	return v
}

// UUID returns a uuid in the form of replies. The text may have digits in upper case,
// braces around it, and a hyphen or none after any four digits.
func UUID(text string) (id string, ok bool) {
	if inner, braced := strings.CutPrefix(text, "{"); braced {
		if text, ok = strings.CutSuffix(inner, "}"); !ok {
			return "", false
		}
	}
	var b strings.Builder
	for digits := 0; digits < 32; digits++ {
		if digits > 0 && digits%4 == 0 {
			text = strings.TrimPrefix(text, "-")
		}
		if text == "" {
			return "", false
		}
		digit := strings.IndexByte("0123456789abcdef", lower(text[0]))
		if digit < 0 {
			return "", false
		}
		if digits == 8 || digits == 12 || digits == 16 || digits == 20 {
			b.WriteByte('-')
		}
		b.WriteByte("0123456789abcdef"[digit])
		text = text[1:]
	}
	return b.String(), text == ""
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// Bool reads a boolean: true, yes, on, 1, or false, no, off, 0, in any case and with
// blanks around it. A word may be shortened to a beginning that no other word has.
func Bool(text string) (v, ok bool) {
	text = strings.ToLower(strings.Trim(text, " \t\n\v\f\r"))
	switch {
	case text == "":
		return false, false
	case text == "1" || text == "on" || strings.HasPrefix("true", text) || strings.HasPrefix("yes", text):
		return true, true
	}
	return false, text == "0" || text == "of" || text == "off" || strings.HasPrefix("false", text) || strings.HasPrefix("no", text)
}
