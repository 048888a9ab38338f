package ledger

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The oldest items are dropped first, whichever limit is reached. Items that were
// forgotten do not count; bytes that Grow has added do.
func TestLedger(t *testing.T) {
	for name, tc := range map[string]struct {
		items, bytes int
		do           func(l *Ledger, keep func(name string, size int) *Item)
		dropped      []string
		left         int
	}{
		"no limit": {0, 0, func(l *Ledger, keep func(string, int) *Item) {
			item := keep("a", 1e9)
			l.Grow(item, 1e9)
			l.Forget(item)
		}, nil, 0},
		"items": {2, 0, func(_ *Ledger, keep func(string, int) *Item) {
			keep("a", 0)
			keep("b", 0)
			keep("c", 0)
		}, []string{"a"}, 2},
		"bytes": {0, 3 * overhead, func(_ *Ledger, keep func(string, int) *Item) {
			keep("a", 0)
			keep("b", 0)
			keep("c", 1)
		}, []string{"a"}, 2},
		"too large": {0, 2 * overhead, func(_ *Ledger, keep func(string, int) *Item) {
			keep("a", 0)
			keep("b", 2*overhead)
		}, []string{"a", "b"}, 0},
		"grown": {0, 2 * overhead, func(l *Ledger, keep func(string, int) *Item) {
			keep("a", 0)
			b := keep("b", 0)
			l.Grow(b, 1)
			l.Grow(b, overhead)
			l.Grow(b, 1) // b was dropped
		}, []string{"a", "b"}, 0},
		"forgotten": {0, 2 * overhead, func(l *Ledger, keep func(string, int) *Item) {
			a := keep("a", 0)
			keep("b", 0)
			l.Forget(a)
			l.Forget(a)
			keep("c", 0)
		}, nil, 2},
	} {
		t.Run(name, func(t *testing.T) {
			l := New(tc.items, tc.bytes)
			var dropped []string
			tc.do(l, func(name string, size int) *Item {
				return l.Keep(size, func() { dropped = append(dropped, name) })
			})
			if diff := cmp.Diff(tc.dropped, dropped); diff != "" || l.Len() != tc.left {
				t.Errorf("%d left, dropped (-want +got):\n%s", l.Len(), diff)
			}
			bytes := 0
			for e := l.items.Front(); e != nil; e = e.Next() {
				bytes += e.Value.(*Item).size
			}
			if bytes != l.Bytes() {
				t.Errorf("%d bytes counted, %d kept", l.Bytes(), bytes)
			}
		})
	}
}

// Ledgers that share a pool always have their own bytes. They compete for the rest,
// until it is reserved or given back.
func TestPool(t *testing.T) {
	t.Parallel()
	const one = 1000 - 512 // an item of 1000 bytes, with the overhead
	pool := NewPool(10_000)
	pool.Reserve(4000)
	keep := func(l *Ledger, n int) {
		for range n {
			l.Keep(one, func() {})
		}
	}
	newLedger := func() *Ledger {
		l := New(0, 8000)
		l.Share(pool, 2000)
		return l
	}
	a, b := newLedger(), newLedger()
	check := func(step string, wantA, wantB int) {
		t.Helper()
		if a.Bytes() != wantA || b.Bytes() != wantB {
			t.Errorf("%s: %d and %d bytes, want %d and %d", step, a.Bytes(), b.Bytes(), wantA, wantB)
		}
	}
	keep(a, 20)
	check("the first takes what it may", 8000, 0)
	keep(b, 20)
	check("the second has its own", 8000, 2000)
	pool.Reserve(3000)
	keep(a, 1)
	check("the first gives back what is reserved", 5000, 2000)
	a.Close()
	keep(b, 20)
	check("the second takes what the first has left", 5000, 5000)
	b.Clear()
	b.Close()
	pool.Reserve(-7000)
	c := newLedger()
	pool.Reserve(2000)
	keep(c, 20)
	if c.Bytes() != 8000 {
		t.Errorf("a later one has %d bytes", c.Bytes())
	}
}
