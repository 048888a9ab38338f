package spec

import (
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// An API is what a document says, ready for exchanges to be checked. It is safe for
// all goroutines.
type API struct {
	root       map[string]any
	base       string // path of the server's URL
	operations []*Operation
	sent       map[string]*Operation // by the service: webhooks and callbacks, by name

	mu       sync.Mutex
	compiler *jsonschema.Compiler
	closed   bool                // whether the compiler has the closed document
	schemas  map[string]compiled // by location
}

type compiled struct {
	schema *jsonschema.Schema
	err    error
}

// The resources of the compiler: the document, and with its objects closed.
const (
	openURL   = "https://openapi.invalid/open.json"
	closedURL = "https://openapi.invalid/closed.json"
)

// An Operation is a method of a path.
type Operation struct {
	ID     string
	Method string
	Path   string // a template, below the server's URL

	at         place
	parameters []place
}

// String returns the method and path.
func (o *Operation) String() string { return o.Method + " " + o.Path }

// Pointer returns the JSON Pointer of the operation in the document.
func (o *Operation) Pointer() string { return o.at.pointer }

// Methods are those that a path of a document can have.
var Methods = []string{"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"}

func newAPI(root map[string]any) *API {
	a := &API{root: root, compiler: jsonschema.NewCompiler(), schemas: map[string]compiled{}, sent: map[string]*Operation{}}
	a.compiler.DefaultDraft(jsonschema.Draft2020)
	a.compiler.AssertFormat()
	a.compiler.AddResource(openURL, root) // fails for a URL that is there
	if servers := a.find("/servers"); len(servers.list()) > 0 {
		if u, err := url.Parse(servers.element(0).text("url")); err == nil {
			a.base = strings.TrimSuffix(u.Path, "/")
		}
	}
	for _, item := range a.find("/paths").members() {
		for _, o := range operationsOf(item) {
			a.operations = append(a.operations, o)
			for _, callback := range o.at.member("callbacks").members() {
				for _, item := range callback.members() {
					a.send(callback.name(), item)
				}
			}
		}
	}
	for _, item := range a.find("/webhooks").members() {
		a.send(item.name(), item)
	}
	return a
}

func (a *API) send(name string, item place) {
	for _, o := range operationsOf(item) {
		a.sent[name] = o
	}
}

// operationsOf returns the operations of a path.
func operationsOf(item place) (all []*Operation) {
	for _, method := range Methods {
		op := item.member(strings.ToLower(method))
		if !op.exists() {
			continue
		}
		o := &Operation{ID: op.text("operationId"), Method: method, Path: item.name(), at: op}
		for _, p := range slices.Concat(item.member("parameters").elements(), op.member("parameters").elements()) {
			o.parameters = append(o.parameters, p.resolved())
		}
		all = append(all, o)
	}
	return all
}

// Operations returns all, by path.
func (a *API) Operations() []*Operation { return a.operations }

// Base returns the path of the server's URL, which the paths of exchanges begin with.
func (a *API) Base() string { return a.base }

// Find returns the operation of a method and an escaped path, and what the path's
// parameters are. A template with fewer of them goes first; HEAD is GET's.
func (a *API) Find(method, path string) (op *Operation, params map[string]string) {
	path, ok := strings.CutPrefix(path, a.base)
	if !ok {
		return nil, nil
	}
	if method == "HEAD" {
		method = "GET"
	}
	for _, o := range a.operations {
		if o.Method != method {
			continue
		}
		if found, ok := match(o.Path, path); ok && (op == nil || len(found) < len(params)) {
			op, params = o, found
		}
	}
	return op, params
}

// match returns what a template's parameters are in a path.
func match(template, path string) (map[string]string, bool) {
	want, got := strings.Split(template, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return nil, false
	}
	params := map[string]string{}
	for i, segment := range want {
		name, isParam := strings.CutPrefix(segment, "{")
		if !isParam {
			if segment != got[i] {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(got[i])
		if err != nil || value == "" {
			return nil, false
		}
		params[strings.TrimSuffix(name, "}")] = value
	}
	return params, true
}

// schema compiles the schema at a place of the document or of its closed twin.
func (a *API) schema(resource string, p place) (*jsonschema.Schema, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	loc := resource + "#" + p.pointer
	c, ok := a.schemas[loc]
	if !ok {
		if resource == closedURL && !a.closed {
			a.compiler.AddResource(closedURL, closed(a.root))
			a.closed = true
		}
		c.schema, c.err = a.compiler.Compile(loc)
		a.schemas[loc] = c
	}
	return c.schema, c.err
}

// Compile compiles the schemas of all replies and requests, and returns what is wrong
// with them.
func (a *API) Compile() error {
	for _, o := range a.operations {
		for _, p := range o.schemas() {
			if _, err := a.schema(closedURL, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// schemas returns the schemas of an operation.
func (o *Operation) schemas() (all []place) {
	add := func(holder place) {
		for _, name := range []string{"schema", itemSchema} {
			if s := holder.member(name); s.exists() {
				all = append(all, s)
			}
		}
	}
	content := func(holder place) {
		for _, media := range holder.member("content").members() {
			add(media)
		}
	}
	for _, p := range o.parameters {
		add(p)
	}
	content(o.at.member("requestBody").resolved())
	for _, response := range o.at.member("responses").members() {
		response = response.resolved()
		content(response)
		for _, header := range response.member("headers").members() {
			add(header.resolved())
		}
	}
	return all
}

// Query returns the names of an operation's parameters in the query.
func (o *Operation) Query() (names []string) {
	for _, p := range o.parameters {
		if p.text("in") == "query" {
			names = append(names, p.text("name"))
		}
	}
	return names
}
