package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// What an output holds of lines that nobody has read yet, and how long its end waits
// for a reader.
const (
	maxUnreadBytes = 1 << 20
	flushTimeout   = time.Second
)

// An output writes lines to a pipe or file whose reader may be slow, or may have
// stopped reading. A writer never waits: lines beyond maxUnreadBytes are dropped, and
// a line says how many. The first error of a write drops everything after it.
type output struct {
	mu      sync.Mutex
	lines   [][]byte
	bytes   int // of lines
	dropped int // lines since the last one that was accepted
	closed  bool
	wake    chan struct{} // has an element when lines, dropped or closed have changed
	done    chan struct{} // closed when everything is written
}

// newOutput returns an output to w. The caller must call close.
func newOutput(w io.Writer) *output {
	o := &output{wake: make(chan struct{}, 1), done: make(chan struct{})}
	go o.write(w)
	return o
}

// Write accepts a line, or several.
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

// report adds the line about those that were dropped. Call it with o.mu held.
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

// next takes the next line. It is nil if there is none now, and last if there will be
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

// close waits until everything is written, but no longer than flushTimeout.
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
