//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package bulk

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// A lockedFile gives up its lock when it is closed, although a child process that
// is just being started may have the file open for another moment.
type lockedFile struct{ *os.File }

func (f lockedFile) Close() error {
	return errors.Join(syscall.Flock(int(f.Fd()), syscall.LOCK_UN), f.File.Close())
}

// openLocked opens or creates a file that no other process can open so until it
// is closed.
func openLocked(path string) (disk, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err != syscall.EINTR {
			break
		}
	}
	switch {
	case err == nil:
		return lockedFile{f}, nil
	case err == syscall.EWOULDBLOCK:
		err = inUse(path)
	default:
		err = fmt.Errorf("%s: locking: %w", path, err)
	}
	return nil, errors.Join(err, f.Close())
}

// syncFolder makes the name of a new file outlive a crash, where folders can be
// synced.
func syncFolder(path string) {
	if folder, err := os.Open(path); err == nil {
		folder.Sync()
		folder.Close()
	}
}
