package bulk

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A second holder is refused, and told who the first is.
func TestFileInUse(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "answers")
	f := open(t, path)
	_, err := OpenFile(path)
	if who := fmt.Sprintf("process %d on ", os.Getpid()); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), who) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want %q", err, who)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("%q has several lines", err)
	}
	f.Close()
	open(t, path)
}

// Close gives the file up although a child process is being started meanwhile,
// which has copies of all open files until it runs.
func TestCloseDuringFork(t *testing.T) {
	t.Parallel()
	done := make(chan struct{})
	var forks sync.WaitGroup
	for range 4 {
		forks.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					exec.Command(os.Args[0], "-test.run=^$").Run()
				}
			}
		})
	}
	path := filepath.Join(t.TempDir(), "answers")
	for i := range 300 {
		f, err := OpenFile(path)
		if err != nil {
			t.Errorf("open %d: %v", i, err)
			break
		}
		f.Close()
	}
	close(done)
	forks.Wait()
}
