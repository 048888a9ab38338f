package wire_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/clawhq/clawhq-go/internal/wire"
	"github.com/google/go-cmp/cmp"
)

// DecodeChat returns what encoding/json does for every reply. An agent or a request
// id of the wrong type becomes empty, and a byte order mark is skipped.
func FuzzDecodeChat(f *testing.F) {
	for _, s := range []string{
		`{"response":"Hello","agent":"support-bot","request_id":"req_1"}`,
		`{"response": "a\n\"b\" \\ é", "agent": "b", "request_id": "c"}`,
		`{"response": "a\n\"b\" \\ é","agent": "b","request_id": "c"}`,
		`{"response":"\u00e9","agent":"","request_id":""}`,
		`{"response":"a","agent":"b","request_id":"c"} `,
		`{"response":"a","agent":"b","request_id":"c","usage":{}}`,
		`{"response":"a","agent":"b"}`, `{"agent":"b","response":"a","request_id":"c"}`,
		`{"response":"a","agent":null,"request_id":7}`, `{"response":null,"agent":"b","request_id":"c"}`,
		`{"response":"a","agent":"b","request_id":"c"`, `{"response":"a","agent":"b","request_id":"c}`,
		`{"response":"a`, `{"response":`, `{"response":"a\`, `{"response":"\q","agent":"b","request_id":"c"}`,
		"{\"response\":\"\xff\",\"agent\":\"b\",\"request_id\":\"c\"}", "{\"response\":\"a\nb\",\"agent\":\"b\",\"request_id\":\"c\"}",
		"\uFEFF" + `{"response":"a","agent":"b","request_id":"c"}`, `{"response":"a","agent":{"slug":"b"},"request_id":[null]}`,
		`{"response":5,"agent":"b","request_id":"c"}`, `{"response":"","agent":"","request_id":""}}`, `null`, `{}`, ``,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := wire.DecodeChat(body)
		var raw struct {
			Response, Agent json.RawMessage
			RequestID       json.RawMessage `json:"request_id"`
		}
		var want wire.ChatReply
		wantErr := json.Unmarshal(bytes.TrimPrefix(body, []byte("\uFEFF")), &raw)
		if raw.Response != nil && wantErr == nil {
			wantErr = json.Unmarshal(raw.Response, &want.Response)
		}
		if wantErr == nil {
			wantErr = want.Check()
		}
		if json.Unmarshal(raw.Agent, &want.Agent) != nil {
			want.Agent = ""
		}
		if json.Unmarshal(raw.RequestID, &want.RequestID) != nil {
			want.RequestID = ""
		}
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: got the error %v, want %v", body, err, wantErr)
		}
		if err != nil {
			return
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: want - got +:\n%s", body, diff)
		}
	})
}
