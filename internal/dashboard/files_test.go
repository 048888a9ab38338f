package dashboard_test

import (
	"bytes"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFilesStayOnThisServer finds anything in the page that the content policy would
// block, or that the browser would fetch from elsewhere.
func TestFilesStayOnThisServer(t *testing.T) {
	t.Parallel()
	d := newDashboard()
	page := do(d, request{path: "/"}).Body.String()
	for _, banned := range []string{"http://", "https://", "<style", "style=", " onclick=", " onload=", "javascript:", "<script>", "{{"} {
		if strings.Contains(page, banned) {
			t.Errorf("the page contains %q", banned)
		}
	}
	scripts, err := filepath.Glob("static/*.js")
	more, err2 := filepath.Glob("static/*/*.js")
	if err != nil || err2 != nil || len(scripts) == 0 || len(more) == 0 {
		t.Fatalf("%d scripts and %d in folders: %v, %v", len(scripts), len(more), err, err2)
	}
	for _, name := range append(scripts, more...) {
		w := do(d, request{path: "/" + name})
		if w.Code != http.StatusOK {
			t.Errorf("%s: status %d", name, w.Code)
		}
		for _, banned := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "localStorage", "sessionStorage", "indexedDB", "document.cookie"} {
			if strings.HasSuffix(banned, "Storage") && (name == filepath.Join("static", "token.js") || name == filepath.Join("static", "storage.js")) {
				continue // which have nothing else
			}
			if strings.Contains(w.Body.String(), banned) {
				t.Errorf("%s contains %q", name, banned)
			}
		}
	}
}

// TestFilesAreShort finds files of the page that are too long to be read at one
// sitting.
func TestFilesAreShort(t *testing.T) {
	t.Parallel()
	for _, root := range []string{"static", "page"} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			if lines := bytes.Count(text, []byte("\n")); lines > 250 {
				t.Errorf("%s has %d lines, want 250 at most", path, lines)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}
