package server

import (
	"bufio"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go/internal/memnet"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// dialHTTPSOnly returns a connection to a TLS server beneath which is HTTPSOnly. Both
// end with the test.
func dialHTTPSOnly(t *testing.T) net.Conn {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "over TLS") }))
	listener := memnet.Listen("there")
	s.Listener.Close()
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Listener = HTTPSOnly(listener)
	s.StartTLS()
	conn, err := listener.Dial(t.Context(), "tcp", "there")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		s.Close()
	})
	return conn
}

func TestHTTPSOnlyServesTLS(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		conn := tls.Client(dialHTTPSOnly(t), &tls.Config{InsecureSkipVerify: true})
		req := httptest.NewRequest("GET", "/", nil)
		if err := req.Write(conn); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), req)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(res.Body); string(body) != "over TLS" || err != nil {
			t.Errorf("body %q, %v", body, err)
		}
	})
}

func TestHTTPSOnlyRefusesPlainHTTP(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"short": "{}", "longer than a buffer": strings.Repeat("x", 200_000)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				conn := dialHTTPSOnly(t)
				req := httptest.NewRequest("POST", chatPath, strings.NewReader(body))
				if err := req.Write(conn); err != nil {
					t.Fatal(err)
				}
				res, err := http.ReadResponse(bufio.NewReader(conn), req)
				if err != nil {
					t.Fatal(err)
				}
				id := res.Header.Get(wire.HeaderRequestID)
				if res.StatusCode != 400 || !res.Close || res.Header.Get("Content-Type") != wire.ContentTypeJSON || !requestID.MatchString(id) {
					t.Errorf("%s, header %v", res.Status, res.Header)
				}
				want := wire.ErrorEnvelope{Error: wire.Error{Code: "invalid_request", Message: "API requests must be made over HTTPS", Type: "validation_error", RequestID: id}}
				if diff := cmp.Diff(want, decode[wire.ErrorEnvelope](t, res.Body)); diff != "" {
					t.Errorf("error (-want +got):\n%s", diff)
				}
				if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
					t.Errorf("the connection goes on: %v", err)
				}
			})
		})
	}
}

// A client that is silent but stays connected does not delay the server.
func TestHTTPSOnlyDoesNotLinger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		conn := dialHTTPSOnly(t)
		start := time.Now()
		conn.Write([]byte("GET"))
		const step = 10 * time.Millisecond
		for {
			if _, err := conn.Write([]byte("x")); err != nil {
				break
			}
			time.Sleep(step)
		}
		if d := time.Since(start); d < lingerTime || d > lingerTime+step {
			t.Errorf("took %v, want %v", d, lingerTime)
		}
	})
}

func TestHTTPSOnlyPassesErrorsOn(t *testing.T) {
	t.Parallel()
	inner := memnet.Listen("there")
	l := HTTPSOnly(inner)
	l.Close()
	if _, err := l.Accept(); err == nil {
		t.Error("a closed listener accepts")
	}
}
