package wire

import (
	"encoding/json"
	"time"
)

// Time is a time as a string of a reply. An empty string stands for null. Decoding
// never fails, since one malformed time should not make a reply useless: a value that
// is not a string becomes empty.
type Time string

// The forms of times. The service's database has up to six decimals, and its handlers
// three.
const (
	databaseTime = "2006-01-02T15:04:05.999999-07:00"
	handlerTime  = "2006-01-02T15:04:05.000Z"
	queryTime    = "2006-01-02T15:04:05.999999Z"
)

// DatabaseTime returns t in the form of the service's database, such as
// 2026-03-10T14:30:00.5+00:00. The zero time is empty.
func DatabaseTime(t time.Time) Time { return writeTime(t, databaseTime) }

// HandlerTime returns t in the form of the service's handlers, such as
// 2026-11-24T17:21:35.245Z. The zero time is empty.
func HandlerTime(t time.Time) Time { return writeTime(t, handlerTime) }

// QueryTime returns t in a form that both profiles accept in a query parameter, with
// microseconds. The zero time is empty.
func QueryTime(t time.Time) Time { return writeTime(t, queryTime) }

func writeTime(t time.Time, layout string) Time {
	if t.IsZero() {
		return ""
	}
	return Time(t.UTC().Format(layout))
}

// Time returns the time in UTC, or the zero time if t is malformed. It accepts a
// blank in place of the T, a time without a zone, which is UTC, and a date alone.
func (t Time) Time() time.Time {
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05Z07", "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05", time.DateTime, time.DateOnly} {
		if at, err := time.Parse(layout, string(t)); err == nil {
			return at.UTC()
		}
	}
	return time.Time{}
}

// MarshalJSON writes null for an empty time.
func (t Time) MarshalJSON() ([]byte, error) {
	if t == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(t))
}

// UnmarshalJSON never fails.
func (t *Time) UnmarshalJSON(b []byte) error {
	var text string
	_ = json.Unmarshal(b, &text)
	*t = Time(text)
	return nil
}
