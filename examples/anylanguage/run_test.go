// Package anylanguage_test runs the tests of this folder, which are in Python,
// for Node and in shell, and the program of docs/server.md.
package anylanguage_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// build compiles the server and returns its path.
func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "clawhq-server")
	cmd := exec.Command("go", "build", "-o", program, "./cmd/clawhq-server")
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// run runs a command for a minute at most, in a folder, with the server in
// PATH.
func run(t *testing.T, dir, server, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(server)+string(filepath.ListSeparator)+os.Getenv("PATH"), "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestLanguages(t *testing.T) {
	t.Parallel()
	server := build(t)
	for _, tt := range []struct{ want, name, args string }{
		{"Ran 10 tests", "python3", "-m unittest test_ask"},
		{"# pass 5", "node", "--test --test-reporter=tap ask.test.mjs"},
		{"test_ask.sh passed", "bash", "test_ask.sh"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if out := run(t, ".", server, tt.name, strings.Fields(tt.args)...); !strings.Contains(out, tt.want) {
				t.Errorf("it does not print %q:\n%s", tt.want, out)
			}
		})
	}
}

// TestPage follows docs/server.md as a reader who writes Python does.
func TestPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "server.md"))
	if err != nil {
		t.Fatal(err)
	}
	block := func(after, fence string) string {
		_, rest, found := strings.Cut(string(page), after)
		_, rest, opened := strings.Cut(rest, fence+"\n")
		code, _, closed := strings.Cut(rest, "\n```\n")
		if !found || !opened || !closed {
			t.Fatalf("docs/server.md has no block of %s after %q", fence, after)
		}
		return code + "\n"
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "test_retry.py"), []byte(block("test_retry.py", "```python")), 0o600); err != nil {
		t.Fatal(err)
	}
	start := strings.Replace(block("Start the server", "```sh"), "clawhq-server ", "clawhq-server -addr 127.0.0.1:0 ", 1)
	script := "trap 'kill %1; wait' EXIT\n" + start + "until [ -e server.json ]; do kill -0 %1; sleep 0.05; done\n" + block("Run it:", "```sh")
	if out := run(t, dir, build(t), "bash", "-e", "-c", script); !strings.Contains(out, "Ran 3 tests") || !strings.Contains(out, "OK") {
		t.Errorf("it prints\n%s", out)
	}
}
