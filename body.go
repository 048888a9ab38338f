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
	errorBodyTimeout = time.Second // an error's body must not hold up its retry

	// closeGrace is how long a Read may go on after its request's end: those
	// of net/http return at once, and a Close beside a Read is more than many
	// a body is made for.
	closeGrace = 100 * time.Millisecond
)

var (
	errAttemptTimeout = fmt.Errorf("attempt timed out: %w", context.DeadlineExceeded) // WithAttemptTimeout
	errBodyTimeout    = errors.New("error body took too long")
	errReplyTooLarge  = fmt.Errorf("reply is larger than %d MiB", maxReplyBody>>20)
)

// bound gives the attempt so long from now on, after which it ends for a
// reason.
func (a *attempt) bound(d time.Duration, why error) {
	a.mu.Lock()
	a.why = why
	a.mu.Unlock()
	a.timer.Reset(d)
}

// expire ends the attempt at its bound.
func (a *attempt) expire() {
	a.mu.Lock()
	why := a.why
	a.mu.Unlock()
	a.cancel(why)
	a.abort()
}

// abort has reading the body come to its end, also where the body does not
// heed its request's context. The context has ended, or the caller's has.
func (a *attempt) abort() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.aborted = true
	if a.reading && a.grace == nil {
		a.grace = time.AfterFunc(closeGrace, a.closeBody)
	}
}

// cause is err, or the reason why the context ended, if it was that.
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

// closeBody closes the body, which nobody else does.
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

// readErrorBody returns what there is of an error's body within the bounds.
func (a *attempt) readErrorBody() []byte {
	a.bound(errorBodyTimeout, errBodyTimeout)
	body, _ := io.ReadAll(io.LimitReader(a, maxErrorBody))
	a.info.Body = body
	return body
}

// readAll reads the body to its end, which may be elsewhere than the header
// says: where a transport decompresses it, or a recording was edited.
func (a *attempt) readAll(length int64) ([]byte, error) {
	if length < 0 || length > maxReplyBody {
		length = 511
	}
	b := make([]byte, 0, length+1) // the last byte's room is for the end
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
