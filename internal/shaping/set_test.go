package shaping

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// The logs forget, whether replies tell a limit or not.
func TestMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, limit := range []int{0, 1000} {
			s := NewSet(Config{Limit: limit, Unknown: 30})
			for i := range 10_000 {
				var turn Turn
				if err := s.Admit(t.Context(), Request{}, &turn); err != nil {
					t.Fatal(err)
				}
				switch i % 3 {
				case 0:
					turn.Lost(false)
				default:
					turn.Answered(Reply{Success: true, Limit: limit, Counted: -1})
				}
				time.Sleep(time.Second)
			}
			h := &s.key.own.history
			if n, most := h.sent.Len()+h.answered.Len()+h.doubtful.Len(), 2*int(memory/time.Second)+2; n > most {
				t.Errorf("limit %d: %d times are remembered, want at most %d", limit, n, most)
			}
		}
	})
}

func TestAdmissionAllocatesNothing(t *testing.T) {
	s := NewSet(Config{Limit: 1 << 30, Unknown: 30})
	var turn Turn
	ctx := context.Background()
	n := testing.AllocsPerRun(10_000, func() {
		if err := s.Admit(ctx, Request{}, &turn); err != nil {
			t.Fatal(err)
		}
		turn.Answered(Reply{Success: true, Limit: 1 << 30, Counted: 1})
	})
	if n != 0 {
		t.Errorf("%v allocations an attempt, want none", n)
	}
}

// When a reply confirms a limit, those in the queue leave whom it proves to be
// without hope; the others stay.
func TestProofReachesTheQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := NewSet(Config{Limit: 1, Unknown: 30})
		var first Turn
		if err := s.Admit(t.Context(), Request{}, &first); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		var wg sync.WaitGroup
		for deadline, want := range map[time.Duration]time.Duration{20 * time.Second: 5 * time.Second, 70 * time.Second: Length + minMargin} {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), deadline)
				defer cancel()
				var turn Turn
				err := s.Admit(ctx, Request{}, &turn)
				var late *TooLate
				if errors.As(err, &late) != (deadline < Length) || time.Since(start) != want {
					t.Errorf("deadline %v: got %v after %v, want an end after %v", deadline, err, time.Since(start), want)
				}
			})
			synctest.Wait()
		}
		time.Sleep(5 * time.Second)
		first.Answered(Reply{Success: true, Limit: 1, Counted: 1})
		wg.Wait()
	})
}
