// Command flood posts endless bodies to a URL for eight seconds: 100 at once over each
// of 400 HTTP/2 connections. The tests of clawhq-server run it as a process of its own,
// since the race detector cannot have as many goroutines.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"net/http"
	"os"
	"sync"
	"time"
)

const (
	connections = 400
	streams     = 100 // of each
	duration    = 8 * time.Second
)

// slow is a body of x that does not end before ctx.
type slow struct{ ctx context.Context }

func (b slow) Read(p []byte) (int, error) {
	select {
	case <-b.ctx.Done():
		return 0, b.ctx.Err()
	case <-time.After(10 * time.Millisecond):
	}
	return copy(p, bytes.Repeat([]byte("x"), min(len(p), 512))), nil
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), duration)
	defer cancel()
	var callers sync.WaitGroup
	for range connections {
		transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true, MaxConnsPerHost: 1}
		for range streams {
			callers.Go(func() {
				request, err := http.NewRequestWithContext(ctx, http.MethodPost, os.Args[1], slow{ctx})
				if err != nil {
					panic(err)
				}
				if response, err := transport.RoundTrip(request); err == nil {
					response.Body.Close()
				}
			})
		}
	}
	callers.Wait()
}
