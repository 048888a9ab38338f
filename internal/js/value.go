// Package js treats values as the JavaScript of the service does: it parses and
// writes JSON, converts values to strings and numbers, trims, counts characters, and
// reads numbers and dates.
//
//	v, ok := js.Parse(body)             // JSON.parse
//	body := js.Stringify(v)             // JSON.stringify
//	js.String(v), js.Number(v)          // String(v), Number(v)
//	js.Trim(s), js.Len(s), js.ParseInt(s) // s.trim(), s.length, parseInt(s)
//
// A value is nil, a bool, a float64, a string, a []any or an [Object]. A string may
// have a lone surrogate, which UTF-8 cannot encode. It is kept as the three bytes
// that a code point with its number would have (WTF-8), so that Stringify can write
// it again.
package js

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// An Object has its members in the order in which JavaScript enumerates them.
type Object []Member

// A Member is a member of an Object.
type Member struct {
	Name  string
	Value any
}

// Get returns the value of a member, which may be nil, for null. ok is false if there
// is no such member.
func (o Object) Get(name string) (value any, ok bool) {
	for _, m := range o {
		if m.Name == name {
			return m.Value, true
		}
	}
	return nil, false
}

// Truthy reports whether v counts as true.
func Truthy(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case float64:
		return v != 0 && !math.IsNaN(v)
	case string:
		return v != ""
	}
	return true
}

// String is String(v).
func String(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return FormatNumber(v)
	case string:
		return v
	case []any:
		return Join(v, ",")
	}
	return "[object Object]"
}

// Join is list.join(separator): null becomes empty.
func Join(list []any, separator string) string {
	texts := make([]string, len(list))
	for i, v := range list {
		if v != nil {
			texts[i] = String(v)
		}
	}
	return strings.Join(texts, separator)
}

// Number is Number(v), which may be NaN.
func Number(v any) float64 {
	switch v := v.(type) {
	case nil:
		return 0
	case bool:
		if v {
			return 1
		}
		return 0
	case float64:
		return v
	case string:
		return parseNumber(Trim(v))
	case []any:
		return Number(String(v))
	}
	return math.NaN()
}

func parseNumber(text string) float64 {
	if text == "" {
		return 0
	}
	if len(text) > 2 && text[0] == '0' {
		if base := map[byte]int{'x': 16, 'X': 16, 'o': 8, 'O': 8, 'b': 2, 'B': 2}[text[1]]; base != 0 {
			n, err := strconv.ParseUint(text[2:], base, 64)
			if err != nil && n == 0 {
				return math.NaN()
			}
			return float64(n)
		}
	}
	bare := strings.TrimLeft(text, "+-")
	if bare != "Infinity" && strings.ContainsFunc(text, func(r rune) bool { return !strings.ContainsRune("0123456789+-.eE", r) }) {
		return math.NaN() // numbers of Go that are none in JavaScript: 1_000, inf
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(n, 0) {
		return math.NaN()
	}
	return n
}

// FormatNumber returns a number as JavaScript converts it to a string (ECMA-262
// §6.1.6.1.20).
func FormatNumber(n float64) string {
	switch size := math.Abs(n); {
	case math.IsNaN(n):
		return "NaN"
	case math.IsInf(n, 0):
		return strings.TrimPrefix(strconv.FormatFloat(n, 'f', -1, 64), "+") + "inity"
	case n == 0:
		return "0" // also for -0
	case size >= 1e21 || size < 1e-6:
		mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(n, 'e', -1, 64), "e")
		return mantissa + "e" + exponent[:1] + strings.TrimLeft(exponent[1:], "0")
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}

// ParseInt is parseInt(text): the number at the beginning of text, in decimal digits
// or, after 0x, in hexadecimal ones. ok is false if that is NaN.
func ParseInt(text string) (n float64, ok bool) {
	text = strings.TrimLeftFunc(text, IsSpace)
	sign := 1.0
	if text != "" && (text[0] == '+' || text[0] == '-') {
		if text[0] == '-' {
			sign = -1
		}
		text = text[1:]
	}
	base := 10
	if strings.HasPrefix(text, "0x") || strings.HasPrefix(text, "0X") {
		base, text = 16, text[2:]
	}
	digits := 0
	for digits < len(text) && uint(hexDigit(text[digits])) < uint(base) {
		digits++
	}
	if base == 10 {
		n, _ = strconv.ParseFloat(text[:digits], 64) // infinite if it is too large
	} else {
		for i := range digits {
			n = n*16 + float64(hexDigit(text[i]))
		}
	}
	return sign * n, digits > 0
}

// Sort sorts members as JavaScript enumerates them: first those whose names are array
// indices, by number, then the others in their order (ECMA-262 §10.1.11).
func (o Object) Sort() {
	slices.SortStableFunc(o, func(a, b Member) int {
		x, aIs := index(a.Name)
		y, bIs := index(b.Name)
		switch {
		case aIs && bIs && x != y:
			return map[bool]int{true: -1, false: 1}[x < y]
		case aIs == bIs:
			return 0
		case aIs:
			return -1
		}
		return 1
	})
}

// index returns the array index that a name is: 0 to 2³²−2.
func index(name string) (n uint64, is bool) {
	if name == "" || len(name) > 10 || name[0] == '0' && name != "0" {
		return 0, false
	}
	n, err := strconv.ParseUint(name, 10, 32)
	return n, err == nil && n < math.MaxUint32 && name[0] != '+'
}
