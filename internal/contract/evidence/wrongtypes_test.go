package evidence

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/clawhq/clawhq-go/internal/contract/spec"
	"github.com/clawhq/clawhq-go/internal/wire/recorded"
)

// A recorded JSON reply below 500 with one member of another type is not valid, in at
// least nine of ten cases.
func TestWrongTypes(t *testing.T) {
	t.Parallel()
	tried, refused := 0, 0
	slipped := map[string]map[string]bool{} // types by place
	for _, e := range recorded.All() {
		x := exchange(e)
		if api().Outside(x) || x.Status >= 500 || x.Method == "HEAD" || !strings.HasPrefix(x.ReplyHeader.Get("Content-Type"), "application/json") {
			continue
		}
		for place, reply := range wrong(x.Reply) {
			tried++
			x.Reply = reply
			if _, how := api().CheckReply(x); how == spec.Invalid {
				refused++
				continue
			}
			at := fmt.Sprintf("%s %s", label(answer{API: "openapi.json", Exchange: x}), place.pointer)
			if slipped[at] == nil {
				slipped[at] = map[string]bool{}
			}
			slipped[at][place.kind] = true
		}
	}
	t.Logf("%d of %d replies with a member of another type are refused: %.1f%%", refused, tried, 100*float64(refused)/float64(tried))
	for _, at := range slices.Sorted(maps.Keys(slipped)) {
		t.Logf("not refused: %s: %s", at, strings.Join(slices.Sorted(maps.Keys(slipped[at])), ", "))
	}
	if refused*10 < tried*9 {
		t.Error("less than nine of ten")
	}
}

// A spot is a member, with the indices of lists left out, and the type that it got.
type spot struct{ pointer, kind string }

// others has a value of each JSON type.
var others = map[string]any{"string": "text", "number": json.Number("7"), "boolean": true, "null": nil, "object": map[string]any{}, "array": []any{}}

// wrong yields a reply with one member after another
// replaced by a value of each other type.
func wrong(reply []byte) func(yield func(spot, []byte) bool) {
	return func(yield func(spot, []byte) bool) {
		root, err := jsonschema.UnmarshalJSON(bytes.NewReader(reply))
		if err != nil {
			return
		}
		each("", root, func(pointer string, old any, set func(any)) bool {
			defer set(old)
			for _, kind := range slices.Sorted(maps.Keys(others)) {
				if kind == typeOf(old) {
					continue
				}
				set(others[kind])
				text, err := json.Marshal(root)
				if err != nil || !yield(spot{pointer, kind}, text) {
					return false
				}
			}
			return true
		})
	}
}

// each calls f for every member of the objects in a value, until it returns false.
func each(pointer string, v any, f func(pointer string, old any, set func(any)) bool) bool {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			here := pointer + "/" + spec.Escape(name)
			if !f(here, v[name], func(value any) { v[name] = value }) || !each(here, v[name], f) {
				return false
			}
		}
	case []any:
		for _, element := range v {
			if !each(pointer+"/*", element, f) {
				return false
			}
		}
	}
	return true
}

func typeOf(v any) string {
	for kind, other := range others {
		if fmt.Sprintf("%T", v) == fmt.Sprintf("%T", other) {
			return kind
		}
	}
	return ""
}
