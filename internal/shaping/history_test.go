package shaping

import (
	"slices"
	"testing"
)

// What a reply shows of the spread of travel times.
func TestSpread(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		sent      []float64
		doubtful  []float64
		unwritten []float64
		at        float64
		counted   int
		want      float64
	}{
		"as sent":                      {sent: []float64{1, 2, 10}, at: 10, counted: 3},
		"others":                       {sent: []float64{1, 2, 10}, at: 10, counted: 7},
		"one still under way":          {sent: []float64{1, 2, 9.6, 10}, at: 10, counted: 3, want: 0.4},
		"two still under way":          {sent: []float64{1, 9.2, 9.6, 10}, at: 10, counted: 2, want: 0.8},
		"one has left early":           {sent: []float64{10.1, 70}, at: 70, counted: 1, want: 0.1},
		"one of those is the nearer":   {sent: []float64{10.3, 69.9, 70}, at: 70, counted: 2, want: 0.1},
		"sent at the same time":        {sent: []float64{10, 10, 10}, at: 10, counted: 1},
		"one may not have arrived":     {sent: []float64{1, 9.6, 10}, doubtful: []float64{1}, at: 10, counted: 2},
		"one was not written":          {sent: []float64{1, 9.6, 10}, unwritten: []float64{9.6}, at: 10, counted: 2},
		"no count to be trusted":       {sent: []float64{1, 3, 5, 7, 10}, at: 10, counted: 1, want: 3},
		"a server that does not count": {sent: slices.Repeat([]float64{10}, 2000), at: 10, counted: 1, want: 1.5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var h history
			for _, s := range tt.sent {
				h.start(at(s), false)
				if !slices.Contains(tt.unwritten, s) {
					h.written(at(s), at(s), false)
				}
			}
			for _, s := range tt.doubtful {
				h.doubtful.Add(at(s))
			}
			got := h.spread(at(tt.at), tt.counted)
			if got.Round(ms) != seconds(tt.want).Round(ms) {
				t.Errorf("got %v, want %v", got, seconds(tt.want))
			}
		})
	}
}

// A slot is free a window and the margin after its attempt, unless that has not been
// written yet.
func TestFree(t *testing.T) {
	t.Parallel()
	const span = Length + minMargin
	var h history
	for _, s := range []float64{0, 10, 20} {
		h.start(at(s), false)
		h.written(at(s), at(s), false)
	}
	h.start(at(25), false) // not written
	for name, tt := range map[string]struct {
		now          float64
		slots, place int
		want         float64
	}{
		"a free slot":            {30, 5, 0, 30},
		"the oldest":             {30, 4, 0, 60.25},
		"the second":             {30, 4, 1, 70.25},
		"for the second time":    {30, 4, 4, 120.5},
		"fewer slots":            {30, 2, 0, 80.25},
		"kept, though it is old": {90, 4, 2, 90},
		"the others, in turn":    {90, 4, 3, 150.25},
		"none but those kept":    {90, 1, 0, 90 + unexpected.Seconds()},
	} {
		if got := since(h.free(at(tt.now), span, tt.slots, tt.place)); got != tt.want {
			t.Errorf("%s: free at %v, want %v", name, got, tt.want)
		}
	}
	if got := since(h.proven(span, 3)); got != 60.25 {
		t.Errorf("with 3 slots, one is proven to be free at %v, want 60.25", got)
	}
	h.written(at(25), at(500), false) // the log has forgotten it
	if n := h.sent.Within(at(499), at(500)); n != 1 || h.unwritten.Len() != 0 {
		t.Errorf("%d attempts were sent at 500 s, %d were not, want 1 and none", n, h.unwritten.Len())
	}
}
