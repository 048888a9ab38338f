package server

import (
	"slices"
	"time"

	"github.com/clawhq/clawhq-go/internal/ledger"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// replies keeps the reply to each idempotency key of the account.
type replies struct {
	byKey  map[string]*storedReply
	stored []*storedReply // oldest first
	kept   *ledger.Ledger
}

// storedReply is a stored reply, or the place of a reply that is being made.
type storedReply struct {
	key  string
	body []byte // nil while the first request is in flight
	at   time.Time
	item *ledger.Item
}

// find returns the reply that a key has, or nil.
func (r *replies) find(key string, now time.Time) *storedReply {
	r.expire(now)
	if reply, ok := r.byKey[key]; ok && reply.body != nil {
		return reply
	}
	return nil
}

// expire forgets the replies that have been kept long enough.
func (r *replies) expire(now time.Time) {
	for len(r.stored) > 0 && now.Sub(r.stored[0].at) >= wire.IdempotencyTTL {
		r.kept.Forget(r.stored[0].item)
		r.drop()
	}
}

// drop forgets the oldest reply.
func (r *replies) drop() {
	delete(r.byKey, r.stored[0].key)
	r.stored[0] = nil
	r.stored = r.stored[1:]
}

// claim returns the place of a key. first is whether the caller is the first with
// the key; if so, it must call store or release.
func (r *replies) claim(key string, now time.Time) (reply *storedReply, first bool) {
	r.expire(now)
	if reply, ok := r.byKey[key]; ok {
		return reply, false
	}
	reply = &storedReply{key: key}
	if r.byKey == nil {
		r.byKey = map[string]*storedReply{}
	}
	r.byKey[key] = reply
	return reply, true
}

// store keeps the body of a successful reply, if it has a key, in place of an
// earlier one.
func (r *replies) store(reply *storedReply, body []byte, now time.Time) {
	if reply.key == "" {
		return
	}
	if earlier := r.byKey[reply.key]; earlier != nil && earlier != reply && earlier.body != nil {
		r.kept.Forget(earlier.item)
		r.stored = slices.DeleteFunc(r.stored, func(other *storedReply) bool { return other == earlier })
	}
	if r.byKey == nil {
		r.byKey = map[string]*storedReply{}
	}
	r.byKey[reply.key] = reply
	reply.body, reply.at = body, now
	r.stored = append(r.stored, reply)
	reply.item = r.kept.Keep(len(reply.key)+len(body), r.drop)
}

// release frees the key unless a reply was stored.
func (r *replies) release(reply *storedReply) {
	if reply.body == nil {
		delete(r.byKey, reply.key)
	}
}
