//go:build !linux

package processes

import "syscall"

// tied returns nil: on this system a process outlives a parent that is killed.
func tied() *syscall.SysProcAttr { return nil }
