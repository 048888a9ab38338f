package redisclawhq

import (
	"encoding/json"
	"time"

	"github.com/redis/go-redis/v9"
)

// notices subscribes to changes of the plan while this machine holds slots in the
// future. The plan changes when another machine got a 429 or learned a new limit.
// Without the subscription this machine would find out with its next trip. The
// Limiter's mutex guards the fields.
type notices struct {
	l     *Limiter
	sub   *redis.PubSub // nil if there is no subscription
	idle  *time.Timer   // calls closeIfIdle
	used  time.Time     // when slots were last held
	begun time.Time     // when sub was created
}

// minSubscription is the least time between two subscriptions, so that one that
// Redis refuses is not repeated all the time.
const minSubscription = 5 * time.Second

// A notice is the message that the script publishes when the plan has changed.
type notice struct {
	Epoch   string `json:"epoch"`
	Version int64  `json:"version"`
	Window  string `json:"window"`
}

func (l *Limiter) channel() string { return l.base + ":notices" }

// subscribe is called while slots are held. It subscribes, until no slots were held
// for a minute.
func (n *notices) subscribe(now time.Time) {
	n.used = now
	if n.sub != nil || !n.l.link.up() || now.Sub(n.begun) < minSubscription {
		return
	}
	n.begun = now
	n.sub = n.l.rdb.Subscribe(n.l.ctx) // sends nothing yet, since it names no channel
	n.idle = time.AfterFunc(idle, n.closeIfIdle)
	go n.listen(n.sub)
}

// closeIfIdle ends the subscription if no slots were held for a minute.
func (n *notices) closeIfIdle() {
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

// close ends the subscription.
func (n *notices) close() {
	if n.sub == nil {
		return
	}
	n.idle.Stop()
	go n.sub.Close() // Close may wait for the network
	n.sub = nil
}

// listen handles what sub receives, until it fails or is closed.
func (n *notices) listen(sub *redis.PubSub) {
	err := sub.Subscribe(n.l.ctx, n.l.channel())
	for err == nil {
		var message any
		if message, err = sub.Receive(n.l.ctx); err != nil {
			break
		}
		switch m := message.(type) {
		case *redis.Subscription: // notices from before are missed
			n.l.mu.Lock()
			n.l.recheck()
			n.l.mu.Unlock()
		case *redis.Message:
			var change notice
			if json.Unmarshal([]byte(m.Payload), &change) == nil {
				n.l.apply(change)
			}
		}
	}
	n.l.mu.Lock()
	defer n.l.mu.Unlock()
	if n.sub == sub { // the Limiter has not closed sub: Redis is away, or was
		n.close()
		n.l.recheck()
	}
}

// recheck makes the windows that hold slots ask Redis whether these are still
// valid.
func (l *Limiter) recheck() {
	for _, w := range l.windows {
		if len(w.slots) > 0 {
			w.updates.atOnce = true
			w.step(time.Now())
		}
	}
}

// apply discards the slots that a notice makes invalid, and asks for new ones.
func (l *Limiter) apply(change notice) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.windows[change.Window]
	if w == nil || change.Epoch == w.epoch && change.Version <= w.version {
		return
	}
	w.updates.atOnce = w.updates.atOnce || change.Epoch != w.epoch
	w.discardSlots(change.Epoch, change.Version)
	w.step(time.Now())
}
