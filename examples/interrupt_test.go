//go:build !windows

package examples_test

import (
	"os"
	"os/exec"
	"testing"
)

// interruptible readies a command for interrupt.
func interruptible(*exec.Cmd) {}

// interrupt does to a program what Ctrl-C does.
func interrupt(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
}
