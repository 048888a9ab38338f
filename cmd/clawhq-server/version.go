package main

import (
	"fmt"
	"io"
	"runtime"

	"github.com/clawhq/clawhq-go"
)

// printVersion prints the version of the module, of which the program is a part, and
// that of Go.
func printVersion(w io.Writer) {
	fmt.Fprintf(w, "clawhq-server %s %s %s/%s\n", clawhq.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
