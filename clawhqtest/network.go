package clawhqtest

import (
	"context"
	"crypto/x509"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/clawhq/clawhq-go/internal/memnet"
	"github.com/clawhq/clawhq-go/internal/server"
)

// network is how clients reach a server.
type network struct {
	origin string       // scheme and host
	client *http.Client // reaches the server
	close  func()

	certificate *x509.Certificate // nil without TLS
}

// listen starts to serve.
func listen(handler http.Handler, cfg config) network {
	errorLog := log.New(io.Discard, "", 0)
	if l := cfg.server.Logger; l != nil {
		errorLog = slog.NewLogLogger(l.Handler(), slog.LevelWarn)
	}
	if cfg.inMemory {
		return listenInMemory(handler, errorLog, cfg.server.PlainHTTP)
	}
	return listenOnLoopback(handler, errorLog, cfg.server.PlainHTTP)
}

// maxIdle is how many idle connections a client keeps. It is enough for a test with
// many goroutines, which would otherwise dial for each request.
const maxIdle = 256

func listenOnLoopback(handler http.Handler, errorLog *log.Logger, plain bool) network {
	s := httptest.NewUnstartedServer(server.Drained(handler))
	s.Config.ErrorLog = errorLog
	if plain {
		s.Start()
	} else {
		s.Listener = server.HTTPSOnly(s.Listener)
		s.StartTLS()
	}
	client := s.Client()
	transport := client.Transport.(*http.Transport)
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = maxIdle, maxIdle
	return network{s.URL, client, s.Close, s.Certificate()}
}

// Hosts of servers in memory. A client accepts plain HTTP only for a loopback host.
const (
	memoryHost      = "clawhq.test"
	memoryPlainHost = "localhost"
)

// secureNetwork is the network of connections that stand for TLS connections.
const secureNetwork = "tls"

func listenInMemory(handler http.Handler, errorLog *log.Logger, plain bool) network {
	origin, host := "https://"+memoryHost, memoryHost
	if plain {
		origin, host = "http://"+memoryPlainHost, memoryPlainHost
	}
	listener := memnet.Listen(host)
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		if name, _, err := net.SplitHostPort(address); err != nil || name != host {
			return nil, &net.OpError{Op: "dial", Net: network, Err: &net.DNSError{Err: "no such host", Name: address, IsNotFound: true}}
		}
		return listener.Dial(ctx, network, address)
	}
	transport := &http.Transport{
		DialContext: dial,
		DialTLSContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			return dial(ctx, secureNetwork, address)
		},
		MaxIdleConns:        maxIdle,
		MaxIdleConnsPerHost: maxIdle,
	}
	s := &http.Server{
		Handler:  server.Drained(handler),
		ErrorLog: errorLog,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if c.LocalAddr().Network() == secureNetwork {
				ctx = server.Secure(ctx)
			}
			return ctx
		},
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		s.Serve(listener) // until close
	}()
	return network{origin, &http.Client{Transport: transport}, sync.OnceFunc(func() {
		listener.Close() // Serve may not have begun to track it
		s.Close()
		<-served
		transport.CloseIdleConnections()
	}), nil}
}
