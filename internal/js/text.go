package js

import (
	"strings"
	"unicode/utf8"
)

// IsSpace reports whether trim removes a character, which is a WhiteSpace or a
// LineTerminator (ECMA-262 §12.2, §12.3). U+FEFF is one, U+0085 is not.
func IsSpace(r rune) bool {
	switch r {
	case '\t', '\n', '\v', '\f', '\r', ' ', 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000, 0xFEFF:
		return true
	}
	return 0x2000 <= r && r <= 0x200A
}

// Trim is s.trim().
func Trim(s string) string { return strings.TrimFunc(s, IsSpace) }

// Len is s.length, the number of UTF-16 units: one for most characters, two for an
// emoji.
func Len(s string) (n int) {
	for len(s) > 0 {
		_, size, units := next(s)
		s = s[size:]
		n += units
	}
	return n
}

// Prefix is s.slice(0, most), except that it does not cut a character in two.
func Prefix(s string, most int) string {
	for i := 0; i < len(s); {
		_, size, units := next(s[i:])
		if most -= units; most < 0 {
			return s[:i]
		}
		i += size
	}
	return s
}

// next returns the first character of s, and its length in bytes and in UTF-16 units.
func next(s string) (r rune, size, units int) {
	r, size = utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && size == 1 {
		if surrogate, ok := surrogateIn(s); ok {
			return surrogate, 3, 1
		}
	}
	if r > 0xFFFF {
		return r, size, 2
	}
	return r, size, 1
}

// surrogateIn returns the lone surrogate at the beginning of s.
func surrogateIn(s string) (r rune, ok bool) {
	if len(s) < 3 || s[0] != 0xED || s[1]&0xE0 != 0xA0 || s[2]&0xC0 != 0x80 {
		return 0, false
	}
	return 0xD000 | rune(s[1]&0x3F)<<6 | rune(s[2]&0x3F), true
}

// decode replaces bytes that are not UTF-8 by U+FFFD: one for each incomplete
// character, and one for each other byte (WHATWG Encoding §8.1.1).
func decode(b []byte) []byte {
	decoded := make([]byte, 0, len(b))
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 {
			size = beginning(b)
		}
		decoded = utf8.AppendRune(decoded, r)
		b = b[size:]
	}
	return decoded
}

// beginning returns the length of the incomplete character at the beginning of b; 1
// if the first byte cannot begin a character.
func beginning(b []byte) int {
	more, low, high := 0, byte(0x80), byte(0xBF) // bounds of the second byte
	switch first := b[0]; {
	case 0xC2 <= first && first <= 0xDF:
		more = 1
	case 0xE0 <= first && first <= 0xEF:
		more = 2
	case 0xF0 <= first && first <= 0xF4:
		more = 3
	}
	switch b[0] {
	case 0xE0:
		low = 0xA0
	case 0xED:
		high = 0x9F
	case 0xF0:
		low = 0x90
	case 0xF4:
		high = 0x8F
	}
	n := 1
	for n <= more && n < len(b) && low <= b[n] && b[n] <= high {
		n, low, high = n+1, 0x80, 0xBF
	}
	return n
}

// WellFormed is s.toWellFormed(): each lone surrogate becomes U+FFFD.
func WellFormed(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size, _ := next(s)
		b.WriteRune(r) // U+FFFD for a surrogate
		s = s[size:]
	}
	return b.String()
}

// appendSurrogate appends a lone surrogate, or joins it to the one before it.
func appendSurrogate(b []byte, r rune) []byte {
	if n := len(b) - 3; n >= 0 && r >= 0xDC00 {
		if high, ok := surrogateIn(string(b[n:])); ok && high < 0xDC00 {
			return utf8.AppendRune(b[:n], 0x10000+(high-0xD800)<<10+(r-0xDC00))
		}
	}
	return append(b, 0xE0|byte(r>>12), 0x80|byte(r>>6)&0xBF, 0x80|byte(r)&0xBF)
}
