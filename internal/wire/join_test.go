package wire_test

import (
	"encoding/json"
	"testing"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// join decodes the pieces of a text.
func join(pieces ...string) (text string, err error) {
	var j wire.TextJoiner
	for _, piece := range pieces {
		s, err := j.Decode([]byte(piece))
		if err != nil {
			return "", err
		}
		text += s
	}
	return text + j.Rest(), nil
}

func TestJoinText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pieces []string
		want   string
	}{
		{[]string{`"hi \ud83d"`, `"\ude00!"`}, "hi 😀!"},
		{[]string{`"\uD83D"`, `""`, `"\uDE00"`}, "😀"},
		{[]string{`"\ud83d"`, `"a"`, `"\ude00"`}, "\uFFFDa\uFFFD"},
		{[]string{`"\ud83d"`, `"\ud83d"`, `"\ude00"`}, "\uFFFD😀"},
		{[]string{`"\ude00"`, `"\ud83d"`}, "\uFFFD\uFFFD"},
		{[]string{`"\\ud83d"`, `"\ude00"`}, `\ud83d` + "\uFFFD"},
		{[]string{`"\\\ud83d"`, `"\ude00"`}, `\😀`},
		{[]string{`"\ud83d\ude00"`, `"\ude00"`}, "😀\uFFFD"},
		{[]string{"\"\xf0\"", "\"\x9f\"", "\"\x98\"", "\"\x80\""}, "😀"},
		{[]string{"\"\xe2\x82\"", "\"\xac\""}, "€"},
		{[]string{"\"\xf0\x9f\"", "\"a\""}, "\uFFFD\uFFFDa"},
		{[]string{"\"\xf0\x9f\"", `"\ud83d"`, `"\ude00"`}, "\uFFFD\uFFFD😀"},
	} {
		if got, err := join(tt.pieces...); got != tt.want || err != nil {
			t.Errorf("%q: got %q, %v, want %q", tt.pieces, got, err, tt.want)
		}
	}
	for _, piece := range []string{"1", "{}"} {
		if _, err := join(`"\ud83d"`, piece); err == nil {
			t.Errorf("%s: got no error", piece)
		}
	}
}

// If a text is cut anywhere but within an escape, the pieces decode to the whole
// text.
func FuzzJoinText(f *testing.F) {
	f.Add([]byte(`hi \ud83d\ude00!`), []byte{2, 3, 4})
	f.Add([]byte(`\\ud83d\ude00\"\n`), []byte{1, 1})
	f.Add([]byte("\xf0\x9f\x98\x80 € \xff"), []byte{0, 1, 1, 1})
	f.Fuzz(func(t *testing.T, inner, lengths []byte) {
		whole := append(append([]byte{'"'}, inner...), '"')
		var want string
		if json.Unmarshal(whole, &want) != nil || whole[len(whole)-1] != '"' {
			return
		}
		var pieces []string
		var piece []byte
		for len(inner) > 0 {
			n := 1
			if inner[0] == '\\' {
				if n = 2; inner[1] == 'u' {
					n = 6
				}
			}
			piece, inner = append(piece, inner[:n]...), inner[n:]
			if len(lengths) == 0 {
				continue
			}
			if lengths[0]--; lengths[0] == 0 || lengths[0] > 200 {
				lengths = lengths[1:]
				pieces = append(pieces, `"`+string(piece)+`"`)
				piece = piece[:0]
			}
		}
		pieces = append(pieces, `"`+string(piece)+`"`)
		if got, err := join(pieces...); got != want || err != nil {
			t.Errorf("%q: got %q, %v, want %q", pieces, got, err, want)
		}
	})
}
