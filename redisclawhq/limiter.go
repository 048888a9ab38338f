package redisclawhq

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

// A Limiter keeps the calls of all machines that use an API key within the key's
// limit. Use it with clawhq.WithLimiter; it implements [clawhq.WindowLimiter],
// [clawhq.LimitObserver] and [clawhq.FallbackLimiter]. It is safe for concurrent
// use, also by several clients with the same API key.
type Limiter struct {
	rdb     redis.UniversalClient
	config  config
	base    string // prefix of all names in Redis
	machine string // prefix of the ids of this Limiter's slots

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

// NewLimiter returns a Limiter that shares the limit of an API key through rdb,
// which may be a single Redis, a failover group or a cluster. name is any stable
// text that is the same on all machines that use the API key; only a hash of it is
// sent to Redis. The caller must close rdb after the Limiter.
//
// NewLimiter sends nothing to Redis. If Redis cannot be reached later, the Limiter
// treats it as unavailable.
func NewLimiter(rdb redis.UniversalClient, name string, opts ...Option) (*Limiter, error) {
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
	// The braces make a cluster keep all names of a key on one node.
	l.base = l.config.prefix + "{" + fingerprint(name) + "}"
	l.ctx, l.stop = context.WithCancel(context.Background())
	l.link.l, l.link.back, l.notices.l = l, make(chan struct{}), l
	return l, nil
}

// fingerprint returns a hash of an API key. API keys are long and random, so that
// nobody can find the key by hashing guesses.
func fingerprint(key string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte("github.com/clawhq/clawhq-go/redisclawhq"))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// Close ends the background work of the Limiter. Callers that wait, and later
// callers, get [ErrUnavailable], so that their clients shape calls by themselves.
// The returned error is always nil.
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

// Wait is WaitWindow for a first attempt in the window of the API key.
func (l *Limiter) Wait(ctx context.Context) error {
	return l.WaitWindow(ctx, clawhq.LimitRequest{Window: keyWindow})
}

// WaitWindow blocks until an attempt may be sent. The callers of a Limiter are
// served in order, retries first. Limiters of different machines take turns,
// however many callers each of them has.
//
// If ctx ends first, WaitWindow returns its error. If the calls that were sent
// leave no room before the deadline of ctx, it returns at once an error that
// matches context.DeadlineExceeded. If Redis does not answer in time, it returns
// an error that matches [ErrUnavailable].
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

// ObserveReply learns from the outcome of an attempt. It does not block.
func (l *Limiter) ObserveReply(r clawhq.LimitReply) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.window(r.Window).observe(r, time.Now())
}

// Fallback returns a channel that is closed when Redis is available again, if err
// matches [ErrUnavailable]; until then the client shapes calls by itself. For any
// other error it returns nil, and the call fails.
func (l *Limiter) Fallback(err error) <-chan struct{} {
	var e *unavailable
	if !errors.As(err, &e) {
		return nil
	}
	return e.back
}

// window returns the window of that name. The caller holds l.mu.
func (l *Limiter) window(name string) *window {
	w := l.windows[name]
	if w == nil {
		w = newWindow(l, name)
		l.windows[name] = w
	}
	return w
}

// ErrUnavailable reports that Redis did not answer in time, or answered with an error. A
// client then shapes the call by itself.
var ErrUnavailable = errors.New("redisclawhq: Redis is not available")

// unavailable is ErrUnavailable with its cause. back is closed when Redis is
// available again.
type unavailable struct {
	cause error
	back  <-chan struct{}
}

func (e *unavailable) Error() string   { return ErrUnavailable.Error() + ": " + e.cause.Error() }
func (e *unavailable) Unwrap() []error { return []error{ErrUnavailable, e.cause} }
