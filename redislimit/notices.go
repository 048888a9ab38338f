package redislimit

import (
	"encoding/json"
	"time"

	"github.com/redis/go-redis/v9"
)

// notices are how a machine that holds slots for later hears that they are
// void: another one met a 429, or learned that the limit has changed. Without
// them it would hear with its next trip. The Limiter's mutex guards it.
type notices struct {
	l     *Limiter
	sub   *redis.PubSub // nil if nobody listens
	idle  *time.Timer   // ends it
	used  time.Time     // when slots were last held
	begun time.Time     // when sub was asked for
}

// minSubscription keeps subscriptions apart: one that Redis refuses must not be
// asked for all the time.
const minSubscription = 5 * time.Second

// notice is what the script publishes.
type notice struct {
	Epoch   string `json:"epoch"`
	Version int64  `json:"version"`
	Window  string `json:"window"`
}

func (l *Limiter) channel() string { return l.base + ":notices" }

// want says that slots are held. From then on the Limiter listens, until none
// were held for a minute.
func (n *notices) want(now time.Time) {
	n.used = now
	if n.sub != nil || !n.l.link.up() || now.Sub(n.begun) < minSubscription {
		return
	}
	n.begun = now
	n.sub = n.l.rdb.Subscribe(n.l.ctx) // does not wait: there is no channel yet
	n.idle = time.AfterFunc(idle, n.rest)
	go n.listen(n.sub)
}

// rest ends the listening if slots were not held for a minute.
func (n *notices) rest() {
	n.l.mu.Lock()
	defer n.l.mu.Unlock()
	if n.sub == nil {
		return
	}
	if unused := time.Since(n.used); unused < idle {
		n.idle.Reset(idle - unused)
		return
	}
	n.close()
}

// close ends the listening.
func (n *notices) close() {
	if n.sub == nil {
		return
	}
	n.idle.Stop()
	go n.sub.Close() // which may wait for a write to the network
	n.sub = nil
}

// listen hears what sub receives until that fails or is closed.
func (n *notices) listen(sub *redis.PubSub) {
	err := sub.Subscribe(n.l.ctx, n.l.channel())
	for err == nil {
		var message any
		if message, err = sub.Receive(n.l.ctx); err != nil {
			break
		}
		switch m := message.(type) {
		case *redis.Subscription: // what was said before has not been heard
			n.l.mu.Lock()
			n.l.look()
			n.l.mu.Unlock()
		case *redis.Message:
			var told notice
			if json.Unmarshal([]byte(m.Payload), &told) == nil {
				n.l.hear(told)
			}
		}
	}
	n.l.mu.Lock()
	defer n.l.mu.Unlock()
	if n.sub == sub { // a sign that Redis is away, or has been
		n.close()
		n.l.look()
	}
}

// look has the windows that hold slots ask Redis whether they are still valid.
func (l *Limiter) look() {
	for _, w := range l.windows {
		if len(w.slots) > 0 {
			w.news.now = true
			w.step(time.Now())
		}
	}
}

// hear drops the slots that a notice says are void, and asks for others.
func (l *Limiter) hear(told notice) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.windows[told.Window]
	if w == nil || told.Epoch == w.epoch && told.Version <= w.version {
		return
	}
	w.news.now = w.news.now || told.Epoch != w.epoch
	w.void(told.Epoch, told.Version)
	w.step(time.Now())
}
