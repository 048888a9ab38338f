package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

// An output whose reader is slow drops lines. A line in their place says so.
func TestOutputDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		o := newOutput(w)
		long := strings.Repeat("x", maxUnreadBytes/4-1) + "\n"
		for range 8 { // the first line is being written, four wait
			fmt.Fprint(o, long)
			synctest.Wait()
		}
		var got strings.Builder
		read := make(chan struct{})
		go func() {
			defer close(read)
			io.Copy(&got, r)
		}()
		synctest.Wait()
		fmt.Fprint(o, "the last\n")
		o.close()
		w.Close()
		<-read
		want := strings.Repeat(long, 5) + "clawhq-server: dropped 3 lines that nobody read in time\nthe last\n"
		if diff := cmp.Diff(want, got.String()); diff != "" {
			t.Errorf("written (-want +got):\n%.500s", diff)
		}
	})
}

// An output ends even if it cannot be written, or if nobody reads it.
func TestOutputCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		for name, end := range map[string]func(){
			"unread": func() {},
			"broken": func() { r.CloseWithError(errors.New("gone")) },
		} {
			o := newOutput(w)
			fmt.Fprintln(o, "a line")
			end()
			o.close()
			if n, err := fmt.Fprintln(o, "too late"); n == 0 || err != nil {
				t.Errorf("%s: %d, %v", name, n, err)
			}
		}
		r.Close()
	})
}
