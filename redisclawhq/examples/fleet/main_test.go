package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
)

// TestFleet builds and runs the example as a reader would.
func TestFleet(t *testing.T) {
	t.Parallel()
	bin := filepath.Join(t.TempDir(), "fleet")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, bin, "-for", "4s", "-rpm", "600")
	cmd.Env = append(os.Environ(), clawhq.EnvAPIKey+"=")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v", err)
	}
	for _, want := range []string{"reference server", "started a redis-server", "machine 4:", "in the last minute, 0 retries, 0 failed", "calls of the machines:"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("does not print %q:\n%s", want, out)
		}
	}
}
