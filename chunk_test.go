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
