package clawhq

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
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

// bound sets the timer of the attempt: it ends the attempt after d, with the
// cause why.
func (a *attempt) bound(d time.Duration, why error) {
	a.mu.Lock()
	a.why = why
	a.mu.Unlock()
	a.timer.Reset(d)
}

// expire ends the attempt when its timer has fired.
func (a *attempt) expire() {
	a.mu.Lock()
	why := a.why
	a.mu.Unlock()
	a.cancel(why)
	a.abort()
}

// abort ends the reading of the body, even if the body ignores the context of its
// request. It is called after the attempt's or the caller's context has ended.
func (a *attempt) abort() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.aborted = true
	if a.reading && a.grace == nil {
		a.grace = time.AfterFunc(closeGrace, a.closeBody)
	}
}

// cause returns the reason why the caller's or the attempt's context has ended,
// or err if neither has.
func (a *attempt) cause(err error) error {
	if a.call.ctx.Err() != nil {
		return context.Cause(a.call.ctx)
	}
	if a.ctx.Err() != nil {
		return context.Cause(a.ctx)
	}
	return err
}

// Read reads from the reply's body until the attempt is aborted.
func (a *attempt) Read(p []byte) (int, error) {
	a.mu.Lock()
	body := a.body
	a.reading = !a.aborted && body != nil
	reading := a.reading
	a.mu.Unlock()
	if !reading {
		return 0, a.cause(http.ErrBodyReadAfterClose)
	}
	n, err := body.Read(p)
	a.mu.Lock()
	a.reading = false
	a.mu.Unlock()
	a.whole = err == io.EOF
	return n, err
}

// closeBody closes the body, once. No other code closes it.
func (a *attempt) closeBody() {
	a.mu.Lock()
	body := a.body
	a.body = nil
	if a.grace != nil {
		a.grace.Stop()
	}
	a.mu.Unlock()
	if body != nil {
		body.Close()
	}
}

// readErrorBody returns the body of an error, as much as can be read within the
// bounds of size and time.
func (a *attempt) readErrorBody() []byte {
	a.bound(errorBodyTimeout, errBodyTimeout)
	body, _ := io.ReadAll(io.LimitReader(a, maxErrorBody))
	a.info.Body = body
	return body
}

// readAll reads the body to its end. length is the Content-Length, which may be
// wrong, for example if a transport decompresses the body.
func (a *attempt) readAll(length int64) ([]byte, error) {
	if length < 0 || length > maxReplyBody {
		length = 511
	}
	b := make([]byte, 0, length+1) // with room for one byte more, the last Read returns io.EOF
	for {
		n, err := a.Read(b[len(b):cap(b)])
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
