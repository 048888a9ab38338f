package wire

import (
	"strings"

	"github.com/clawhq/clawhq-go/internal/js"
)

// UTF16Len returns the length of s in UTF-16 units, which is how the service counts
// characters: an emoji counts as two.
func UTF16Len(s string) int { return js.Len(s) }

// Trim removes the blanks around s. Blanks are those of JavaScript: U+FEFF is one,
// U+0085 is not.
func Trim(s string) string { return js.Trim(s) }

// Blank reports whether s consists of blanks only.
func Blank(s string) bool { return Trim(s) == "" }

// ValidSessionID reports whether id can be the id of a chat session.
func ValidSessionID(id string) bool { return isWord(id, MaxSessionIDChars) }

// ValidCustomID reports whether id can be the custom_id of a batch's request.
func ValidCustomID(id string) bool { return isWord(id, MaxCustomIDChars) }

// isWord reports whether s consists of 1 to limit ASCII letters, digits, underscores
// and hyphens.
func isWord(s string, limit int) bool {
	return s != "" && len(s) <= limit && strings.IndexFunc(s, func(r rune) bool {
		return !('0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r == '_' || r == '-')
	}) < 0
}
