package bulk

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Errors of a File. They are wrapped with the file's path.
var (
	ErrInUse    = errors.New("the file is in use")                      // another process, or this one, has it open
	ErrFormat   = errors.New("the file is not one of this package")     // or it is damaged
	ErrOtherJob = errors.New("the file has the answers of another job") // a File belongs to one job
)

// A File is a [Store] and a [Finder] in a file of JSON Lines: a header with the
// job's name, and a line for each [Record]. It holds 24 bytes in memory for each
// record, and a map around them.
type File struct {
	path string
	disk disk

	saves sync.WaitGroup // groups that are not written yet

	mu     sync.Mutex // guards what follows
	job    string     // empty before the first record
	size   int64      // of the lines that are whole and synced
	index  map[shortID]int64
	group  *group        // takes the records that are saved now; nil if there is none
	latest chan struct{} // done of the newest group; nil before the first group
	synced time.Time     // when the latest group was written and synced
	broken error         // why nothing can be saved any more
	closed bool
}

// A disk is what a File needs of an *os.File.
type disk interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	Sync() error
}

// A group is records that are written and synced together.
type group struct {
	lines []byte
	ids   []shortID
	ends  []int // where each line ends in lines
	done  chan struct{}
	err   error // set before done is closed
}

// syncEvery is the least time between two syncs. So syncs cost little, and a
// record waits at most that long for one to begin.
const syncEvery = 100 * time.Millisecond

// OpenFile opens the file of a job, or creates it, readable by its owner only. One
// process at a time can have it open: for another, the error is [ErrInUse] and
// says which process holds it. Where files cannot be locked, OpenFile fails. Beside
// the file it keeps another one, with ".lock" added to the name, which Close
// removes and a crash leaves behind.
//
// If a crash has cut off the end of the file, it is opened without the lines that
// are not whole: Save has not returned for any of them. A file of another kind, or
// with a bad line between good ones, is left as it is: the error is [ErrFormat].
func OpenFile(path string) (*File, error) {
	locked, err := openLocked(path)
	if err != nil {
		return nil, fmt.Errorf("bulk: %w", err)
	}
	f, err := newFile(path, locked)
	if err != nil {
		return nil, errors.Join(err, locked.Close())
	}
	if err := os.WriteFile(holderPath(path), []byte(holder()), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("bulk: %w", err), locked.Close())
	}
	syncFolder(filepath.Dir(path))
	return f, nil
}

// newFile reads the file and cuts off what is not whole.
func newFile(path string, d disk) (*File, error) {
	f := &File{path: path, disk: d, index: map[shortID]int64{}}
	var err error
	f.job, f.size, err = parse(io.NewSectionReader(d, 0, 1<<62), func(at int64, r Record) bool {
		f.index[shorten(r.ID)] = at
		return true
	})
	if err == nil {
		err = d.Truncate(f.size)
	}
	if err != nil {
		return nil, f.failed(err)
	}
	return f, nil
}

// Close writes what is being saved, and gives the file up for others. Closing a
// closed File does nothing.
func (f *File) Close() error {
	f.mu.Lock()
	closed := f.closed
	f.closed = true
	f.mu.Unlock()
	if closed {
		return nil
	}
	f.saves.Wait()
	os.Remove(holderPath(f.path)) // before another process can hold the file
	return f.disk.Close()
}

// Load returns the records of the file, the oldest first.
func (f *File) Load(ctx context.Context, job string) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		f.mu.Lock()
		err, size := f.usable(job), f.size
		f.mu.Unlock()
		if err != nil {
			yield(Record{}, f.failed(err))
			return
		}
		left := false
		_, _, err = parse(io.NewSectionReader(f.disk, 0, size), func(_ int64, r Record) bool {
			left = ctx.Err() != nil || !yield(r, nil)
			return !left
		})
		if left && ctx.Err() == nil {
			return
		}
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			yield(Record{}, f.failed(err))
		}
	}
}

// Find returns the last record of an ID.
func (f *File) Find(_ context.Context, job, id string) (Record, bool, error) {
	f.mu.Lock()
	err := f.usable(job)
	at, found := f.index[shorten(id)]
	f.mu.Unlock()
	if err != nil || !found {
		return Record{}, false, f.failed(err)
	}
	line, err := readLine(bufio.NewReaderSize(io.NewSectionReader(f.disk, at, maxLine), 512))
	var r Record
	if err == nil {
		r, err = decodeRecord(bytes.TrimSuffix(line, newline))
	}
	if err != nil {
		return Record{}, false, f.failed(err)
	}
	return r, true, nil
}

// Save returns when the record is on the disk. Records that are saved at the same
// time are synced together, at most every 100 ms. If the disk is full, the error
// matches syscall.ENOSPC, and a later Save may succeed. After a failed sync
// nothing can be saved: open the file again.
func (f *File) Save(ctx context.Context, job string, r Record) error {
	line, err := encodeRecord(r)
	if err != nil {
		return f.failed(err)
	}
	f.mu.Lock()
	if err := errors.Join(f.broken, f.usable(job)); err != nil {
		f.mu.Unlock()
		return f.failed(err)
	}
	f.job = job
	g := f.group
	var before chan struct{}
	first := g == nil
	if first {
		g = &group{done: make(chan struct{})}
		before, f.group, f.latest = f.latest, g, g.done
		f.saves.Add(1)
	}
	g.lines = append(g.lines, line...)
	g.ids = append(g.ids, shorten(r.ID))
	g.ends = append(g.ends, len(g.lines))
	f.mu.Unlock()
	if first { // this call writes for all of the group
		f.write(g, before)
	}
	select {
	case <-g.done:
		return f.failed(g.err)
	case <-ctx.Done():
		return f.failed(context.Cause(ctx))
	}
}

// usable returns why the file cannot be used for a job. The caller holds mu.
func (f *File) usable(job string) error {
	switch {
	case f.closed:
		return fs.ErrClosed
	case f.job != "" && f.job != job:
		return fmt.Errorf("%w: %q, not %q", ErrOtherJob, f.job, job)
	case job == "":
		return errors.New("the job has no name")
	}
	return nil
}

// failed returns err with the file's path, nil if it is nil.
func (f *File) failed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("bulk: %s: %w", f.path, err)
}

// write writes and syncs a group when its time has come: before is closed when the
// group before it is written.
func (f *File) write(g *group, before chan struct{}) {
	defer f.saves.Done()
	if before != nil {
		<-before
	}
	f.mu.Lock()
	pause := time.Until(f.synced.Add(syncEvery))
	f.mu.Unlock()
	time.Sleep(pause)
	f.mu.Lock()
	f.group = nil
	size, job, broken := f.size, f.job, f.broken
	f.mu.Unlock()

	g.err = broken
	var head []byte
	if size == 0 {
		head = encodeHeader(job)
	}
	if g.err == nil {
		g.err, broken = f.append(size, append(head, g.lines...))
	}

	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken = broken
	f.synced = time.Now()
	if g.err == nil {
		f.size = size + int64(len(head)+len(g.lines))
		at := size + int64(len(head))
		for i, id := range g.ids {
			f.index[id] = at
			at = size + int64(len(head)+g.ends[i])
		}
	}
	close(g.done)
}

// append writes lines at the end and syncs them. If that fails, it cuts off what
// was written; broken is not nil if it is no longer known what is on the disk.
func (f *File) append(size int64, lines []byte) (err, broken error) {
	if _, err := f.disk.WriteAt(lines, size); err != nil {
		if cut := f.disk.Truncate(size); cut != nil {
			return err, fmt.Errorf("an earlier record was written in part: %w", errors.Join(err, cut))
		}
		return err, nil
	}
	if err := f.disk.Sync(); err != nil { // the kernel may have dropped what it could not write
		return err, fmt.Errorf("an earlier sync has failed: %w", err)
	}
	return nil, nil
}

// holderPath returns the name of the file that says who holds the file at path.
func holderPath(path string) string { return path + ".lock" }

// holder describes this process.
func holder() string {
	host, err := os.Hostname()
	if err != nil {
		host = "this host"
	}
	return fmt.Sprintf("process %d on %s since %s\n", os.Getpid(), host, time.Now().Format(time.DateTime))
}

// inUse returns the error of a file that is locked.
func inUse(path string) error {
	who := "another process"
	if text, err := os.ReadFile(holderPath(path)); err == nil && len(text) > 0 && len(text) < 512 {
		who = strings.TrimSpace(string(text))
	}
	return fmt.Errorf("%s: %w: held by %s", path, ErrInUse, who)
}
