package shaping

import (
	"testing"
	"testing/synctest"
	"time"
)

// A count undoes what a 429 has done to the margin only if own attempts cannot explain
// it, however long they travelled.
func TestMarginIsUndoneByProof(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		counted int // at 62 s, after attempts at 0 s and 30 s
		undone  bool
	}{
		"own attempts, the first 2 s late": {3, false},
		"one more":                         {4, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := NewSet(Config{Limit: 10})
				admit(t, s, Window{}, 10, 1)
				time.Sleep(30 * time.Second)
				admit(t, s, Window{}, 10, 2)
				time.Sleep(32 * time.Second)
				s.margin.widen(s.now(), s.now()-1)
				widened := s.margin.length
				admit(t, s, Window{}, 10, tt.counted)
				if undone := s.margin.length < widened; undone != tt.undone || widened <= minMargin {
					t.Errorf("the margin is %v after %v", s.margin.length, widened)
				}
			})
		})
	}
}
