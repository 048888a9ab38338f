package wire

import (
	"fmt"
	"strings"
)

// The format of an API key: a prefix and 32 letters or digits.
const (
	KeyStart     = "clw_"
	KeyLen       = 36
	KeyPrefixLen = 12 // length of the part that may be shown
)

// KeyPattern is that format as a regular expression.
var KeyPattern = fmt.Sprintf("%s[A-Za-z0-9]{%d}", KeyStart, KeyLen-len(KeyStart))

// ValidKey reports whether key has the format of an API key.
func ValidKey(key string) bool {
	return len(key) == KeyLen && strings.HasPrefix(key, KeyStart) && alphanumerics(key[len(KeyStart):]) == KeyLen-len(KeyStart)
}

// KeyPrefix returns the part of a key that may be shown.
func KeyPrefix(key string) string { return key[:min(len(key), KeyPrefixLen)] }

// Redact returns s without the secret parts of API keys and webhook secrets. Of a
// key, or a part of one, it keeps the prefix, and of a webhook secret whsec_; an
// ellipsis replaces the rest. It also finds them if some of their characters are
// escaped.
func Redact(s string) string { return Secrets(s, keys) }

// keys returns the spans of the secret parts of keys and webhook secrets in a text.
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
				n = another // the next one begins within this one
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

// alphanumerics returns how many ASCII letters and digits s begins with.
func alphanumerics(s string) int {
	for i := range len(s) {
		if c := s[i]; !('0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z') {
			return i
		}
	}
	return len(s)
}
