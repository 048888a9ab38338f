package openapi_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go/internal/js"
	"github.com/clawhq/clawhq-go/internal/openapi"
)

func files(texts ...string) fstest.MapFS {
	all := fstest.MapFS{}
	for i, text := range texts {
		all[fmt.Sprintf("t/%d.json", i)] = &fstest.MapFile{Data: []byte(text)}
	}
	return all
}

func TestAssemble(t *testing.T) {
	t.Parallel()
	templates := files(`{"a": {"last": "${n}"}}`, `{"b": ["${n}", "${list}", "up to ${n} of ${list}", "${text}"], "description": ["one", "", "two ${n}"]}`)
	templates["t/document.json"] = &fstest.MapFile{Data: []byte(`{"z": 1, "a": {"first": true}}`)}
	got := string(js.Stringify(openapi.Assemble(templates, map[string]any{"n": 10000, "list": []string{"x", "y"}, "text": "a \"b\""})))
	want := `{"z":1,"a":{"first":true,"last":10000},"b":[10000,["x","y"],"up to 10,000 of x, y","a \"b\""],"description":"one\n\ntwo 10,000"}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAssembleRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		templates fstest.MapFS
		values    map[string]any
		problem   string
	}{
		{files(), nil, "openapi: templates []"},
		{files(`{"a": `), nil, "openapi: t/0.json: unexpected end of JSON input"},
		{files(`{"a": "${b}"}`), nil, "openapi: a template names b, which is no value"},
		{files(`{"a": {"b": 1}}`, `{"a": {"b": 2}}`), nil, "openapi: t/1.json: b is there twice"},
		{files(`{"a": "${b}"}`), map[string]any{"b": 1, "c": 2}, "openapi: no template names c"},
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.HasPrefix(got, tc.problem) {
					t.Errorf("panic %q, want %q", got, tc.problem)
				}
			}()
			openapi.Assemble(tc.templates, tc.values)
		}()
	}
}
