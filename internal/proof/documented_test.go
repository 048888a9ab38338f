package proof_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
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

// Every function, method, constant and variable that users see is named in README, in
// docs, in a package comment or in an example; a constant may be there by its value.
// Types and fields need no mention: they are what these take and return.
func TestEveryExportedNameIsShown(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for _, pattern := range []string{"README.md", "docs/*.md", "doc.go", "*/doc.go", "example*_test.go", "*/example*_test.go", "examples/*/*.go"} {
		files, err := filepath.Glob("../../" + pattern)
		if err != nil || files == nil {
			t.Fatalf("%s: no files, %v", pattern, err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text.Write(content)
		}
	}
	shown := map[string]bool{}
	for _, word := range regexp.MustCompile(`\w+`).FindAllString(text.String(), -1) {
		shown[word] = true
	}
	surface, err := os.ReadFile("../../docs/surface.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields("Error Unwrap String GoString LogValue MarshalText MarshalJSON UnmarshalJSON") {
		shown[name] = true // the standard library's
	}
	for _, method := range regexp.MustCompile(`: type \w+ interface, (\w+)\(`).FindAllStringSubmatch(string(surface), -1) {
		shown[method[1]] = true // implementations are used by way of the interface
	}
	names := 0
	for _, m := range regexp.MustCompile(`(?m)^\w+: (?:func|var|const|method \(.*?\)) (\w+).*?(?:= "(.*)")?$`).FindAllStringSubmatch(string(surface), -1) {
		names++
		if !shown[m[1]] && (m[2] == "" || !strings.Contains(text.String(), m[2])) {
			t.Errorf("nothing shows %q", m[0])
		}
	}
	if names < 300 {
		t.Errorf("only %d names were found, want 300 at least", names)
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
