package proof_test

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

	"github.com/google/go-cmp/cmp"
)

// Every exported name that users see has a doc comment.
func TestEveryExportedNameIsDocumented(t *testing.T) {
	t.Parallel()
	names := 0
	for _, dir := range []string{"../..", "../../bulk", "../../clawhqtest", "../../relay", "../../webhook", "../../otelclawhq", "../../redisclawhq"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			for _, decl := range f.Decls {
				for name, doc := range exported(decl) {
					names++
					if doc == "" {
						t.Errorf("%s: %s has no doc comment", file, name)
					}
				}
			}
		}
	}
	if names < 150 {
		t.Errorf("only %d names were found, want 150 at least", names)
	}
}

// exported returns the exported names that decl declares, with their comments.
func exported(decl ast.Decl) map[string]string {
	names := map[string]string{}
	add := func(id *ast.Ident, docs ...*ast.CommentGroup) {
		if id.IsExported() {
			text := ""
			for _, d := range docs {
				text += d.Text()
			}
			names[id.Name] = text
		}
	}
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil || receiverIsExported(d.Recv.List[0].Type) {
			add(d.Name, d.Doc)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				add(s.Name, d.Doc, s.Doc)
			case *ast.ValueSpec:
				for _, id := range s.Names {
					add(id, d.Doc, s.Doc, s.Comment)
				}
			}
		}
	}
	return names
}

func receiverIsExported(e ast.Expr) bool {
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	id, ok := e.(*ast.Ident)
	return ok && id.IsExported()
}

// The doc comments of the methods name their endpoints: each endpoint that has a
// method, and no other.
func TestEndpointsAreDocumented(t *testing.T) {
	t.Parallel()
	want := map[string]bool{}
	for _, row := range calls {
		if e := row.endpoint; !row.byDo {
			want[e.Method+" "+e.Path] = true
		}
	}
	names, err := filepath.Glob("../../*.go")
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
		t.Errorf("endpoints of the table and of the documentation (-want +got):\n%s", diff)
	}
}
