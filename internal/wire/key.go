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
// ellipsis. It finds them also where characters of theirs are escaped.
func Redact(s string) string { return Secrets(s, keys) }

// keys returns the parts of keys and secrets in a text that must not be shown.
func keys(s string) (spans []Span) {
	for i := 0; i < len(s); {
		key, secret := strings.Index(s[i:], KeyStart), strings.Index(s[i:], WebhookSecretStart)
		if key < 0 && secret < 0 {
			break
		}
		start, shown := KeyStart, KeyPrefixLen
		if key < 0 || secret >= 0 && secret < key {
			key, start, shown = secret, WebhookSecretStart, len(WebhookSecretStart)
		}
		i += key
		n := len(start) + alphanumerics(s[i+len(start):])
		for _, next := range []string{KeyStart, WebhookSecretStart} {
			if another := n - len(next) + 1; another > 0 && strings.HasPrefix(s[i+another:], next) {
				n = another // the end of this one begins the next
				break
			}
		}
		if n > shown {
			spans = append(spans, Span{i + shown, i + n})
		}
		i += n
	}
	return spans
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
