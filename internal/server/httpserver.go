package server

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/clawhq/clawhq-go/internal/clock"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// Bounds on the connections to a server that strangers can reach.
const (
	headerTimeout  = 10 * time.Second
	bodyTimeout    = 20 * time.Second
	idleTimeout    = 60 * time.Second
	maxHeaderBytes = 16 << 10
	maxStreams     = 100 // at once, on a connection over HTTP/2
	maxUnread      = 64 << 10
)

// MaxRequests is how many requests a program handles at once. Further requests get
// 503. LimitConns does not bound them, since an HTTP/2 connection has many requests.
const MaxRequests = MaxConns

// MaxConns is how many connections a program should serve at once. See LimitConns.
const MaxConns = 2048

// NewHTTPServer returns an http.Server for a long-running program. It closes
// connections that do not send a request, its header or its body in time, but a reply
// may be streamed for any length of time. A header may have 16 KiB.
func NewHTTPServer(handler http.Handler) *http.Server {
	drained := limitRequests(Drained(handler))
	return &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Body != http.NoBody {
				r.Body = newTimedBody(w, r.Body)
			}
			drained.ServeHTTP(w, r)
		}),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          maxStreams,
			MaxReceiveBufferPerConnection: maxUnread,
			MaxReceiveBufferPerStream:     maxUnread,
			WriteByteTimeout:              bodyTimeout,
		},
	}
}

// limitRequests answers 503 to requests while MaxRequests others are being handled.
func limitRequests(next http.Handler) http.Handler {
	slots := make(chan struct{}, MaxRequests)
	refusal := encodeJSON(wire.FlatError{Error: fmt.Sprintf("%d requests are being handled, which is the maximum", MaxRequests)})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
			next.ServeHTTP(w, r)
		default:
			w.Header().Set("Content-Type", wire.ContentTypeJSON)
			w.WriteHeader(http.StatusServiceUnavailable)
			w.Write(refusal)
		}
	})
}

// timedBody is a body that must arrive within bodyTimeout. Unlike http.Server's
// ReadTimeout, it does not limit the time after the body.
type timedBody struct {
	io.ReadCloser
	conn *http.ResponseController
}

func newTimedBody(w http.ResponseWriter, body io.ReadCloser) timedBody {
	b := timedBody{body, http.NewResponseController(w)}
	b.conn.SetReadDeadline(clock.ConnDeadline(bodyTimeout))
	return b
}

func (b timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.conn.SetReadDeadline(time.Time{})
	}
	return n, err
}

// LimitConns returns a listener with at most n open connections. Further connections
// wait until one closes.
func LimitConns(l net.Listener, n int) net.Listener {
	return &limitedListener{Listener: l, open: make(chan struct{}, n), closed: make(chan struct{})}
}

type limitedListener struct {
	net.Listener
	open   chan struct{}
	once   sync.Once
	closed chan struct{}
}

func (l *limitedListener) Accept() (net.Conn, error) {
	select {
	case l.open <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.open
		return nil, err
	}
	return &limitedConn{Conn: c, release: sync.OnceFunc(func() { <-l.open })}, nil
}

func (l *limitedListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type limitedConn struct {
	net.Conn
	release func()
}

// NetConn returns the underlying connection, as that of tls.Conn does.
func (c *limitedConn) NetConn() net.Conn { return c.Conn }

func (c *limitedConn) Close() error {
	defer c.release()
	return c.Conn.Close()
}
