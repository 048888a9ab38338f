package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

// printVersion prints the version of the module that the program was built from, as
// the go command knows it, and that of Go.
func printVersion(w io.Writer) {
	version := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		version = info.Main.Version
	}
	fmt.Fprintf(w, "clawhq-server %s %s %s/%s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
