package examples_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Each folder is run above, says how to run it, and can be copied out of this
// module as it is.
func TestFolders(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(e.Name(), "go.mod")); err == nil {
			importsNoInternals(t, e.Name()) // a module of its own, with a test of its own
			continue
		}
		if _, known := prints[e.Name()]; e.IsDir() && !known {
			t.Errorf("examples/%s is not run by TestExamples", e.Name())
		}
	}
	ours := []string{"github.com/clawhq/clawhq-go", "github.com/clawhq/clawhq-go/clawhqtest", "github.com/clawhq/clawhq-go/relay", "github.com/clawhq/clawhq-go/webhook"}
	for folder, output := range prints {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		doc, program := "", false
		for _, name := range files {
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			doc += file.Doc.Text()
			program = program || file.Name.Name == "main"
			for _, spec := range file.Imports {
				path := strings.Trim(spec.Path.Value, `"`)
				if strings.Contains(path, ".") && !slices.Contains(ours, path) {
					t.Errorf("%s imports %s", name, path)
				}
			}
		}
		if doc == "" || program && !strings.Contains(doc, "go run ./examples/"+folder) {
			t.Errorf("the package comment of examples/%s does not say how to run it:\n%s", folder, doc)
		}
		if !program && output != nil {
			t.Errorf("examples/%s is no program", folder)
		}
	}
}

// No example leaves its folder, except for the test that starts this repository's
// server for other languages.
func TestFoldersStandAlone(t *testing.T) {
	t.Parallel()
	leaves := regexp.MustCompile(`"\.\./\.\.|"\.\.", "\.\."`)
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || !strings.ContainsRune(path, filepath.Separator) {
			return err
		}
		text, err := os.ReadFile(path)
		if where := leaves.Find(text); where != nil && filepath.Dir(path) != "anylanguage" {
			t.Errorf("%s leaves its folder: %s", path, where)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// importsNoInternals checks that a module, without its replace lines, needs no more of
// this one than anybody may import.
func importsNoInternals(t *testing.T, folder string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatal(folder, files, err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			if path := strings.Trim(spec.Path.Value, `"`); strings.HasPrefix(path, "github.com/clawhq/") && strings.Contains(path, "/internal/") {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}
