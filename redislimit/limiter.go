package redislimit

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/redis/go-redis/v9"
)

// A Limiter keeps the calls of all machines that use one key inside the key's
// limit. It is a [clawhq.WindowLimiter], a [clawhq.LimitObserver] and a
// [clawhq.FallbackLimiter], all of which clawhq.WithLimiter finds by itself. It
// is safe for any number of goroutines, and for any
// number of clients of one key.
type Limiter struct {
	rdb     redis.UniversalClient
	config  config
	base    string // what all names in Redis begin with
	machine string // what the ids of this Limiter's slots begin with

	ctx  context.Context // ends with Close
	stop context.CancelFunc

	mu      sync.Mutex
	windows map[string]*window
	link    link
	notices notices
}

var _ interface {
	clawhq.WindowLimiter
	clawhq.LimitObserver
	clawhq.FallbackLimiter
} = (*Limiter)(nil)

// New returns a Limiter that shares the limit of a key by a Redis: a single
// one, a failover group or a cluster. key is the API key, or any other text
// that all machines of the key agree on; only a hash of it reaches Redis. The
// caller keeps and closes rdb, after the Limiter.
//
// Nothing is sent before the first call; a Redis that cannot be reached is
// like one that went away.
func New(rdb redis.UniversalClient, key string, opts ...Option) *Limiter {
	l := &Limiter{
		rdb:     rdb,
		config:  defaults(),
		machine: rand.Text()[:12],
		windows: make(map[string]*window),
	}
	for _, opt := range opts {
		if opt != nil {
			opt(&l.config)
		}
	}
	// The braces have a cluster keep all names of a key on one node.
	l.base = l.config.prefix + "{" + fingerprint(key) + "}"
	l.ctx, l.stop = context.WithCancel(context.Background())
	l.link.l, l.link.back, l.notices.l = l, make(chan struct{}), l
	return l
}

// fingerprint names a key without giving it away: API keys are long and
// random, so that the hash cannot be searched for them.
func fingerprint(key string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte("github.com/clawhq/clawhq-go/redislimit"))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// Close ends what the Limiter does in the background. Callers that wait, and
// later ones, get [ErrUnavailable], so that their clients shape by themselves.
// It never fails.
func (l *Limiter) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stop()
	l.link.close()
	l.notices.close()
	for _, w := range l.windows {
		w.fallBack(time.Now())
	}
	return nil
}

// Wait is WaitWindow for a first attempt in the key's own window.
func (l *Limiter) Wait(ctx context.Context) error {
	return l.WaitWindow(ctx, clawhq.LimitRequest{Window: keyWindow})
}

// WaitWindow blocks until a call may be sent. Callers of one Limiter are
// served in order, retries first; Limiters take turns, however many callers
// each of them has.
//
// It returns the context's error when that ends, an error that matches
// context.DeadlineExceeded at once if the calls that were sent rule out any
// room before the deadline, and [ErrUnavailable] if Redis does not answer in
// time.
func (l *Limiter) WaitWindow(ctx context.Context, r clawhq.LimitRequest) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	c := &caller{settled: make(chan struct{})}
	c.deadline, _ = ctx.Deadline()

	l.mu.Lock()
	w := l.window(r.Window)
	now := time.Now()
	l.link.use(now)
	if err := cmp.Or(w.unavailable(now), w.refusal(c, now)); err != nil {
		l.mu.Unlock()
		return err
	}
	w.queue.push(c, r.Retry)
	w.step(now)
	l.mu.Unlock()

	select {
	case <-c.settled:
		return c.err
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	w.leave(c)
	return context.Cause(ctx)
}

// ObserveReply hears what became of an attempt. It never blocks.
func (l *Limiter) ObserveReply(r clawhq.LimitReply) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.window(r.Window).observe(r, time.Now())
}

// Fallback says that with [ErrUnavailable] the client should shape by itself,
// until Redis is back. Other errors fail the call.
func (l *Limiter) Fallback(err error) <-chan struct{} {
	var e *unavailable
	if !errors.As(err, &e) {
		return nil
	}
	return e.back
}

// window returns the window of that name. l.mu is held.
func (l *Limiter) window(name string) *window {
	w := l.windows[name]
	if w == nil {
		w = newWindow(l, name)
		l.windows[name] = w
	}
	return w
}

// ErrUnavailable says that Redis did not answer in time, or not as it should.
// A client then admits the call by its own rate shaping.
var ErrUnavailable = errors.New("redislimit: Redis is not available")

// unavailable is ErrUnavailable with its cause, and closes back when it is over.
type unavailable struct {
	cause error
	back  <-chan struct{}
}

func (e *unavailable) Error() string   { return ErrUnavailable.Error() + ": " + e.cause.Error() }
func (e *unavailable) Unwrap() []error { return []error{ErrUnavailable, e.cause} }
