package clawhq

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/clawhq/clawhq-go/internal/sse"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// A chunkReader reads the texts of an event stream. Its fields are reused for all
// events, to save allocations.
type chunkReader struct {
	events  *sse.Decoder
	scanner wire.Scanner    // decodes the most common form faster than encoding/json
	joiner  wire.TextJoiner // joins a character that is divided between two events
	done    bool            // [DONE] was read
}

// next returns the text of the next chunk, and io.EOF after [DONE]. If an event
// ends the stream, the error is an *eventError. Other errors are the Decoder's.
func (r *chunkReader) next() (string, error) {
	for !r.done {
		ev, err := r.events.Next()
		switch {
		case ev != nil && isDone(ev): // even if the stream ends without the final newline
			r.done = true
			if rest := r.joiner.Rest(); rest != "" {
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

// errEvent is the reason if an event reports an error.
var errEvent = errors.New("error event")

func isDone(ev *sse.Event) bool {
	return len(ev.Data) > 0 && ev.Data[0] == wire.StreamDone[0] && ev.Type != "error" && string(bytes.TrimSpace(ev.Data)) == wire.StreamDone
}

// decode decodes the data of an event. ok is false for an event without text: a
// heartbeat, whose data is blank, or an event that a future version of the service
// may send.
func (r *chunkReader) decode(data []byte) (text string, ok bool, err error) {
	if !r.joiner.Holds() {
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
		text, err = r.joiner.Decode(ev.Content)
		return text, err == nil && (text != "" || !r.joiner.Holds()), err
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
