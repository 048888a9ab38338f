package server

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// call is one request on its way through the server.
type call struct {
	s     *Server
	state *state
	w     http.ResponseWriter
	r     *http.Request
	id    string
	body  []byte // at most one byte over the limit

	ctx    context.Context // done when the client leaves or the server closes
	cancel context.CancelCauseFunc

	entry   *Request  // in the journal; guarded by s.mu
	key     *key      // set by authorize
	counted bool      // as one of the key's failures; guarded by s.mu
	limit   rateLimit // set by authorize
	fault   Fault     // taken by faulted
}

// begin starts a call, which end ends.
func (s *Server) begin(w http.ResponseWriter, r *http.Request) *call {
	c := &call{s: s, w: w, r: r, id: wire.RequestIDStart + hexID()}
	c.ctx, c.cancel = context.WithCancelCause(r.Context())
	c.entry = newEntry(r, c.id)

	s.mu.Lock()
	defer s.mu.Unlock()
	c.state = s.state
	c.state.journal = append(c.state.journal, c.entry)
	if s.closed {
		c.cancel(errClosing)
		return c
	}
	s.live[c] = true
	s.running.Add(1)
	return c
}

// closingGrace is how long a closing server waits for a client that neither
// sends nor reads.
const closingGrace = time.Second

// stop ends a call whose server closes.
func (c *call) stop() {
	c.cancel(errClosing)
	grace := time.Now().Add(closingGrace)
	conn := http.NewResponseController(c.w)
	conn.SetReadDeadline(grace)
	conn.SetWriteDeadline(grace)
}

func (c *call) end() {
	c.cancel(nil)
	c.s.mu.Lock()
	if c.s.live[c] {
		delete(c.s.live, c)
		defer c.s.running.Done()
	}
	c.entry.Duration = time.Since(c.entry.Time)
	e := *c.entry
	c.s.mu.Unlock()
	if c.s.cfg.Logger != nil {
		c.log(e)
	}
}

// record changes the call's entry in the journal.
func (c *call) record(change func(*Request)) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	change(c.entry)
}

// failed records why the call came to nothing.
func (c *call) failed(err error) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.entry.Err = wire.Redact(err.Error())
	c.countFailure()
}

// countFailure adds the call to its key's failures, once. Call it with s.mu
// held.
func (c *call) countFailure() {
	if c.key != nil && !c.counted {
		c.counted = true
		c.key.usage.failed(time.Now())
	}
}

// interrupted ends a call whose context is done.
func (c *call) interrupted() {
	cause := context.Cause(c.ctx)
	c.failed(cause)
	if cause != errClosing {
		c.abort() // there is nobody to answer
	}
	c.fail(wire.CodeAgentOffline, errClosing.Error(), "")
}

func (c *call) setRequestID() { c.w.Header().Set(wire.HeaderRequestID, c.id) }

// echoClientRequestID sends the caller's own request id back, if it is fit
// for a header.
func (c *call) echoClientRequestID() {
	id := c.r.Header.Get(wire.HeaderClientRequestID)
	printable := strings.IndexFunc(id, func(r rune) bool { return r < ' ' || r > '~' }) < 0
	if id != "" && printable {
		c.w.Header().Set(wire.HeaderClientRequestID, id)
	}
}

// readBody reads the request's body, whatever will become of the request: the
// journal shows it, and net/http notices only then that a client leaves.
func (c *call) readBody() {
	body, err := io.ReadAll(io.LimitReader(c.r.Body, wire.MaxBodyBytes+1))
	c.body = body
	c.record(func(e *Request) { e.Body = []byte(wire.Redact(string(body))) })
	if err != nil { // the client left while it was sending
		c.failed(err)
		c.abort()
	}
}

// begun sends the reply's header and records it: what the client has seen is
// in the journal.
func (c *call) begun(status int) {
	c.s.mu.Lock()
	c.entry.Status = status
	if status >= http.StatusBadRequest {
		c.countFailure()
	}
	c.s.mu.Unlock()
	c.w.WriteHeader(status)
}

func (c *call) reply(status int, contentType string, body []byte) {
	h := c.w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	c.begun(status)
	c.w.Write(body)
}

func (c *call) replyJSON(status int, v any) {
	c.reply(status, wire.ContentTypeJSON, encodeJSON(v))
}

// succeed answers 200 with the rate limit's headers, where there is one.
func (c *call) succeed(v any) {
	c.limit.set(c.w.Header())
	c.replyJSON(http.StatusOK, v)
}

// abort closes the connection without another word.
func (c *call) abort() { panic(http.ErrAbortHandler) }

// reset aborts so that the client sees a connection reset rather than its
// end, where the transport can.
func (c *call) reset() {
	if conn, _, err := http.NewResponseController(c.w).Hijack(); err == nil {
		defer conn.Close()
		for inner := conn; inner != nil; {
			if l, ok := inner.(interface{ SetLinger(int) error }); ok {
				l.SetLinger(0)
				inner.Close() // before TLS says goodbye
				return
			}
			outer, ok := inner.(interface{ NetConn() net.Conn })
			if !ok {
				return
			}
			inner = outer.NetConn()
		}
	}
	c.abort()
}
