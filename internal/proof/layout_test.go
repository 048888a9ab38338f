package proof_test

import (
	"bytes"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// In the root folder each source has a test of its name, and each test a source.
// Examples and the names for tests stand beside the whole package. CONTRIBUTING's
// layout names every source, and nothing that is not there.
func TestLayout(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	_, layout, _ := strings.Cut(string(guide), "\n## Layout\n\n```\n")
	layout, _, _ = strings.Cut(layout, "\n```\n")
	var named []string
	for line := range strings.Lines(layout) {
		paths, _, _ := strings.Cut(line, "  ") // what the paths are stands after two spaces
		named = append(named, strings.Fields(paths)...)
	}
	for _, name := range named {
		if !exists(t, filepath.Join("../..", name)) {
			t.Errorf("CONTRIBUTING's layout names %s, which is not there", name)
		}
	}
	files, err := filepath.Glob("../../*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		source, isTest := strings.CutSuffix(name, "_test.go")
		switch {
		case isTest && (strings.HasPrefix(name, "example_") || name == "export_test.go"):
		case isTest && !exists(t, filepath.Join("../..", source+".go")):
			t.Errorf("%s tests no source of its name", name)
		case isTest:
		case !slices.Contains(named, name):
			t.Errorf("CONTRIBUTING's layout does not name %s", name)
		case name != "doc.go" && !exists(t, strings.TrimSuffix(file, ".go")+"_test.go"):
			t.Errorf("%s has no test of its name", name)
		}
	}
}

func exists(t *testing.T, path string) bool {
	t.Helper()
	_, err := os.Stat(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return err == nil
}

// No file has more than 400 lines.
func TestFilesAreShort(t *testing.T) {
	t.Parallel()
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == "testdata"):
			return fs.SkipDir
		case !slices.Contains([]string{".go", ".js", ".css", ".html", ".lua", ".py"}, filepath.Ext(path)):
			return nil
		}
		text, err := os.ReadFile(path)
		if n := bytes.Count(text, []byte("\n")); n > 400 {
			t.Errorf("%s has %d lines, want at most 400", path, n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Imports go one way. A package that is listed imports no other package of the module
// than these.
func TestImports(t *testing.T) {
	t.Parallel()
	const module = "github.com/clawhq/clawhq-go"
	for dir, allowed := range map[string][]string{
		".":                 {"/internal/shaping", "/internal/sse", "/internal/wire", "/webhook"},
		"relay":             {"", "/internal/wire"},
		"webhook":           {"/internal/wire"},
		"internal/server":   {"/internal/clock", "/internal/js", "/internal/ledger", "/internal/openapi", "/internal/outbox", "/internal/postgres", "/internal/window", "/internal/wire"},
		"internal/shaping":  {"/internal/window"},
		"internal/sse":      nil,
		"internal/window":   nil,
		"internal/js":       nil,
		"internal/openapi":  {"/internal/js", "/internal/wire"},
		"internal/postgres": {"/internal/js"},
		"internal/wire":     {"/internal/js", "/internal/postgres", "/internal/window"},
	} {
		files, err := filepath.Glob(filepath.Join("../..", dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatal(dir, files, err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, spec := range file.Imports {
				path, ours := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), module)
				if ours && !slices.Contains(allowed, path) {
					t.Errorf("%s imports %s%s", name, module, path)
				}
			}
		}
	}
}
