package evidence

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/clawhq/clawhq-go/internal/contract/spec"
	"github.com/clawhq/clawhq-go/internal/wire/recorded"
)

// A dossier is what is known of the calls of a document's operations.
type dossier struct {
	name     string
	root     map[string]any // the document without its prose
	routes   []string
	evidence map[string][]answer        // by operation; "" for what the service sends
	uses     map[string]map[string]bool // components, by operation
}

// recordedProfile is that of recorded exchanges.
const recordedProfile = "recorded"

func newDossier(t *testing.T, name string) *dossier {
	t.Helper()
	all, err := answers()
	if err != nil {
		t.Fatal(err)
	}
	if name == "openapi.json" {
		for _, e := range recorded.All() {
			a := answer{API: name, Profile: recordedProfile, Exchange: exchange(e)}
			a.sent, _ = sent(e)
			all = append(all, a)
		}
	}
	d := &dossier{name: name, root: withoutProse(documents()[name].Clone()).(map[string]any), routes: routes(t)[name],
		evidence: map[string][]answer{}, uses: map[string]map[string]bool{}}
	document := spec.New(d.root)
	seen := map[string]bool{}
	for _, a := range all {
		if a.API != name {
			continue
		}
		if shape := shapeOf(a); !seen[shape] && len(wrongBy(document, a)) == 0 {
			seen[shape] = true
			operation := ""
			switch op := document.Operation(a.Exchange); {
			case a.sent == batchDone:
				operation = "POST /v1/chat/batch"
			case op != nil && a.sent == "":
				operation = op.String()
			}
			d.evidence[operation] = append(d.evidence[operation], a)
		}
	}
	for _, op := range document.Documented().Operations() {
		d.uses[op.String()] = map[string]bool{}
		d.use(op.Pointer(), d.uses[op.String()])
	}
	d.uses[""] = map[string]bool{}
	d.use("/webhooks", d.uses[""])
	return d
}

// use collects the components that are used below a place.
func (d *dossier) use(pointer string, used map[string]bool) {
	text, err := json.Marshal(lookUp(d.root, pointer))
	if err != nil {
		panic(err) // it came from JSON
	}
	for _, part := range strings.Split(string(text), `"$ref":"#`)[1:] {
		component, _, _ := strings.Cut(part, `"`)
		if !used[component] {
			used[component] = true
			d.use(component, used)
		}
	}
}

// finds reports whether a test of this package fails for a mutant.
func (d *dossier) finds(m mutant) bool {
	root := spec.New(d.root).Clone()
	m.apply(root)
	document := spec.New(root)
	if m.removes && (!slices.Equal(operations(document), d.routes) || len(rules(root)) > 0) {
		return true
	}
	for _, example := range list(lookUp(root, m.at)["examples"]) {
		if len(document.Documented().CheckExample(m.at, example)) > 0 {
			return true
		}
	}
	documented := document.Documented()
	for operation, used := range d.uses {
		if !concerns(m.at, operation, used) {
			continue
		}
		for _, op := range slices.Concat(documented.Operations(), documented.Sent()) {
			if concerns(op.Pointer(), operation, nil) && len(documented.CheckExamples(op)) > 0 {
				return true
			}
		}
		for _, a := range d.evidence[operation] {
			if len(wrongBy(document, a)) > 0 {
				return true
			}
		}
	}
	return false
}

// concerns reports whether a place in the document is part of an operation.
func concerns(at, operation string, used map[string]bool) bool {
	if strings.HasPrefix(at, "/webhooks/") {
		return operation == ""
	}
	parts := strings.SplitN(at, "/", 5)
	if parts[1] == "components" {
		return used[strings.Join(parts[:4], "/")]
	}
	method, path, _ := strings.Cut(operation, " ")
	return parts[2] == spec.Escape(path) && (len(parts) < 4 || parts[3] == strings.ToLower(method))
}

// wrongBy returns what the tests of recordings and answers have against an exchange.
func wrongBy(document *spec.Document, a answer) []spec.Problem {
	if a.Profile != recordedProfile {
		_, problems := judge(document, a)
		return problems
	}
	if a.sent != "" {
		problems, _ := document.CheckSent(a.sent, a.Exchange)
		return problems
	}
	if document.Outside(a.Exchange) {
		return nil
	}
	problems, _ := document.Check(a.Exchange)
	if !document.Names(a.Exchange) {
		problems = append(problems, spec.Problem{Kind: spec.KindStatus})
	}
	return problems
}

// shapeOf returns what answers have in common that differ in nothing but values.
func shapeOf(a answer) string {
	path := label(a)
	shape := fmt.Sprint(a.Profile, path, a.Status, fault(a), slices.Sorted(maps.Keys(a.ReplyHeader)), a.ReplyHeader.Get("Content-Type"))
	if a.Profile == recordedProfile {
		return shape + a.URL + string(a.Body) + string(a.Reply)
	}
	_, query, _ := strings.Cut(a.URL, "?")
	q, _ := url.ParseQuery(query)
	shape += fmt.Sprint(slices.Sorted(maps.Keys(q)))
	for _, body := range [][]byte{a.Body, a.Reply} {
		var v any
		if json.Unmarshal(body, &v) == nil {
			shape += types(v)
		} else {
			shape += fmt.Sprint(len(body) == 0)
		}
	}
	return shape
}

func types(v any) string {
	switch v := v.(type) {
	case map[string]any:
		text := "{"
		for _, name := range slices.Sorted(maps.Keys(v)) {
			text += name + ":" + types(v[name]) + ","
		}
		return text + "}"
	case []any:
		elements := map[string]bool{}
		for _, element := range v {
			elements[types(element)] = true
		}
		return fmt.Sprint("[", slices.Sorted(maps.Keys(elements)), "]")
	}
	return fmt.Sprintf("%T", v)
}

// withoutProse returns a document whose descriptions are a word each.
func withoutProse(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if _, isText := member.(string); isText && (name == "description" || name == "summary") {
				v[name] = "Prose."
			} else {
				v[name] = withoutProse(member)
			}
		}
	case []any:
		for i := range v {
			v[i] = withoutProse(v[i])
		}
	}
	return v
}
