package main

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

// version is set by the linker for a release.
var version string

// printVersion prints the version of the program, or else that of the module, and the
// version of Go.
func printVersion(w io.Writer) {
	module := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		module = info.Main.Version
	}
	fmt.Fprintf(w, "clawhq-server %s %s %s/%s\n", cmp.Or(version, module, "(devel)"), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
