package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Bounds on the lines of an output that nobody has read yet, and on the time that
// close waits for a reader.
const (
	maxUnreadBytes = 1 << 20
	flushTimeout   = time.Second
)

// An output writes lines to a pipe or a file whose reader may be slow, or may have
// stopped reading. Write never waits: lines beyond maxUnreadBytes are dropped, and a
// line says how many. After the first error, everything is dropped.
type output struct {
	mu      sync.Mutex
	lines   [][]byte
	bytes   int // of lines
	dropped int // number of lines that were dropped since the last accepted one
	closed  bool
	wake    chan struct{} // has an element if lines, dropped or closed have changed
	done    chan struct{} // closed when everything has been written
}

// newOutput returns an output to w. The caller must call close.
func newOutput(w io.Writer) *output {
	o := &output{wake: make(chan struct{}, 1), done: make(chan struct{})}
	go o.write(w)
	return o
}

// Write adds one line or several.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closed:
	case o.bytes+len(p) > maxUnreadBytes:
		o.dropped++
	default:
		o.report()
		o.add(append([]byte(nil), p...))
	}
	o.signal()
	return len(p), nil
}

// report adds the line about dropped lines. Call it with o.mu held.
func (o *output) report() {
	if o.dropped > 0 {
		o.add(fmt.Appendf(nil, "clawhq-server: dropped %d lines that nobody read in time\n", o.dropped))
		o.dropped = 0
	}
}

func (o *output) add(line []byte) {
	o.lines = append(o.lines, line)
	o.bytes += len(line)
}

func (o *output) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// write writes lines until the output is closed.
func (o *output) write(w io.Writer) {
	defer close(o.done)
	var failed error
	for range o.wake {
		for {
			line, last := o.next()
			if last {
				return
			}
			if line == nil {
				break
			}
			if failed == nil {
				_, failed = w.Write(line)
			}
		}
	}
}

// next returns the next line; nil if there is none now. last is true if there will be
// none.
func (o *output) next() (line []byte, last bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.lines) == 0 {
		o.report()
	}
	if len(o.lines) == 0 {
		return nil, o.closed
	}
	line, o.lines[0], o.lines = o.lines[0], nil, o.lines[1:]
	o.bytes -= len(line)
	return line, false
}

// close waits until everything has been written, but no longer than flushTimeout.
func (o *output) close() {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	o.signal()
	select {
	case <-o.done:
	case <-time.After(flushTimeout):
	}
}
