package wire

import "unicode/utf8"

// A Scanner decodes JSON objects of the form that nearly all chunks and replies of
// chats have: all members are strings, in a fixed order, with no spaces except one
// after a colon. It does so faster than encoding/json, which decodes all other forms.
// The zero value is ready for use.
type Scanner struct {
	unescaped []byte // buffer for strings with escapes
}

// Chunk returns the text in {"content":"text"}. ok is false for any other form.
func (s *Scanner) Chunk(data []byte) (content string, ok bool) {
	const before = `{"content":`
	if len(data) < len(before) || string(data[:len(before)]) != before { // as in text, but faster for a constant
		return "", false
	}
	content, rest := s.quoted(data[len(before):])
	return content, string(rest) == "}"
}

// chatReply decodes a reply to a chat. ok is false for any other form.
func (s *Scanner) chatReply(data []byte) (r ChatReply, ok bool) {
	response, rest := s.text(data, `{"response":`)
	agent, rest := s.text(rest, `,"agent":`)
	requestID, rest := s.text(rest, `,"request_id":`)
	return ChatReply{&response, agent, requestID}, string(rest) == "}"
}

// text returns the string that follows before, and the rest of data. data must begin
// with before. The rest is nil if there is no such string, or if it has escapes like
// \u00e9.
func (s *Scanner) text(data []byte, before string) (text string, rest []byte) {
	if len(data) < len(before) || string(data[:len(before)]) != before {
		return "", nil
	}
	return s.quoted(data[len(before):])
}

// quoted returns the string that data begins with, after at most one space, and the
// rest of data, like text.
func (s *Scanner) quoted(data []byte) (text string, rest []byte) {
	if len(data) > 0 && data[0] == ' ' {
		data = data[1:]
	}
	if len(data) == 0 || data[0] != '"' {
		return "", nil
	}
	data = data[1:]
	ascii, from := true, 0 // from is the index after the last escape
	unescaped := s.unescaped[:0]
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case '\\' < c && c < utf8.RuneSelf: // most
		case c == '"':
			if !ascii && !utf8.Valid(data[:i]) { // encoding/json replaces what is not UTF-8
				return "", nil
			}
			if from == 0 {
				return string(data[:i]), data[i+1:]
			}
			s.unescaped = append(unescaped, data[from:i]...)
			return string(s.unescaped), data[i+1:]
		case c == '\\':
			if i++; i == len(data) || escapes[data[i]] == 0 {
				return "", nil
			}
			unescaped = append(append(unescaped, data[from:i-1]...), escapes[data[i]])
			from = i + 1
		case c < ' ':
			return "", nil
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return "", nil
}

// escapes has, for each character after a backslash, the character that both stand
// for (RFC 8259 §7). It does not have \u.
var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}
