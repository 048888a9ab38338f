package clawhqtest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// An alias of an internal type hides its fields and signature from go doc.
func TestNoAliases(t *testing.T) {
	t.Parallel()
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	types := 0
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			types++
			if from, ok := spec.Type.(*ast.SelectorExpr); spec.Assign.IsValid() && !(ok && from.X.(*ast.Ident).Name == "clawhq") {
				t.Errorf("%s: %s is an alias", f.Name(), spec.Name.Name)
			}
			return true
		})
	}
	if types < 8 {
		t.Errorf("only %d types were found", types)
	}
}
