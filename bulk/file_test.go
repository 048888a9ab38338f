package bulk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func open(t *testing.T, path string) *File {
	t.Helper()
	f, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func record(n int) Record {
	return Record{ID: fmt.Sprint("row-", n), RequestHash: "h", Response: "<answer>\n" + strings.Repeat("é", n), At: time.Unix(int64(n), 5).UTC()}
}

func save(t *testing.T, f *File, records ...Record) {
	t.Helper()
	var wg sync.WaitGroup
	for _, r := range records {
		wg.Go(func() {
			if err := f.Save(context.Background(), "job", r); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func load(t *testing.T, f *File, job string) (records []Record) {
	t.Helper()
	for r, err := range f.Load(t.Context(), job) {
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	slices.SortFunc(records, func(a, b Record) int { return a.At.Compare(b.At) })
	return records
}

// What was saved is there after Close, by Load and by Find; the lock file is not.
func TestFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "answers.jsonl")
	var want []Record
	for round := range 3 {
		f := open(t, path)
		if d := cmp.Diff(want, load(t, f, "job")); d != "" {
			t.Errorf("round %d (-want +got):\n%s", round, d)
		}
		var more []Record
		for i := range 20 {
			more = append(more, record(20*round+i))
		}
		save(t, f, more...)
		want = append(want, more...)
		for _, r := range want {
			if got, found, err := f.Find(t.Context(), "job", r.ID); err != nil || !found || got != r {
				t.Errorf("found %+v, %t, %v; want %+v", got, found, err, r)
			}
		}
		if _, found, err := f.Find(t.Context(), "job", "row"); found || err != nil {
			t.Errorf("found an ID that was not saved, %v", err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if err := f.Close(); err != nil {
			t.Errorf("closed again: %v", err)
		}
		if _, err := os.Stat(path + ".lock"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the lock file: %v", err)
		}
		if err := f.Save(t.Context(), "job", record(1)); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("Save after Close: %v", err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("mode is %v, %v", info.Mode(), err)
	}
}

// A file belongs to one job.
func TestFileOfAnotherJob(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "answers")
	f := open(t, path)
	save(t, f, record(1))
	for range 2 {
		before, _ := os.ReadFile(path)
		errs := map[string]error{"Save": f.Save(t.Context(), "other", record(2))}
		for _, err := range f.Load(t.Context(), "other") {
			errs["Load"] = err
		}
		_, _, errs["Find"] = f.Find(t.Context(), "other", "row-1")
		for name, err := range errs {
			if !errors.Is(err, ErrOtherJob) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: got %v", name, err)
			}
		}
		if len(errs) != 3 {
			t.Errorf("got %d errors, want 3", len(errs))
		}
		if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
			t.Error("the file has changed")
		}
		f.Close()
		f = open(t, path)
	}
}

// A file of another kind is refused and left as it is.
func TestFileOfAnotherKind(t *testing.T) {
	t.Parallel()
	good := string(encodeHeader("job")) + string(encode(record(1)))
	for name, content := range map[string]string{
		"CSV":                    "id,question\n1,hi\n",
		"JSON":                   "{}\n",
		"JSON without a newline": `{"a":1}`,
		"binary":                 "\x00\x01\x02",
		"header without a job":   `{"clawhq_bulk":1,"job":""}` + "\n",
		"bad header":             `{"clawhq_bulk":1,"job":` + "\n",
		"bad line in the middle": good + "{}\n" + string(encode(record(2))),
	} {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenFile(path); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v", name, err)
		}
		if after, _ := os.ReadFile(path); string(after) != content {
			t.Errorf("%s: the file has changed", name)
		}
	}
}

// A file that was cut anywhere opens without what is not whole, and goes on.
func TestTornFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "whole")
	f := open(t, path)
	for i := range 4 {
		save(t, f, record(i))
	}
	f.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range len(whole) + 1 {
		path := filepath.Join(dir, "cut")
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := newFile(path, openDisk(t, path))
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if info, err := os.Stat(path); err != nil || info.Size() != f.size {
			t.Errorf("cut at %d: the file has %d bytes, %d of them whole", cut, info.Size(), f.size)
		}
		lines := max(0, bytes.Count(whole[:cut], newline)-1)
		got := load(t, f, "job")
		if len(got) != lines {
			t.Errorf("cut at %d: %d records, want %d", cut, len(got), lines)
		}
		save(t, f, record(9))
		f.disk.Close()
		if f, err = newFile(path, openDisk(t, path)); err != nil {
			t.Fatalf("cut at %d, and saved: %v", cut, err)
		}
		if d := cmp.Diff(append(got, record(9)), load(t, f, "job")); d != "" {
			t.Errorf("cut at %d, and saved (-want +got):\n%s", cut, d)
		}
		f.disk.Close()
	}
}

func openDisk(t *testing.T, path string) *os.File {
	t.Helper()
	d, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// A badDisk fails as it is told.
type badDisk struct {
	*os.File
	full  atomic.Bool // half of a write is written
	stuck atomic.Bool // Truncate fails too
	lossy atomic.Bool // Sync fails
	syncs atomic.Int32
}

func (d *badDisk) WriteAt(p []byte, off int64) (int, error) {
	if d.full.Load() {
		n, _ := d.File.WriteAt(p[:len(p)/2], off)
		return n, &fs.PathError{Op: "write", Path: "disk", Err: syscall.ENOSPC}
	}
	return d.File.WriteAt(p, off)
}

func (d *badDisk) Truncate(size int64) error {
	if d.stuck.Load() {
		return syscall.EIO
	}
	return d.File.Truncate(size)
}

func (d *badDisk) Sync() error {
	d.syncs.Add(1)
	if d.lossy.Load() {
		return syscall.EIO
	}
	return nil
}

// A full disk, and one that fails, is an error of Save; what was saved is not lost.
func TestBadDisk(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fail    func(d *badDisk, on bool)
		want    error
		forGood bool
	}{
		"full":                {func(d *badDisk, on bool) { d.full.Store(on) }, syscall.ENOSPC, false},
		"full, and read-only": {func(d *badDisk, on bool) { d.full.Store(on); d.stuck.Store(on) }, syscall.ENOSPC, true},
		"failed sync":         {func(d *badDisk, on bool) { d.lossy.Store(on) }, syscall.EIO, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "answers")
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			d := &badDisk{File: openDisk(t, path)}
			f, err := newFile(path, d)
			if err != nil {
				t.Fatal(err)
			}
			save(t, f, record(1))
			tt.fail(d, true)
			if err := f.Save(t.Context(), "job", record(200)); !errors.Is(err, tt.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v", err)
			}
			if _, found, _ := f.Find(t.Context(), "job", "row-200"); found {
				t.Error("a record that was not saved is found")
			}
			tt.fail(d, false)
			err = f.Save(t.Context(), "job", record(3))
			if tt.forGood != (err != nil) {
				t.Errorf("later: got error %v", err)
			}
			want := []Record{record(1)}
			if err == nil {
				want = append(want, record(3))
			}
			if d := cmp.Diff(want, load(t, f, "job")); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			f.Close()
			again, err := newFile(path, openDisk(t, path))
			if err != nil {
				t.Fatal(err)
			}
			defer again.disk.Close()
			if got := load(t, again, "job"); len(got) < len(want) {
				t.Errorf("opened again: got %d records, want %d", len(got), len(want))
			}
		})
	}
}

// Saves share syncs: at most one in 100 ms, and none waits longer than that.
func TestSyncs(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "answers")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		d := &badDisk{File: openDisk(t, path)}
		f, err := newFile(path, d)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		var wg sync.WaitGroup
		for i := range 1000 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * 3 * time.Millisecond)
				began := time.Now()
				if err := f.Save(context.Background(), "job", record(i)); err != nil {
					t.Error(err)
				}
				if took := time.Since(began); took > 100*time.Millisecond {
					t.Errorf("Save took %v", took)
				}
			})
		}
		wg.Wait()
		if n, most := d.syncs.Load(), int32(time.Since(start)/(100*time.Millisecond))+2; n > most || n < 5 {
			t.Errorf("%d syncs in %v, want at most %d", n, time.Since(start), most)
		}
		// Close waits for a Save that is under way.
		result := make(chan error, 1)
		go func() { result <- f.Save(context.Background(), "job", record(5000)) }()
		synctest.Wait()
		f.Close()
		if err := <-result; err != nil {
			t.Error(err)
		}
	})
}

// Records that would not be the same when they are read again are refused.
func TestUnsavable(t *testing.T) {
	t.Parallel()
	f := open(t, filepath.Join(t.TempDir(), "answers"))
	for _, r := range []Record{{}, {ID: "\xff"}} {
		if err := f.Save(t.Context(), "job", r); err == nil {
			t.Errorf("saved %+v", r)
		}
	}
	if err := f.Save(t.Context(), "", record(1)); err == nil {
		t.Error("saved for no job")
	}
}
