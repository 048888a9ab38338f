package examples_test

import (
	"os/exec"
	"syscall"
	"testing"
)

// interruptible readies a command for interrupt: with a process group of its
// own, so that the test is not interrupted as well.
func interruptible(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// interrupt does to a program what Ctrl-Break does, which Go programs take for
// Ctrl-C; that itself cannot be sent to a group (GenerateConsoleCtrlEvent).
func interrupt(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	generate := syscall.NewLazyDLL("kernel32.dll").NewProc("GenerateConsoleCtrlEvent")
	if ok, _, err := generate.Call(syscall.CTRL_BREAK_EVENT, uintptr(cmd.Process.Pid)); ok == 0 {
		t.Fatal(err)
	}
}
