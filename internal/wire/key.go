package wire

import "strings"

// The format of an API key: a prefix and 32 letters or digits.
const (
	KeyStart     = "clw_"
	KeyLen       = 36
	KeyPrefixLen = 12 // how much of a key may be shown
)

// ValidKey reports whether key has the format of an API key.
func ValidKey(key string) bool {
	return len(key) == KeyLen && strings.HasPrefix(key, KeyStart) && alphanumerics(key[len(KeyStart):]) == KeyLen-len(KeyStart)
}

// KeyPrefix returns the part of a key that may be shown.
func KeyPrefix(key string) string { return key[:min(len(key), KeyPrefixLen)] }

// Redact returns s with every API key in it, whole or cut short, reduced to
// its prefix and an ellipsis.
func Redact(s string) string {
	i := strings.Index(s, KeyStart)
	if i < 0 {
		return s
	}
	var b strings.Builder
	for ; i >= 0; i = strings.Index(s, KeyStart) {
		n := len(KeyStart) + alphanumerics(s[i+len(KeyStart):])
		if another := n - len("clw"); another > 0 && strings.HasPrefix(s[i+another:], KeyStart) {
			n = another // the end of this one begins the next
		}
		b.WriteString(s[:i])
		b.WriteString(KeyPrefix(s[i : i+n]))
		if n > KeyPrefixLen {
			b.WriteString("…")
		}
		s = s[i+n:]
	}
	b.WriteString(s)
	return b.String()
}

// alphanumerics counts the ASCII letters and digits that s begins with.
func alphanumerics(s string) int {
	for i := range len(s) {
		if c := s[i]; !('0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z') {
			return i
		}
	}
	return len(s)
}
