package server

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/internal/clock"
	"github.com/clawhq/clawhq-go/internal/js"
	"github.com/clawhq/clawhq-go/internal/ledger"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// A call is a request that the server handles.
type call struct {
	s        *Server
	profile  Profile
	state    *state
	w        http.ResponseWriter
	r        *http.Request
	id       string        // request id, given by the server
	route    *route        // nil if the request has none
	ids      []string      // in the path, in its order
	body     []byte        // cut one byte after the limit
	bodySlot chan struct{} // where the body holds a slot; nil if it holds none

	ctx    context.Context // done when the client leaves or the server closes
	cancel context.CancelCauseFunc
	rest   func() // tells the clock not to wait for the call any more

	entry   *entry       // the call's entry in the journal; guarded by s.mu
	item    *ledger.Item // memory of the entry
	key     *key         // set by authenticate
	counted bool         // the call is among the key's failures; guarded by s.mu
	limit   rateLimit    // set by count
	fault   Fault        // set by faulted

	streaming bool // the reply is a stream of events, a data line in each write

	clientID string // request id, given by the client, to be sent back
}

// begin begins a call. The caller must call end.
func (s *Server) begin(w http.ResponseWriter, r *http.Request) *call {
	c := &call{s: s, profile: s.cfg.Profile, w: w, r: r, id: wire.RequestIDStart + hexID(), clientID: r.Header.Get(wire.HeaderClientRequestID)}
	ctx, rest := s.clock.Begin(r.Context())
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	c.rest = rest
	now := s.clock.Now()
	c.entry = newEntry(r, c.id, now)
	c.w = &recorder{w, c}
	if s.clock.Ahead() > 0 {
		w.Header().Set("Date", now.UTC().Format(http.TimeFormat)) // net/http would send real time
	}

	s.changing.RLock()
	defer s.changing.RUnlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	c.state = s.state
	if k := c.state.keys.find(bearer(r)); k != nil {
		c.entry.KeyID = k.id
	}
	if !c.fromDashboard() {
		c.journal()
		c.journalChanged()
	}
	if s.closed {
		c.cancel(errClosing)
		return c
	}
	s.live[c] = true
	s.running.Add(1)
	return c
}

// closingGrace is how long a closing server waits for a client that neither sends nor
// reads.
const closingGrace = time.Second

// stop ends a call when the server is closed.
func (c *call) stop() {
	c.cancel(errClosing)
	grace := clock.ConnDeadline(closingGrace)
	conn := http.NewResponseController(c.w)
	conn.SetReadDeadline(grace)
	conn.SetWriteDeadline(grace)
}

func (c *call) end() {
	defer c.rest()
	c.releaseBodySlot()
	c.cancel(nil)
	c.s.mu.Lock()
	if c.s.live[c] {
		delete(c.s.live, c)
		defer c.s.running.Done()
	}
	c.entry.Duration = max(c.s.clock.Since(c.entry.Time), 1) // 0 means that it is under way
	if c.entry.replying != nil {
		c.entry.Reply, c.entry.replying = c.s.redactReply(c.entry.replying), nil
	}
	e := c.entry.Request
	c.journalChanged()
	c.s.mu.Unlock()
	if c.s.cfg.Logger != nil && !c.fromDashboard() {
		c.log(e)
	}
}

// unlocked calls wait with s.mu unlocked. Call it with s.mu held.
func (c *call) unlocked(wait func()) {
	c.s.mu.Unlock()
	defer c.s.mu.Lock()
	wait()
}

// locked calls do with s.mu held. Call it without s.mu.
func (c *call) locked(do func()) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	do()
}

// failed records in the journal why the call failed, and counts the failure.
func (c *call) failed(err error) {
	c.locked(func() {
		c.entry.Err = wire.Redact(err.Error())
		c.countFailure()
	})
}

// countFailure counts the call among its key's failures, at most once. Call it with
// s.mu held.
func (c *call) countFailure() {
	if c.key != nil && !c.counted && !c.profile.quirks().countsAnswers {
		c.counted = true
		c.key.usage.failed(c.s.clock.Now())
	}
}

// interrupted returns the error for a call whose context is done.
func (c *call) interrupted() error {
	return &refusal{code: wire.CodeAgentOffline, message: errClosing.Error(), cause: context.Cause(c.ctx)}
}

// pagesAllowed are the headers that let web pages of any origin read a reply (Fetch
// §3.2). The reply to a preflight request does not have them.
var pagesAllowed = http.Header{
	"Access-Control-Allow-Origin":   {"*"},
	"Access-Control-Allow-Headers":  {"Authorization, Content-Type, " + wire.HeaderIdempotencyKey + ", " + wire.HeaderClientRequestID},
	"Access-Control-Expose-Headers": {wire.HeaderRequestID + ", " + wire.HeaderRateLimitLimit + ", " + wire.HeaderRateLimitRemaining + ", " + wire.HeaderRateLimitReset + ", " + wire.HeaderRetryAfter},
}

// identify sets the headers with the request's ids: the server's id, and the client's
// id if it is printable ASCII. It also sets pagesAllowed, if the profile has them.
func (c *call) identify() {
	if c.profile.quirks().allowsPages && c.route != nil {
		maps.Copy(c.w.Header(), pagesAllowed)
	}
	c.w.Header().Set(wire.HeaderRequestID, c.id)
	printable := strings.IndexFunc(c.clientID, func(r rune) bool { return r < ' ' || r > '~' }) < 0
	if c.clientID != "" && printable {
		c.w.Header().Set(wire.HeaderClientRequestID, c.clientID)
	}
}

// readBody reads the body of every request, even of one that will be refused. There
// are two reasons: the journal shows the body, and net/http notices that a client has
// disconnected only when the body has been read.
func (c *call) readBody() {
	q := c.profile.quirks()
	limit, long := wire.MaxBodyBytes, c.route != nil &&
		(c.route.Endpoint == wire.UploadFile || c.route.Endpoint == wire.CreateThread || q.longBodies && c.route.Auth == wire.SessionAuth)
	switch {
	case long:
		limit = q.uploadLimit
	case q.countsUnits && c.r.ContentLength < 0:
		limit *= maxUnitBytes
	}
	in := io.LimitReader(c.r.Body, int64(limit)+1)
	guarded, most := c.s.cfg.Limits.Guarded, wire.MaxBodyBytes+1
	if guarded {
		most = maxShownBody
	}
	var err error
	if size := int64(0); guarded && !c.known() {
		size, err = io.Copy(io.Discard, in)
		c.locked(func() { c.entry.Omitted = int(size) })
	} else {
		c.body, err = c.readAll(in, long)
		c.journalBody(most)
	}
	if err != nil { // the client left while it was sending
		c.failed(err)
		c.abort()
	}
}

// readAll reads a body. A body longer than smallBody takes a slot.
func (c *call) readAll(body io.Reader, long bool) ([]byte, error) {
	begin, err := io.ReadAll(io.LimitReader(body, smallBody))
	if err != nil || len(begin) < smallBody {
		return begin, err
	}
	c.acquireBodySlot(long)
	rest, err := io.ReadAll(body)
	return append(begin, rest...), err
}

// maxUnitBytes is how many bytes of UTF-8 one UTF-16 unit takes at most.
const maxUnitBytes = 3

// oversized reports whether the body is too large for a message.
func (c *call) oversized() bool {
	if c.profile.quirks().countsUnits && c.r.ContentLength < 0 {
		return js.Len(string(c.body)) > wire.MaxBodyBytes
	}
	return len(c.body) > wire.MaxBodyBytes
}

// encoded is a reply that is JSON already.
type encoded []byte

// errAnswered is returned for a call that has been answered already.
var errAnswered = errors.New("answered")

// answer writes the reply or the error of the call.
func (c *call) answer(reply any, err error) {
	var refused *refusal
	switch {
	case err == errAnswered:
		return
	case errors.As(err, &refused):
		if refused.cause != nil && c.ctx.Err() != nil && context.Cause(c.ctx) != errClosing {
			c.failed(refused.cause)
			c.abort() // there is nobody to answer
		}
		c.refuse(refused)
		return
	}
	if c.route.Auth == wire.KeyAuth {
		c.identify()
		c.limit.set(c.w.Header())
	}
	if body, ok := reply.(encoded); ok {
		c.write(http.StatusOK, wire.ContentTypeJSON, body)
		return
	}
	c.writeJSON(http.StatusOK, reply)
}

// begun records the status in the journal and then sends the reply's header. The
// order matters: the journal must show everything that the client has seen.
func (c *call) begun(status int) {
	c.locked(func() {
		c.journalReply(status)
		if status >= http.StatusBadRequest {
			c.countFailure()
		}
	})
	c.w.WriteHeader(status)
}

func (c *call) writeJSON(status int, v any) {
	c.write(status, wire.ContentTypeJSON, encodeJSON(v))
}

func (c *call) write(status int, contentType string, body []byte) {
	h := c.w.Header()
	if contentType != "" {
		h.Set("Content-Type", contentType)
	} else {
		h["Content-Type"] = nil // otherwise net/http guesses a type
	}
	if status != http.StatusNoContent {
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	c.begun(status)
	if c.r.Method != http.MethodHead {
		c.w.Write(body)
	}
}

// abort closes the connection without writing anything more.
func (c *call) abort() { panic(http.ErrAbortHandler) }

// reset aborts the call so that the client sees a connection reset, if the transport
// can do that.
func (c *call) reset() {
	if conn, _, err := http.NewResponseController(c.w).Hijack(); err == nil {
		defer conn.Close()
		for inner := conn; inner != nil; {
			if l, ok := inner.(interface{ SetLinger(int) error }); ok {
				l.SetLinger(0)
				inner.Close() // before TLS sends a close_notify alert
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
