package postgres_test

import (
	"testing"

	"github.com/clawhq/clawhq-go/internal/js"
	"github.com/clawhq/clawhq-go/internal/postgres"
)

// The expectations in the tests of this package are what PostgreSQL 15 answers.

func TestUUID(t *testing.T) {
	t.Parallel()
	const id = "d8bd8032-87df-4a94-ab8c-1ae0150a90d8"
	for text, want := range map[string]string{
		id:                                        id,
		"D8BD8032-87DF-4A94-AB8C-1AE0150A90D8":    id,
		"{D8BD8032-87DF-4A94-AB8C-1AE0150A90D8}":  id,
		"d8bd803287df4a94ab8c1ae0150a90d8":        id,
		"d8bd-8032-87df-4a94-ab8c-1ae0-150a-90d8": id,
		id + "-":                                "",
		"{" + id:                                "",
		id + "}":                                "",
		" " + id:                                "",
		"d8-bd803287df4a94ab8c1ae0150a90d8":     "",
		"d8bd8032--87df-4a94-ab8c-1ae0150a90d8": "",
		"d8bd8032-87df-4a94-ab8c-1ae0150a90dg":  "",
		"d8bd8032-87df-4a94-ab8c-1ae0150a90":    "",
		"":                                      "",
	} {
		if got, ok := postgres.UUID(text); ok != (want != "") || ok && got != want {
			t.Errorf("%s: %s, %v; want %q", text, got, ok, want)
		}
	}
}

func TestBool(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"yes": "true", "y": "true", " TRUE\n": "true", "t": "true", "on": "true", "1": "true",
		"no": "false", "n": "false", "of": "false", "off": "false", "f": "false", "0": "false",
		"": "", "o": "", "2": "", "yess": "", "null": "", `{"a":1}`: "",
	} {
		v, ok := postgres.Bool(text)
		if got := js.String(v); ok != (want != "") || ok && got != want {
			t.Errorf("%q: %s, %v; want %q", text, got, ok, want)
		}
	}
}

func TestStorable(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`"é🙂"`: true, `"a\u0000"`: false, `"\ud800"`: false, `{"\u0000":1}`: false, `{"a":["b",{"c":"\u0000"}]}`: false, `{"a":[null,1,true]}`: true,
	} {
		v, _ := js.Parse([]byte(text))
		if got := postgres.Storable(v); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

func TestJSONB(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"bb":1,"a":2,"é":3,"10":4,"9":5}`:         `{"9":5,"10":4,"a":2,"bb":1,"é":3}`,
		`[{"response":"x","agent":{"cc":1,"b":2}}]`: `[{"agent":{"b":2,"cc":1},"response":"x"}]`,
		`1.50`: `1.5`,
	} {
		v, _ := js.Parse([]byte(text))
		if got := string(js.Stringify(postgres.JSONB(v))); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
		if unchanged, _ := js.Parse([]byte(text)); string(js.Stringify(unchanged)) != string(js.Stringify(v)) {
			t.Errorf("%s was changed", text)
		}
	}
}
