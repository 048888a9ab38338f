package server

import (
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/clawhq/clawhq-go/internal/ledger"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// idempotencyKey returns the request's idempotency key, or an empty string.
func (c *call) idempotencyKey() (string, error) {
	key := c.r.Header.Get(wire.HeaderIdempotencyKey)
	switch {
	case utf8.RuneCountInString(key) <= wire.MaxIdempotencyKeyChars:
		return key, nil
	case c.profile.quirks().ignoresLongKeys:
		return "", nil
	}
	return "", refuse(wire.CodeInvalidParameter,
		fmt.Sprintf("%s must be at most %d characters", wire.HeaderIdempotencyKey, wire.MaxIdempotencyKeyChars), wire.HeaderIdempotencyKey)
}

// storedReplies holds the reply to each idempotency key of the account.
type storedReplies struct {
	byKey  map[string]*storedReply
	stored []*storedReply // oldest first
	kept   *ledger.Ledger
}

// A storedReply is the reply to an idempotency key. While the first request with the
// key is under way, it has no body yet.
type storedReply struct {
	key  string
	body []byte // nil while the first request is under way
	at   time.Time
	item *ledger.Item
}

// find returns the reply to a key; nil if there is none yet.
func (r *storedReplies) find(key string, now time.Time) *storedReply {
	r.expire(now)
	if reply, ok := r.byKey[key]; ok && reply.body != nil {
		return reply
	}
	return nil
}

// expire drops the replies that are older than wire.IdempotencyTTL.
func (r *storedReplies) expire(now time.Time) {
	for len(r.stored) > 0 && now.Sub(r.stored[0].at) >= wire.IdempotencyTTL {
		r.kept.Forget(r.stored[0].item)
		r.drop()
	}
}

// drop drops the oldest reply.
func (r *storedReplies) drop() {
	delete(r.byKey, r.stored[0].key)
	r.stored[0] = nil
	r.stored = r.stored[1:]
}

// claim returns the entry of a key, and whether the caller is the first to claim the
// key. The first must call store or release.
func (r *storedReplies) claim(key string, now time.Time) (reply *storedReply, first bool) {
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

// store stores the body of a successful reply, unless its key is empty. It replaces an
// earlier reply to the same key.
func (r *storedReplies) store(reply *storedReply, body []byte, now time.Time) {
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
func (r *storedReplies) release(reply *storedReply) {
	if reply.body == nil {
		delete(r.byKey, reply.key)
	}
}
