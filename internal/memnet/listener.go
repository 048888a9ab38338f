// Package memnet is a network in memory: a net.Listener, and connections to it
// that behave like TCP connections but use no sockets.
//
//	l := memnet.Listen("clawhq.test:443")
//	go http.Serve(l, handler)
//	client := &http.Client{Transport: &http.Transport{DialContext: l.Dial}}
//
// All waits are durably blocking in the sense of package testing/synctest, so that
// client and server can run in a bubble and share its virtual time.
package memnet

import (
	"context"
	"net"
	"sync"
)

// Addr is the address of a listener or a connection.
type Addr struct{ Net, Address string }

// Network returns the network the address was dialled on.
func (a Addr) Network() string { return a.Net }

// String returns the address as it was dialled.
func (a Addr) String() string { return a.Address }

// A Listener accepts the connections that its Dial makes. Create it with
// Listen.
type Listener struct {
	addr   Addr
	conns  chan net.Conn
	closed chan struct{}
	close  func()
}

// Listen returns a listener with the given address. Several listeners may have the
// same address, since Dial is a method of the listener that it connects to.
func Listen(address string) *Listener {
	closed := make(chan struct{})
	return &Listener{
		addr:   Addr{"mem", address},
		conns:  make(chan net.Conn),
		closed: closed,
		close:  sync.OnceFunc(func() { close(closed) }),
	}
}

// Addr returns the listener's address.
func (l *Listener) Addr() net.Addr { return l.addr }

// Accept waits for a connection. Once the listener is closed, the error is a
// *net.OpError that wraps net.ErrClosed.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "accept", Net: l.addr.Net, Addr: l.addr, Err: net.ErrClosed}
	}
}

// Close refuses further connections. Accepted connections stay open.
func (l *Listener) Close() error {
	l.close()
	return nil
}

// Dial connects to the listener and waits until the connection is accepted. network
// and address only become the listener's address as both ends of the connection
// report it. Once the listener is closed, the error is a *net.OpError that wraps
// syscall.ECONNREFUSED.
func (l *Listener) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	addr := Addr{network, address}
	client, server := newConns(Addr{network, "client"}, addr)
	err := error(errRefused)
	select {
	case <-l.closed:
	case <-ctx.Done():
		err = context.Cause(ctx)
	default:
		select {
		case l.conns <- server:
			return client, nil
		case <-l.closed:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	return nil, &net.OpError{Op: "dial", Net: network, Addr: addr, Err: err}
}
