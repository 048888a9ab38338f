package shaping

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestGate(t *testing.T) {
	t.Parallel()
	type state struct{ Until, Spacing float64 }
	const longest = 2 * time.Minute
	rejected := func(now, retryAfter float64) func(*gate) {
		return func(g *gate) { g.close(at(now), seconds(retryAfter), longest, time.Second) }
	}
	admitted := func(g *gate) { g.admitted() }
	for name, tt := range map[string]struct {
		steps []func(*gate)
		want  state
	}{
		"as long as is asked for":   {[]func(*gate){rejected(0, 5)}, state{5, 1}},
		"the longest wait":          {[]func(*gate){rejected(0, 120)}, state{120, 1}},
		"not believed":              {[]func(*gate){rejected(0, 121)}, state{1, 1}},
		"not said, again and again": {[]func(*gate){rejected(0, 0), rejected(1, 0), rejected(3, 0)}, state{7, 1}},
		"no longer than a window": {[]func(*gate){
			rejected(0, 0), rejected(0, 0), rejected(0, 0), rejected(0, 0), rejected(0, 0), rejected(0, 0), rejected(0, 0), rejected(0, 0)}, state{60, 1}},
		"never opened earlier":  {[]func(*gate){rejected(0, 30), rejected(1, 5)}, state{30, 1}},
		"an admitted one":       {[]func(*gate){rejected(0, 5), admitted}, state{5, 0.5}},
		"many admitted":         {[]func(*gate){rejected(0, 5), admitted, admitted, admitted, admitted, admitted, admitted, admitted}, state{5, 0}},
		"forgotten after 90 s":  {[]func(*gate){rejected(0, 0), rejected(1, 0), rejected(100, 0)}, state{101, 1}},
		"the next begins again": {[]func(*gate){rejected(0, 0), rejected(1, 0), admitted, rejected(10, 0)}, state{11, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var g gate
			for _, step := range tt.steps {
				step(&g)
			}
			if diff := cmp.Diff(tt.want, state{since(g.until), g.spacing.Seconds()}); diff != "" {
				t.Errorf("want - got +:\n%s", diff)
			}
		})
	}
}

// The spacing after a 429 ends 90 s after the gate has opened.
func TestSpacing(t *testing.T) {
	t.Parallel()
	var g gate
	g.close(at(0), 5*time.Second, time.Minute, time.Second)
	for now, want := range map[float64]time.Duration{6: time.Second, 94: time.Second, 95: 0, 3600: 0} {
		if got := g.spaced(at(now)); got != want {
			t.Errorf("at %v s, attempts are %v apart, want %v", now, got, want)
		}
	}
}
