package bulk

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// A File begins with a header, in which these members come first. This text tells
// a File from other files.
const headerStart = `{"clawhq_bulk":1,"job":`

type header struct {
	Version int    `json:"clawhq_bulk"`
	Job     string `json:"job"`
}

var newline = []byte("\n")

// maxLine bounds a line. The client takes replies of up to 16 MiB, and JSON may
// write a byte as six.
const maxLine = 128 << 20

func encodeHeader(job string) []byte { return encode(header{1, job}) }

// encodeRecord returns the line of a record. It refuses an ID that is not valid
// UTF-8: read from the file, it would be another ID.
func encodeRecord(r Record) ([]byte, error) {
	switch {
	case r.ID == "":
		return nil, errors.New("the record has no ID")
	case !utf8.ValidString(r.ID):
		return nil, fmt.Errorf("the ID %q is not valid UTF-8", r.ID)
	}
	return encode(r), nil
}

// encode returns the line of a header or a record, which can always be
// encoded.
func encode(v any) []byte {
	var line bytes.Buffer
	e := json.NewEncoder(&line)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return line.Bytes()
}

func decodeRecord(line []byte) (r Record, err error) {
	if err := json.Unmarshal(line, &r); err != nil {
		return r, err
	}
	if r.ID == "" {
		return r, errors.New("the record has no ID")
	}
	return r, nil
}

// parse reads a file. It calls each for every record, with the offset of its line,
// until each returns false. It returns the job, empty for an empty file, and the
// length of the part that is whole. What follows that part was cut off by a crash;
// a bad line before a good one is an error.
func parse(r io.Reader, each func(at int64, r Record) bool) (job string, whole int64, err error) {
	in := bufio.NewReaderSize(r, 64<<10)
	start, err := in.Peek(len(headerStart))
	if err != nil && err != io.EOF {
		return "", 0, err
	}
	if !strings.HasPrefix(headerStart, string(start)) { // shorter: cut off
		return "", 0, ErrFormat
	}
	bad, at := error(nil), int64(0)
	for number := 1; ; number++ {
		line, err := readLine(in)
		if err == io.EOF {
			return job, whole, nil
		}
		if err != nil {
			return "", 0, fmt.Errorf("line %d: %w", number, err)
		}
		begin := at
		at += int64(len(line))
		text, complete := bytes.CutSuffix(line, newline)
		if !complete {
			return job, whole, nil
		}
		if number == 1 {
			var h header
			if err := json.Unmarshal(text, &h); err != nil || h.Job == "" {
				return "", 0, fmt.Errorf("%w: line 1: bad header", ErrFormat)
			}
			job, whole = h.Job, at
			continue
		}
		rec, err := decodeRecord(text)
		switch {
		case err != nil && bad == nil:
			bad = fmt.Errorf("%w: line %d: %w", ErrFormat, number, err)
		case err == nil && bad != nil:
			return "", 0, bad
		case err == nil:
			whole = at
			if !each(begin, rec) {
				return job, whole, nil
			}
		}
	}
}

// readLine returns the next line, with its newline unless the input ends before.
func readLine(in *bufio.Reader) (line []byte, err error) {
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil, err == io.EOF && len(line) > 0:
			return line, nil
		case err != bufio.ErrBufferFull:
			return nil, err
		case len(line) > maxLine:
			return nil, fmt.Errorf("%w: longer than %d bytes", ErrFormat, maxLine)
		}
	}
}
