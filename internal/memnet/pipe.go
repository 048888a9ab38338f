package memnet

import (
	"bytes"
	"net"
	"os"
	"sync"
	"time"
)

// pipeSize is how many bytes a pipe holds before its writer must wait. It is the
// usual size of a socket's buffer.
const pipeSize = 64 << 10

// pipe is one direction of a connection: one end writes, the other reads.
type pipe struct {
	mu      sync.Mutex
	changed sync.Cond // signals a change of any field below
	buf     bytes.Buffer

	// closeRead and closeWrite set these errors. The error of a side's own close
	// takes precedence. The bytes in buf are still read before readErr.
	readErr, writeErr error

	readDeadline, writeDeadline deadline
}

func newPipe() *pipe {
	p := &pipe{}
	p.changed.L = &p.mu
	return p
}

func (p *pipe) read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case p.readDeadline.passed():
			return 0, os.ErrDeadlineExceeded
		case p.buf.Len() > 0:
			n, _ := p.buf.Read(b)
			p.changed.Broadcast()
			return n, nil
		case p.readErr != nil:
			return 0, p.readErr
		case len(b) == 0:
			return 0, nil
		}
		p.changed.Wait()
	}
}

func (p *pipe) write(b []byte) (n int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case p.writeErr != nil:
			return n, p.writeErr
		case p.writeDeadline.passed():
			return n, os.ErrDeadlineExceeded
		}
		if room := min(pipeSize-p.buf.Len(), len(b)-n); room > 0 {
			p.buf.Write(b[n : n+room])
			n += room
			p.changed.Broadcast()
		}
		if n == len(b) {
			return n, nil
		}
		p.changed.Wait()
	}
}

// closeRead ends the pipe from the reader's side: unread bytes are lost, and writes
// fail with writeErr.
func (p *pipe) closeRead(writeErr error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.buf = bytes.Buffer{}
	p.readErr = net.ErrClosed
	if p.writeErr == nil {
		p.writeErr = writeErr
	}
	p.readDeadline.stop()
	p.changed.Broadcast()
}

// closeWrite ends the pipe from the writer's side: once all bytes have been read,
// reads fail with readErr.
func (p *pipe) closeWrite(readErr error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writeErr = net.ErrClosed
	if p.readErr == nil {
		p.readErr = readErr
	}
	p.writeDeadline.stop()
	p.changed.Broadcast()
}

func (p *pipe) setReadDeadline(t time.Time)  { p.setDeadline(&p.readDeadline, t) }
func (p *pipe) setWriteDeadline(t time.Time) { p.setDeadline(&p.writeDeadline, t) }

func (p *pipe) setDeadline(d *deadline, t time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d.stop()
	d.at = t
	if wait := time.Until(t); !t.IsZero() && wait > 0 {
		d.timer = time.AfterFunc(wait, func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.changed.Broadcast()
		})
	}
	p.changed.Broadcast()
}

// deadline is the time after which reads or writes fail; the zero time is no
// deadline. Its timer wakes waiting goroutines.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}
