package wire

import (
	"strings"

	"github.com/clawhq/clawhq-go/internal/js"
)

// UTF16Len returns the length of s in UTF-16 units, as the service counts
// characters: most have one, emoji two.
func UTF16Len(s string) int { return js.Len(s) }

// Trim removes the blanks around s that the service removes, JavaScript's: U+FEFF
// is one, U+0085 is not.
func Trim(s string) string { return js.Trim(s) }

// Blank reports whether nothing is left of s by Trim.
func Blank(s string) bool { return Trim(s) == "" }

// ValidSessionID reports whether id can name a chat session.
func ValidSessionID(id string) bool { return isWord(id, MaxSessionIDChars) }

// ValidCustomID reports whether id can name a request of a batch.
func ValidCustomID(id string) bool { return isWord(id, MaxCustomIDChars) }

// isWord reports whether s has one to so many letters, digits, underscores
// and hyphens.
func isWord(s string, most int) bool {
	return s != "" && len(s) <= most && strings.IndexFunc(s, func(r rune) bool {
		return !('0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r == '_' || r == '-')
	}) < 0
}
