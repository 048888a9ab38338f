package control

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A program in JavaScript may cut a text between the halves of a surrogate pair.
func TestChunksCutWithinCharacters(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]chunks{
		`["hi \ud83d", "", "\ude00!"]`: {"hi ", "", "😀!"},
		`["a\ud83d"]`:                  {"a\uFFFD"},
		`["a", "b"]`:                   {"a", "b"},
		`[]`:                           {},
		`null`:                         nil,
	} {
		var r Reply
		if err := json.Unmarshal([]byte(`{"chunks": `+in+`}`), &r); err != nil {
			t.Errorf("%s: %v", in, err)
		}
		if diff := cmp.Diff(want, r.Chunks); diff != "" {
			t.Errorf("%s (-want +got):\n%s", in, diff)
		}
	}
	for _, in := range []string{`["a", 1]`, `"a"`, `[null, {}]`} {
		if err := json.Unmarshal([]byte(`{"chunks": `+in+`}`), new(Reply)); err == nil {
			t.Errorf("%s: got no error", in)
		}
	}
}
