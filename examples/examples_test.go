// Package examples_test runs every example, as a reader would.
package examples_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// What each example prints, among other things. Those that serve until they
// are interrupted have a test below.
var prints = map[string][]string{
	"quickstart": {"reference server inside itself, at https://127.0.0.1:", "support-bot: Thanks for", "Webhooks are HTTP callbacks", "404 agent_not_found", "request id req_"},
	"chat":       {"Our support hours are"},
	"stream":     {"Webhooks are HTTP callbacks"},
	"errors":     {"rate limited; the server asks for 2562047h", "failed with agent_offline", "status 502", "no reply", `incomplete after "Thanks for " (cut off: true)`, `"message" (sent: false)`, "our own context ended"},
	"ratelimit":  {"100 of 100 done, 0 failed"},
	"keys":       {"created: clw_", "switched over", "revoked: clw_"},
	"webbackend": nil,
	"testing":    nil, // a package with a test of its own
}

func TestExamples(t *testing.T) {
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", bin+string(filepath.Separator), "./...")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		want, known := prints[e.Name()]
		if !known {
			t.Errorf("examples/%s is not tested", e.Name())
		}
		if want == nil {
			continue
		}
		t.Run(e.Name(), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, filepath.Join(bin, e.Name()))
			cmd.Env = withoutKey()
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, s := range want {
				if !strings.Contains(string(out), s) {
					t.Errorf("does not print %q:\n%s", s, out)
				}
			}
		})
	}

	t.Run("webbackend", func(t *testing.T) {
		t.Parallel()
		cmd, out := start(t, filepath.Join(bin, "webbackend"), "-addr", "127.0.0.1:0")
		url, err := out.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.Get(strings.TrimSpace(url) + "/ask?q=Explain+how+webhooks+work")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		events, err := io.ReadAll(resp.Body)
		if err != nil || !strings.Contains(string(events), `data: "callbacks "`) || !strings.HasSuffix(string(events), "event: done\ndata: \"\"\n\n") {
			t.Errorf("got %v:\n%s", err, events)
		}
		cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("after an interrupt: %v", err)
		}
	})

	// Ctrl-C stops the stream where it is.
	t.Run("stream interrupted", func(t *testing.T) {
		t.Parallel()
		cmd, out := start(t, filepath.Join(bin, "stream"))
		if _, err := out.ReadString(' '); err != nil { // the first word
			t.Fatal(err)
		}
		cmd.Process.Signal(os.Interrupt)
		rest, err := io.ReadAll(out)
		if err != nil || strings.Contains(string(rest), "help you with") {
			t.Errorf("went on with %q, %v", rest, err)
		}
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != 130 {
			t.Errorf("exit code is %d", code)
		}
	})
}

// start starts a program that the test ends, at the latest.
func start(t *testing.T, name string, args ...string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = withoutKey()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	return cmd, bufio.NewReader(stdout)
}

// withoutKey is the environment without what would lead to the real service.
func withoutKey() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "CLAWHQ_") })
}
