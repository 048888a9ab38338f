package wire

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// A TextJoiner decodes a text that comes as JSON strings, one for each piece. A
// character may be cut in two between pieces: into the halves of a surrogate pair,
// like \ud83d and \ude00 (RFC 8259 §7), or within its UTF-8. The first part is held
// until the piece comes that completes it. The pieces together decode to what their
// concatenation does.
type TextJoiner struct {
	held []byte // the part of a character at the end of the last piece, as in JSON
}

// Decode returns the text of a piece, which is valid JSON, after what was held and
// less what is held now.
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

// Holds reports whether something is held.
func (j *TextJoiner) Holds() bool { return len(j.held) > 0 }

// Rest returns the text of what is held: U+FFFD, for a character that stays
// incomplete.
func (j *TextJoiner) Rest() (text string) {
	if len(j.held) > 0 {
		_ = json.Unmarshal([]byte(`"`+string(j.held)+`"`), &text)
		j.held = nil
	}
	return text
}

// cutCharacter returns the length of the incomplete character at the end of s,
// which is the inside of a JSON string; 0 if there is none.
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

// CutUTF8 returns how many bytes at the end of s are the beginning of an
// incomplete character in UTF-8; 0 if there is none.
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

// highSurrogate reports whether what looks like an escape is the first half of a
// surrogate pair: \ud800 to \udbff.
func highSurrogate(escape []byte) bool {
	return escape[0] == '\\' && escape[1] == 'u' && escape[2]|' ' == 'd' && bytes.IndexByte([]byte("89abAB"), escape[3]) >= 0
}
