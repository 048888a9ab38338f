package openapi

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/clawhq/clawhq-go/internal/js"
)

// An Operation is what a table knows of an operation. A template has the rest: its
// members are those of OpenAPI, and errors, a list of the errors that only it has.
type Operation struct {
	Method, Path string
	Scheme       string   // of its security
	Parameters   []any    // beside the template's
	Headers      []string // of its replies, but for errors
	Note         string   // for the description; may be empty
	Live         string   // for the description of x-live; may be empty
	Common       Common
}

// Common are the errors that many operations have: an operation that has no others with
// the same status refers to the response of their status.
type Common struct {
	failures []failure
	prefix   string // of the names of their responses
	other    string // names the response of errors that are not listed; may be empty
}

// NewCommon reads errors of a template.
func NewCommon(templates js.Object, name, prefix, other string) Common {
	common, _ := templates.Get("common")
	list, _ := common.(js.Object).Get(name)
	return Common{failures(list), prefix, other}
}

// Document returns the document of operations. It panics if a template has others, or not
// all of them.
func Document(templates js.Object, operations []Operation) js.Object {
	rest := member(templates, "paths")
	paths := js.Object{}
	components := member(templates, "components")
	responses := member(components, "responses")
	for _, o := range operations {
		methods := member(rest, o.Path)
		method := strings.ToLower(o.Method)
		template := member(methods, method)
		if template == nil {
			panic(fmt.Sprintf("openapi: no template has %s %s", o.Method, o.Path))
		}
		rest = with(rest, o.Path, without(methods, method))
		paths = with(paths, o.Path, with(member(paths, o.Path), method, o.complete(template)))
		for _, r := range o.Common.responses() {
			responses = with(responses, r.Name, r.Value)
		}
	}
	for _, item := range rest {
		if methods := item.Value.(js.Object); len(methods) > 0 {
			panic(fmt.Sprintf("openapi: there is no %s %s", methods[0].Name, item.Name))
		}
	}
	components = with(components, "responses", responses)
	return with(with(without(templates, "common"), "paths", paths), "components", components)
}

// complete adds what the table knows to an operation of a template.
func (o Operation) complete(template js.Object) js.Object {
	parameters, _ := template.Get("parameters")
	list, _ := parameters.([]any)
	list = slices.Concat(list, o.Parameters)

	answers := js.Object{}
	for _, m := range member(template, "responses") {
		answer := m.Value.(js.Object)
		if len(o.Headers) > 0 {
			answer = with(answer, "headers", append(member(answer, "headers"), headersOf(o.Headers)...))
		}
		answers = append(answers, js.Member{Name: m.Name, Value: answer})
	}
	own, _ := template.Get("errors")
	answers = o.Common.addTo(answers, failures(own))

	done := without(without(without(template, "errors"), "responses"), LiveExtension)
	if o.Note != "" {
		done = with(done, "description", paragraphs(text(done, "description"), o.Note))
	}
	done = with(done, "security", []any{object(o.Scheme, []any{})})
	if len(list) > 0 {
		done = with(done, "parameters", list)
	}
	done = with(done, "responses", answers)
	live := member(template, LiveExtension)
	if o.Live != "" {
		live = with(live, "description", paragraphs(text(live, "description"), o.Live))
	}
	if live != nil {
		done = with(done, LiveExtension, live)
	}
	return done
}

func paragraphs(before, after string) string { return strings.TrimSpace(before + "\n\n" + after) }

// addTo adds to an operation's responses those of its errors.
func (c Common) addTo(answers js.Object, own []failure) js.Object {
	byStatus := map[int][]failure{}
	for _, f := range slices.Concat(own, c.failures) {
		byStatus[f.status] = append(byStatus[f.status], f)
	}
	for status, all := range byStatus {
		r := response(all)
		if !slices.ContainsFunc(own, func(f failure) bool { return f.status == status }) {
			r = Ref("responses", c.prefix+statusName(status))
		}
		answers = append(answers, js.Member{Name: strconv.Itoa(status), Value: r})
	}
	answers.Sort()
	if c.other != "" {
		answers = append(answers, js.Member{Name: "default", Value: Ref("responses", c.other)})
	}
	return answers
}

// responses returns the responses of common errors, by name.
func (c Common) responses() js.Object {
	byName := js.Object{}
	for _, f := range c.failures {
		same := slices.DeleteFunc(slices.Clone(c.failures), func(other failure) bool { return other.status != f.status })
		byName = with(byName, c.prefix+statusName(f.status), response(same))
	}
	return byName
}
