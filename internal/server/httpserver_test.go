package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go/internal/memnet"
)

// A connection is closed in time if its request does not come, or not completely. One
// with a stream is not.
func TestTimeouts(t *testing.T) {
	const forever = 24 * time.Hour
	header := "POST /api/v1/chat HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Length: 200\r\n"
	for name, tc := range map[string]struct {
		sent  string
		lasts time.Duration
	}{
		"nothing":       {"", headerTimeout},
		"half a header": {header, headerTimeout},
		"half a body":   {header + "\r\n{", bodyTimeout},
		"idle":          {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", idleTimeout},
		"stream":        {"POST /api/v1/chat HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Length: 31\r\n\r\n" + `{"message":"hi", "stream":true}`, forever},
		"long header":   {header + "X: " + strings.Repeat("x", 2*maxHeaderBytes) + "\r\n\r\n", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t, Config{PlainHTTP: true, Limits: LimitsFor(1 << 20)})
				s.Inject(FaultStreamStall(0))
				l := memnet.Listen("localhost")
				h := NewHTTPServer(s)
				go h.Serve(l)
				defer h.Close()
				defer s.Close()
				conn, err := l.Dial(t.Context(), "tcp", "localhost")
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				start := time.Now()
				sent := strings.Replace(tc.sent, "%s", s.key, 1)
				if _, err := io.WriteString(conn, sent); err != nil {
					t.Fatal(err)
				}
				conn.SetReadDeadline(start.Add(forever))
				_, err = io.Copy(io.Discard, conn)
				if took := time.Since(start); took != tc.lasts {
					t.Errorf("closed after %v (%v), want %v", took, err, tc.lasts)
				}
				time.Sleep(time.Second) // net/http lingers before it closes
			})
		})
	}
}

// Only so many connections are served, and each that closes makes room for another.
func TestLimitConns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := memnet.Listen("localhost")
		l := LimitConns(inner, 2)
		h := NewHTTPServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hi") }))
		ended := make(chan error)
		go func() { ended <- h.Serve(l) }()
		dial := func() (net.Conn, error) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			return inner.Dial(ctx, "tcp", "localhost")
		}
		var conns []net.Conn
		for range 2 {
			c, err := dial()
			if err != nil {
				t.Fatal(err)
			}
			conns = append(conns, c)
		}
		if _, err := dial(); err == nil {
			t.Error("a third connection was accepted")
		}
		conns[0].Close()
		c, err := dial()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if _, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil {
			t.Error(err)
		}
		h.Close()
		if err := <-ended; err != http.ErrServerClosed {
			t.Error(err)
		}
		c.Close()
		conns[1].Close()
	})
}

// While as many requests are handled as may be, a further one is refused; one that
// ends makes room.
func TestLimitRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		proceed := make(chan struct{})
		h := NewHTTPServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.Method == "POST" {
				<-proceed
			}
		})).Handler
		status := func(method string) int {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(method, "/", nil))
			return w.Code
		}
		for range MaxRequests {
			go status("POST")
		}
		synctest.Wait()
		if got := status("GET"); got != http.StatusServiceUnavailable {
			t.Errorf("one more: status %d, want 503", got)
		}
		proceed <- struct{}{}
		synctest.Wait()
		if got := status("GET"); got != http.StatusOK {
			t.Errorf("after one has ended: status %d, want 200", got)
		}
		close(proceed)
	})
}

// docs/server.md has the bounds as they are.
func TestDocumentedBounds(t *testing.T) {
	page, err := os.ReadFile("../../docs/server.md")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(string(page)), " ")
	for _, want := range []string{
		fmt.Sprintf("%d deliveries are attempted at a time, and %s wait", deliveriesAtOnce, thousands(deliveriesWaiting)),
		fmt.Sprintf("serves %s connections and handles %s requests at once", thousands(MaxConns), thousands(MaxRequests)),
		fmt.Sprintf("An agent is shown the last %d messages of a session or thread.", historyTurns),
		fmt.Sprintf("no complete header arrives within %.0f s, no complete body within %.0f s, or nothing for %.0f s",
			headerTimeout.Seconds(), bodyTimeout.Seconds(), idleTimeout.Seconds()),
	} {
		if !strings.Contains(text, want) {
			t.Errorf("docs/server.md does not say: %s", want)
		}
	}
}

// thousands returns n as prose has it.
func thousands(n int) string { return fmt.Sprintf("%d,%03d", n/1000, n%1000) }
