package clawhq_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/clawhq/clawhq-go/internal/wire"
	"github.com/google/go-cmp/cmp"
)

// noMethod lists the endpoints that only Client.Do can call.
var noMethod = []wire.Endpoint{wire.CreatePrediction, wire.GetPrediction, wire.VerifyAuditLog}

// The doc comments of the methods name their endpoints: each endpoint of package
// wire, and no other.
func TestEndpointsAreDocumented(t *testing.T) {
	t.Parallel()
	want := map[string]bool{}
	for _, e := range wire.Endpoints {
		if !slices.Contains(noMethod, e) {
			want[e.Method+" "+e.Path] = true
		}
	}
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	pkg, err := doc.NewFromFiles(fset, files, "github.com/clawhq/clawhq-go")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, typ := range pkg.Types {
		for _, method := range typ.Methods {
			for line := range strings.Lines(method.Doc) {
				if endpoint, ok := strings.CutPrefix(line, "Endpoint: "); ok {
					got[strings.TrimSpace(endpoint)] = true
				}
			}
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("endpoints of the wire and of the documentation (-want +got):\n%s", diff)
	}
}
