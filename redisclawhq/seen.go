package redisclawhq

import (
	"context"
	crand "crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/clawhq/clawhq-go/webhook"
	"github.com/redis/go-redis/v9"
)

//go:embed seen.lua
var seenSource string

var seenScript = redis.NewScript(seenSource)

// SeenOptions configures a Seen. The zero value has the defaults.
type SeenOptions struct {
	// Prefix is the prefix of the names of keys in Redis. Receivers that share it
	// share their events. Default: DefaultSeenPrefix.
	Prefix string

	// Lease is how long a claim lasts in Redis unless it is ended before. A
	// receiver that was killed holds an event up for that long: with 15 to 25
	// seconds, the service's retry after 30 seconds finds the claim ended. It
	// must be longer than the handling takes. Default, also for a duration that
	// is not positive: DefaultLease.
	Lease time.Duration

	// Keep is how long a handled event is remembered. A day is longer than the
	// service's retries take. Default, also for a duration that is not positive:
	// DefaultKeep.
	Keep time.Duration
}

// The defaults of SeenOptions.
const (
	DefaultSeenPrefix = "clawhq:seen:"
	DefaultLease      = 20 * time.Second
	DefaultKeep       = 24 * time.Hour
)

// Seen is a [webhook.Seen] that several receivers share through Redis. An event is
// handled by one receiver at a time, and by none after Done has succeeded. If a
// receiver is killed, or is still at work when its lease ends, the next delivery of
// the event is handled by whoever gets it: so an event is handled at least once, and
// twice at most if a receiver fails between handling it and Done. All methods return
// an error if Redis does not answer before their context ends; the service then
// delivers the event again. A Seen is safe for concurrent use.
type Seen struct {
	rdb  redis.UniversalClient
	opts SeenOptions

	mu     sync.Mutex
	claims map[string]*claim // of this Seen, by fingerprint
}

// A claim is held by a caller of this Seen, until Done or Forget.
type claim struct {
	token string
	ended chan struct{}
}

var _ webhook.Seen = (*Seen)(nil)

// ErrClaimed is the error of a Done that came after the lease had ended, if another
// process has claimed the event since.
var ErrClaimed = errors.New("redisclawhq: the lease has ended, and another process has claimed the event")

// NewSeen returns a Seen that remembers events in the Redis of rdb, which may be a
// single Redis, a failover group or a cluster. It sends nothing. The caller closes
// rdb.
func NewSeen(rdb redis.UniversalClient, opts SeenOptions) *Seen {
	if opts.Prefix == "" {
		opts.Prefix = DefaultSeenPrefix
	}
	if opts.Lease <= 0 {
		opts.Lease = DefaultLease
	}
	if opts.Keep <= 0 {
		opts.Keep = DefaultKeep
	}
	return &Seen{rdb: rdb, opts: opts, claims: make(map[string]*claim)}
}

// Claim implements [webhook.Seen]. While a caller of this Seen has a claim, Claim
// waits until it ends, also past its lease. While another process has one, Claim
// asks Redis again from time to time until that claim, or its lease, has ended.
func (s *Seen) Claim(ctx context.Context, fingerprint string) (bool, error) {
	c := &claim{token: crand.Text(), ended: make(chan struct{})}
	if err := s.hold(ctx, fingerprint, c); err != nil {
		return false, err
	}
	for pause := minPoll; ; pause = min(2*pause, maxPoll) {
		state, left, err := s.run(ctx, "claim", fingerprint, c.token, s.opts.Lease)
		switch {
		case err != nil:
			s.release(fingerprint, c)
			return false, err
		case state == "mine":
			return true, nil
		case state == "done":
			s.release(fingerprint, c)
			return false, nil
		}
		select {
		case <-time.After(min(pause/2+rand.N(pause), left+time.Millisecond)):
		case <-ctx.Done():
			s.release(fingerprint, c)
			return false, context.Cause(ctx)
		}
	}
}

const (
	minPoll = 50 * time.Millisecond
	maxPoll = time.Second
)

// hold makes c the claim of this Seen, when no other caller has one.
func (s *Seen) hold(ctx context.Context, fingerprint string, c *claim) error {
	for {
		s.mu.Lock()
		other := s.claims[fingerprint]
		if other == nil {
			s.claims[fingerprint] = c
		}
		s.mu.Unlock()
		if other == nil {
			return nil
		}
		select {
		case <-other.ended:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// release ends the claim of this Seen.
func (s *Seen) release(fingerprint string, c *claim) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.claims[fingerprint] == c {
		delete(s.claims, fingerprint)
		close(c.ended)
	}
}

// Done implements [webhook.Seen]. It succeeds after the lease has ended as well,
// unless another process has claimed the event since: then the error matches
// [ErrClaimed], and the event may be handled twice.
func (s *Seen) Done(ctx context.Context, fingerprint string) error {
	return s.end(ctx, "done", fingerprint)
}

// Forget implements [webhook.Seen]. It leaves a claim that another process has made
// after the lease had ended.
func (s *Seen) Forget(ctx context.Context, fingerprint string) error {
	return s.end(ctx, "forget", fingerprint)
}

// end ends the claim of this Seen, in Redis too.
func (s *Seen) end(ctx context.Context, verb, fingerprint string) error {
	s.mu.Lock()
	c := s.claims[fingerprint]
	s.mu.Unlock()
	if c == nil {
		return fmt.Errorf("redisclawhq: %s without a claim", verb)
	}
	defer s.release(fingerprint, c)
	state, _, err := s.run(ctx, verb, fingerprint, c.token, s.opts.Keep)
	if err == nil && verb == "done" && state != "mine" {
		return ErrClaimed
	}
	return err
}

// run runs the script. A Redis client may go on with a command after its context has
// ended, so run does not wait for the command. A claim that it still makes ends with
// its lease.
func (s *Seen) run(ctx context.Context, verb, fingerprint, token string, lasts time.Duration) (state string, left time.Duration, err error) {
	keys := []string{s.opts.Prefix + layout + ":" + fingerprint}
	answers := make(chan *redis.Cmd, 1)
	go func() {
		answers <- seenScript.Run(context.WithoutCancel(ctx), s.rdb, keys, verb, token, max(lasts.Milliseconds(), 1))
	}()
	var list []any
	select {
	case answer := <-answers:
		list, err = answer.Slice()
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		return "", 0, fmt.Errorf("redisclawhq: %w", err)
	}
	if len(list) == 2 {
		state, _ = list[0].(string)
		ms, _ := list[1].(int64)
		left = time.Duration(ms) * time.Millisecond
	}
	if state == "" {
		return "", 0, fmt.Errorf("redisclawhq: unexpected answer %v", list)
	}
	return state, left, nil
}
