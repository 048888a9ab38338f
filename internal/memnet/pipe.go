package memnet

import (
	"bytes"
	"net"
	"os"
	"sync"
	"time"
)

// pipeSize is how much one direction holds before its writer has to wait: as
// much as a socket's buffer usually does.
const pipeSize = 64 << 10

// pipe is one direction of a connection: one end writes, the other reads.
type pipe struct {
	mu      sync.Mutex
	changed sync.Cond // anything below; waiters hold mu
	buf     bytes.Buffer

	// Set by closeRead and closeWrite; a side's own close wins. What is in buf
	// is still read before readErr.
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

// closeRead ends the pipe from the reader's side: what it has not read is
// lost, and writes fail with writeErr.
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

// closeWrite ends the pipe from the writer's side: reads fail with readErr
// once what was written has been read.
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

// deadline is the time after which reads or writes fail; the zero time is
// none. Its timer wakes those who wait.
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
