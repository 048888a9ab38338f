package processes

import (
	"io"
	"net"
	"sync/atomic"
	"time"
)

// A Proxy is a link to a Redis that can be slow or half-open.
type Proxy struct {
	listener net.Listener
	target   string
	delay    atomic.Int64 // each way, a time.Duration
	stalled  atomic.Bool
}

// StartProxy listens on a socket and forwards to another one.
func StartProxy(socket, target string) (*Proxy, error) {
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return nil, err
	}
	p := &Proxy{listener: listener, target: target}
	go p.serve()
	return p, nil
}

// Socket returns the path by which clients connect.
func (p *Proxy) Socket() string { return p.listener.Addr().String() }

// Delay sets the time that bytes take each way.
func (p *Proxy) Delay(d time.Duration) { p.delay.Store(int64(d)) }

// Stall loses everything that is sent, but keeps the connections, and accepts new
// ones, until it is called with false.
func (p *Proxy) Stall(stalled bool) { p.stalled.Store(stalled) }

// Close ends the proxy.
func (p *Proxy) Close() { p.listener.Close() }

func (p *Proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer client.Close()
			server, err := net.Dial("unix", p.target)
			if err != nil {
				return
			}
			defer server.Close()
			go p.forward(client, server)
			p.forward(server, client)
		}()
	}
}

// A packet is what was read at a time.
type packet struct {
	at   time.Time
	data []byte
}

// forward copies until either side is closed, and closes both.
func (p *Proxy) forward(from, to net.Conn) {
	packets := make(chan packet, 1024)
	go func() {
		defer from.Close()
		defer to.Close()
		for q := range packets {
			time.Sleep(time.Until(q.at.Add(time.Duration(p.delay.Load()))))
			if p.stalled.Load() {
				continue
			}
			if _, err := to.Write(q.data); err != nil {
				break
			}
		}
		io.Copy(io.Discard, from)
	}()
	defer close(packets)
	for {
		data := make([]byte, 64<<10)
		n, err := from.Read(data)
		if err != nil {
			return
		}
		packets <- packet{time.Now(), data[:n]}
	}
}
