package clawhq_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/clawhq/clawhq-go"
)

// The hand-written decoder and encoding/json agree about every event that the former
// accepts.
func FuzzDecodeChunk(f *testing.F) {
	for _, s := range []string{
		`{"content":"Hello, "}`, `{"content": "world"}`, `{"content":""}`, `{"content":"\u00e9\n"}`, `{"content":"é"}`,
		"{\"content\":\"\xff\"}", `{"content":"\ud800"}`, `{"content":"a","content":"b"}`, `{"content":"a"} `, `{"content":"}`, `{"content":"\"}`, `{"content":"\\"}`, `{"content":"a\x"}`, `{"content":"a\tb \\"}`,
		`{"content":"\"\\\/\b\f\n\r\t"}`, `{"content":"é\né"}`, "{\"content\":\"\\n\xff\"}", `{"content":"\n\u00e9"}`, `{"content":"\n\q"}`,
		`{"content":"a","error":{"code":"x"}}`, `{"error":"x"}`, `null`, `[]`, `{}`, "{\"content\":\"a\tb\"}", "{\"content\":\"\x7f\u2028\"}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in := bytes.Clone(data)
		text, ok, err := clawhq.DecodeChunk(data)
		if !bytes.Equal(in, data) {
			t.Fatal("the input was changed")
		}
		if ok && (err != nil || !utf8.ValidString(text)) {
			t.Errorf("got %q, %v", text, err)
		}
		var want struct {
			Content *string
			Error   json.RawMessage
		}
		wantErr := json.Unmarshal(data, &want)
		if _, sole := clawhq.SoleContent(data); !sole {
			return
		}
		if (err == nil) != (wantErr == nil) || ok != (wantErr == nil) || ok && text != *want.Content {
			t.Errorf("%q: got %q, %v, %v; encoding/json says %v, %v", data, text, ok, err, want.Content, wantErr)
		}
	})
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
		if got, err := clawhq.JoinText(tt.pieces...); got != tt.want || err != nil {
			t.Errorf("%q: got %q, %v, want %q", tt.pieces, got, err, tt.want)
		}
	}
	for _, piece := range []string{"1", "{}"} {
		if _, err := clawhq.JoinText(`"\ud83d"`, piece); err == nil {
			t.Errorf("%s: got no error", piece)
		}
	}
}

// A text that is cut anywhere but in an escape decodes to what it does as a whole.
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
		if got, err := clawhq.JoinText(pieces...); got != want || err != nil {
			t.Errorf("%q: got %q, %v, want %q", pieces, got, err, want)
		}
	})
}
