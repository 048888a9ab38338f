package server

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/clawhq/clawhq-go/internal/clock"
	"github.com/clawhq/clawhq-go/internal/wire"
)

const plainHTTPMessage = "API requests must be made over HTTPS"

type secureKey struct{}

// Secure marks all requests of a connection as secure. It is for
// http.Server.ConnContext, with a network that needs no TLS, such as one in memory.
func Secure(ctx context.Context) context.Context { return context.WithValue(ctx, secureKey{}, true) }

// secure reports whether a request may be served. According to the product page,
// requests over plain HTTP are rejected.
func (s *Server) secure(r *http.Request) bool { return s.cfg.PlainHTTP || overTLS(r) }

// overTLS reports whether a request came over TLS or over a network that Secure marks.
func overTLS(r *http.Request) bool { return r.TLS != nil || r.Context().Value(secureKey{}) != nil }

// HTTPSOnly returns a listener to be used beneath a TLS listener. If a connection
// begins with anything but a TLS handshake, the client gets the documented error in
// plain HTTP. TLS itself could not send it.
func HTTPSOnly(l net.Listener) net.Listener { return httpsOnly{l} }

type httpsOnly struct{ net.Listener }

func (l httpsOnly) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &httpsConn{Conn: c}, nil
}

// httpsConn is a connection that checks its first byte.
type httpsConn struct {
	net.Conn
	checked bool
}

// NetConn returns the connection beneath, as tls.Conn's does.
func (c *httpsConn) NetConn() net.Conn { return c.Conn }

// tlsHandshake is the type of the first record of a TLS connection (RFC 8446 §5.1).
const tlsHandshake = 0x16

func (c *httpsConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n == 0 || c.checked {
		return n, err
	}
	c.checked = true
	if b[0] != tlsHandshake {
		c.refuse()
		return 0, io.EOF
	}
	return n, err
}

// After the reply, refuse reads the request for a moment: closing the connection with
// unread data would reset it, and the client could lose the reply.
const (
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 4 * wire.MaxBodyBytes
)

func (c *httpsConn) refuse() {
	id := wire.RequestIDStart + hexID()
	body := encodeJSON(wire.ErrorEnvelope{Error: wire.Error{
		Code:      wire.CodeInvalidRequest,
		Message:   plainHTTPMessage,
		Type:      wire.Codes[wire.CodeInvalidRequest].Type,
		RequestID: id,
	}})
	c.Conn.SetDeadline(clock.ConnDeadline(lingerTime))
	fmt.Fprintf(c.Conn, "HTTP/1.1 400 Bad Request\r\nContent-Type: %s\r\nContent-Length: %d\r\n%s: %s\r\nConnection: close\r\n\r\n%s",
		wire.ContentTypeJSON, len(body), wire.HeaderRequestID, id, body)
	io.CopyN(io.Discard, c.Conn, lingerBytes)
}
