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

// Secure returns a context that marks the requests of a connection as secure,
// for http.Server.ConnContext: those of a network that needs no TLS.
func Secure(ctx context.Context) context.Context { return context.WithValue(ctx, secureKey{}, true) }

// secure reports whether a request may be served: those over plain HTTP are
// rejected, says the product page.
func (s *Server) secure(r *http.Request) bool {
	return s.cfg.PlainHTTP || r.TLS != nil || r.Context().Value(secureKey{}) != nil
}

// HTTPSOnly returns a listener to put under one for TLS: a connection that
// begins with anything but a TLS handshake gets the documented error in plain
// HTTP, which TLS itself cannot say.
func HTTPSOnly(l net.Listener) net.Listener { return httpsOnly{l} }

type httpsOnly struct{ net.Listener }

func (l httpsOnly) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &httpsConn{Conn: c}, nil
}

// httpsConn looks at the first byte that it reads.
type httpsConn struct {
	net.Conn
	checked bool
}

// NetConn returns the connection beneath, as tls.Conn's does.
func (c *httpsConn) NetConn() net.Conn { return c.Conn }

// tlsHandshake is the type of the record that a TLS connection begins with
// (RFC 8446, section 5.1).
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

// The request is read for a moment after the reply has been written: closing
// with unread data would reset the connection and could take the reply along.
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
