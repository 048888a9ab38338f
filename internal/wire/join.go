package wire

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// A TextJoiner decodes a text that comes in pieces, each a JSON string. A piece may
// end within a character: between the halves of a surrogate pair, like \ud83d and
// \ude00 (RFC 8259 §7), or within its UTF-8. The TextJoiner then holds the first part
// until the next piece comes. So the decoded pieces together are the decoded
// concatenation.
type TextJoiner struct {
	held []byte // the incomplete character at the end of the last piece, still encoded
}

// Decode returns the text of a piece, which must be valid JSON. The text begins with
// what was held before, and lacks what is held now.
func (j *TextJoiner) Decode(literal []byte) (text string, err error) {
	if literal[0] == '"' && (len(j.held) > 0 || cutCharacter(literal[1:len(literal)-1]) > 0) {
		joined := append(append([]byte{'"'}, j.held...), literal[1:len(literal)-1]...)
		whole := len(joined) - cutCharacter(joined[1:])
		j.held = append(j.held[:0], joined[whole:]...)
		literal = append(joined[:whole], '"')
	}
	err = json.Unmarshal(literal, &text)
	return text, err
}

// Holds reports whether a part of a character is held.
func (j *TextJoiner) Holds() bool { return len(j.held) > 0 }

// Rest ends the text: it returns U+FFFD if a part of a character is held.
func (j *TextJoiner) Rest() (text string) {
	if len(j.held) > 0 {
		_ = json.Unmarshal([]byte(`"`+string(j.held)+`"`), &text)
		j.held = nil
	}
	return text
}

// cutCharacter returns the length of the incomplete character at the end of s, the
// inside of a JSON string; 0 if there is none.
func cutCharacter(s []byte) int {
	const escape = len(`\ud83d`)
	if i := len(s) - escape; i >= 0 && highSurrogate(s[i:]) {
		backslashes := i + 1 - len(bytes.TrimRight(s[:i+1], `\`))
		if backslashes%2 == 1 { // otherwise the last one is escaped itself
			return escape
		}
	}
	return CutUTF8(string(s[max(0, len(s)-utf8.UTFMax):]))
}

// CutUTF8 returns the length of the incomplete UTF-8 character at the end of s; 0 if
// there is none.
func CutUTF8(s string) int {
	for n := 1; n < utf8.UTFMax && n <= len(s); n++ {
		if tail := s[len(s)-n:]; utf8.RuneStart(tail[0]) {
			if utf8.FullRuneInString(tail) {
				return 0
			}
			return n
		}
	}
	return 0
}

// highSurrogate reports whether an escape is the first half of a surrogate pair:
// \ud800 to \udbff.
func highSurrogate(escape []byte) bool {
	return escape[0] == '\\' && escape[1] == 'u' && escape[2]|' ' == 'd' && bytes.IndexByte([]byte("89abAB"), escape[3]) >= 0
}
