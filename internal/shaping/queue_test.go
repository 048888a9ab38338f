package shaping

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestQueue(t *testing.T) {
	t.Parallel()
	var q queue
	waiters := map[string]*waiter{}
	add := func(name string, retry bool) int {
		waiters[name] = newWaiter(Request{Retry: retry}, 0, uint64(len(waiters)))
		return q.add(waiters[name])
	}
	places := []int{add("a", false), add("b", false), add("retry a", true), add("c", false), add("retry b", true)}
	if diff := cmp.Diff([]int{0, 1, 0, 3, 1}, places); diff != "" {
		t.Errorf("places on entering, want - got +:\n%s", diff)
	}
	q.remove(waiters["b"])
	q.remove(waiters["b"]) // again
	why := errors.New("no room")
	q.refuse(func(w *waiter) error {
		if w == waiters["retry b"] {
			return why
		}
		return nil
	})
	if err := waiters["retry b"].refused; err != why {
		t.Errorf("refused with %v, want %v", err, why)
	}
	var order []string
	for q.n > 0 {
		for name, w := range waiters {
			if w == q.head() {
				order = append(order, name)
				q.remove(w)
			}
		}
	}
	if diff := cmp.Diff([]string{"retry a", "a", "c"}, order); diff != "" {
		t.Errorf("order, want - got +:\n%s", diff)
	}
}

// An attempt that something else has made room for does not wait for those that
// wait for room.
func TestRoomMadeElsewhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := NewSet(Config{Limit: 1})
		var first, second, elsewhere Turn
		if err := s.Admit(t.Context(), Request{}, &first); err != nil {
			t.Fatal(err)
		}
		go s.Admit(t.Context(), Request{}, &second)
		synctest.Wait()
		began := time.Now()
		if err := s.Admit(t.Context(), Request{Elsewhere: true}, &elsewhere); err != nil || time.Since(began) != 0 {
			t.Errorf("admitted after %v, %v, want at once", time.Since(began), err)
		}
	})
}

// A retry goes ahead of the attempts of its kind.
func TestRanks(t *testing.T) {
	t.Parallel()
	var q queue
	var want []*waiter
	for _, r := range []Request{{Elsewhere: true, Retry: true}, {Elsewhere: true}, {Retry: true}, {}, {Background: true, Retry: true}, {Background: true}} {
		want = append(want, newWaiter(r, 0, 0))
	}
	for _, w := range slices.Backward(want) {
		q.add(w)
	}
	for i, w := range want {
		if q.head() != w {
			t.Errorf("rank %d is not at the head", i)
		}
		for _, later := range want[i+1:] { // in the queues of other windows
			if !w.before(later) || later.before(w) {
				t.Errorf("rank %d does not go before rank %d", i, later.rank)
			}
		}
		q.remove(w)
	}
}

// While something else makes room for attempts, what others have left is not
// taken: only the client's own attempts show for whom it is.
func TestOthersAreKeptElsewhere(t *testing.T) {
	t.Parallel()
	for elsewhere, want := range map[bool]int{true: 40, false: 10} {
		synctest.Test(t, func(t *testing.T) {
			s := NewSet(Config{Limit: 60})
			for i, others := range []int{40, 10, 10, 10} {
				var turn Turn
				if err := s.Admit(t.Context(), Request{Elsewhere: elsewhere}, &turn); err != nil {
					t.Fatal(err)
				}
				turn.Answered(Reply{Success: true, Limit: 60, Counted: others + i + 1})
				time.Sleep(outweighs / 2)
			}
			if got := s.key.own.theirs(s.now()); got != want {
				t.Errorf("elsewhere %t: %d are left to others, want %d", elsewhere, got, want)
			}
		})
	}
}

// A looking is a context that counts how often it is looked at, which a waiter
// does once each time it wakes.
type looking struct {
	context.Context
	n *atomic.Int64
}

func (c looking) Err() error {
	c.n.Add(1)
	return c.Context.Err()
}

// crowd has n callers enter the queue behind a full window and, once they are
// all in it, leave. It calls between in the middle, and returns how often they
// looked.
func crowd(tb testing.TB, n int, between func()) int64 {
	s := NewSet(Config{Limit: 1, Unknown: 30})
	var first Turn
	if err := s.Admit(context.Background(), Request{}, &first); err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	looks := looking{ctx, new(atomic.Int64)}
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			var t Turn
			if err := s.Admit(looks, Request{}, &t); !errors.Is(err, context.Canceled) {
				tb.Errorf("got %v, want context.Canceled", err)
			}
		})
	}
	for ready := false; !ready; time.Sleep(time.Millisecond) {
		s.mu.Lock()
		ready = s.key.own.queue.n == n
		s.mu.Unlock()
	}
	between()
	cancel()
	wg.Wait()
	return looks.n.Load()
}

// Each of those in the queue looks once when it enters, and once more when it
// leaves or becomes the first.
func TestCrowd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const n = 5_000
		if looks := crowd(t, n, func() {}); looks > 3*n {
			t.Errorf("%d callers looked %d times, want at most three times each", n, looks)
		}
	})
}

// BenchmarkCrowd is what it costs a caller to enter the queue and to leave it,
// which does not grow with the number of callers.
func BenchmarkCrowd(b *testing.B) {
	for _, n := range []int{50_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			var entering, leaving time.Duration
			for b.Loop() {
				start := time.Now()
				crowd(b, n, func() { entering += time.Since(start); start = time.Now() })
				leaving += time.Since(start)
			}
			each := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / float64(b.N*n) }
			b.ReportMetric(each(entering), "ns/entering")
			b.ReportMetric(each(leaving), "ns/leaving")
		})
	}
}
