package js

import "strings"

// The kinds of tokens of a date. The kind of a symbol is the symbol itself.
const (
	endOfDate = iota
	numberToken
	blankToken
	otherToken
	wordToken // without a meaning
	monthToken
	halfToken // AM or PM
	zoneToken
	timeToken // T
)

type dateToken struct {
	kind, value int
	length      int // in bytes
	word        string
}

func (t dateToken) is(symbol rune) bool { return t.kind == int(symbol) }

func (t dateToken) sign() bool { return t.is('+') || t.is('-') }

// fixed reports whether t is a number with that many digits, from least to most.
func (t dateToken) fixed(digits, least, most int) bool {
	return t.kind == numberToken && t.length == digits && least <= t.value && t.value <= most
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
			if significant <= 9 { // further digits are ignored
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

// skip takes a symbol if it is the next token.
func (p *dateParser) skip(symbol rune) bool {
	if !p.peek().is(symbol) {
		return false
	}
	p.take()
	return true
}

// parenthesised returns the length of the text in parentheses at the beginning of s.
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
