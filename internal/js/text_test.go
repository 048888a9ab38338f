package js_test

import (
	"testing"

	"github.com/clawhq/clawhq-go/internal/js"
)

const loneSurrogate = "\xed\xa0\x80" // U+D800

func TestTexts(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		text, trimmed, wellFormed string
		length                    int
	}{
		{"", "", "", 0},
		{"\t\n\v\f\r \u00a0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000\uFEFF", "", "\t\n\v\f\r \u00a0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000\uFEFF", 16},
		{"\u0085\u180e\u200b", "\u0085\u180e\u200b", "\u0085\u180e\u200b", 3},
		{" 🙂é ", "🙂é", " 🙂é ", 5},
		{"a" + loneSurrogate, "a" + loneSurrogate, "a\uFFFD", 2},
		{"\xff\xed", "\xff\xed", "\uFFFD\uFFFD", 2},
	} {
		if got := js.Trim(tc.text); got != tc.trimmed {
			t.Errorf("%q: trimmed %q, want %q", tc.text, got, tc.trimmed)
		}
		if got := js.WellFormed(tc.text); got != tc.wellFormed {
			t.Errorf("%q: well-formed %q, want %q", tc.text, got, tc.wellFormed)
		}
		if got := js.Len(tc.text); got != tc.length {
			t.Errorf("%q: %d units, want %d", tc.text, got, tc.length)
		}
	}
	for most, want := range map[int]string{0: "", 1: "a", 2: "a", 3: "a🙂", 9: "a🙂b"} {
		if got := js.Prefix("a🙂b", most); got != want {
			t.Errorf("%d units: %q, want %q", most, got, want)
		}
	}
}
