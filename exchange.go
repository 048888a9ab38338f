package clawhq

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds on what is read of a reply.
const (
	maxErrorBody     = 64 << 10
	maxReplyBody     = 16 << 20
	errorBodyTimeout = time.Second // reading an error's body must not delay a retry for long

	// closeGrace is how long a Read may go on after its request has ended. A
	// Read of net/http returns at once; other bodies may not support a Close
	// during a Read, so they get this time.
	closeGrace = 100 * time.Millisecond
)

var (
	errAttemptTimeout = fmt.Errorf("attempt timed out: %w", context.DeadlineExceeded) // WithAttemptTimeout
	errBodyTimeout    = errors.New("error body took too long")
	errReplyTooLarge  = fmt.Errorf("reply is larger than %d MiB", maxReplyBody>>20)
)

// An exchange is what an attempt holds of the network: the request's context and
// timer, and the reply's body. begin sets it up and end releases all of it, on
// every path; no other code does. It is an io.Reader of the body.
type exchange struct {
	caller context.Context         // the call's; set by begin
	ctx    context.Context         // the request's; it ends with the caller's, with the timer, or with the exchange; set by begin
	cancel context.CancelCauseFunc // ends ctx; nil before begin
	timer  *time.Timer             // calls expire; set by begin, reset by bound
	unhook func() bool             // stops the AfterFunc on caller; set by send
	whole  bool                    // the body was read to its end; written by Read
	head   []byte                  // what sniff has read, for Read to return first
	failed error                   // the error of the Read that ended head; nil if there is none

	pool      *transports           // chooses transport; the client's; set by begin
	transport http.RoundTripper     // what sends the request; set by begin
	last      int64                 // when something was last received or, before that, the request was sent, by clock; written by send and received
	hooks     httptrace.ClientTrace // what net/http tells of the request; set before it is sent
	got       atomic.Int32          // how often net/http has found a connection to send the request; counted by gotConn

	mu      sync.Mutex    // guards the fields below, which timers use as well
	ended   bool          // end was called
	why     error         // the cause when the timer ends the exchange
	body    io.ReadCloser // set by send; nil once it is closed
	reading bool          // a Read of body is running
	aborted bool          // no further Read may begin
	grace   *time.Timer   // closes body if the running Read does not end
}

// begin makes the context for the request, from one that is derived from the
// caller's, and bounds the exchange to the given time.
func (x *exchange) begin(caller, ctx context.Context, pool *transports, most time.Duration) {
	x.caller, x.pool, x.transport = caller, pool, pool.get()
	x.ctx, x.cancel = context.WithCancelCause(ctx)
	x.why = errAttemptTimeout
	x.timer = time.AfterFunc(most, x.expire)
}

// netHTTP reports whether an *http.Transport sends the request. Only this
// transport is known to call the hooks for this request, and only while RoundTrip
// runs.
func (x *exchange) netHTTP() bool {
	_, ok := x.transport.(*http.Transport)
	return ok
}

// send sends the request and takes over the body of its reply. The error that it
// returns matches errNoConnection or errUnprocessed if the service has certainly
// done nothing.
func (x *exchange) send(req *http.Request) (*http.Response, error) {
	if x.netHTTP() {
		x.last = clock()
	}
	resp, err := x.transport.RoundTrip(req)
	if err == nil && resp == nil {
		err = errors.New("the transport returned neither a response nor an error")
	}
	if err != nil {
		err = x.cause(http2Error(err))
		if x.netHTTP() && x.got.Load() == 0 && !neverSent(err) {
			err = fmt.Errorf("%w: %w", errNoConnection, err)
		}
		return nil, err
	}
	x.received()
	body := resp.Body
	if body == nil { // http.Client allows transports to do so
		body = http.NoBody
	}
	x.mu.Lock()
	x.body = body
	x.mu.Unlock()
	if encoding := resp.Header.Get("Content-Encoding"); strings.EqualFold(encoding, "gzip") || strings.EqualFold(encoding, "x-gzip") {
		x.body = &gzipBody{compressed: x.body}
		resp.Header = resp.Header.Clone()
		resp.Header.Del("Content-Encoding")
		resp.Header.Del("Content-Length")
		resp.ContentLength = -1
	}
	if x.caller.Done() != nil {
		x.unhook = context.AfterFunc(x.caller, x.abort)
	}
	return resp, nil
}

// received notes that something was received: a reply, or a part of a stream.
func (x *exchange) received() {
	if x.netHTTP() {
		x.last = clock()
		x.pool.latest.Store(x.last)
	}
}

// silent reports whether the exchange had a connection and ended because nothing
// came through it in time.
func (x *exchange) silent() bool {
	if x.got.Load() == 0 {
		return false
	}
	cause := context.Cause(x.ctx)
	return cause == errAttemptTimeout || cause == errStreamIdle || errors.Is(x.caller.Err(), context.DeadlineExceeded)
}

// end releases everything that the exchange holds.
func (x *exchange) end() {
	if x.cancel == nil {
		return // it has not begun
	}
	defer x.cancel(nil)
	x.mu.Lock()
	x.ended = true
	x.mu.Unlock()
	x.timer.Stop()
	if x.silent() {
		x.pool.giveUp(x.transport, x.last)
	}
	if x.unhook != nil {
		x.unhook()
	}
	if !x.whole { // after a whole body, HTTP/2 would reset the stream
		x.cancel(nil)
	}
	x.closeBody()
}

// bound sets the timer: it ends the exchange after d, with the cause why.
func (x *exchange) bound(d time.Duration, why error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.ended {
		x.why = why
		x.timer.Reset(d)
	}
}

// expire ends the exchange when its timer has fired.
func (x *exchange) expire() {
	x.mu.Lock()
	why := x.why
	x.mu.Unlock()
	x.cancel(why)
	x.abort()
}

// abort ends the reading of the body, even if the body ignores the context of its
// request. It is called after ctx or the caller's context has ended.
func (x *exchange) abort() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.aborted = true
	if x.reading && x.grace == nil {
		x.grace = time.AfterFunc(closeGrace, x.closeBody)
	}
}

// cause returns the reason why the caller's context or ctx has ended, or err if
// neither has.
func (x *exchange) cause(err error) error {
	if x.caller.Err() != nil {
		return context.Cause(x.caller)
	}
	if x.ctx.Err() != nil {
		return context.Cause(x.ctx)
	}
	return err
}

// sniff reads as much of the body as look needs to be sure, or to the end, and
// returns what it says. Read returns those bytes again.
func (x *exchange) sniff(look func(head []byte) (is, sure bool)) (is bool, err error) {
	for len(x.head) < 512 {
		var b [64]byte
		n, err := x.readBody(b[:])
		x.head = append(x.head, b[:n]...)
		is, sure := look(x.head)
		if sure || err == io.EOF {
			x.failed = err // Read returns it after these bytes
			return is, nil
		}
		if err != nil {
			return false, err
		}
	}
	return false, nil
}

// Read reads from the reply's body until the exchange is aborted.
func (x *exchange) Read(p []byte) (int, error) {
	if len(x.head) > 0 {
		n := copy(p, x.head)
		x.head = x.head[n:]
		return n, nil
	}
	if x.failed != nil {
		return 0, x.failed
	}
	return x.readBody(p)
}

func (x *exchange) readBody(p []byte) (int, error) {
	x.mu.Lock()
	body := x.body
	x.reading = !x.aborted && body != nil
	reading := x.reading
	x.mu.Unlock()
	if !reading {
		return 0, x.cause(http.ErrBodyReadAfterClose)
	}
	n, err := body.Read(p)
	x.mu.Lock()
	x.reading = false
	x.mu.Unlock()
	x.whole = err == io.EOF
	return n, err
}

// closeBody closes the body, once. No other code closes it.
func (x *exchange) closeBody() {
	x.mu.Lock()
	body := x.body
	x.body = nil
	if x.grace != nil {
		x.grace.Stop()
	}
	x.mu.Unlock()
	if body != nil {
		body.Close()
	}
}

// readErrorBody returns the body of an error, as much as can be read within the
// bounds of size and time.
func (x *exchange) readErrorBody() []byte {
	x.bound(errorBodyTimeout, errBodyTimeout)
	body, _ := io.ReadAll(io.LimitReader(x, maxErrorBody))
	return body
}

// readAll reads the body to its end. length is the Content-Length, which may be
// wrong, for example if a transport decompresses the body.
func (x *exchange) readAll(length int64) ([]byte, error) {
	if length < 0 || length > maxReplyBody {
		length = 511
	}
	b := make([]byte, 0, length+1) // with room for one byte more, the last Read returns io.EOF
	for {
		n, err := x.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case len(b) > maxReplyBody:
			return b, errReplyTooLarge
		case err == io.EOF:
			return b, nil
		case err != nil:
			return b, err
		case len(b) == cap(b):
			b = append(b, 0)[:len(b)]
		}
	}
}

// gzipBody decompresses a body whose header says that it is compressed. Some
// transports decompress it and leave the header: a body that does not begin like
// gzip (RFC 1952 §2.3.1) is read as it is. Each Read returns what has arrived, so
// that the events of a stream are not held back.
type gzipBody struct {
	compressed io.ReadCloser
	reader     io.Reader // made by the first Read
}

func (b *gzipBody) Read(p []byte) (n int, err error) {
	if b.reader == nil {
		compressed := bufio.NewReader(b.compressed)
		b.reader = compressed
		if head, _ := compressed.Peek(2); string(head) == "\x1f\x8b" {
			unzip, err := gzip.NewReader(compressed)
			if err != nil {
				return 0, err
			}
			b.reader = unzip
		}
	}
	return b.reader.Read(p)
}

func (b *gzipBody) Close() error { return b.compressed.Close() }

// flowing is the body of an upload. Each read of it starts the attempt's
// timer anew: while bytes flow, only silence is bounded.
type flowing struct {
	io.ReadCloser
	exchange *exchange
	most     time.Duration
}

func (f *flowing) Read(p []byte) (int, error) {
	x := f.exchange
	x.mu.Lock()
	if !x.ended && x.body == nil { // once a reply has come, even before the body is sent, the timer is the reply's
		x.timer.Reset(f.most)
	}
	x.mu.Unlock()
	return f.ReadCloser.Read(p)
}
