// Package ledger bounds the memory of a store: it counts the bytes of the items
// that are stored, and drops the oldest items when there are too many.
//
//	l := ledger.New(10_000, 32<<20)
//	item := l.Keep(len(body), func() { delete(bodies, id) }) // called when it is dropped
//	l.Grow(item, len(reply))
//	l.Forget(item) // the store has deleted it by itself
package ledger

import "container/list"

// A Ledger counts items and their bytes. The zero value has no limit and
// counts nothing. A Ledger is not safe for concurrent use.
type Ledger struct {
	maxItems, maxBytes int
	bytes              int
	items              list.List // of *Item, the oldest first
}

// New returns a ledger for at most so many items and bytes; 0 is no limit.
func New(maxItems, maxBytes int) *Ledger { return &Ledger{maxItems: maxItems, maxBytes: maxBytes} }

// An Item is something that is kept, until it is dropped or forgotten.
type Item struct {
	size int
	drop func()
	at   *list.Element // nil once it is out of the ledger
}

// overhead is about what an item takes beside its own bytes: its structs, and
// its part of the maps and slices that lead to it.
const overhead = 512

// Keep adds an item of so many bytes. drop lets go of it when its turn comes;
// that of an item too large for the ledger is called at once.
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

// Grow adds bytes to an item that is still kept. A nil item is one of a ledger
// without a limit.
func (l *Ledger) Grow(item *Item, size int) {
	if item != nil && item.at != nil {
		item.size += size
		l.bytes += size
		l.trim()
	}
}

// Forget takes an item out that is no longer kept.
func (l *Ledger) Forget(item *Item) {
	if item != nil && item.at != nil {
		l.items.Remove(item.at)
		item.at = nil
		l.bytes -= item.size
	}
}

// Clear takes all items out.
func (l *Ledger) Clear() {
	for l.items.Len() > 0 {
		l.Forget(l.items.Front().Value.(*Item))
	}
}

// Bytes returns how many bytes are kept, as far as they are counted.
func (l *Ledger) Bytes() int { return l.bytes }

// Len returns how many items are kept, as far as they are counted.
func (l *Ledger) Len() int { return l.items.Len() }

func (l *Ledger) trim() {
	for l.items.Len() > 0 && (l.maxItems > 0 && l.items.Len() > l.maxItems || l.maxBytes > 0 && l.bytes > l.maxBytes) {
		oldest := l.items.Front().Value.(*Item)
		l.Forget(oldest)
		oldest.drop()
	}
}
