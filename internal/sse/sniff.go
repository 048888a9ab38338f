package sse

import "bytes"

// Sniff reports whether head, the first bytes of a body, are those of an event
// stream: after a byte order mark and empty lines, a comment or a field that the
// standard knows. sure is false if more bytes might change the answer.
func Sniff(head []byte) (stream, sure bool) {
	if len(head) < len(byteOrderMark) && bytes.HasPrefix(byteOrderMark, head) {
		return false, false
	}
	head = bytes.TrimLeft(bytes.TrimPrefix(head, byteOrderMark), "\r\n")
	for _, field := range []string{"data", "event", "id", "retry", ""} {
		rest, found := bytes.CutPrefix(head, []byte(field))
		switch {
		case found && len(rest) > 0 && (rest[0] == ':' || field != "" && (rest[0] == '\n' || rest[0] == '\r')):
			return true, true
		case len(head) <= len(field) && bytes.HasPrefix([]byte(field), head):
			return false, false
		}
	}
	return false, true
}
