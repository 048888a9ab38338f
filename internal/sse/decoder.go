// Package sse decodes event streams, text/event-stream, as WHATWG HTML §9.2
// defines them:
//
//	d := sse.NewDecoder(resp.Body, 16<<20)
//	for {
//		ev, err := d.Next()
//		if err != nil {
//			return err // io.EOF at the end of the stream
//		}
//		handle(ev.Type, ev.Data) // Data is valid until the next call of Next
//	}
package sse

import (
	"bytes"
	"errors"
	"io"
	"math"
	"time"
)

// ErrTooLarge is returned for an event larger than the Decoder's limit.
var ErrTooLarge = errors.New("sse: event larger than the limit")

// An Event is one dispatched event. It is valid until the next call of Next.
type Event struct {
	Type  string        // the event field; empty means "message"
	Data  []byte        // the data fields, joined by a newline
	ID    string        // the last id field seen in the stream
	Retry time.Duration // the last retry field seen in the stream
}

// A Decoder reads events from a stream. It returns an event as soon as its last
// byte has arrived, without waiting for more bytes.
type Decoder struct {
	r   io.Reader
	max int

	// buf[start:end] is the event being read; lines up to pos are parsed, the
	// last of them began at lineAt, counted from start.
	buf             []byte
	start, pos, end int
	lineAt          int

	begun  bool // a byte order mark has been looked for
	skipLF bool // the last line ended in CR, so that a LF here belongs to it
	err    error

	ev     Event  // the last one; its ID and Retry stay
	joined []byte // the data of an event with more than one data line
}

var byteOrderMark = []byte("\uFEFF")

// minBuffer is what a Decoder begins with; most chunks are far smaller.
const minBuffer = 4 << 10

// NewDecoder returns a Decoder that reads from r. An event, with all its
// lines, may have at most maxEvent bytes.
func NewDecoder(r io.Reader, maxEvent int) *Decoder {
	return &Decoder{r: r, max: maxEvent}
}

// Next returns the next event that has data. At the end of the stream it returns
// io.EOF; if a Read fails, it returns the error of the Read, io.EOF in place of
// io.ErrUnexpectedEOF. If that happens within an event, Next returns the part of
// the event that has arrived as well, and io.ErrUnexpectedEOF in place of io.EOF;
// the standard says to drop that part. If an event is larger than the limit, Next
// returns ErrTooLarge. After an error, Next returns an error again.
func (d *Decoder) Next() (*Event, error) {
	if ev := d.commonest(); ev != nil {
		return ev, nil
	}
	var (
		lines    int // data lines so far
		from, to int // the first data line, relative to start
	)
	d.start = d.pos
	d.ev.Type = ""
	for {
		line, err := d.line()
		if err != nil && (err == ErrTooLarge || lines == 0 && len(line) == 0) {
			return nil, err
		}
		if err == nil && len(line) == 0 {
			if lines > 0 {
				return d.event(lines, from, to), nil
			}
			d.ev.Type, d.start = "", d.pos
			continue
		}
		name, value := field(line)
		switch {
		case string(name) == "data":
			switch lines++; lines {
			case 1:
				to = d.lineAt + len(line)
				from = to - len(value) // a value is the end of its line
			case 2:
				d.joined = append(d.joined[:0], d.buf[d.start+from:d.start+to]...)
				fallthrough
			default:
				d.joined = append(append(d.joined, '\n'), value...)
			}
		case string(name) == "event":
			d.ev.Type = string(value)
		case string(name) == "id":
			if bytes.IndexByte(value, 0) < 0 {
				d.ev.ID = string(value)
			}
		case string(name) == "retry":
			if ms, ok := milliseconds(value); ok {
				d.ev.Retry = ms
			}
		}
		switch {
		case err != nil && lines == 0:
			return nil, err
		case err == io.EOF:
			return d.event(lines, from, to), io.ErrUnexpectedEOF
		case err != nil:
			return d.event(lines, from, to), err
		}
		if lines == 0 {
			d.start = d.pos // comments, however many, do not add up
		}
	}
}

// commonest returns the next event if it has the most common form and is complete
// in the buffer: one line of data and an empty line, each ended by a newline.
// Otherwise it returns nil.
func (d *Decoder) commonest() *Event {
	const before = "data: "
	rest := d.buf[d.pos:d.end]
	n := bytes.IndexByte(rest, '\n')
	if n < len(before) || n+1 == len(rest) || rest[n+1] != '\n' || d.skipLF || !d.begun || n+2 > d.max ||
		string(rest[:len(before)]) != before || bytes.IndexByte(rest[:n], '\r') >= 0 {
		return nil
	}
	d.start, d.pos = d.pos, d.pos+n+2
	d.ev.Type, d.ev.Data = "", rest[len(before):n]
	return &d.ev
}

// event returns the event, whose data is one line of the buffer or was joined
// from several.
func (d *Decoder) event(lines, from, to int) *Event {
	d.ev.Data = d.joined
	if lines == 1 {
		d.ev.Data = d.buf[d.start+from : d.start+to]
	}
	return &d.ev
}

// line returns the next line without its end, valid until the next call. At
// the end of the stream it returns what is left and io.EOF, and if a Read fails,
// what is left and the error of the Read.
func (d *Decoder) line() ([]byte, error) {
	if !d.begun {
		for d.end < len(byteOrderMark) && bytes.HasPrefix(byteOrderMark, d.buf[:d.end]) && d.fill() == nil {
		}
		if bytes.HasPrefix(d.buf[:d.end], byteOrderMark) {
			d.pos = len(byteOrderMark)
			d.start = d.pos
		}
		d.begun = true
	}
	scanned := 0 // bytes after pos known to hold no line end
	for {
		if d.skipLF && d.pos < d.end {
			if d.buf[d.pos] == '\n' {
				d.pos++
			}
			d.skipLF = false
		}
		d.lineAt = d.pos - d.start
		rest := d.buf[d.pos:d.end]
		n := bytes.IndexByte(rest[scanned:], '\n')
		if n >= 0 {
			n += scanned
		} else {
			n = len(rest)
		}
		if cr := bytes.IndexByte(rest[scanned:n], '\r'); cr >= 0 {
			n = scanned + cr
			d.skipLF = true
		}
		if n < len(rest) {
			d.pos += n + 1
			if d.pos-d.start > d.max {
				d.err, d.pos = ErrTooLarge, d.end
				return nil, d.err
			}
			return rest[:n], nil
		}
		scanned = n
		if err := d.fill(); err != nil {
			d.pos = d.end
			return rest, err
		}
	}
}

// fill reads more bytes to the end of the buffer.
func (d *Decoder) fill() error {
	if d.err != nil {
		return d.err
	}
	if d.end-d.start > d.max {
		d.err = ErrTooLarge
		return d.err
	}
	if d.start == d.end {
		d.start, d.pos, d.end = 0, 0, 0
	}
	if d.end == len(d.buf) {
		if d.start > 0 {
			d.end = copy(d.buf, d.buf[d.start:d.end])
			d.pos -= d.start
			d.start = 0
		} else {
			d.buf = append(d.buf, make([]byte, max(len(d.buf), minBuffer))...)
			d.buf = d.buf[:cap(d.buf)]
		}
	}
	for range 100 {
		var n int
		n, d.err = d.r.Read(d.buf[d.end:])
		d.end += n
		if d.err == io.ErrUnexpectedEOF {
			d.err = io.EOF // the caller decides whether the stream ends too early
		}
		if n > 0 {
			return nil // an error that came along is returned next time
		}
		if d.err != nil {
			return d.err
		}
	}
	d.err = io.ErrNoProgress
	return d.err
}

// field splits a line at its first colon and drops one space after it. A
// comment has an empty name.
func field(line []byte) (name, value []byte) {
	name, value, _ = bytes.Cut(line, []byte(":"))
	if len(value) > 0 && value[0] == ' ' {
		value = value[1:]
	}
	return name, value
}

// milliseconds reads a number of ASCII digits, saturating.
func milliseconds(value []byte) (time.Duration, bool) {
	if len(value) == 0 {
		return 0, false
	}
	const most = math.MaxInt64 / int64(time.Millisecond)
	var ms int64
	for _, c := range value {
		if c < '0' || c > '9' {
			return 0, false
		}
		ms = min(ms*10+int64(c-'0'), most)
	}
	return time.Duration(ms) * time.Millisecond, true
}
