package js_test

import (
	"testing"

	"github.com/clawhq/clawhq-go/internal/js"
)

func TestValidDate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"2026-03-08":                       true,
		"2026-03":                          true,
		"2026":                             true,
		"2026-03-08T10:00Z":                true,
		"2026-03-08T10:00:00.123456+02:00": true,
		"2026-03-08T10:00+0200":            true,
		"2026-03-08T24:00":                 true,
		"2026-03-08T24:01":                 false,
		"2026-03-08T10":                    false,
		"2026-03-08T10:00 +02:00":          false,
		"2026-13-08":                       false,
		"2026-02-31":                       true,
		"2026-3-8":                         true,
		"2026-03-08 10:00":                 true,
		"2026-03-08 10:00:00+02":           true,
		"2026-03-08T10:00:00 02:00":        false, // an unescaped + in a query
		"March 7":                          true,
		"March 7, 2026":                    true,
		"7 march 2026 10:00 PM GMT-8":      true,
		"Sun Mar 08 2026 10:00:00 GMT+0100 (CET)": true,
		"3/8/2026":                    true,
		"13/8/2026":                   false,
		"1":                           true,
		"13":                          false,
		"32":                          true, // a year
		"20260308":                    false,
		"+002026-03-08":               true,
		"-000000-03-08":               true,
		"275760-09-13":                true,
		"+275760-09-13T00:00:00.001Z": false,
		"tomorrow":                    false,
		"foo 1":                       true,
		"1 foo":                       false,
		"":                            false,
		" ":                           false,
		"(2026)":                      false,
		"2026 (a (b) c":               true,
		"10:00":                       false,
		"2026-03-08T10:00:00z":        true,
		"1:2:3:4 1/1/2026":            true,
		"1:2:3:4:5 1/1/2026":          false,
	} {
		if got := js.ValidDate(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func FuzzValidDate(f *testing.F) {
	f.Add("Sun Mar 08 2026 10:00:00.5 GMT+0100 (CET)")
	f.Add("+275760-09-13T00:00:00.001Z")
	f.Fuzz(func(t *testing.T, text string) { js.ValidDate(text) }) // it returns
}
