package shaping

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// A deadline keeps its distance, and one too far to count stays in the future.
func TestDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClock()
		time.Sleep(3 * time.Second)
		for in, want := range map[time.Duration]time.Duration{
			-time.Second: -time.Second, time.Minute: time.Minute, 1<<63 - 1: unexpected,
		} {
			at := time.Now().Add(in)
			for name, at := range map[string]time.Time{"as it is": at, "by the wall clock": at.Round(0)} {
				ctx, cancel := context.WithDeadline(t.Context(), at)
				if got := c.deadline(ctx).Sub(c.now()); got != want {
					t.Errorf("a deadline in %v, %s: got %v, want %v", in, name, got, want)
				}
				cancel()
			}
		}
		if got := c.deadline(t.Context()); got != 0 {
			t.Errorf("no deadline: got %v, want 0", got)
		}
		if got := c.time(c.now().Add(time.Second)); !got.Equal(time.Now().Add(time.Second)) {
			t.Errorf("a second from now is %v, want %v", got, time.Now().Add(time.Second))
		}
	})
}

// A 429 that asks for the longest wait there is does not open the gate.
func TestGateForever(t *testing.T) {
	t.Parallel()
	var g gate
	g.close(at(0), 1<<63-1, 1<<63-1, time.Second)
	if !g.closed(at(1000)) {
		t.Errorf("the gate is open until %v", g.until)
	}
}
