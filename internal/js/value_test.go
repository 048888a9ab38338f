package js_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go/internal/js"
)

// The expectations in the tests of this package are what Node prints.

func TestConversions(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		value  any
		text   string
		number string
		truthy bool
	}{
		{nil, "null", "0", false},
		{true, "true", "1", true},
		{false, "false", "0", false},
		{0.0, "0", "0", false},
		{math.Copysign(0, -1), "0", "0", false},
		{math.NaN(), "NaN", "NaN", false},
		{1e21, "1e+21", "1e+21", true},
		{123456789012345680000.0, "123456789012345680000", "123456789012345680000", true},
		{0.000001, "0.000001", "0.000001", true},
		{1e-7, "1e-7", "1e-7", true},
		{-1.5e-300, "-1.5e-300", "-1.5e-300", true},
		{math.Inf(-1), "-Infinity", "-Infinity", true},
		{"", "", "0", false},
		{" \uFEFF12\n", " \uFEFF12\n", "12", true},
		{"0x1F", "0x1F", "31", true},
		{"0b101", "0b101", "5", true},
		{"5.", "5.", "5", true},
		{"1_000", "1_000", "NaN", true},
		{"inf", "inf", "NaN", true},
		{"-Infinity", "-Infinity", "-Infinity", true},
		{"1e400", "1e400", "Infinity", true},
		{[]any{}, "", "0", true},
		{[]any{"7"}, "7", "7", true},
		{[]any{nil, "a", []any{1.0, nil}}, ",a,1,", "NaN", true},
		{js.Object{}, "[object Object]", "NaN", true},
	} {
		got := []any{js.String(tc.value), js.FormatNumber(js.Number(tc.value)), js.Truthy(tc.value)}
		if diff := cmp.Diff([]any{tc.text, tc.number, tc.truthy}, got); diff != "" {
			t.Errorf("%#v (-want +got):\n%s", tc.value, diff)
		}
	}
}

func TestParseInt(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]float64{
		"12": 12, " \u2003-5px": -5, "+5": 5, "1.9": 1, "1e3": 1, "08": 8, "0x10": 16, "-0X1fz": -31, "1;x": 1, "1%": 1, "99999999999999999999": 1e20,
	} {
		if got, ok := js.ParseInt(text); !ok || got != want {
			t.Errorf("%q: %v, %v; want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "0x", "x", "-", "Infinity", "\u008512", ".5"} {
		if got, ok := js.ParseInt(text); ok {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestQueryValue(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ query, want string }{
		{"", ""}, {"a=1", "1"}, {"a", ""}, {"b=2&a=1&a=3", "1"}, {"a=1;x", "1;x"}, {"a=1%", "1%"}, {"a=%zz%41", "%zzA"}, {"a=1+2%2B", "1 2+"},
		{"%61=x", "x"}, {"a=%ff%ff%e2%82", "\uFFFD\uFFFD\uFFFD"}, {"a=b=c", "b=c"},
	} {
		if got := js.QueryValue(tc.query, "a"); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.query, got, tc.want)
		}
	}
}
