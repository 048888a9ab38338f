package wire

import (
	"strconv"
	"strings"
)

// Secrets returns s with an ellipsis in place of each secret. redact returns the
// spans of the secrets in a text, in order and without overlap. Secrets calls it with
// s, and then with s after the escapes of JSON, URLs and HTML are resolved, up to six
// times for nested escapes.
func Secrets(s string, redact func(text string) []Span) string {
	s = cut(s, nil, redact(s))
	plain, at := s, []int(nil)
	for range 6 {
		if plain, at = unescape(plain, at); at == nil {
			return s
		}
		if spans := redact(plain); len(spans) > 0 {
			s = cut(s, at, spans)
			plain, at = s, nil
		}
	}
	return s
}

// A Span is a part of a text: the bytes from From up to, but not including, To.
type Span struct{ From, To int }

// cut replaces spans of a text by ellipses. If at is not nil, the spans count the
// bytes of another text, and at maps these to bytes of s; its last element is the end
// of s.
func cut(s string, at []int, spans []Span) string {
	if len(spans) == 0 {
		return s
	}
	var b strings.Builder
	end := 0
	for _, span := range spans {
		from, to := span.From, span.To
		if at != nil {
			from, to = at[from], at[to]
		}
		b.WriteString(s[end:from])
		b.WriteString("…")
		end = to
	}
	b.WriteString(s[end:])
	return b.String()
}

// unescape resolves the escapes in a text. at maps each byte of the result, and its
// end, to a byte of the original text; it is nil if there was nothing to resolve.
// before is the same for s; it is nil if s is the original text.
func unescape(s string, before []int) (plain string, at []int) {
	if !strings.ContainsAny(s, `\%&`) {
		return s, nil
	}
	origin := func(i int) int {
		if before == nil {
			return i
		}
		return before[i]
	}
	b := make([]byte, 0, len(s))
	at = make([]int, 0, len(s)+1)
	for i := 0; i < len(s); {
		c, n := escaped(s[i:])
		if n == 0 {
			c, n = s[i], 1
		}
		b = append(b, c)
		at = append(at, origin(i))
		i += n
	}
	if len(b) == len(s) {
		return s, nil
	}
	return string(b), append(at, origin(len(s)))
}

// escaped returns the ASCII character for the escape at the beginning of s, and the
// length of the escape; 0 if there is none. An HTML escape must end with a semicolon.
func escaped(s string) (c byte, n int) {
	digits := ""
	base := 16
	switch {
	case s[0] == '\\' && len(s) > 1 && s[1] != 'u':
		if c := escapes[s[1]]; c != 0 {
			return c, 2
		}
		return 0, 0
	case s[0] == '\\' && len(s) >= 6:
		digits, n = s[2:6], 6
	case s[0] == '%' && len(s) >= 3:
		digits, n = s[1:3], 3
	case strings.HasPrefix(s, "&"):
		name, _, found := strings.Cut(s[1:min(len(s), 9)], ";")
		if !found {
			return 0, 0
		}
		n = len(name) + 2
		if c := entities[name]; c != 0 {
			return c, n
		}
		if digits, found = strings.CutPrefix(name, "#"); !found {
			return 0, 0
		}
		if hex := strings.TrimLeft(digits, "xX"); len(hex) < len(digits) {
			digits = hex
		} else {
			base = 10
		}
	}
	v, err := strconv.ParseUint(digits, base, 7) // ASCII
	if err != nil {
		return 0, 0
	}
	return byte(v), n
}

var entities = map[string]byte{"amp": '&', "lt": '<', "gt": '>', "quot": '"', "apos": '\'', "equals": '=', "lowbar": '_', "sol": '/', "plus": '+'}
