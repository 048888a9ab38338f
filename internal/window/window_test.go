package window_test

import (
	"slices"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go/internal/window"
)

func at(seconds int) window.Moment { return window.Moment(seconds) * window.Moment(time.Second) }

// There are never more than limit events in any span, and the wait is exact.
func TestAdmit(t *testing.T) {
	t.Parallel()
	var l window.Log
	for i, step := range []struct {
		at, remaining, wait int // in seconds
	}{
		{0, 2, 0}, {10, 1, 0}, {20, 0, 0},
		{30, 0, 30}, // until the first event is a minute old
		{59, 0, 1},
		{60, 0, 0},  // exactly a minute after the first event
		{61, 0, 9},  // until the second event has left
		{200, 2, 0}, // all events have left
	} {
		remaining, wait := l.Admit(at(step.at), time.Minute, 3)
		if remaining != step.remaining || wait != time.Duration(step.wait)*time.Second {
			t.Errorf("step %d: got %d left, wait %v; want %+v", i, remaining, wait, step)
		}
	}
}

// After a limit was lowered, there is room only when enough events have left.
func TestAdmitLoweredLimit(t *testing.T) {
	t.Parallel()
	var l window.Log
	for i := range 5 {
		l.Admit(at(10*i), time.Minute, 5)
	}
	if _, wait := l.Admit(at(41), time.Minute, 2); wait != 49*time.Second { // until the fourth event, of 30 s, has left
		t.Errorf("wait %v", wait)
	}
}

// A Log behaves like a sorted slice.
func FuzzLog(f *testing.F) {
	f.Add([]byte{0, 5, 0, 3, 0, 9, 1, 3, 2, 4, 0, 1, 3, 5})
	f.Fuzz(func(t *testing.T, ops []byte) {
		var l window.Log
		var want []int
		for i := 0; i+1 < len(ops); i += 2 {
			n := int(ops[i+1])
			switch ops[i] % 3 {
			case 0:
				l.Add(at(n))
				want = append(want, n)
				slices.Sort(want)
			case 1:
				j := slices.Index(want, n)
				if got := l.Remove(at(n)); got != (j >= 0) {
					t.Fatalf("Remove(%d) is %v among %v", n, got, want)
				}
				if j >= 0 {
					want = slices.Delete(want, j, j+1)
				}
			case 2:
				l.Prune(at(n))
				want = slices.DeleteFunc(want, func(m int) bool { return m <= n })
			}
			var got []int
			for i := range l.Len() {
				got = append(got, int(l.At(i).Sub(0)/time.Second))
			}
			if !slices.Equal(got, want) {
				t.Fatalf("got %v, want %v", got, want)
			}
			after, _ := slices.BinarySearch(want, n+1)
			if l.After(at(n)) != after {
				t.Fatalf("After(%d) is %d among %v", n, l.After(at(n)), want)
			}
		}
	})
}

// A log that is pruned as it grows takes no more memory than its events need.
func TestLogStaysSmall(t *testing.T) {
	var l window.Log
	i := 0
	step := func() {
		l.Add(at(i))
		l.Prune(at(i - 100))
		i++
	}
	for range 1000 {
		step()
	}
	if n := testing.AllocsPerRun(100_000, step); n != 0 || l.Len() != 100 {
		t.Errorf("%v allocations an event, %d events", n, l.Len())
	}
}
