// Package ledger bounds the memory of a store: it counts the bytes of the stored
// items, and drops the oldest items when there are too many.
//
//	l := ledger.New(10_000, 32<<20)
//	item := l.Keep(len(body), func() { delete(bodies, id) }) // called when the item is dropped
//	l.Grow(item, len(reply))
//	l.Forget(item) // the store has deleted the item itself
package ledger

import (
	"container/list"
	"sync"
)

// A Ledger counts items and their bytes. The zero value has no limit and counts
// nothing. A Ledger is not safe for concurrent use.
type Ledger struct {
	maxItems, maxBytes int
	pool               *Pool // lends the bytes beyond own; may be nil
	own                int
	borrowed           int // from pool
	bytes              int
	items              list.List // of *Item, oldest first
}

// New returns a ledger for at most maxItems items of maxBytes bytes in all; 0 means
// no limit.
func New(maxItems, maxBytes int) *Ledger { return &Ledger{maxItems: maxItems, maxBytes: maxBytes} }

// A Pool is memory that several ledgers share. Its methods are safe for concurrent use.
type Pool struct {
	mu   sync.Mutex
	left int // negative if more was reserved than was left
}

// NewPool returns a pool of the given number of bytes.
func NewPool(bytes int) *Pool { return &Pool{left: bytes} }

// Reserve takes bytes out of the pool, for memory that must be available in any case.
// A negative number gives them back. If ledgers have borrowed so much that the pool
// is then overdrawn, each gives back what it must when it next changes.
func (p *Pool) Reserve(bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left -= bytes
}

// borrow takes bytes out of the pool, or gives them back if the number is negative.
// It reports whether the pool is not overdrawn.
func (p *Pool) borrow(bytes int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left -= bytes
	return p.left >= 0
}

// Share makes the ledger borrow from a pool the bytes beyond own. Call it before the
// first item is added, and Close at the end.
func (l *Ledger) Share(pool *Pool, own int) { l.pool, l.own = pool, own }

// Close gives back what was borrowed. From then on the ledger does not use the pool.
func (l *Ledger) Close() {
	if l.pool != nil {
		l.pool.borrow(-l.borrowed)
		l.pool, l.borrowed = nil, 0
	}
}

// full borrows what the items need, and reports whether the oldest item must be
// dropped.
func (l *Ledger) full() bool {
	full := l.maxItems > 0 && l.items.Len() > l.maxItems || l.maxBytes > 0 && l.bytes > l.maxBytes
	if l.pool != nil {
		more := max(l.bytes-l.own, 0) - l.borrowed
		l.borrowed += more
		full = !l.pool.borrow(more) && l.borrowed > 0 || full
	}
	return full
}

// An Item is one entry of a Ledger.
type Item struct {
	size int
	drop func()
	at   *list.Element // nil after the item has left the ledger
}

// overhead is roughly the memory that an item takes besides its own bytes: its
// structs, and its part of the maps and slices that refer to it.
const overhead = 512

// Keep adds an item of size bytes. When the ledger drops the item, it calls drop. If
// the item is too large for the ledger, it is dropped at once. Keep returns nil if
// the ledger has no limit.
func (l *Ledger) Keep(size int, drop func()) *Item {
	if l.maxItems == 0 && l.maxBytes == 0 {
		return nil
	}
	item := &Item{size: size + overhead, drop: drop}
	item.at = l.items.PushBack(item)
	l.bytes += item.size
	l.trim()
	return item
}

// Grow adds bytes to an item. It does nothing if the item is nil or has left the
// ledger.
func (l *Ledger) Grow(item *Item, size int) {
	if item != nil && item.at != nil {
		item.size += size
		l.bytes += size
		l.trim()
	}
}

// Forget removes an item that the store has deleted, without calling drop.
func (l *Ledger) Forget(item *Item) {
	if item != nil && item.at != nil {
		l.items.Remove(item.at)
		item.at = nil
		l.bytes -= item.size
		l.full() // gives bytes back to the pool
	}
}

// Clear removes all items, without calling drop.
func (l *Ledger) Clear() {
	for l.items.Len() > 0 {
		l.Forget(l.items.Front().Value.(*Item))
	}
}

// Bytes returns the bytes of all items, including overhead; 0 if the ledger has no
// limit.
func (l *Ledger) Bytes() int { return l.bytes }

// Len returns the number of items; 0 if the ledger has no limit.
func (l *Ledger) Len() int { return l.items.Len() }

func (l *Ledger) trim() {
	for l.full() && l.items.Len() > 0 {
		oldest := l.items.Front().Value.(*Item)
		l.Forget(oldest)
		oldest.drop()
	}
}
