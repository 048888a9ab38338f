package proof_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/internal/memnet"
	"github.com/clawhq/clawhq-go/internal/testkit"
)

// In TestTorture a server answers thousands of requests with nonsense of every
// kind. Nothing panics or hangs, no goroutine is left behind, every outcome is a
// documented one, and calls count all of their requests. An answer depends only on
// the seed, the call and the attempt:
//
//	go test -run TestTorture ./internal/proof -seed N
var seed = flag.Uint64("seed", 0, "of TestTorture; 0 is a new one")

func TestTorture(t *testing.T) {
	// net/http logs bytes that follow the end of a reply.
	log.SetOutput(io.Discard)
	defer log.SetOutput(os.Stderr)

	const calls, workers = tortured, 50
	seed := *seed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d", seed)
	synctest.Test(t, func(t *testing.T) {
		listener := memnet.Listen("torture.example")
		var opened, closed atomic.Int64
		transport := &http.Transport{
			DialTLSContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				c, err := listener.Dial(ctx, network, addr)
				if err != nil {
					return nil, err
				}
				opened.Add(1)
				return &countedConn{Conn: c, closed: &closed}, nil
			},
			ResponseHeaderTimeout: time.Minute,
		}
		o := &tormentor{seed: seed, attempts: map[string]int{}}
		var served sync.WaitGroup
		served.Go(func() {
			for {
				c, err := listener.Accept()
				if err != nil {
					return
				}
				served.Go(func() { o.torment(c) })
			}
		})

		// Some of the clients shape their calls by the rate limits in the replies.
		var clients []*clawhq.Client
		for _, opts := range [][]clawhq.Option{{clawhq.WithRateLimit(0)}, {clawhq.WithRateLimit(0)}, {clawhq.WithRateLimit(0)}, nil} {
			client, err := clawhq.NewClient(append([]clawhq.Option{
				clawhq.WithAPIKey(testkit.Key), clawhq.WithBaseURL("https://torture.example/api"), clawhq.WithHTTPClient(&http.Client{Transport: transport}),
				clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 2, MaxRetryAfter: 10 * time.Second}),
				clawhq.WithAttemptTimeout(20 * time.Second), clawhq.WithStreamIdleTimeout(10 * time.Second),
			}, opts...)...)
			if err != nil {
				t.Fatal(err)
			}
			clients = append(clients, client)
		}
		var mu sync.Mutex
		outcomes := map[string]int{}
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				for i := range calls / workers {
					ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
					client, id := clients[i%len(clients)], fmt.Sprintf("%d/%d", w, i)
					var info clawhq.ResponseInfo
					opts := []clawhq.CallOption{clawhq.WithClientRequestID(id), clawhq.WithResponseInfo(&info)}
					var err error
					if (w+i/len(clients))%2 == 0 {
						_, err = client.Chat(ctx, testkit.Hi, opts...)
					} else {
						_, err = clawhq.CollectText(client.ChatStream(ctx, testkit.Hi, opts...))
					}
					cancel()
					what := outcomeOf(err)
					if errors.Is(err, clawhq.ErrThrottled) {
						what = "ErrThrottled"
					}
					if what == "" {
						t.Errorf("%s: not a documented outcome: %T: %v", id, err, err)
					}
					if seen := o.seen(id); seen > info.Attempts {
						t.Errorf("%s: the call counted %d requests, the server %d", id, info.Attempts, seen)
					}
					mu.Lock()
					outcomes[what]++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		transport.CloseIdleConnections()
		listener.Close()
		served.Wait()
		synctest.Wait()
		t.Logf("%d calls over %d connections: %v", calls, opened.Load(), outcomes)
		if opened.Load() != closed.Load() {
			t.Errorf("%d connections were opened, %d closed", opened.Load(), closed.Load())
		}
		if len(outcomes) < 10 || outcomes["ok"] < calls/20 || outcomes["ok"] > calls/2 {
			t.Errorf("outcomes are %v: the server is too kind, or not kind enough", outcomes)
		}
	})
}

type countedConn struct {
	net.Conn
	once   sync.Once
	closed *atomic.Int64
}

func (c *countedConn) Close() error {
	c.once.Do(func() { c.closed.Add(1) })
	return c.Conn.Close()
}

// outcomeOf names a documented outcome, and is empty for any other.
func outcomeOf(err error) string {
	var api *clawhq.APIError
	switch {
	case err == nil:
		return "ok"
	case strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "clawhq: POST /v1/chat: "):
		return ""
	case errors.As(err, &api):
		if e := specific(err); e != nil && api.Method == "POST" && api.Path == "/v1/chat" && api.Attempts > 0 && len(api.Body) <= 4096 && api.RetryAfter >= 0 {
			return strings.TrimPrefix(fmt.Sprintf("%T", e), "*clawhq.")
		}
		return ""
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	default:
		return "no reply" // the error wraps the cause
	}
}

// A tormentor is a server that answers with nonsense.
type tormentor struct {
	seed uint64

	mu       sync.Mutex
	attempts map[string]int // by client request id
}

// seen returns how many requests of a call have arrived.
func (o *tormentor) seen(id string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.attempts[id]
}

// randomness returns the source that decides the answer to the next request of a
// call.
func (o *tormentor) randomness(id string) *rand.Rand {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.attempts[id]++
	h := fnv.New64a()
	fmt.Fprint(h, id, " ", o.attempts[id])
	return rand.New(rand.NewPCG(o.seed, h.Sum64()))
}

// torment serves one connection.
func (o *tormentor) torment(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return
		}
		r := o.randomness(req.Header.Get("X-Client-Request-Id"))
		if r.IntN(20) == 0 {
			time.Sleep(time.Duration(r.IntN(40)) * time.Second)
		}
		answer := nonsense(r, req.Header.Get("Accept") == "text/event-stream")
		if r.IntN(6) == 0 {
			answer = answer[:r.IntN(len(answer)+1)] // cut
		}
		for len(answer) > 0 {
			n := min(len(answer), 1+r.IntN(8192))
			if _, err := c.Write(answer[:n]); err != nil {
				return
			}
			answer = answer[n:]
			if r.IntN(50) == 0 {
				time.Sleep(time.Duration(r.IntN(15)) * time.Second)
			}
		}
		if r.IntN(4) == 0 {
			return
		}
	}
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

var large = bytes.Repeat([]byte("x"), 70_000)

// nonsense returns a reply that is right in part, wrong in part, or meaningless.
func nonsense(r *rand.Rand, stream bool) []byte {
	switch r.IntN(15) {
	case 0:
		return noise(r, 1000)
	case 1, 2, 3:
		return sense(stream)
	}
	status := pick(r, 200, 200, 200, 200, 200, 204, 206, 299, 301, 307, 308, 400, 401, 403, 404, 409, 418, 429, 429, 500, 502, 503, 504, 599, 100+r.IntN(900))
	body := pick(r,
		[]byte(testkit.OKBody), []byte(testkit.OKBody), []byte(`{"response":null}`), []byte(`{"response":`), []byte("null"), []byte("[]"), nil,
		[]byte(`{"error":{"code":"model_error","message":"m","type":"model_error","request_id":"req_1"}}`), []byte(`{"error":"text"}`),
		[]byte(`{"error":{"code":{},"message":7}}`), []byte("<html>"), large, noise(r, 300),
	)
	if stream && r.IntN(4) > 0 {
		body = events(r)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", status, pick(r, "OK", "", "Nonsense"))
	header := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	header("Content-Type", pick(r, "text/event-stream", "text/event-stream", "text/event-stream; charset=utf-8", "application/json", "text/html", "", ";;;", "a/b/c"))
	header("X-Request-Id", pick(r, "req_1", "", strings.Repeat("r", 5000), "req \t x"))
	if r.IntN(3) == 0 {
		header("Retry-After", pick(r, "0", "1", "7", "-1", "1793675129406", "99999999999999999999", "soon", "Fri, 31 Dec 9999 23:59:59 GMT", "1e9", ""))
	}
	if r.IntN(3) == 0 {
		header("X-RateLimit-Limit", pick(r, "60", "-60", "0", "99999999999999999999", "many"))
		header("X-RateLimit-Remaining", pick(r, "59", "-1", "9999", ""))
		header("X-RateLimit-Reset", pick(r, "1795470840", "1795470840000", "-1", "9223372036854775807"))
	}
	if status/100 == 3 {
		header("Location", pick(r, "/api/v1/chat", "https://torture.example/api/v1/chat", "https://elsewhere.example/", "http://torture.example/", "%zz", ""))
	}
	if r.IntN(10) == 0 {
		header("X-Huge", string(large[:20_000]))
	}
	switch r.IntN(10) {
	case 0:
		header("Content-Encoding", "gzip") // the body is not compressed
	case 1:
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		w.Write(body)
		w.Close()
		body = z.Bytes()[:r.IntN(z.Len()+1)]
		header("Content-Encoding", "gzip")
	case 2:
		header("Transfer-Encoding", "chunked")
		body = append([]byte(pick(r, "5\r\nhello\r\n", "zz\r\n", "fffffffffffffffff\r\n", "-1\r\n", "3\r\nabc\r\n0\r\n\r\n")), body...)
	case 3: // the body ends with the connection
	default:
		header("Content-Length", fmt.Sprint(pick(r, len(body), len(body), len(body), len(body), len(body)+10, max(0, len(body)-3), -1)))
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}

// sense returns a proper reply.
func sense(stream bool) []byte {
	contentType, body := "application/json", testkit.OKBody
	if stream {
		contentType, body = "text/event-stream", "data: {\"content\":\"Hello.\"}\n\ndata: [DONE]\n\n"
	}
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\nX-RateLimit-Limit: 300\r\nX-RateLimit-Remaining: 299\r\n\r\n%s", contentType, len(body), body)
}

// events returns a stream, in which something is often wrong.
func events(r *rand.Rand) []byte {
	var b bytes.Buffer
	for range r.IntN(20) {
		b.WriteString(pick(r,
			"data: {\"content\":\"word \"}\n\n", "data: {\"content\":\"word \"}\n\n", "data: {\"content\": \"\\u00e9\"}\r\n\r\n", ": comment\n\n",
			"event: x\nid: 1\nretry: 9\ndata: {}\n\n", "data: {\"content\":\"a\"}\rdata: \r\r",
		))
	}
	b.WriteString(pick(r,
		"data: [DONE]\n\n", "data: [DONE]\n\n", "data: [DONE]", "", "data: oops\n\n", "data: {\"error\":{\"code\":\"stream_error\",\"message\":\"m\"}}\n\ndata: [DONE]\n\n",
		"data: {\"content\":7}\n\n", "data: {\"content\":\""+strings.Repeat("x", 5000), string(noise(r, 300)),
	))
	return b.Bytes()
}

func noise(r *rand.Rand, most int) []byte {
	b := make([]byte, r.IntN(most))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}
