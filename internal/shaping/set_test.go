package shaping

import (
	"context"
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
					turn.Lost(time.Now(), false)
				default:
					turn.Answered(time.Now(), Reply{Success: true, Limit: limit, Counted: -1})
				}
				time.Sleep(time.Second)
			}
			h := &s.key.history
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
		turn.Answered(time.Now(), Reply{Success: true, Limit: 1 << 30, Counted: 1})
	})
	if n != 0 {
		t.Errorf("%v allocations an attempt, want none", n)
	}
}
