package js

import "strings"

// QueryValue is new URLSearchParams(query).get(name), or empty if there is no such
// parameter. Unlike net/url, it keeps semicolons, and percent signs that do not begin
// an escape.
func QueryValue(query, name string) string {
	for pair := range strings.SplitSeq(query, "&") {
		if n, value, _ := strings.Cut(pair, "="); decodeQuery(n) == name {
			return decodeQuery(value)
		}
	}
	return ""
}

func decodeQuery(text string) string {
	var b []byte
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '+' {
			c = ' '
		} else if c == '%' && i+2 < len(text) && hexDigit(text[i+1]) >= 0 && hexDigit(text[i+2]) >= 0 {
			c = byte(hexDigit(text[i+1])<<4 | hexDigit(text[i+2]))
			i += 2
		}
		b = append(b, c)
	}
	return string(decode(b))
}

// hexDigit returns the value of a hexadecimal digit, or -1.
func hexDigit(c byte) int {
	if '0' <= c && c <= '9' {
		return int(c - '0')
	}
	if c |= 0x20; 'a' <= c && c <= 'f' {
		return int(c-'a') + 10
	}
	return -1
}
