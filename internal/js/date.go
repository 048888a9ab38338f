package js

import (
	"math"
	"time"
)

// ValidDate reports whether Date.parse(text) of V8 returns a time. V8 knows the dates
// of ECMA-262 (§21.4.1.32) and older forms, in which it ignores words before the
// first number and text in parentheses. The service runs in UTC.
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

// dateParser follows the DateParser in V8's src/date/dateparser-inl.h.
type dateParser struct {
	rest    string
	day     []int // at most three numbers
	isoDate bool
	month   int // from a name; 0 means none
	time    []int
	half    int // hours that AM or PM adds
	halved  bool
	zone    struct {
		sign         int // 0 means none
		hour, minute int // -1 means none
		given        bool
	}
	number bool // whether there has been a number
}

// iso reads the part of a date that has the form of ECMA-262, and returns the first
// token that does not fit.
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

// isoZone reads an offset of the form hhmm or hh:mm.
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

// older reads a token of the older forms, and those that belong to it.
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
		if p.skip(':') { // hh::ss, without minutes
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

// inRange reports whether the numbers are a valid time.
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

// date returns year, month and day, which may have come in another order.
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
