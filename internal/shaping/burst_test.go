package shaping

import "testing"

func TestBurst(t *testing.T) {
	t.Parallel()
	type step struct {
		at   float64 // of the attempt
		most int     // by its reply
		want int
	}
	for name, steps := range map[string][]step{
		"a burst coming in, 20 others": {{0, 20, 19}, {0, 21, 19}, {0, 24, 21}, {0, 22, 20}, {0, 23, 19}},
		"a later one knows better":     {{0, 20, 19}, {2, 3, 2}},
		"a late reply of the burst":    {{0.1, 20, 19}, {0, 12, 18}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b burst
			var h history
			for i, s := range steps {
				h.succeed(at(s.at))
				b.observe(&h, at(s.at), minMargin, s.most)
				if b.bound != s.want {
					t.Errorf("step %d: at most %d others, want %d", i+1, b.bound, s.want)
				}
			}
		})
	}
}
