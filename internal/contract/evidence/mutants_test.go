package evidence

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/clawhq/clawhq-go/internal/contract/spec"
)

// A mutant is a document in which one thing is broken.
type mutant struct {
	name    string
	at      string // JSON Pointer of what is broken
	removes bool
	apply   func(root map[string]any)
}

// Every mutant of a document is found by one of the tests of this package: each path,
// operation and response removed, each schema with another type, each patch of an x-live
// removed.
func TestMutants(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"openapi.json", "openapi-control.json"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDossier(t, name)
			all := mutants(d.root)
			survivors := make([]bool, len(all))
			var workers sync.WaitGroup
			for worker := range runtime.GOMAXPROCS(0) {
				workers.Go(func() {
					for i := worker; i < len(all); i += runtime.GOMAXPROCS(0) {
						survivors[i] = !d.finds(all[i])
					}
				})
			}
			workers.Wait()
			count := map[string]int{}
			for i, m := range all {
				kind, _, _ := strings.Cut(m.name, " /")
				reason := unfound[m.name]
				what := kind + ": found"
				switch {
				case survivors[i] && reason != "":
					what = kind + ": not found, and why is known"
				case survivors[i] && kind == "without x-live":
					what = kind + ": not found, since what the patch takes away is valid as documented"
				case survivors[i]:
					what = kind + ": not found"
					t.Errorf("not found: %s", m.name)
				case reason != "":
					t.Errorf("found after all: %s", m.name)
				}
				count[what]++
			}
			for _, what := range slices.Sorted(maps.Keys(count)) {
				t.Logf("%5d %s", count[what], what)
			}
		})
	}
}

// unfound are the mutants that no test finds, and why.
var unfound = map[string]string{
	"without response /paths/~1v1~1threads/post/responses/504": "the documented server gives agents all the time that they take, and the live one answers no message here; only a fault plays it",
}

// mutants returns those of a document.
func mutants(root map[string]any) (all []mutant) {
	remove := func(what, holder, name string) {
		at := holder + "/" + spec.Escape(name)
		all = append(all, mutant{"without " + what + " " + at, at, true, func(root map[string]any) { delete(lookUp(root, holder), name) }})
	}
	for path, item := range object(root["paths"]) {
		remove("path", "/paths", path)
		for method, operation := range object(item) {
			if !slices.Contains(spec.Methods, strings.ToUpper(method)) {
				continue
			}
			here := "/paths/" + spec.Escape(path)
			remove("operation", here, method)
			for status := range object(object(operation)["responses"]) {
				remove("response", here+"/"+method+"/responses", status)
			}
		}
	}
	for pointer, o := range objects("", root) {
		if patch := object(o["x-live"])["patch"]; patch != nil && !strings.Contains(pointer, "x-live") {
			remove("x-live", pointer, "x-live")
		}
		if isSchema(pointer) && len(o) > 0 && o["anyOf"] == nil {
			wrong := otherType(root, pointer, o)
			all = append(all, mutant{"another type " + pointer, pointer, false, func(root map[string]any) {
				schema := lookUp(root, pointer)
				for _, keyword := range []string{"$ref", "type", "enum", "const", "oneOf", "allOf", "x-live"} {
					delete(schema, keyword)
				}
				schema["type"] = wrong
			}})
		}
	}
	slices.SortFunc(all, func(a, b mutant) int { return strings.Compare(a.name, b.name) })
	return all
}

// isSchema reports whether an object at that place is a schema.
func isSchema(pointer string) bool {
	parts := strings.Split(pointer, "/")
	if len(parts) < 3 || strings.Contains(pointer, "x-live") {
		return false
	}
	last, holder := parts[len(parts)-1], parts[len(parts)-2]
	return holder == "properties" || pointer == "/components/schemas/"+last ||
		holder != "properties" && (last == "schema" || last == "items" || last == "additionalProperties")
}

// otherType returns a type that a schema does not allow, and null if it does: what has
// only ever been null is no evidence of the type. What stands in the head of a message may
// be read as a number or a boolean, but is not null.
func otherType(root map[string]any, pointer string, schema map[string]any) any {
	if ref, ok := schema["$ref"].(string); ok {
		return otherType(root, pointer, lookUp(root, strings.TrimPrefix(ref, "#")))
	}
	kinds := list(schema["type"])
	if kind, ok := schema["type"].(string); ok {
		kinds = []any{kind}
	}
	switch {
	case strings.Contains(pointer, "/headers/"), strings.Contains(pointer, "/parameters/"):
		return "null"
	case slices.Contains(kinds, any("string")):
		return "integer"
	case slices.Contains(kinds, any("null")):
		return []any{"string", "null"}
	}
	return "string"
}

func lookUp(root map[string]any, pointer string) map[string]any {
	var v any = root
	for name := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		name = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
		if l, ok := v.([]any); ok {
			var i int
			fmt.Sscan(name, &i)
			v = l[i]
			continue
		}
		v = object(v)[name]
	}
	return object(v)
}
