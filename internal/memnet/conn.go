package memnet

import (
	"io"
	"net"
	"sync/atomic"
	"time"
)

// conn is one end of a connection: it reads from one pipe and writes to the
// other.
type conn struct {
	in, out       *pipe
	local, remote Addr
	reset         atomic.Bool // Close resets the connection
}

// newConns returns the two ends of a connection.
func newConns(client, server Addr) (c, s *conn) {
	up, down := newPipe(), newPipe()
	c = &conn{in: down, out: up, local: client, remote: server}
	s = &conn{in: up, out: down, local: server, remote: client}
	return c, s
}

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.in.read(b)
	return n, c.wrap("read", err)
}

func (c *conn) Write(b []byte) (int, error) {
	n, err := c.out.write(b)
	return n, c.wrap("write", err)
}

// Close ends both directions. The peer reads what was sent, then io.EOF, and its
// writes fail with EPIPE. After SetLinger(0), reads and writes of the peer fail
// with ECONNRESET.
func (c *conn) Close() error {
	toReader, toWriter := io.EOF, error(errBrokenPipe)
	if c.reset.Load() {
		toReader, toWriter = errReset, errReset
	}
	c.in.closeRead(toWriter)
	c.out.closeWrite(toReader)
	return nil
}

// CloseWrite ends the direction that c writes to: the peer reads what was sent,
// then io.EOF. c can still read what the peer sends.
func (c *conn) CloseWrite() error {
	c.out.closeWrite(io.EOF)
	return nil
}

// SetLinger works like that of *net.TCPConn: after SetLinger(0), Close resets the
// connection. Other values have no effect, since nothing that was sent is lost.
func (c *conn) SetLinger(sec int) error {
	c.reset.Store(sec == 0)
	return nil
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

func (c *conn) SetDeadline(t time.Time) error {
	c.in.setReadDeadline(t)
	c.out.setWriteDeadline(t)
	return nil
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.in.setReadDeadline(t)
	return nil
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.out.setWriteDeadline(t)
	return nil
}

// wrap wraps err as package net does for sockets. io.EOF is not wrapped.
func (c *conn) wrap(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &net.OpError{Op: op, Net: c.local.Net, Source: c.local, Addr: c.remote, Err: err}
}
