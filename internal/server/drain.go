package server

import (
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/internal/clock"
)

// How much of a body is read after its request was answered, and for how long.
const (
	maxDrained   = 256 << 20
	drainTimeout = 10 * time.Second
)

// Drained returns a handler that reads the rest of a body after next has replied. If
// the connection were closed with a part of the body unread, its reset could take the
// reply along (RFC 9112 §9.6).
func Drained(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 1 || r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(w, r) // HTTP/2 resets the stream alone
			return
		}
		conn := http.NewResponseController(w)
		conn.EnableFullDuplex() // or net/http closes the connection as soon as the reply begins
		body := &watchedBody{ReadCloser: r.Body}
		r.Body = body
		next.ServeHTTP(w, r)
		expects := strings.EqualFold(r.Header.Get("Expect"), "100-continue")
		if body.ended || expects && !body.begun { // in the latter case the client has sent nothing
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

// watchedBody is a body that knows how far it has been read.
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
