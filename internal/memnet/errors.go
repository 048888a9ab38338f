//go:build !plan9

package memnet

import "syscall"

// The errors of connections, as those of the system.
const (
	errBrokenPipe = syscall.EPIPE
	errReset      = syscall.ECONNRESET
	errRefused    = syscall.ECONNREFUSED
)
