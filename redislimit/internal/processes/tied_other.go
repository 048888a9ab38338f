//go:build !linux

package processes

import "syscall"

// tied is nil where a process outlives the one that starts it if that is
// killed.
func tied() *syscall.SysProcAttr { return nil }
