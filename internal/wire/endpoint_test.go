package wire_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/clawhq/clawhq-go/internal/wire"
	"github.com/google/go-cmp/cmp"
)

// http.ServeMux accepts the list of endpoints: no endpoint is there twice, and none
// hides another.
func TestEndpoints(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	limits := map[string]int{}
	for _, e := range wire.Endpoints {
		name := e.Method + " " + wire.BasePath + e.Path
		mux.HandleFunc(name, func(http.ResponseWriter, *http.Request) {})
		if underV1 := strings.HasPrefix(e.Path, "/v1/"); underV1 != (e.Auth == wire.KeyAuth) {
			t.Errorf("%s: authentication %v", name, e.Auth)
		}
		if e.Page.Default > e.Page.Most {
			t.Errorf("%s: pages of %+v", name, e.Page)
		}
		switch limit, known := limits[e.Window.Name]; {
		case e.Window.Name == "":
		case e.Window == wire.KeyWindow:
		case e.Window.Limit == 0:
			t.Errorf("%s: window %+v has no size", name, e.Window)
		case known && limit != e.Window.Limit && e.Window.Name != "predictions":
			t.Errorf("%s: window %q has %d places and %d", name, e.Window.Name, limit, e.Window.Limit)
		}
		limits[e.Window.Name] = e.Window.Limit
	}
}

// Every endpoint that endpoints.go declares is in the list.
func TestEndpointsAreKnown(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "endpoints.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var declared []string
	ast.Inspect(file, func(n ast.Node) bool {
		if literal, ok := n.(*ast.CompositeLit); ok && types.ExprString(literal.Type) == "Endpoint" {
			var e struct{ method, path string }
			for _, field := range literal.Elts {
				switch field := field.(*ast.KeyValueExpr); types.ExprString(field.Key) {
				case "Method":
					e.method = strings.ToUpper(strings.TrimPrefix(types.ExprString(field.Value), "http.Method"))
				case "Path":
					e.path = strings.Trim(types.ExprString(field.Value), `"`)
				}
			}
			declared = append(declared, e.method+" "+e.path)
		}
		return true
	})
	var listed []string
	for _, e := range wire.Endpoints {
		listed = append(listed, e.Method+" "+e.Path)
	}
	if diff := cmp.Diff(declared, listed); diff != "" {
		t.Errorf("endpoints (-declared +listed):\n%s", diff)
	}
}

func TestExpand(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		e    wire.Endpoint
		ids  []string
		want string
	}{
		{wire.ListAgents, nil, "/v1/agents"},
		{wire.GetAgent, []string{"a1"}, "/v1/agents/a1"},
		{wire.ListThreadMessages, []string{"thread_0"}, "/v1/threads/thread_0/messages"},
		{wire.ReplayDelivery, []string{"w 1", "d/2"}, "/webhooks/w%201/deliveries/d%2F2/replay"},
		{wire.GetAgent, []string{"a?b#c%d"}, "/v1/agents/a%3Fb%23c%25d"},
		{wire.GetAgent, []string{".."}, "/v1/agents/%2E%2E"},
		{wire.GetAgent, []string{"{x}"}, "/v1/agents/%7Bx%7D"},
	} {
		if got := tc.e.Expand(tc.ids...); got != tc.want {
			t.Errorf("%s with %q: got %s, want %s", tc.e.Path, tc.ids, got, tc.want)
		}
	}
}

func TestExpandPanics(t *testing.T) {
	t.Parallel()
	for _, ids := range [][]string{nil, {"a", "b"}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d ids for one wildcard: no panic", len(ids))
				}
			}()
			wire.GetAgent.Expand(ids...)
		}()
	}
}

// Every id is escaped as one segment, and is read back.
func FuzzExpand(f *testing.F) {
	for _, id := range []string{"a1", "..", "a/b", "/", "ä ?#%", "{id}", "\x00\xff"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		if id == "" {
			return
		}
		u, err := url.Parse("https://clawhq.test" + wire.ListThreadMessages.Expand(id))
		if err != nil {
			t.Fatal(err)
		}
		if ids, ok := wire.ListThreadMessages.Match(u.EscapedPath()); !ok || !slices.Equal(ids, []string{id}) {
			t.Errorf("id %q arrives as %q in %s", id, ids, u)
		}
	})
}

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		e    wire.Endpoint
		path string
		ids  []string
		ok   bool
	}{
		{wire.ListAgents, "/v1/agents", nil, true},
		{wire.ListAgents, "/v1/agents/", nil, false},
		{wire.ListAgents, "/v1/agents/a", nil, false},
		{wire.ListAgents, "v1/agents", nil, false},
		{wire.ListAgents, "/v1", nil, false},
		{wire.ListAgents, "", nil, false},
		{wire.GetAgent, "/v1/agents", nil, false},
		{wire.GetAgent, "/v1/agents/", nil, false},
		{wire.GetAgent, "/v1/agents/%zz", nil, false},
		{wire.GetAgent, "/v1/agents/a%2Fb", []string{"a/b"}, true},
		{wire.ReplayDelivery, "/webhooks/w/deliveries/d/replay", []string{"w", "d"}, true},
		{wire.RetryDeliveries, "/webhooks/w/deliveries/d/replay", nil, false},
	} {
		ids, ok := tc.e.Match(tc.path)
		if ok != tc.ok || ok && !slices.Equal(ids, tc.ids) {
			t.Errorf("%s and %s: got %q, %v; want %q, %v", tc.e.Path, tc.path, ids, ok, tc.ids, tc.ok)
		}
	}
}
