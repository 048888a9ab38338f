package js

import (
	"math"
	"strings"
	"time"
)

// ValidDate reports whether Date.parse(text) is a time, as V8 has it: a date of
// ECMA-262 §21.4.1.32, or what its parser for older forms understands, where words
// before the first number and texts in parentheses do not count. The service runs
// in UTC.
func ValidDate(text string) bool {
	p := dateParser{rest: text}
	next, ok := p.iso()
	for ok && next.kind != endOfDate {
		if ok = p.older(next); ok {
			next = p.take()
		}
	}
	return ok && p.inRange()
}

// The kinds of tokens of a date. A symbol's kind is the symbol.
const (
	endOfDate = iota
	numberToken
	blankToken
	otherToken
	wordToken // that means nothing
	monthToken
	halfToken // AM or PM
	zoneToken
	timeToken // T
)

type dateToken struct {
	kind, value int
	length      int // bytes
	word        string
}

func (t dateToken) is(symbol rune) bool { return t.kind == int(symbol) }

func (t dateToken) sign() bool { return t.is('+') || t.is('-') }

// fixed reports whether t is a number of so many digits.
func (t dateToken) fixed(digits, least, most int) bool {
	return t.kind == numberToken && t.length == digits && least <= t.value && t.value <= most
}

// dateParser is DateParser of V8's src/date/dateparser-inl.h.
type dateParser struct {
	rest    string
	day     []int // as many as three numbers
	isoDate bool
	month   int // by name; 0 is none
	time    []int
	half    int // hours that AM or PM add
	halved  bool
	zone    struct {
		sign         int // 0 is none
		hour, minute int // -1 is none
		given        bool
	}
	number bool // there has been one
}

var dateWords = []struct {
	word        string
	kind, value int
}{
	{"jan", monthToken, 1}, {"feb", monthToken, 2}, {"mar", monthToken, 3}, {"apr", monthToken, 4}, {"may", monthToken, 5}, {"jun", monthToken, 6},
	{"jul", monthToken, 7}, {"aug", monthToken, 8}, {"sep", monthToken, 9}, {"oct", monthToken, 10}, {"nov", monthToken, 11}, {"dec", monthToken, 12},
	{"am", halfToken, 0}, {"pm", halfToken, 12},
	{"ut", zoneToken, 0}, {"utc", zoneToken, 0}, {"z", zoneToken, 0}, {"gmt", zoneToken, 0},
	{"cdt", zoneToken, -5}, {"cst", zoneToken, -6}, {"edt", zoneToken, -4}, {"est", zoneToken, -5},
	{"mdt", zoneToken, -6}, {"mst", zoneToken, -7}, {"pdt", zoneToken, -7}, {"pst", zoneToken, -8},
	{"t", timeToken, 0},
}

// peek returns the next token.
func (p *dateParser) peek() dateToken {
	s := p.rest
	if s == "" {
		return dateToken{}
	}
	switch c := s[0]; {
	case '0' <= c && c <= '9':
		n, i := 0, 0
		for significant := 0; i < len(s) && '0' <= s[i] && s[i] <= '9'; i++ {
			if n > 0 || s[i] != '0' {
				significant++
			}
			if significant <= 9 { // the rest is ignored
				n = n*10 + int(s[i]-'0')
			}
		}
		return dateToken{kind: numberToken, value: n, length: i}
	case strings.IndexByte(":-+.)", c) >= 0:
		return dateToken{kind: int(c), length: 1}
	}
	if r, size, _ := next(s); IsSpace(r) {
		return dateToken{kind: blankToken, length: size}
	}
	if s[0] == '(' {
		return dateToken{kind: otherToken, length: parenthesised(s)}
	}
	if s[0] >= 'A' {
		n := strings.IndexFunc(s, func(r rune) bool { return r < 'A' || IsSpace(r) })
		if n < 0 {
			n = len(s)
		}
		t := dateToken{kind: wordToken, length: n, word: strings.ToLower(s[:n])}
		for _, known := range dateWords {
			if t.word == known.word || known.kind == monthToken && strings.HasPrefix(t.word, known.word) {
				t.kind, t.value = known.kind, known.value
				break
			}
		}
		return t
	}
	return dateToken{kind: otherToken, length: 1}
}

func (p *dateParser) take() dateToken {
	t := p.peek()
	p.rest = p.rest[t.length:]
	return t
}

// skip takes a symbol if it is next.
func (p *dateParser) skip(symbol rune) bool {
	if !p.peek().is(symbol) {
		return false
	}
	p.take()
	return true
}

// parenthesised returns the length of the text in the parentheses that s begins
// with.
func parenthesised(s string) int {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(s)
}

// iso reads what belongs to a date of ECMA-262, and returns the first token that
// does not.
func (p *dateParser) iso() (dateToken, bool) {
	p.zone.hour, p.zone.minute = -1, -1
	invalid := dateToken{}
	switch next := p.peek(); {
	case next.sign():
		sign := p.take()
		year := p.peek()
		if !year.fixed(6, 0, 999_999) || sign.is('-') && year.value == 0 {
			return sign, true
		}
		p.take()
		p.day = append(p.day, map[bool]int{true: year.value, false: -year.value}[sign.is('+')])
	case next.fixed(4, 0, 9999):
		p.day = append(p.day, p.take().value)
	default:
		return p.take(), true
	}
	for _, most := range []int{12, 31} {
		if !p.skip('-') {
			break
		}
		if !p.peek().fixed(2, 1, most) {
			return p.take(), true
		}
		p.day = append(p.day, p.take().value)
	}
	if p.peek().kind != timeToken {
		if p.rest != "" {
			return p.take(), true
		}
		p.setZone(0)
		p.isoDate = true
		return dateToken{}, true
	}
	p.take()
	hour := p.peek()
	if !hour.fixed(2, 0, 24) {
		return invalid, false
	}
	p.time = append(p.time, p.take().value)
	most := 59
	if hour.value == 24 {
		most = 0
	}
	if !p.skip(':') || !p.peek().fixed(2, 0, most) {
		return invalid, false
	}
	p.time = append(p.time, p.take().value)
	if p.skip(':') {
		if !p.peek().fixed(2, 0, most) {
			return invalid, false
		}
		p.time = append(p.time, p.take().value)
		if p.skip('.') {
			fraction := p.take()
			if fraction.kind != numberToken || hour.value == 24 && fraction.value > 0 {
				return invalid, false
			}
			p.time = append(p.time, milliseconds(fraction))
		}
	}
	switch next := p.peek(); {
	case next.word == "z":
		p.take()
		p.setZone(0)
	case next.sign():
		p.take()
		if !p.isoZone() {
			return invalid, false
		}
	}
	p.isoDate = true
	return dateToken{}, p.rest == ""
}

// isoZone reads hhmm or hh:mm.
func (p *dateParser) isoZone() bool {
	t := p.take()
	if t.fixed(4, 0, 2359) {
		return t.value%100 < 60
	}
	return t.fixed(2, 0, 23) && p.skip(':') && p.take().fixed(2, 0, 59)
}

func (p *dateParser) setZone(hours int) {
	p.zone.hour, p.zone.minute = max(hours, -hours), 0
}

// older reads a token, and what belongs to it, as dates were read before there was
// a standard.
func (p *dateParser) older(t dateToken) bool {
	utc := p.zone.hour == 0 && p.zone.minute == 0
	switch {
	case t.kind == numberToken:
		p.number = true
		return p.olderNumber(t.value)
	case t.kind >= wordToken && t.kind <= timeToken:
		return p.olderWord(t)
	case t.sign() && (utc || len(p.time) > 0):
		return p.olderZone()
	case (t.sign() || t.is(')')) && p.hasNumber():
		return false
	}
	return true
}

func (p *dateParser) hasNumber() bool { return p.number || len(p.day) > 0 }

func (p *dateParser) olderNumber(n int) bool {
	switch {
	case p.skip(':'):
		if p.skip(':') { // hh::ss
			if len(p.time) > 0 {
				return false
			}
			p.time = append(p.time, n, 0)
			return true
		}
		if len(p.time) == 4 {
			return false
		}
		p.time = append(p.time, n)
		p.skip('.')
		return true
	case p.skip('.') && p.expectsTime(n):
		p.time = append(p.time, n)
		fraction := p.take()
		if fraction.kind != numberToken {
			return false
		}
		p.finishTime(milliseconds(fraction))
		return true
	case p.zone.hour >= 0 && p.zone.minute < 0 && n < 60:
		p.zone.minute = n
		return true
	case p.expectsTime(n):
		p.finishTime(n)
		next := p.peek()
		return next.kind == endOfDate || next.kind == blankToken || next.word == "z" || next.sign()
	case len(p.day) == 3:
		return false
	}
	p.day = append(p.day, n)
	p.skip('-')
	return true
}

func (p *dateParser) olderWord(t dateToken) bool {
	switch {
	case t.kind == halfToken && len(p.time) > 0:
		p.half, p.halved = t.value, true
	case t.kind == monthToken:
		p.month = t.value
		p.skip('-')
	case t.kind == zoneToken && p.hasNumber():
		p.setZone(t.value)
	default:
		return !p.hasNumber() && p.peek().kind != numberToken
	}
	return true
}

// olderZone reads the offset after a sign.
func (p *dateParser) olderZone() bool {
	p.number = true
	t := dateToken{}
	if p.peek().kind == numberToken {
		t = p.take()
	}
	switch {
	case p.peek().is(':'):
		p.zone.hour, p.zone.minute = t.value, -1
	case t.length == 1 || t.length == 2:
		p.zone.hour, p.zone.minute = t.value, 0
	case t.length == 3 || t.length == 4:
		p.zone.hour, p.zone.minute = t.value/100, t.value%100
	default:
		return false
	}
	return true
}

// expectsTime reports whether n can be the next number of a time that has begun.
func (p *dateParser) expectsTime(n int) bool {
	switch len(p.time) {
	case 1, 2:
		return n < 60
	case 3:
		return n < 1000
	}
	return false
}

// finishTime adds the last number of a time.
func (p *dateParser) finishTime(n int) {
	p.time = append(p.time, n)
	for len(p.time) < 4 {
		p.time = append(p.time, 0)
	}
}

// milliseconds returns the first three digits of a fraction.
func milliseconds(t dateToken) int {
	n := t.value
	for digits := min(t.length, 9); digits != 3; {
		if digits < 3 {
			n, digits = n*10, digits+1
		} else {
			n, digits = n/10, digits-1
		}
	}
	return n
}

// inRange reports whether what was read is a time.
func (p *dateParser) inRange() bool {
	if len(p.day) == 0 {
		return false
	}
	for len(p.time) < 4 {
		p.time = append(p.time, 0)
	}
	hour, minute, second, ms := p.time[0], p.time[1], p.time[2], p.time[3]
	if p.halved {
		if hour > 12 {
			return false
		}
		hour = hour%12 + p.half
	}
	midnight := hour == 24 && minute == 0 && second == 0 && ms == 0
	if (hour > 23 || minute > 59 || second > 59 || ms > 999) && !midnight {
		return false
	}
	year, month, day := p.date()
	if month < 1 || month > 12 || day < 1 || day > 31 || year > 300_000 || year < -300_000 {
		return false
	}
	at := time.Date(year, time.Month(month), day, hour, minute, second, ms*1e6, time.UTC)
	const most = 8.64e15 // ECMA-262 §21.4.1.1
	return math.Abs(float64(at.UnixMilli())) <= most
}

// date returns the numbers of the day in their places.
func (p *dateParser) date() (year, month, day int) {
	isDay := func(n int) bool { return 1 <= n && n <= 31 }
	for len(p.day) < 3 {
		p.day = append(p.day, 1)
	}
	first, second, third := p.day[0], p.day[1], p.day[2]
	switch {
	case p.month > 0 && isDay(first):
		year, month, day = second, p.month, first
	case p.month > 0:
		year, month, day = first, p.month, second
	case p.isoDate || !isDay(first):
		year, month, day = first, second, third
	default:
		year, month, day = third, first, second
	}
	switch {
	case p.isoDate:
	case 0 <= year && year <= 49:
		year += 2000
	case 50 <= year && year <= 99:
		year += 1900
	}
	return year, month, day
}
