package shaping

import (
	"testing"
)

func TestMargin(t *testing.T) {
	t.Parallel()
	type step struct {
		at, took float64 // of a reply, or of a 429 where spread is -1
		spread   float64 // -2 is a reply that proves others
		want     float64
	}
	for name, steps := range map[string][]step{
		"nothing to see":                       {{0, 0.1, 0, 0.25}, {1, 0.2, 0.08, 0.25}},
		"three times what one reply shows":     {{0, 0.1, 0.4, 1.2}, {1, 0.1, 0.2, 1.2}},
		"up to a second and a half":            {{0, 0.1, 0.9, 1.5}, {1, 0.1, 0, 1.5}},
		"a 429 doubles it":                     {{1, 0.1, -1, 0.5}, {3, 0.1, -1, 1}, {5, 0.1, -1, 2}, {8, 0.1, -1, 3}},
		"a 429 sent before it changed":         {{1, 0.1, -1, 0.5}, {1.05, 0.1, -1, 0.5}},
		"a 429 that took its time":             {{3, 1.5, -1, 1.5}},
		"five quiet minutes":                   {{0, 0.1, 0.4, 1.2}, {300, 0.1, 0, 1.2}, {301, 0.1, 0, 0.9}, {400, 0.1, 0, 0.9}},
		"a quiet window after a 429 alone":     {{1, 0.1, -1, 0.5}, {3, 0.1, -1, 1}, {65, 0.1, 0, 1}, {67, 0.1, 0, 0.5}, {140, 0.1, 0, 0.25}},
		"travel times of a spread narrow down": {{0, 0.1, 0.9, 1.5}, {301, 0.1, 0, 1.125}, {602, 0.1, 0, 0.84375}, {5000, 0.1, 0, 0.6328125}},
		"others explain a 429":                 {{1, 0.1, -1, 0.5}, {3, 0.1, -1, 1}, {4, 0.1, -2, 0.25}},
		"others do not explain a spread":       {{1, 0.1, 0.2, 0.6}, {3, 0.1, -1, 1.2}, {4, 0.1, -2, 1.2}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := margin{length: minMargin}
			for i, s := range steps {
				switch s.spread {
				case -1:
					m.widen(at(s.at), at(s.at-s.took))
				case -2:
					m.others(at(s.at))
				default:
					m.observe(at(s.at), seconds(s.spread))
				}
				if m.length != seconds(s.want) {
					t.Errorf("step %d: the margin is %v, want %v", i+1, m.length, seconds(s.want))
				}
			}
		})
	}
}
