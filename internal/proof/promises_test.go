package proof_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A promise is a row of docs/promises.md.
type promise struct {
	line  int
	file  string   // where the claim stands
	claim string   // its words; " … " stands for words that are left out
	tests []string // like relay.TestSSE or bulk.TestTries/refused
	worst string
}

// docs/promises.md names tests that exist, and claims that stand where it says they
// stand. Each page and each package that is documented has its rows.
func TestPromises(t *testing.T) {
	t.Parallel()
	rows := promises(t)
	if len(rows) < 80 {
		t.Errorf("the table has %d rows, want 80 at least: has its form changed?", len(rows))
	}
	tests := testsOfAllModules(t)
	texts, seen := map[string]string{}, map[string]bool{}
	for _, row := range rows {
		if _, read := texts[row.file]; !read {
			texts[row.file] = prose(t, row.file)
		}
		if !stands(texts[row.file], row.claim) {
			t.Errorf("line %d: this does not stand in %s: %s", row.line, row.file, row.claim)
		}
		if len(row.tests) == 0 || row.worst == "" {
			t.Errorf("line %d: no test, or no worst case: %s", row.line, row.claim)
		}
		if seen[row.file+row.claim] {
			t.Errorf("line %d: the claim comes twice: %s", row.line, row.claim)
		}
		seen[row.file+row.claim] = true
		for _, name := range row.tests {
			if problem := tests.lacks(name); problem != "" {
				t.Errorf("line %d: %s: %s", row.line, name, problem)
			}
		}
	}
	for _, page := range pages(t) {
		if _, has := texts[page]; !has {
			t.Errorf("%s has no rows", page)
		}
	}
}

var (
	heading = regexp.MustCompile("^##+ `(.+)`$")
	quoted  = regexp.MustCompile("`([^`]+)`")
)

// promises reads the table.
func promises(t *testing.T) (rows []promise) {
	t.Helper()
	page, err := os.ReadFile("../../docs/promises.md")
	if err != nil {
		t.Fatal(err)
	}
	file, n := "", 0
	for line := range strings.Lines(string(page)) {
		n++
		line = strings.TrimSpace(line)
		if m := heading.FindStringSubmatch(line); m != nil {
			file = m[1]
		}
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| claim |") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), " | ")
		if len(cells) != 3 || file == "" {
			t.Errorf("line %d has %d cells below %q, want 3 below the name of a file: %s", n, len(cells), file, line)
			continue
		}
		row := promise{line: n, file: file, claim: strings.TrimSpace(cells[0]), worst: strings.TrimSpace(cells[2])}
		for _, m := range quoted.FindAllStringSubmatch(cells[1], -1) {
			row.tests = append(row.tests, m[1])
		}
		rows = append(rows, row)
	}
	return rows
}

// pages returns the files that must have rows: the documentation, and the comments
// of the packages that users import.
func pages(t *testing.T) []string {
	t.Helper()
	docs, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(docs) == 0 {
		t.Fatal(docs, err)
	}
	all := []string{"README.md", "doc.go", "bulk/doc.go", "relay/doc.go", "webhook/doc.go", "clawhqtest/doc.go", "redisclawhq/doc.go", "otelclawhq/doc.go"}
	for _, doc := range docs {
		if name := filepath.Base(doc); name != "promises.md" {
			all = append(all, "docs/"+name)
		}
	}
	return all
}

var docLink = regexp.MustCompile(`\[([\w.*/-]+)\]`)

// prose returns a file's text without the marks of comments, links and line breaks.
func prose(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../..", filepath.FromSlash(file)))
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if strings.HasSuffix(file, ".go") {
			line = strings.TrimPrefix(line, "//")
		}
		words = append(words, strings.Fields(line)...)
	}
	all := strings.Join(words, " ")
	if strings.HasSuffix(file, ".go") {
		all = docLink.ReplaceAllString(all, "$1")
	}
	return all
}

// stands reports whether the parts of the claim stand in the text, in their order.
func stands(text, claim string) bool {
	for part := range strings.SplitSeq(claim, " … ") {
		at := strings.Index(text, strings.Join(strings.Fields(part), " "))
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return true
}

// The tests of a package: their names, and each text that stands in their files,
// among which are the names of subtests.
type packageTests struct{ names, texts map[string]bool }

type allTests map[string]packageTests // by folder

var testName = regexp.MustCompile(`^(.+?)\.((?:Test|Fuzz|Benchmark|Example)\w*)(?:/(.+))?$`)

// lacks says why there is no test of that name; empty if there is one.
func (all allTests) lacks(name string) string {
	m := testName.FindStringSubmatch(name)
	if m == nil {
		return "is not of the form package.TestName"
	}
	dir, fn, sub := m[1], m[2], m[3]
	if dir == "clawhq" {
		dir = "."
	}
	switch pkg := all[dir]; {
	case !pkg.names[fn]:
		return "there is no such test"
	case sub != "" && !pkg.texts[sub]:
		return "there is no such subtest"
	}
	return ""
}

// testsOfAllModules reads the test files of this module and of those in it.
func testsOfAllModules(t *testing.T) allTests {
	t.Helper()
	all := allTests{}
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{"node_modules", "testdata", ".git"}, entry.Name()):
			return fs.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel("../..", filepath.Dir(path))
		if err != nil {
			return err
		}
		dir = filepath.ToSlash(dir)
		if _, known := all[dir]; !known {
			all[dir] = packageTests{map[string]bool{}, map[string]bool{}}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv == nil {
					all[dir].names[n.Name.Name] = true
				}
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
					all[dir].texts[text] = true
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
