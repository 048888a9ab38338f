package shaping

import (
	"testing"
	"time"
)

func TestProbing(t *testing.T) {
	t.Parallel()
	p := probing{full: true}
	for i, tt := range []struct {
		admitted bool
		pause    time.Duration
		allowed  bool // with many slots
	}{
		{true, 6 * time.Second, true}, {true, 3 * time.Second, true}, {false, 12 * time.Second, false},
		{false, 24 * time.Second, false}, {true, 12 * time.Second, false}, {true, 6 * time.Second, true},
	} {
		now := at(float64(i))
		p.ended(now, tt.admitted)
		if got := p.pause(now); got != tt.pause {
			t.Errorf("probe %d: the interval is %v, want %v", i+1, got, tt.pause)
		}
		if got := p.allowed(now, 30, 60); got != tt.allowed {
			t.Errorf("probe %d: with 30 of 60 slots, probing is %t, want %t", i+1, got, tt.allowed)
		}
		if !p.allowed(now, 1, 60) {
			t.Errorf("probe %d: with one slot there is no probing", i+1)
		}
	}
	for admitted, want := range map[bool]time.Duration{false: maxProbe, true: minProbe} {
		for range 20 {
			p.ended(at(100), admitted)
		}
		if got := p.pause(at(100)); got != want {
			t.Errorf("after many probes, admitted %t, the interval is %v, want %v", admitted, got, want)
		}
		if got := p.pause(at(190)); got != firstProbe {
			t.Errorf("90 s later, the interval is %v, want %v", got, firstProbe)
		}
	}
	p.ended(at(200), false)
	if p.full = false; p.pause(at(200)) != hopeful {
		t.Errorf("after a reply with room, the interval is %v, want %v", p.pause(at(200)), hopeful)
	}
	if p.ended(at(201), false); p.pause(at(201)) == hopeful {
		t.Error("a probe that was refused does not end hope")
	}
}
