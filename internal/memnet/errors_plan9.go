package memnet

import "syscall"

// The errors of connections. Plan 9 has no numbers for errors, but texts.
var (
	errBrokenPipe error = syscall.NewError("i/o on hungup channel")
	errReset      error = syscall.NewError("connection reset")
	errRefused    error = syscall.NewError("connection refused")
)
