package clawhq_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/internal/memnet"
	"github.com/clawhq/clawhq-go/internal/testkit"
)

// network is a server with TLS in memory, and the connections to it.
type network struct {
	server    *httptest.Server
	dials     atomic.Int32
	swallowed atomic.Int32 // connections dialled up to this one are dead
}

func newNetwork(t *testing.T, http2 bool, handler http.HandlerFunc) *network {
	n := &network{server: httptest.NewUnstartedServer(handler)}
	listener := memnet.Listen("in.memory:443")
	n.server.Listener = listener
	n.server.EnableHTTP2 = http2
	n.server.StartTLS()
	transport := n.server.Client().Transport.(*http.Transport)
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := listener.Dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &natConn{Conn: conn, network: n, number: n.dials.Add(1), closed: make(chan struct{})}, nil
	}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		n.server.CloseClientConnections()
		n.server.Close()
	})
	return n
}

// client returns a client of the network's server.
func (n *network) client(t *testing.T, opts ...clawhq.Option) *clawhq.Client {
	return testkit.Client(t, nil, append([]clawhq.Option{
		clawhq.WithHTTPClient(n.server.Client()), clawhq.WithBaseURL("https://example.com/api"),
	}, opts...)...)
}

// natConn is a connection that a NAT may have forgotten: what is written to it is
// lost, and nothing comes from it.
type natConn struct {
	net.Conn
	network *network
	number  int32
	closed  chan struct{}
	once    atomic.Bool
}

func (c *natConn) dead() bool { return c.number <= c.network.swallowed.Load() }

func (c *natConn) Write(p []byte) (int, error) {
	if c.dead() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

func (c *natConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.dead() {
		<-c.closed
		return 0, net.ErrClosed
	}
	return n, err
}

func (c *natConn) Close() error {
	if c.once.CompareAndSwap(false, true) {
		close(c.closed)
	}
	return c.Conn.Close()
}

// A kept connection that a NAT has swallowed costs one attempt, and no later call.
func TestSwallowedConnection(t *testing.T) {
	t.Parallel()
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(t, http2, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, testkit.OKBody) })
				client := n.client(t, clawhq.WithRateLimit(0))
				chat := func() int {
					var info clawhq.ResponseInfo
					if _, err := client.Chat(t.Context(), testkit.Hi, clawhq.WithResponseInfo(&info)); err != nil {
						t.Error(err)
					}
					return info.Attempts
				}
				chat()
				for round := range 3 { // the new connection may be swallowed as well
					n.swallowed.Store(n.dials.Load())
					if attempts := chat(); attempts > 3 || attempts < 2 {
						t.Errorf("round %d: %d attempts, want 2 or 3", round, attempts)
					}
					for range 10 {
						if attempts := chat(); attempts != 1 {
							t.Errorf("round %d, a later call: %d attempts", round, attempts)
						}
					}
				}
				if dials := n.dials.Load(); dials > 8 {
					t.Errorf("%d connections were made", dials)
				}
				time.Sleep(5 * time.Minute) // idle connections end
			})
		})
	}
}

// http.DefaultTransport is looked up when a call is made, as net/http does.
func TestDefaultTransportOfTheCall(t *testing.T) { // not parallel: it replaces http.DefaultTransport
	clients := map[string]*clawhq.Client{}
	for name, opts := range map[string][]clawhq.Option{"no http.Client": nil, "an empty one": {clawhq.WithHTTPClient(&http.Client{})}} {
		client, err := clawhq.NewClient(append(opts, clawhq.WithAPIKey(testkit.Key))...)
		if err != nil {
			t.Fatal(err)
		}
		clients[name] = client
	}
	before := http.DefaultTransport
	defer func() { http.DefaultTransport = before }()
	http.DefaultTransport = testkit.RoundTripFunc(func(*http.Request) (*http.Response, error) {
		return testkit.Reply(200, testkit.OKBody), nil
	})
	for name, client := range clients {
		if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// GET and DELETE announce no content, over HTTP/1.1 and HTTP/2.
func TestNoContentAnnounced(t *testing.T) {
	t.Parallel()
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(t, http2, func(w http.ResponseWriter, r *http.Request) {
					if r.ContentLength != 0 || r.TransferEncoding != nil || r.Header.Get("Content-Type") != "" {
						t.Errorf("%s %s: length %d, %v, %q", r.Method, r.URL.Path, r.ContentLength, r.TransferEncoding, r.Header.Get("Content-Type"))
					}
					fmt.Fprint(w, `{"models":[],"deleted":true}`)
				})
				client := n.client(t)
				if _, err := client.Models.List(t.Context()); err != nil {
					t.Error(err)
				}
				if err := client.Files.Delete(t.Context(), "file_1"); err != nil {
					t.Error(err)
				}
				if err := client.Do(t.Context(), "HEAD", "/v1/models", nil, nil); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A request that net/http sends again by itself counts as an attempt, and in the
// rate limit.
func TestReplaysByNetHTTPCount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		requests := 0
		n := newNetwork(t, false, func(w http.ResponseWriter, r *http.Request) {
			requests++
			if requests == 2 { // on the kept connection
				conn, _, _ := http.NewResponseController(w).Hijack()
				conn.Close()
				return
			}
			w.Header().Set("X-RateLimit-Limit", "3")
			w.Header().Set("X-RateLimit-Remaining", fmt.Sprint(3-requests))
			io.WriteString(w, `{"models":[]}`)
		})
		var retries int
		client := n.client(t, clawhq.WithTrace(&clawhq.Trace{Retry: func(context.Context, clawhq.TraceRetry) { retries++ }}))
		var attempts []int
		start := time.Now()
		for range 3 {
			var info clawhq.ResponseInfo
			if _, err := client.Models.List(t.Context(), clawhq.WithResponseInfo(&info)); err != nil {
				t.Error(err)
			}
			attempts = append(attempts, info.Attempts)
		}
		if attempts[0] != 1 || attempts[1] != 2 || attempts[2] != 1 || requests != 4 {
			t.Errorf("attempts %v, want [1 2 1]; the server saw %d requests", attempts, requests)
		}
		if took := time.Since(start); took < time.Minute { // three requests fill the limit
			t.Errorf("the fourth request came after %v, in a full window", took)
		}
	})
}

// No connection was made if a handshake fails or a proxy refuses: then even calls
// that must not happen twice are repeated.
func TestNoConnectionMade(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		handshake time.Duration // the transport's bound
		peer      func(net.Conn)
	}{
		"handshake is cut": {0, func(conn net.Conn) { conn.Read(make([]byte, 4<<10)) }},
		"handshake is refused": {0, func(conn net.Conn) {
			conn.Read(make([]byte, 4<<10))
			io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
		}},
		"handshake takes too long":       {time.Second, func(conn net.Conn) { io.Copy(io.Discard, conn) }},
		"handshake outlasts the attempt": {0, func(conn net.Conn) { io.Copy(io.Discard, conn) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				transport := &http.Transport{
					TLSHandshakeTimeout: tt.handshake,
					DialContext: func(context.Context, string, string) (net.Conn, error) {
						conn, peer := net.Pipe()
						time.AfterFunc(5*time.Minute, func() { peer.Close() }) // net/http goes on dialling without the call
						go func() {
							defer peer.Close()
							tt.peer(peer)
						}()
						return conn, nil
					},
				}
				client := testkit.Client(t, transport, clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 3}))
				var info clawhq.ResponseInfo
				_, err := client.Threads.Create(t.Context(), clawhq.CreateThreadRequest{}, clawhq.WithResponseInfo(&info))
				if err == nil || info.Attempts != 3 {
					t.Errorf("%d attempts, want 3: %v", info.Attempts, err)
				}
				time.Sleep(6 * time.Minute)
			})
		})
	}
	t.Run("an untrusted certificate", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork(t, true, func(http.ResponseWriter, *http.Request) {})
			n.server.Client().Transport.(*http.Transport).TLSClientConfig = &tls.Config{}
			n.server.Config.ErrorLog = nil
			var info clawhq.ResponseInfo
			_, err := n.client(t).Threads.Create(t.Context(), clawhq.CreateThreadRequest{}, clawhq.WithResponseInfo(&info))
			var cert *tls.CertificateVerificationError
			if !errors.As(err, &cert) || info.Attempts != 1 {
				t.Errorf("%d attempts, want 1: %v", info.Attempts, err)
			}
		})
	})
	t.Run("a proxy refuses", func(t *testing.T) {
		t.Parallel()
		requests := 0
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests++
			w.WriteHeader(http.StatusServiceUnavailable)
		}))
		defer proxy.Close()
		proxyURL, err := url.Parse(proxy.URL)
		if err != nil {
			t.Fatal(err)
		}
		transport := &http.Transport{Proxy: http.ProxyURL(proxyURL)}
		client := testkit.Client(t, transport, clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 3, MinWait: 1, MaxWait: 1}))
		if _, err := client.Threads.Create(t.Context(), clawhq.CreateThreadRequest{}); err == nil || requests != 3 {
			t.Errorf("%d requests, want 3: %v", requests, err)
		}
	})
}

// A connection that takes longer to make than one call's deadline serves the next.
func TestSlowConnect(t *testing.T) {
	t.Parallel()
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(t, http2, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, testkit.OKBody) })
				transport := n.server.Client().Transport.(*http.Transport)
				dial := transport.DialContext
				transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
					time.Sleep(3 * time.Second)
					return dial(context.WithoutCancel(ctx), network, addr)
				}
				client := n.client(t, clawhq.WithRateLimit(0))
				for i := range 3 {
					ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
					_, err := client.Chat(ctx, testkit.Hi)
					cancel()
					if (err == nil) != (i > 0) {
						t.Errorf("call %d: %v", i, err)
					}
					time.Sleep(5 * time.Second)
				}
				time.Sleep(10 * time.Minute)
			})
		})
	}
}

// A connection that is lost behind the headers of a reply is given up as well.
func TestSwallowedBehindTheHeaders(t *testing.T) {
	t.Parallel()
	for name, contentType := range map[string]string{"stream": "text/event-stream", "answer": "application/json"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				requests := 0
				var n *network
				n = newNetwork(t, true, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Type", contentType)
					requests++
					switch {
					case requests == 1:
						w.WriteHeader(200)
						http.NewResponseController(w).Flush()
						time.Sleep(time.Second)
						n.swallowed.Store(n.dials.Load())
						<-r.Context().Done()
					case contentType == "application/json":
						io.WriteString(w, testkit.OKBody)
					default:
						io.WriteString(w, "data: {\"content\":\"x\"}\n\ndata: [DONE]\n\n")
					}
				})
				client := n.client(t, clawhq.WithRateLimit(0))
				var info clawhq.ResponseInfo
				var err error
				if contentType == "application/json" {
					_, err = client.Chat(t.Context(), testkit.Hi, clawhq.WithResponseInfo(&info))
				} else {
					_, err = clawhq.CollectText(client.ChatStream(t.Context(), testkit.Hi, clawhq.WithResponseInfo(&info)))
				}
				if err != nil || info.Attempts != 2 {
					t.Errorf("%d attempts, want 2: %v", info.Attempts, err)
				}
				n.server.CloseClientConnections()
				time.Sleep(5 * time.Minute)
			})
		})
	}
}

// A time-out while other calls are answered gives no connection up.
func TestTimeoutBesideAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, true, func(w http.ResponseWriter, r *http.Request) {
			if body, _ := io.ReadAll(r.Body); strings.Contains(string(body), "slow") {
				<-r.Context().Done()
			}
			io.WriteString(w, testkit.OKBody)
		})
		client := n.client(t, clawhq.WithRateLimit(0), testkit.OneAttempt)
		for range 40 {
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				client.Chat(t.Context(), clawhq.ChatRequest{Message: "slow"}, clawhq.WithCallAttemptTimeout(3*time.Second))
			}()
			for range 5 {
				time.Sleep(time.Second)
				if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
					t.Error(err)
				}
			}
			<-ended
		}
		if dials := n.dials.Load(); dials != 1 {
			t.Errorf("%d connections were made, want 1", dials)
		}
	})
}
