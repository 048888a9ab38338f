package server

import (
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/internal/clock"
)

// Bounds on how much of a body is read after the reply, and for how long.
const (
	maxDrained   = 256 << 20
	drainTimeout = 10 * time.Second
)

// Drained returns a handler that reads the rest of a body after next has replied. If
// a connection is closed while a part of the body is unread, it is reset, and the
// client may lose the reply (RFC 9112 §9.6).
func Drained(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 1 || r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(w, r) // HTTP/2 resets only the stream
			return
		}
		conn := http.NewResponseController(w)
		conn.EnableFullDuplex() // otherwise net/http closes the connection when the reply begins
		body := &watchedBody{ReadCloser: r.Body}
		r.Body = body
		next.ServeHTTP(w, r)
		expects := strings.EqualFold(r.Header.Get("Expect"), "100-continue")
		if body.ended || expects && !body.begun { // in the second case the client has sent nothing
			return
		}
		if conn.Flush() != nil {
			return
		}
		conn.SetReadDeadline(clock.ConnDeadline(drainTimeout))
		if _, err := io.CopyN(io.Discard, body.ReadCloser, maxDrained); err == io.EOF {
			conn.SetReadDeadline(time.Time{})
		}
	})
}

// watchedBody is a request body that records whether reading has begun and ended.
type watchedBody struct {
	io.ReadCloser
	begun, ended bool
}

func (b *watchedBody) Read(p []byte) (int, error) {
	b.begun = true
	n, err := b.ReadCloser.Read(p)
	b.ended = err == io.EOF
	return n, err
}
