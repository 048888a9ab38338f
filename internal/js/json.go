package js

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"unicode/utf8"
)

// Parse is JSON.parse of a body that is decoded as a browser does: a byte order mark
// at its beginning is skipped, and bytes that are not UTF-8 become U+FFFD. If two
// members have the same name, the last one counts.
func Parse(body []byte) (v any, ok bool) {
	body = bytes.TrimPrefix(body, []byte("\uFEFF"))
	if !utf8.Valid(body) {
		body = decode(body)
	}
	if !json.Valid(body) {
		return nil, false
	}
	p := parser{body}
	return p.value(), true
}

// parser parses valid JSON in valid UTF-8.
type parser struct{ rest []byte }

// peek returns the next byte that is not a blank.
func (p *parser) peek() byte {
	p.rest = bytes.TrimLeft(p.rest, " \t\r\n")
	return p.rest[0]
}

func (p *parser) skip(n int) { p.rest = p.rest[n:] }

func (p *parser) value() any {
	switch p.peek() {
	case '{':
		return p.object()
	case '[':
		return p.list()
	case '"':
		return p.string()
	case 'n':
		p.skip(len("null"))
		return nil
	case 't':
		p.skip(len("true"))
		return true
	case 'f':
		p.skip(len("false"))
		return false
	}
	end := bytes.IndexFunc(p.rest, func(r rune) bool { return !bytes.ContainsRune([]byte("0123456789+-.eE"), r) })
	if end < 0 {
		end = len(p.rest)
	}
	n, _ := strconv.ParseFloat(string(p.rest[:end]), 64) // infinite if the number is too large
	p.skip(end)
	return n
}

func (p *parser) list() any {
	list := []any{}
	for p.skip(1); p.peek() != ']'; {
		list = append(list, p.value())
		if p.peek() == ',' {
			p.skip(1)
		}
	}
	p.skip(1)
	return list
}

func (p *parser) object() any {
	o := Object{}
	at := map[string]int{}
	for p.skip(1); p.peek() != '}'; {
		name := p.string()
		p.peek()
		p.skip(len(":"))
		v := p.value()
		if i, known := at[name]; known {
			o[i].Value = v
		} else {
			at[name] = len(o)
			o = append(o, Member{name, v})
		}
		if p.peek() == ',' {
			p.skip(1)
		}
	}
	p.skip(1)
	o.Sort()
	return o
}

var escaped = map[byte]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func (p *parser) string() string {
	p.peek()
	p.skip(1)
	if end := bytes.IndexAny(p.rest, `"\`); p.rest[end] == '"' {
		s := string(p.rest[:end])
		p.skip(end + 1)
		return s
	}
	var b []byte
	for {
		switch c := p.rest[0]; {
		case c == '"':
			p.skip(1)
			return string(b)
		case c == '\\' && p.rest[1] == 'u':
			unit, _ := strconv.ParseUint(string(p.rest[2:6]), 16, 16)
			p.skip(6)
			if r := rune(unit); 0xD800 <= r && r <= 0xDFFF {
				b = appendSurrogate(b, r)
			} else {
				b = utf8.AppendRune(b, r)
			}
		case c == '\\':
			c = p.rest[1]
			if control, ok := escaped[c]; ok {
				c = control
			}
			b = append(b, c)
			p.skip(2)
		default:
			b = append(b, c)
			p.skip(1)
		}
	}
}

// Stringify is JSON.stringify(v).
func Stringify(v any) []byte { return appendValue(nil, v) }

func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case Object:
		b = append(b, '{')
		for i, m := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendValue(append(AppendQuoted(b, m.Name), ':'), m.Value)
		}
		return append(b, '}')
	case []any:
		b = append(b, '[')
		for i, element := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendValue(b, element)
		}
		return append(b, ']')
	case string:
		return AppendQuoted(b, v)
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return append(b, "null"...)
		}
	}
	return append(b, String(v)...)
}

// AppendQuoted appends JSON.stringify(s), which escapes only quotes, backslashes,
// control characters and lone surrogates.
func AppendQuoted(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	unit := func(r rune) []byte {
		return append(b, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
	}
	b = append(b, '"')
	for len(s) > 0 {
		r, size, _ := next(s)
		s = s[size:]
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\b':
			b = append(b, `\b`...)
		case r == '\f':
			b = append(b, `\f`...)
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r < ' ' || 0xD800 <= r && r <= 0xDFFF:
			b = unit(r)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}
