package js_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go/internal/js"
)

func TestParseAndStringify(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"\uFEFF [1.0, 1e2, 1E-7, -0, 12345678901234567890, 1e400]":                       `[1,100,1e-7,0,12345678901234567000,null]`,
		`{"b":1,"2":3,"1":4,"b":5,"01":6,"-1":0}`:                                        `{"1":4,"2":3,"b":5,"01":6,"-1":0}`,
		`{"4294967295":1,"4294967294":2}`:                                                `{"4294967294":2,"4294967295":1}`,
		`"\ud83d\ude42\ud800x\u0000\/\n\"\\\u2028<"`:                                     "\"🙂\\ud800x\\u0000/\\n\\\"\\\\\u2028<\"",
		`["\udc00\ud800", "\ud800\ud800\udc00"]`:                                         `["\udc00\ud800","\ud800𐀀"]`,
		` {"a" : {"c":[ ] , "9":{ }}, "": true} `:                                        `{"a":{"9":{},"c":[]},"":true}`,
		"\"\xe2\x82|\xe2\x82\xff|\xed\xa0\x80|\xf0\x90\x80|\xf0\x80|\xc0\x80|\xf4\x90\"": "\"\uFFFD|\uFFFD\uFFFD|\uFFFD\uFFFD\uFFFD|\uFFFD|\uFFFD\uFFFD|\uFFFD\uFFFD|\uFFFD\uFFFD\"",
		"\"a\xffb\"": "\"a\uFFFDb\"",
		`null`:       `null`,
	} {
		v, ok := js.Parse([]byte(text))
		if got := string(js.Stringify(v)); !ok || got != want {
			t.Errorf("%s: %v\ngot  %s\nwant %s", text, ok, got, want)
		}
	}
	for _, text := range []string{"", "[1,]", "{a:1}", "01", "'x'", "\"\n\"", "nul", "[1] 2", "+1", "NaN"} {
		if v, ok := js.Parse([]byte(text)); ok {
			t.Errorf("%s: parsed as %v", text, v)
		}
	}
}

// A text that is parsed and written again is JSON with the same value, according to
// encoding/json.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{"b":1,"2":[3,"\ud800",null],"b":"x"}`, `1e400`, "\uFEFF\"\xff\"", `["\\\""]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, ok := js.Parse(text)
		if !ok {
			return
		}
		written := js.Stringify(v)
		again, ok := js.Parse(written)
		if diff := cmp.Diff(string(written), string(js.Stringify(again))); !ok || diff != "" {
			t.Errorf("%q becomes %q, and then (-once +twice):\n%s", text, written, diff)
		}
		if !json.Valid(written) {
			t.Errorf("%q becomes %q", text, written)
		}
	})
}
