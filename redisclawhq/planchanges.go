package redisclawhq

import (
	"context"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// A subscription receives the plan changes of one channel. All Limiters of a Redis
// client share it. The script publishes a plan change when a limit has changed, or a
// log was lost, so that machines whose turn is far ask again sooner. Nothing depends
// on plan changes: without them the machines ask again after their next beat.
type subscription struct {
	key     subscriptionKey
	sub     *redis.PubSub
	members map[*Limiter]struct{}
}

type subscriptionKey struct {
	client  any // the Redis client; the Limiter itself if clients of that type cannot be compared
	channel string
}

var subscriptions = struct {
	mu  sync.Mutex
	all map[subscriptionKey]*subscription
}{all: make(map[subscriptionKey]*subscription)}

// minSubscription is the least time between two subscriptions of a Limiter, so that
// one that Redis refuses is not repeated all the time.
const minSubscription = 5 * time.Second

func (l *Limiter) channel() string { return l.config.prefix + layout + ":changes" }

// subscribe is called while callers wait. The Limiter stays subscribed until no
// caller has waited for a minute. The caller holds l.mu.
func (l *Limiter) subscribe(now time.Time) {
	l.listenUntil = now.Add(idle)
	if l.subscription != nil || now.Before(l.subscribeAt) || l.health.closed {
		return
	}
	l.subscribeAt = now.Add(minSubscription)
	key := subscriptionKey{l, l.channel()}
	if reflect.ValueOf(l.rdb).Comparable() {
		key.client = l.rdb
	}
	subscriptions.mu.Lock()
	defer subscriptions.mu.Unlock()
	s := subscriptions.all[key]
	if s == nil {
		// Without a channel, Subscribe sends nothing yet.
		s = &subscription{key: key, sub: l.rdb.Subscribe(context.Background()), members: make(map[*Limiter]struct{})}
		subscriptions.all[key] = s
		go s.listen()
	}
	s.members[l] = struct{}{}
	l.subscription = s
	l.watchSubscription(idle)
}

// watchSubscription ends the subscription when no caller has waited for a minute.
func (l *Limiter) watchSubscription(d time.Duration) {
	l.subscriptionTimer = time.AfterFunc(d, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if left := time.Until(l.listenUntil); left > 0 && l.subscription != nil {
			l.watchSubscription(left)
			return
		}
		l.unsubscribe()
	})
}

// unsubscribe removes the Limiter from its subscription. The last one ends it.
// The caller holds l.mu.
func (l *Limiter) unsubscribe() {
	s := l.subscription
	if s == nil {
		return
	}
	l.subscription = nil
	l.subscriptionTimer.Stop()
	subscriptions.mu.Lock()
	defer subscriptions.mu.Unlock()
	delete(s.members, l)
	if len(s.members) == 0 {
		s.end()
	}
}

// end ends the subscription. The caller holds subscriptions.mu.
func (s *subscription) end() {
	if subscriptions.all[s.key] == s {
		delete(subscriptions.all, s.key)
		go s.sub.Close() // Close may wait for the network
	}
}

// listen passes plan changes to the members, until the subscription fails or ends.
// Members that still have callers then subscribe again.
func (s *subscription) listen() {
	err := s.sub.Subscribe(context.Background(), s.key.channel)
	for err == nil {
		var message any
		message, err = s.sub.Receive(context.Background())
		if m, ok := message.(*redis.Message); ok {
			base, machine, _ := strings.Cut(m.Payload, " ")
			s.each(func(l *Limiter) { l.hear(base, machine) })
		}
	}
	subscriptions.mu.Lock()
	s.end()
	subscriptions.mu.Unlock()
	s.each(func(l *Limiter) {
		if l.subscription == s {
			l.unsubscribe()
		}
	})
}

// each calls f for all members, with their mutex held.
func (s *subscription) each(f func(*Limiter)) {
	subscriptions.mu.Lock()
	var members []*Limiter
	for l := range s.members {
		members = append(members, l)
	}
	subscriptions.mu.Unlock()
	for _, l := range members {
		l.mu.Lock()
		f(l)
		l.mu.Unlock()
	}
}

// hear makes callers of the window ask again within one to three seconds, spread so
// that not all machines ask at once, and sooner if their turn is near.
func (l *Limiter) hear(base, machine string) {
	now := time.Now()
	for _, s := range l.shares {
		if s.base != base || machine == l.machine || s.queue.empty() {
			continue
		}
		at := now.Add(time.Second + rand.N(time.Second/2))
		if s.due.Sub(now) > lease {
			at = now.Add(3*time.Second/2 + rand.N(time.Second)) // before shortBeat has passed
		}
		if at.Before(s.ask) {
			s.ask = at
			s.step(now)
		}
	}
}
