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

// A board is a subscription to the notices of one channel, which all Limiters of a
// Redis client share. The script publishes a notice when a limit has changed, or a
// log was lost, so that machines whose turn is far ask again sooner. Nothing depends
// on it: without a notice they do so with their next beat.
type board struct {
	key     boardKey
	sub     *redis.PubSub
	members map[*Limiter]struct{}
}

type boardKey struct {
	client  any // of Redis; the Limiter itself if clients of that type cannot be compared
	channel string
}

var boards = struct {
	mu  sync.Mutex
	all map[boardKey]*board
}{all: make(map[boardKey]*board)}

// minSubscription is the least time between two subscriptions of a Limiter, so that
// one that Redis refuses is not repeated all the time.
const minSubscription = 5 * time.Second

func (l *Limiter) channel() string { return l.config.prefix + layout + ":notices" }

// subscribe is called while callers wait. The Limiter stays on the board until no
// caller has waited for a minute. The caller holds l.mu.
func (l *Limiter) subscribe(now time.Time) {
	l.listenUntil = now.Add(idle)
	if l.board != nil || now.Before(l.subscribeAt) || l.link.closed {
		return
	}
	l.subscribeAt = now.Add(minSubscription)
	key := boardKey{l, l.channel()}
	if reflect.ValueOf(l.rdb).Comparable() {
		key.client = l.rdb
	}
	boards.mu.Lock()
	defer boards.mu.Unlock()
	b := boards.all[key]
	if b == nil {
		// Without a channel, Subscribe sends nothing yet.
		b = &board{key: key, sub: l.rdb.Subscribe(context.Background()), members: make(map[*Limiter]struct{})}
		boards.all[key] = b
		go b.listen()
	}
	b.members[l] = struct{}{}
	l.board = b
	l.watchBoard(idle)
}

// watchBoard ends the subscription when no caller has waited for a minute.
func (l *Limiter) watchBoard(d time.Duration) {
	l.boardTimer = time.AfterFunc(d, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if left := time.Until(l.listenUntil); left > 0 && l.board != nil {
			l.watchBoard(left)
			return
		}
		l.unsubscribe()
	})
}

// unsubscribe takes the Limiter off the board. The last one ends the subscription.
// The caller holds l.mu.
func (l *Limiter) unsubscribe() {
	b := l.board
	if b == nil {
		return
	}
	l.board = nil
	l.boardTimer.Stop()
	boards.mu.Lock()
	defer boards.mu.Unlock()
	delete(b.members, l)
	if len(b.members) == 0 {
		b.end()
	}
}

// end ends the subscription. The caller holds boards.mu.
func (b *board) end() {
	if boards.all[b.key] == b {
		delete(boards.all, b.key)
		go b.sub.Close() // Close may wait for the network
	}
}

// listen hands notices to the members, until the subscription fails or ends. Members
// that still have callers then subscribe again.
func (b *board) listen() {
	err := b.sub.Subscribe(context.Background(), b.key.channel)
	for err == nil {
		var message any
		message, err = b.sub.Receive(context.Background())
		if m, ok := message.(*redis.Message); ok {
			window, machine, _ := strings.Cut(m.Payload, " ")
			b.each(func(l *Limiter) { l.hear(window, machine) })
		}
	}
	boards.mu.Lock()
	b.end()
	boards.mu.Unlock()
	b.each(func(l *Limiter) {
		if l.board == b {
			l.unsubscribe()
		}
	})
}

// each calls f for all members, with their mutex held.
func (b *board) each(f func(*Limiter)) {
	boards.mu.Lock()
	var members []*Limiter
	for l := range b.members {
		members = append(members, l)
	}
	boards.mu.Unlock()
	for _, l := range members {
		l.mu.Lock()
		f(l)
		l.mu.Unlock()
	}
}

// hear makes callers of the window ask again within one to three seconds, spread so
// that not all machines ask at once, and the earlier the nearer their turn.
func (l *Limiter) hear(window, machine string) {
	now := time.Now()
	for _, w := range l.windows {
		if w.base != window || machine == l.machine || w.queue.empty() {
			continue
		}
		at := now.Add(time.Second + rand.N(time.Second/2))
		if w.due.Sub(now) > lease {
			at = now.Add(3*time.Second/2 + rand.N(time.Second)) // before shortBeat has passed
		}
		if at.Before(w.ask) {
			w.ask = at
			w.step(now)
		}
	}
}
