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

// Redact returns s with every API key in it, even a part of one, reduced to its
// prefix and an ellipsis, and every webhook secret reduced to whsec_ and an
// ellipsis.
func Redact(s string) string {
	return redact(redact(s, KeyStart, KeyPrefixLen), WebhookSecretStart, len(WebhookSecretStart))
}

// redact cuts what begins with start, and the letters and digits after it, to
// so many bytes.
func redact(s, start string, shown int) string {
	i := strings.Index(s, start)
	if i < 0 {
		return s
	}
	var b strings.Builder
	for ; i >= 0; i = strings.Index(s, start) {
		n := len(start) + alphanumerics(s[i+len(start):])
		for _, next := range []string{KeyStart, WebhookSecretStart} {
			if another := n - len(next) + 1; another > 0 && strings.HasPrefix(s[i+another:], next) {
				n = another // the end of this one begins the next
				break
			}
		}
		b.WriteString(s[:i])
		b.WriteString(s[i:][:min(n, shown)])
		if n > shown {
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
