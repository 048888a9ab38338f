//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd || windows)

package bulk

import (
	"errors"
	"fmt"
	"os"
)

// openLocked fails, since files cannot be locked here.
func openLocked(path string) (*os.File, error) {
	return nil, fmt.Errorf("%s: locking: %w", path, errors.ErrUnsupported)
}

func syncFolder(string) {}
