package sse_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/clawhq/clawhq-go/internal/sse"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const limit = 1 << 10

// decode reads r to its end and returns copies of the events. An event that
// came with an error is the last.
func decode(r io.Reader, limit int) ([]sse.Event, error) {
	d := sse.NewDecoder(r, limit)
	var events []sse.Event
	for {
		ev, err := d.Next()
		if ev != nil {
			events = append(events, sse.Event{Type: ev.Type, Data: bytes.Clone(ev.Data), ID: ev.ID, Retry: ev.Retry})
		}
		if err != nil {
			return events, err
		}
	}
}

func data(texts ...string) []sse.Event {
	var events []sse.Event
	for _, s := range texts {
		events = append(events, sse.Event{Data: []byte(s)})
	}
	return events
}

func TestDecoder(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", limit-len("data: \n\n"))
	tests := map[string]struct {
		in   string
		want []sse.Event
		err  error
	}{
		"empty":                  {"", nil, io.EOF},
		"LF":                     {"data: a\n\ndata: b\n\n", data("a", "b"), io.EOF},
		"CR":                     {"data: a\r\rdata: b\r\r", data("a", "b"), io.EOF},
		"CRLF":                   {"data: a\r\n\r\ndata: b\r\n\r\n", data("a", "b"), io.EOF},
		"mixed line ends":        {"data: a\r\n\ndata: b\n\rdata: c\r\r\n", data("a", "b", "c"), io.EOF},
		"byte order mark":        {"\uFEFFdata: a\n\n", data("a"), io.EOF},
		"two byte order marks":   {"\uFEFF\uFEFFdata: a\n\n", nil, io.EOF},
		"half a byte order mark": {"\xef\xbbdata: a\n\ndata: b\n\n", data("b"), io.EOF},
		"comments":               {": hello\n:\ndata: a\n: within\n\n: after\n", data("a"), io.EOF},
		"no space":               {"data:a\n\n", data("a"), io.EOF},
		"one space is dropped":   {"data:  a \n\n", data(" a "), io.EOF},
		"colon in the value":     {"data: a: b\n\n", data("a: b"), io.EOF},
		"several lines":          {"data: a\ndata: b\ndata\ndata: c\n\n", data("a\nb\n\nc"), io.EOF},
		"empty data":             {"data\n\ndata:\n\n", data("", ""), io.EOF},
		"no data":                {"event: ping\n\nid: 1\n\ndata: a\n\n", []sse.Event{{Data: []byte("a"), ID: "1"}}, io.EOF},
		"unknown fields":         {"foo: 1\nDATA: x\ndatab: y\ndata: a\n\n", data("a"), io.EOF},
		"event":                  {"event: x\nevent: add\ndata: a\n\ndata: b\n\n", []sse.Event{{Type: "add", Data: []byte("a")}, {Data: []byte("b")}}, io.EOF},
		"id stays":               {"id: 7\ndata: a\n\ndata: b\n\nid\ndata: c\n\n", []sse.Event{{Data: []byte("a"), ID: "7"}, {Data: []byte("b"), ID: "7"}, {Data: []byte("c")}}, io.EOF},
		"id with NUL":            {"id: 7\nid: a\x00b\ndata: a\n\n", []sse.Event{{Data: []byte("a"), ID: "7"}}, io.EOF},
		"retry":                  {"retry: 1500\nretry: 2s\nretry:\nretry: -1\ndata: a\n\n", []sse.Event{{Data: []byte("a"), Retry: 1500 * time.Millisecond}}, io.EOF},
		"retry saturates":        {"retry: 99999999999999999999\ndata: a\n\n", []sse.Event{{Data: []byte("a"), Retry: 9223372036854 * time.Millisecond}}, io.EOF},
		"cut inside a line":      {"data: a\n\ndata: b", data("a", "b"), io.ErrUnexpectedEOF},
		"cut after a line":       {"data: a\n\ndata: b\n", data("a", "b"), io.ErrUnexpectedEOF},
		"cut after CR":           {"data: a\n\ndata: b\r", data("a", "b"), io.ErrUnexpectedEOF},
		"cut after two lines":    {"data: a\ndata: b", data("a\nb"), io.ErrUnexpectedEOF},
		"cut without data":       {"data: a\n\nevent: b", data("a"), io.EOF},
		"at the limit":           {"data: " + long + "\n\ndata: a\n\n", data(long, "a"), io.EOF},
		"over the limit":         {"data: a\n\ndata: " + long + "x\n\ndata: b\n\n", data("a"), sse.ErrTooLarge},
		"line without end":       {"data: a\n\n" + strings.Repeat("y", 3*limit), data("a"), sse.ErrTooLarge},
		"lines over the limit":   {strings.Repeat("data: 12345678\n", limit/14), nil, sse.ErrTooLarge},
		"comments do not add up": {strings.Repeat(": 12345678\n", limit) + "data: a\n\n", data("a"), io.EOF},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			readers := map[string]io.Reader{
				"whole":          strings.NewReader(tt.in),
				"byte by byte":   iotest.OneByteReader(strings.NewReader(tt.in)),
				"data with EOF":  iotest.DataErrReader(strings.NewReader(tt.in)),
				"half the bytes": iotest.HalfReader(strings.NewReader(tt.in)),
			}
			for how, r := range readers {
				got, err := decode(r, limit)
				if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" || err != tt.err {
					t.Errorf("%s: got error %v, want %v; events (-want +got):\n%s", how, err, tt.err, diff)
				}
			}
		})
	}
}

// An event is there once its blank line is, even if the stream then falls
// silent: with CRLF, the LF may not be waited for.
func TestDecoderDoesNotReadAhead(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"data: a\n\n", "data: a\r\r", "data: a\r\n\r", "data: a\r\n\r\n", "\uFEFFdata: a\n\n"} {
		r := io.MultiReader(strings.NewReader(in), iotest.ErrReader(errors.New("read ahead")))
		ev, err := sse.NewDecoder(r, limit).Next()
		if err != nil || string(ev.Data) != "a" {
			t.Errorf("%q: got %q, %v", in, ev.Data, err)
		}
	}
}

// The part of an event that has arrived before a Read fails is returned, whether
// the error comes alone or together with the last bytes.
func TestDecoderReadErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, tt := range map[string]struct {
		in        string
		err, want error
		events    []sse.Event
	}{
		"between events":         {"data: a\n\n", broken, broken, data("a")},
		"after a line":           {"data: a\n\ndata: b\n", broken, broken, data("a", "b")},
		"in a line":              {"data: a\n\ndata: b", broken, broken, data("a", "b")},
		"in an event of no data": {"data: a\n\nid: b", broken, broken, data("a")},
		"cut off between events": {"data: a\n\n", io.ErrUnexpectedEOF, io.EOF, data("a")},
		"cut off in a line":      {"data: a\n\ndata: b", io.ErrUnexpectedEOF, io.ErrUnexpectedEOF, data("a", "b")},
		"no progress":            {"data: a\n\n", nil, io.ErrNoProgress, data("a")},
	} {
		for how, r := range map[string]io.Reader{
			"alone":    &failing{in: tt.in, err: tt.err},
			"together": &failing{in: tt.in, err: tt.err, together: true},
		} {
			got, err := decode(r, limit)
			if diff := cmp.Diff(tt.events, got); diff != "" || err != tt.want {
				t.Errorf("%s, %s: got error %v, want %v; events (-want +got):\n%s", name, how, err, tt.want, diff)
			}
		}
	}
}

// failing reads in and then fails, with the last bytes or after them.
type failing struct {
	in       string
	err      error
	together bool
}

func (f *failing) Read(p []byte) (int, error) {
	n := copy(p, f.in)
	f.in = f.in[n:]
	if f.in != "" || n > 0 && !f.together {
		return n, nil
	}
	return n, f.err
}

// After the limit was passed the decoder stays at the error.
func TestDecoderTooLargeIsFinal(t *testing.T) {
	t.Parallel()
	d := sse.NewDecoder(strings.NewReader("data: 1234567890\n\ndata: a\n\n"), 8)
	for range 3 {
		if ev, err := d.Next(); err != sse.ErrTooLarge {
			t.Fatalf("got %v, %v", ev, err)
		}
	}
}

func TestDecoderAllocations(t *testing.T) {
	in := strings.Repeat("data: {\"content\":\"word \"}\n\n", 1000)
	got := testing.AllocsPerRun(10, func() {
		d := sse.NewDecoder(strings.NewReader(in), limit)
		for {
			if _, err := d.Next(); err != nil {
				return
			}
		}
	})
	if got > 5 {
		t.Errorf("1,000 events cost %v allocations; only the decoder and its buffer may", got)
	}
}

// FuzzDecoder compares the decoder, fed in pieces, with a slow reading of the
// standard over the whole input.
func FuzzDecoder(f *testing.F) {
	for _, in := range []string{
		"data: {\"content\":\"a\"}\n\ndata: [DONE]\n\n",
		"\uFEFFevent: x\r\ndata: a\r\rdata\r\n\n",
		": c\nid: 1\x00\nretry: 10\ndata: a\ndata: b",
	} {
		f.Add([]byte(in), uint8(3))
	}
	f.Fuzz(func(t *testing.T, in []byte, piece uint8) {
		got, err := decode(pieces{bytes.NewReader(in), int(piece) + 1}, len(in)+1)
		want, wantErr := reference(string(in))
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || err != wantErr {
			t.Errorf("got error %v, want %v; events (-want +got):\n%s", err, wantErr, diff)
		}
		if _, err := decode(pieces{bytes.NewReader(in), int(piece) + 1}, 16); err == nil {
			t.Error("no error at the end")
		}
	})
}

// pieces reads at most n bytes at a time.
type pieces struct {
	r io.Reader
	n int
}

func (p pieces) Read(b []byte) (int, error) { return p.r.Read(b[:min(len(b), p.n)]) }

// reference parses a whole stream the way the standard words it.
func reference(in string) ([]sse.Event, error) {
	in = strings.TrimPrefix(in, "\uFEFF")
	in = strings.ReplaceAll(strings.ReplaceAll(in, "\r\n", "\n"), "\r", "\n")
	var events []sse.Event
	var ev sse.Event
	var lines []string
	dispatch := func() {
		if lines != nil {
			events = append(events, sse.Event{Type: ev.Type, Data: []byte(strings.Join(lines, "\n")), ID: ev.ID, Retry: ev.Retry})
		}
		ev.Type, lines = "", nil
	}
	all := strings.Split(in, "\n")
	for i, line := range all {
		if line == "" {
			if i == len(all)-1 {
				break
			}
			dispatch()
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "data":
			lines = append(lines, value)
		case "event":
			ev.Type = value
		case "id":
			if !strings.Contains(value, "\x00") {
				ev.ID = value
			}
		case "retry":
			if ms, ok := sse.Milliseconds([]byte(value)); ok {
				ev.Retry = ms
			}
		}
	}
	if lines != nil {
		dispatch()
		return events, io.ErrUnexpectedEOF
	}
	return events, io.EOF
}

func BenchmarkDecoder(b *testing.B) {
	in := strings.Repeat("data: {\"content\":\"word \"}\n\n", 1000)
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		d := sse.NewDecoder(strings.NewReader(in), limit)
		for {
			if _, err := d.Next(); err != nil {
				break
			}
		}
	}
}
