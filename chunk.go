package clawhq

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"

	"github.com/clawhq/clawhq-go/internal/sse"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// A chunkReader reads the texts of an event stream. Its fields are reused for all
// events, to save allocations.
type chunkReader struct {
	events  *sse.Decoder
	scanner wire.Scanner // of the commonest form
	joiner  textJoiner
	done    bool // [DONE] was read
}

// next returns the text of the next chunk, and io.EOF after [DONE]. If an event
// ends the stream, the error is an *eventError. Other errors are the Decoder's.
func (r *chunkReader) next() (string, error) {
	for !r.done {
		ev, err := r.events.Next()
		switch {
		case ev != nil && isDone(ev): // even if the stream ends without the final newline
			r.done = true
			if rest := r.joiner.rest(); rest != "" {
				return rest, nil
			}
			return "", io.EOF
		case err != nil:
			return "", err
		case ev.Type == "error":
			return "", &eventError{ev.Data, errEvent}
		}
		text, ok, err := r.decode(ev.Data)
		if err != nil {
			return "", &eventError{ev.Data, err}
		}
		if ok {
			return text, nil
		}
	}
	return "", io.EOF
}

// An eventError says why an event ends the stream.
type eventError struct {
	data []byte // of the event, valid until the next call of next
	err  error  // errEvent if the event reports an error, else why it cannot be decoded
}

func (e *eventError) Error() string { return e.err.Error() }

// errEvent is the reason of an event that reports an error.
var errEvent = errors.New("error event")

func isDone(ev *sse.Event) bool {
	return len(ev.Data) > 0 && ev.Data[0] == wire.StreamDone[0] && ev.Type != "error" && string(bytes.TrimSpace(ev.Data)) == wire.StreamDone
}

// decode decodes the data of an event. ok is false for an event without text: a
// heartbeat, whose data is blank, or an event that a future version of the service
// may send.
func (r *chunkReader) decode(data []byte) (text string, ok bool, err error) {
	if len(r.joiner.held) == 0 {
		if text, ok := r.scanner.Chunk(data); ok {
			return text, true, nil
		}
	}
	trimmed := bytes.TrimSpace(data)
	if len(trimmed) == 0 {
		return "", false, nil
	}
	var ev struct {
		Content json.RawMessage `json:"content"`
		Error   json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(data, &ev); err != nil {
		return "", false, err
	}
	switch {
	case !noError(ev.Error):
		return "", false, errEvent
	case len(ev.Content) > 0 && string(ev.Content) != "null":
		text, err = r.joiner.decode(ev.Content)
		return text, err == nil && (text != "" || len(r.joiner.held) == 0), err
	case string(trimmed) == "null": // encoding/json accepts null for an object
		return "", false, errors.New("event is not a JSON object")
	default:
		return "", false, nil
	}
}

// noError reports whether the error member of an event has a value that means
// "no error".
func noError(e json.RawMessage) bool {
	switch string(e) {
	case "", "null", "false", `""`:
		return true
	}
	return false
}

// A textJoiner decodes a text that comes as JSON strings, one for each piece. A
// character may be cut in two between pieces: into the halves of a surrogate pair,
// like \ud83d and \ude00 (RFC 8259 §7), or within its UTF-8. The first part is held
// until the piece comes that completes it. The pieces together decode to what their
// concatenation does.
type textJoiner struct {
	held []byte // the part of a character at the end of the last piece, as in JSON
}

// decode returns the text of a piece, which is valid JSON, after what was held and
// less what is held now.
func (j *textJoiner) decode(literal []byte) (text string, err error) {
	if literal[0] == '"' && (len(j.held) > 0 || cutCharacter(literal[1:len(literal)-1]) > 0) {
		joined := append(append([]byte{'"'}, j.held...), literal[1:len(literal)-1]...)
		whole := len(joined) - cutCharacter(joined[1:])
		j.held = append(j.held[:0], joined[whole:]...)
		literal = append(joined[:whole], '"')
	}
	err = json.Unmarshal(literal, &text)
	return text, err
}

// rest returns the text of what is held: U+FFFD, for a character that stays
// incomplete.
func (j *textJoiner) rest() (text string) {
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
	for n := 1; n < utf8.UTFMax && n <= len(s); n++ {
		if tail := s[len(s)-n:]; utf8.RuneStart(tail[0]) {
			if utf8.FullRune(tail) {
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
