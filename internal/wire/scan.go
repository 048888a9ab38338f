package wire

import "unicode/utf8"

// A Scanner decodes JSON objects of the form that nearly all chunks and replies
// of chats have: all members are text, in one order, with no spaces but one after
// a colon. That takes a fraction of the time of encoding/json, which has to decode
// all other forms. The zero value is ready for use.
type Scanner struct {
	unescaped []byte // reused for all texts
}

// Chunk returns the text of data of the form {"content":"text"}. ok is false for
// another form.
func (s *Scanner) Chunk(data []byte) (content string, ok bool) {
	const before = `{"content":`
	if len(data) < len(before) || string(data[:len(before)]) != before { // as in text, but faster for a constant
		return "", false
	}
	content, rest := s.quoted(data[len(before):])
	return content, string(rest) == "}"
}

// chatReply decodes a reply that has all its members.
func (s *Scanner) chatReply(data []byte) (r ChatReply, ok bool) {
	response, rest := s.text(data, `{"response":`)
	agent, rest := s.text(rest, `,"agent":`)
	requestID, rest := s.text(rest, `,"request_id":`)
	return ChatReply{&response, agent, requestID}, string(rest) == "}"
}

// text returns the text that follows before, which data must begin with, and the
// rest of data. The rest is nil if there is no such text, or if the text has
// escapes like \u00e9.
func (s *Scanner) text(data []byte, before string) (text string, rest []byte) {
	if len(data) < len(before) || string(data[:len(before)]) != before {
		return "", nil
	}
	return s.quoted(data[len(before):])
}

// quoted returns the text that data begin with, after a space or none, and the
// rest of data as text does.
func (s *Scanner) quoted(data []byte) (text string, rest []byte) {
	if len(data) > 0 && data[0] == ' ' {
		data = data[1:]
	}
	if len(data) == 0 || data[0] != '"' {
		return "", nil
	}
	data = data[1:]
	ascii, from := true, 0 // from is where the text goes on after the last escape
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

// escapes has, for each letter that may follow a backslash, the character that
// the two stand for (RFC 8259 §7), except for \u.
var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}
