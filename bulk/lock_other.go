//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd || windows)

package bulk

import (
	"errors"
	"fmt"
)

// openLocked fails, since files cannot be locked here.
func openLocked(path string) (disk, error) {
	return nil, fmt.Errorf("%s: locking: %w", path, errors.ErrUnsupported)
}

func syncFolder(string) {}
