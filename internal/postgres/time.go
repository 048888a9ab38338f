package postgres

import (
	"strconv"
	"strings"
	"time"
)

// Time reads a timestamptz (PostgreSQL manual, appendix B.1) in a session with time
// zone UTC and DateStyle MDY. It knows ISO dates, dates with names of months, times,
// offsets, the usual abbreviations of zones, today, tomorrow, yesterday, now and
// epoch. It does not know names of zones like Europe/Paris, Julian days, infinity and
// years before Christ.
func Time(text string, now time.Time) (time.Time, bool) {
	fields, ok := split(strings.ToLower(strings.TrimSpace(text)))
	if !ok {
		return time.Time{}, false
	}
	r := reader{now: now.UTC()}
	for _, f := range fields {
		if !r.read(f) {
			return time.Time{}, false
		}
	}
	return r.time()
}

// The kinds of fields of a timestamp.
const (
	numberField = iota
	dateField
	timeField
	wordField
	zoneField
)

type field struct {
	kind int
	text string
}

// split splits a text in lower case into fields.
func split(s string) (fields []field, ok bool) {
	take := func(kind int, of func(c byte) bool) {
		n := 0
		for n < len(s) && of(s[n]) {
			n++
		}
		fields, s = append(fields, field{kind, s[:n]}), s[n:]
	}
	is := func(chars string) func(byte) bool {
		return func(c byte) bool { return strings.IndexByte(chars, c) >= 0 }
	}
	const digits, letters = "0123456789", "abcdefghijklmnopqrstuvwxyz"
	for s != "" {
		bare := strings.TrimLeft(s, digits)
		switch c := s[0]; {
		case bare != s && strings.HasPrefix(bare, ":"):
			take(timeField, is(digits+":."))
		case bare != s && bare != "" && is("-/.")(bare[0]):
			separator := bare[:1]
			rest := strings.TrimLeft(bare[1:], digits)
			switch {
			case rest == bare[1:]:
				take(dateField, is(digits+letters+separator))
			case strings.HasPrefix(rest, separator):
				take(dateField, is(digits+separator))
			default:
				kind := dateField
				if separator == "." {
					kind = numberField
				}
				take(kind, is(digits+separator))
			}
		case bare != s:
			take(numberField, is(digits))
		case is(letters)(c):
			word := s[:len(s)-len(strings.TrimLeft(s, letters))]
			next := s[len(word):]
			known := words[word].kind != 0
			if next != "" && (is("-/.")(next[0]) || is("+"+digits)(next[0]) && !known) {
				take(dateField, is("+-/_.:"+digits+letters))
			} else {
				take(wordField, is(letters))
			}
		case is("+-")(c):
			rest := strings.TrimLeft(s[1:], " \t\n\v\f\r")
			if rest == "" || !is(digits)(rest[0]) {
				return nil, false
			}
			s = s[:1] + rest
			first := true
			take(zoneField, func(c byte) bool {
				sign := first
				first = false
				return sign || is(digits+":.-")(c)
			})
		case is(" \t\n\v\f\r!\"#$%&'()*,/:;<=>?@[\\]^_`{|}~")(c):
			s = s[1:]
		default:
			return nil, false
		}
	}
	return fields, true
}

// The meanings of words.
const (
	_ = iota
	monthWord
	weekdayWord
	zoneWord // the value is the offset in hours
	halfWord // the value is the hours that it adds
	dayWord  // the value is the days from today
	nowWord
	epochWord
	timeWord   // T, before a time
	ignoreWord // at or on
)

var words = map[string]struct{ kind, value int }{
	"t": {kind: timeWord}, "at": {kind: ignoreWord}, "on": {kind: ignoreWord},
	"am": {halfWord, 0}, "pm": {halfWord, 12},
	"yesterday": {dayWord, -1}, "today": {dayWord, 0}, "tomorrow": {dayWord, 1}, "now": {kind: nowWord}, "epoch": {kind: epochWord},
	"z": {zoneWord, 0}, "zulu": {zoneWord, 0}, "utc": {zoneWord, 0}, "gmt": {zoneWord, 0}, "ut": {zoneWord, 0},
	"est": {zoneWord, -5}, "edt": {zoneWord, -4}, "cst": {zoneWord, -6}, "cdt": {zoneWord, -5},
	"mst": {zoneWord, -7}, "mdt": {zoneWord, -6}, "pst": {zoneWord, -8}, "pdt": {zoneWord, -7},
}

func init() {
	for m := time.January; m <= time.December; m++ {
		name := strings.ToLower(m.String())
		words[name] = struct{ kind, value int }{monthWord, int(m)}
		words[name[:3]] = words[name]
	}
	words["sept"] = words["september"]
	for d := time.Sunday; d <= time.Saturday; d++ {
		name := strings.ToLower(d.String())
		words[name] = struct{ kind, value int }{kind: weekdayWord}
		words[name[:3]] = words[name]
	}
	for _, name := range []string{"tues", "weds", "thur", "thurs"} {
		words[name] = words["monday"]
	}
}

// reader puts a timestamp together. Its pointers are nil until their part was read.
type reader struct {
	now              time.Time
	year, month, day *int
	named            bool // the month was a word
	shortYear        bool // the year had one or two digits
	clock            *time.Duration
	half             *int
	zone             *time.Duration
	at               *time.Time // of now or epoch
	timeNext         bool       // there was a T
	weekday          bool       // there was a weekday
}

func (r *reader) read(f field) bool {
	if r.timeNext && f.kind != timeField && f.kind != numberField {
		return false
	}
	switch f.kind {
	case zoneField:
		return r.readOffset(f.text)
	case timeField:
		r.timeNext = false
		return r.readTime(f.text)
	case dateField:
		return r.clock == nil && r.half == nil && !r.weekday && r.readDate(f.text)
	case wordField:
		return r.readWord(f.text)
	}
	if r.timeNext {
		r.timeNext = false
		return r.readRun(f.text)
	}
	whole, _, fraction := strings.Cut(f.text, ".")
	hasDate := r.year != nil || r.month != nil || r.day != nil
	switch {
	case fraction && !hasDate:
		return r.readDate(f.text)
	case fraction && len(whole) > 2, !fraction && len(whole) >= 6 && (!hasDate || r.clock == nil), r.dated():
		return r.readRun(f.text)
	}
	return r.readNumber(whole)
}

// readDate reads a date of numbers and names of months, with separators.
func (r *reader) readDate(text string) bool {
	parts := strings.FieldsFunc(text, func(c rune) bool { return strings.ContainsRune("-/._:+", c) })
	for i, part := range parts {
		if part[0] >= 'a' {
			word := words[part]
			if word.kind != monthWord || r.month != nil {
				return false
			}
			r.month, r.named = &word.value, true
			parts[i] = ""
		}
	}
	for _, part := range parts {
		if part != "" && !r.readNumber(part) {
			return false
		}
	}
	return r.dated()
}

// dated reports whether year, month and day have been read.
func (r *reader) dated() bool { return r.year != nil && r.month != nil && r.day != nil }

// readNumber reads a number as the next part of a date.
func (r *reader) readNumber(text string) bool {
	n, err := strconv.Atoi(text)
	if err != nil {
		return false
	}
	set := func(part **int) bool {
		*part = &n
		return true
	}
	year := func() bool {
		r.shortYear = len(text) <= 2
		return set(&r.year)
	}
	switch y, m, d := r.year != nil, r.month != nil, r.day != nil; {
	case !y && !m && !d && len(text) >= 3, m && !y && !d && r.named && len(text) >= 3, !y && m && d:
		return year()
	case y && m && !d && r.named && len(text) >= 3 && r.shortYear: // then the number before was the day
		r.day = r.year
		return year()
	case !m:
		return set(&r.month)
	case !d:
		return set(&r.day)
	}
	return false
}

// readRun reads a date or a time without separators.
func (r *reader) readRun(text string) bool {
	whole, _, fraction := strings.Cut(text, ".")
	if n := len(whole); !fraction && n >= 6 && !r.dated() {
		if r.year != nil || r.month != nil || r.day != nil {
			return false
		}
		r.shortYear = n == 6
		for _, part := range []struct {
			at   **int
			text string
		}{{&r.year, whole[:n-4]}, {&r.month, whole[n-4 : n-2]}, {&r.day, whole[n-2:]}} {
			v, err := strconv.Atoi(part.text)
			if err != nil {
				return false
			}
			*part.at = &v
		}
		return true
	}
	switch len(whole) {
	case 6:
		return r.readTime(whole[:2] + ":" + whole[2:4] + ":" + text[4:])
	case 4:
		return !fraction && r.readTime(whole[:2]+":"+whole[2:])
	}
	return false
}

// readTime reads h:m, h:m:s and h:m:s.f.
func (r *reader) readTime(text string) bool {
	parts := strings.Split(text, ":")
	if len(parts) < 2 || len(parts) > 3 || r.clock != nil {
		return false
	}
	hour, err := strconv.Atoi(parts[0])
	minute, err2 := strconv.Atoi(parts[1])
	seconds := 0.0
	var err3 error
	if len(parts) == 3 {
		seconds, err3 = strconv.ParseFloat("0"+parts[2], 64)
	}
	d := time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(seconds*float64(time.Second)).Round(time.Microsecond)
	r.clock = &d
	return err == nil && err2 == nil && err3 == nil && hour <= 24 && minute <= 59 && seconds <= 60 && d <= 24*time.Hour
}

// readOffset reads an offset: +h, +hh:mm or +hhmm.
func (r *reader) readOffset(text string) bool {
	sign, text := text[:1], text[1:]
	hour, minute, found := strings.Cut(text, ":")
	if !found && len(text) > 2 {
		hour, minute = text[:len(text)-2], text[len(text)-2:]
	}
	h, err := strconv.Atoi(hour)
	m, err2 := 0, error(nil)
	if minute != "" {
		m, err2 = strconv.Atoi(minute)
	}
	d := time.Duration(h)*time.Hour + time.Duration(m)*time.Minute
	if sign == "-" {
		d = -d
	}
	return err == nil && err2 == nil && h <= 15 && m <= 59 && r.setZone(d)
}

func (r *reader) setZone(d time.Duration) bool {
	first := r.zone == nil
	r.zone = &d
	return first
}

func (r *reader) readWord(text string) bool {
	word, known := words[text]
	switch word.kind {
	case monthWord:
		if r.month != nil && !r.named && r.day == nil { // in 8 March, the number is the day
			r.day, r.month = r.month, nil
		}
		if r.month != nil {
			return false
		}
		r.month, r.named = &word.value, true
	case weekdayWord:
		if r.weekday {
			return false
		}
		r.weekday = true
	case zoneWord:
		return r.setZone(time.Duration(word.value) * time.Hour)
	case halfWord:
		if r.half != nil {
			return false
		}
		r.half = &word.value
	case dayWord, nowWord, epochWord:
		if r.year != nil || r.month != nil || r.day != nil || r.at != nil {
			return false
		}
		at := r.now
		switch word.kind {
		case dayWord:
			y, m, d := r.now.Date()
			at = time.Date(y, m, d+word.value, 0, 0, 0, 0, time.UTC)
		case epochWord:
			at = time.Unix(0, 0)
		}
		if word.kind != dayWord {
			r.at = &at
			return true
		}
		y, month, d := at.Date()
		m := int(month)
		r.year, r.month, r.day = &y, &m, &d
	case timeWord:
		r.timeNext = true
		return r.dated()
	}
	return known
}

// time returns the timestamp.
func (r *reader) time() (time.Time, bool) {
	if r.at != nil {
		return r.at.UTC(), r.clock == nil
	}
	if !r.dated() || r.timeNext {
		return time.Time{}, false
	}
	year, month, day := *r.year, *r.month, *r.day
	if r.shortYear {
		if year < 70 {
			year += 2000
		} else {
			year += 1900
		}
	}
	at := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if year < 1 || year > 294_276 || month < 1 || month > 12 || day < 1 || at.Day() != day {
		return time.Time{}, false
	}
	var clock time.Duration
	if r.clock != nil {
		clock = *r.clock
	}
	if r.half != nil {
		if clock >= 13*time.Hour {
			return time.Time{}, false
		}
		clock = clock%(12*time.Hour) + time.Duration(*r.half)*time.Hour
	}
	if r.zone != nil {
		clock -= *r.zone
	}
	return at.Add(clock), true
}
