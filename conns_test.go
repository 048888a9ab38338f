package clawhq_test

import (
	"net/http"
	"net/http/httptrace"
	"sync"
)

// countingConns is a transport that counts the requests and the connections
// they took.
type countingConns struct {
	http.RoundTripper

	mu              sync.Mutex
	fresh, requests int
}

func (c *countingConns) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.requests++
	c.mu.Unlock()
	return c.RoundTripper.RoundTrip(r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			c.mu.Lock()
			defer c.mu.Unlock()
			if !info.Reused {
				c.fresh++
			}
		},
	})))
}
