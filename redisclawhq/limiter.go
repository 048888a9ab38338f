package redisclawhq

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
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
	machine string // prefix of the ids of this Limiter's calls

	ctx  context.Context // ends with Close
	stop context.CancelFunc

	mu       sync.Mutex
	shares   map[string]*share
	health   health
	stats    Stats         // its counters
	finished chan struct{} // closed when Close has nothing left to report

	subscription      *subscription // to plan changes; nil if the Limiter does not listen
	subscriptionTimer *time.Timer
	listenUntil       time.Time // the end of the subscription
	subscribeAt       time.Time // when it may be made anew
}

var _ interface {
	clawhq.WindowLimiter
	clawhq.LimitObserver
	clawhq.FallbackLimiter
} = (*Limiter)(nil)

// NewLimiter returns a Limiter that shares the limit of an API key through rdb,
// which may be a single Redis, a failover group or a cluster, also wrapped or
// instrumented. name is any stable text that is the same on all machines that use
// the API key, such as the name of the key in the dashboard. It should not be the
// API key if keys are rotated, since machines with different names do not share a
// limit. Only a hash of name is sent to Redis. The caller must close rdb after the
// Limiter.
//
// NewLimiter sends nothing to Redis. If Redis cannot be reached later, the Limiter
// treats it as unavailable. A client that cannot hold one log for all machines is
// refused: nil, or a redis.Ring, which sends a name to another node when one machine
// cannot reach the first.
func NewLimiter(rdb redis.UniversalClient, name string, opts ...Option) (*Limiter, error) {
	if err := usable(rdb); err != nil {
		return nil, err
	}
	l := &Limiter{
		rdb:      rdb,
		config:   defaults(),
		machine:  rand.Text()[:12],
		shares:   make(map[string]*share),
		finished: make(chan struct{}),
	}
	for _, opt := range opts {
		if opt != nil {
			opt(&l.config)
		}
	}
	// The braces make a cluster keep all names of a limit on one node.
	l.base = l.config.prefix + "{" + fingerprint(name) + "}:" + layout
	l.ctx, l.stop = context.WithCancel(context.Background())
	l.health.l, l.health.back = l, make(chan struct{})
	return l, nil
}

// layout is a part of all names in Redis. It changes with what is stored there, so
// that versions of this package do not read what they do not understand. During an
// upgrade the machines of either version find the others by what replies show.
const layout = "2"

// usable returns an error if rdb cannot hold one log for all machines. It sends
// nothing. It recognizes a Ring, wrapped or not, by Subscribe without a channel:
// a Ring panics, and other clients only prepare a subscription.
func usable(rdb redis.UniversalClient) (err error) {
	if rdb == nil {
		return errors.New("redisclawhq: the Redis client is nil")
	}
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("redisclawhq: the Redis client (%T) is nil, or a redis.Ring, which does not keep a log on one node for all machines: %v", rdb, v)
		}
	}()
	return rdb.Subscribe(context.Background()).Close()
}

// fingerprint returns a hash of the name of a limit. API keys are long and random,
// so that nobody can find one by hashing guesses.
func fingerprint(name string) string {
	mac := hmac.New(sha256.New, []byte(name))
	mac.Write([]byte("github.com/clawhq/clawhq-go/redisclawhq"))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// Close ends the Limiter. It gives up the machine's place in the line and returns
// what was not used, and reports what replies have shown, for up to the timeout
// ([WithTimeout]). Callers that wait, and later callers, get [ErrUnavailable], so
// that their clients shape calls by themselves. The returned error is always nil.
func (l *Limiter) Close() error {
	l.mu.Lock()
	l.health.close()
	l.unsubscribe()
	for _, s := range l.shares {
		s.step(time.Now())
	}
	l.finish()
	l.mu.Unlock()

	timeout := time.NewTimer(l.config.timeout)
	defer timeout.Stop()
	select {
	case <-l.finished:
	case <-timeout.C:
	}
	l.stop()
	return nil
}

// finish closes l.finished if the Limiter is closed and has nothing left to report.
// The caller holds l.mu.
func (l *Limiter) finish() {
	if !l.health.closed {
		return
	}
	for _, s := range l.shares {
		if s.roundTrip != nil || l.health.cause == nil && s.urgent(time.Now()) {
			return
		}
	}
	select {
	case <-l.finished:
	default:
		close(l.finished)
	}
}

// Wait is WaitWindow for a first attempt in the window of the API key.
func (l *Limiter) Wait(ctx context.Context) error {
	return l.WaitWindow(ctx, clawhq.LimitRequest{Window: keyWindow})
}

// WaitWindow blocks until an attempt may be sent. The callers of a Limiter are
// served in order, retries first, and callers in the background after all others.
// Limiters of different machines take turns, however many callers each of them has.
//
// If ctx ends first, WaitWindow returns its error. If the calls that were sent
// leave no room before the deadline of ctx, it returns at once an error that
// matches context.DeadlineExceeded. If Redis does not answer in time, it returns
// an error that matches [ErrUnavailable].
func (l *Limiter) WaitWindow(ctx context.Context, r clawhq.LimitRequest) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	c := newCaller(r)
	c.deadline, _ = ctx.Deadline()

	l.mu.Lock()
	s := l.share(r.Window)
	now := time.Now()
	if err := s.refusal(c, now); err != nil {
		l.mu.Unlock()
		return err
	}
	s.join(c)
	s.step(now)
	l.health.use(now)
	l.mu.Unlock()

	select {
	case <-c.settled:
		return c.err
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s.leave(c)
	return context.Cause(ctx)
}

// ObserveReply learns from the outcome of an attempt. It does not block.
func (l *Limiter) ObserveReply(r clawhq.LimitReply) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.share(r.Window).observe(r, time.Now())
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

// share returns the share in the window of that name. The caller holds l.mu.
func (l *Limiter) share(name string) *share {
	s := l.shares[name]
	if s == nil {
		s = newShare(l, name)
		l.shares[name] = s
	}
	return s
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
