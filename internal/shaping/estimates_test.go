package shaping

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMargin(t *testing.T) {
	t.Parallel()
	type step struct {
		at, took, spread float64 // of a reply, or of a 429 where spread is -1
		want             float64
	}
	even := func(n int, took, want float64) (steps []step) {
		for i := range n {
			steps = append(steps, step{float64(i), took, 0, want})
		}
		return steps
	}
	for name, steps := range map[string][]step{
		"nothing to see":                       {{0, 0.1, 0, 0.25}, {1, 0.2, 0.1, 0.25}},
		"twice what one reply shows":           {{0, 0.1, 0.4, 0.8}, {1, 0.1, 0.2, 0.8}},
		"up to a second":                       {{0, 0.1, 0.9, 1}, {1, 0.1, 0, 1}},
		"a 429 doubles it":                     {{1, 0.1, -1, 0.5}, {3, 0.1, -1, 1}, {5, 0.1, -1, 2}, {8, 0.1, -1, 3}},
		"a 429 sent before it changed":         {{1, 0.1, -1, 0.5}, {1.05, 0.1, -1, 0.5}},
		"a 429 that took its time":             {{3, 1.5, -1, 1.5}},
		"five quiet minutes":                   {{0, 0.1, 0.4, 0.8}, {300, 0.1, 0, 0.8}, {301, 0.1, 0, 0.6}, {400, 0.1, 0, 0.6}},
		"guessed from the time replies take":   {{0, 0.4, 0, 0.25}, {1, 2.4, 0, 1}, {2, 9, 0, 1}},
		"the guess is outweighed by 20 shows":  append(even(19, 0.4, 0.25), step{20, 2.4, 0, 0.25}),
		"the guess holds until 20 have come":   append(even(18, 0.4, 0.25), step{20, 2.4, 0, 1}),
		"a spread brings the guess back":       append(even(25, 0.4, 0.25), step{30, 1.4, 0.2, 0.5}),
		"travel times of a spread narrow down": {{0, 0.1, 0.9, 1}, {301, 0.1, 0, 0.75}, {602, 0.1, 0, 0.5625}, {5000, 0.1, 0, 0.421875}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := margin{length: minMargin}
			for i, s := range steps {
				if s.spread < 0 {
					m.widen(at(s.at), at(s.at-s.took))
				} else {
					m.observe(at(s.at), seconds(s.took), seconds(s.spread), true)
				}
				if got := m.current(); got != seconds(s.want) {
					t.Errorf("step %d: the margin is %v, want %v", i+1, got, seconds(s.want))
				}
			}
		})
	}
}

// What a reply shows of the spread of travel times.
func TestSpread(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		sent     []float64
		doubtful []float64
		at       float64
		counted  int
		want     float64
		ok       bool
	}{
		"as sent":                      {sent: []float64{1, 2, 10}, at: 10, counted: 3},
		"others":                       {sent: []float64{1, 2, 10}, at: 10, counted: 7},
		"one still under way":          {sent: []float64{1, 2, 9.6, 10}, at: 10, counted: 3, want: 0.4, ok: true},
		"two still under way":          {sent: []float64{1, 9.2, 9.6, 10}, at: 10, counted: 2, want: 0.8, ok: true},
		"one has left early":           {sent: []float64{10.1, 70}, at: 70, counted: 1, want: 0.1},
		"one of those is the nearer":   {sent: []float64{10.3, 69.9, 70}, at: 70, counted: 2, want: 0.1, ok: true},
		"sent at the same time":        {sent: []float64{10, 10, 10}, at: 10, counted: 1},
		"one may not have arrived":     {sent: []float64{1, 9.6, 10}, doubtful: []float64{1}, at: 10, counted: 2, ok: true},
		"no count to be trusted":       {sent: []float64{1, 3, 5, 7, 10}, at: 10, counted: 1, want: 3},
		"a server that does not count": {sent: slices.Repeat([]float64{10}, 2000), at: 10, counted: 1, want: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var h history
			for _, s := range tt.sent {
				h.start(at(s))
			}
			for _, s := range tt.doubtful {
				h.doubtful.Add(at(s))
			}
			got, ok := h.spread(at(tt.at), tt.counted)
			if got.Round(ms) != seconds(tt.want).Round(ms) || ok != tt.ok {
				t.Errorf("got %v, %t, want %v, %t", got, ok, seconds(tt.want), tt.ok)
			}
		})
	}
}

// What proves that attempts are not all counted in one window.
func TestDisproof(t *testing.T) {
	t.Parallel()
	type answer struct {
		sent, at float64
		counted  int
		before   int // attempts that had succeeded when it was sent
	}
	for name, tt := range map[string]struct {
		answers []answer
		want    bool // after the last
	}{
		"in order":                    {[]answer{{0, 1, 1, 0}, {2, 3, 2, 1}, {4, 5, 3, 2}}, false},
		"others, too":                 {[]answer{{0, 1, 11, 0}, {2, 3, 12, 1}, {4, 5, 30, 2}}, false},
		"not counted what was before": {[]answer{{0, 1, 1, 0}, {2, 3, 2, 1}, {4, 5, 1, 2}}, true},
		"the same, others":            {[]answer{{0, 1, 21, 0}, {2, 3, 22, 1}, {4, 5, 2, 2}}, true},
		"has left the window":         {[]answer{{0, 1, 1, 0}, {2, 3, 2, 1}, {70, 71, 1, 2}}, false},
		"may have left the window":    {[]answer{{0, 1, 1, 0}, {59, 60.1, 1, 1}}, false},
		"at once, in any order":       {[]answer{{0, 1, 2, 0}, {0, 1, 3, 0}, {0, 2, 1, 0}}, false},
		"at once, in two windows":     {[]answer{{0, 1, 1, 0}, {0, 1, 2, 0}, {0, 2, 1, 0}}, true},
		"at once, one count unknown":  {[]answer{{0, 1, -1, 0}, {0, 1, 2, 0}, {0, 2, 1, 0}}, false},
		"a high count a while ago":    {[]answer{{0, 1, 9, 0}, {61, 62, 1, 1}, {61, 62, 2, 1}, {61, 62, 2, 1}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var h history
			var got bool
			for _, a := range tt.answers {
				h.start(at(a.sent))
				h.succeed(at(a.at), at(a.sent), a.counted)
				got = h.disproves(at(a.at), a.before, a.counted)
			}
			if got != tt.want {
				t.Errorf("got %t, want %t", got, tt.want)
			}
		})
	}
}

func TestOthers(t *testing.T) {
	t.Parallel()
	type step struct {
		now, at         float64 // of the reply, and of its attempt
		least, most     int
		meanwhile       int
		want, wantAwait int // reserved, and while replies are due
	}
	for name, steps := range map[string][]step{
		"nobody":                       {{1, 0, -2, 0, 0, 0, 0}, {9, 8, 0, 0, 0, 0, 0}},
		"proven":                       {{1, 0, 28, 30, 0, 28, 30}, {2, 1, 27, 29, 0, 28, 30}},
		"a burst coming in":            {{1, 0, -5, 20, 0, 0, 20}, {1.1, 0, -3, 21, 8, 0, 13}, {1.2, 0, 0, 20, 20, 0, 1}},
		"doubt ends where all is seen": {{1, 0, 0, 1, 0, 0, 1}, {4.5, 4, 0, 1, 0, 0, 0}},
		"left, shown for four seconds": {{1, 0, 28, 30, 0, 28, 30}, {11, 10, 0, 9, 0, 28, 28}, {14.5, 13.9, 0, 5, 0, 28, 28}, {14.6, 14, 0, 4, 0, 9, 9}},
		"not left after all":           {{1, 0, 28, 30, 0, 28, 30}, {11, 10, 0, 9, 0, 28, 28}, {12, 11, 27, 29, 0, 28, 29}, {14.6, 14, 0, 9, 0, 28, 28}},
		"forgotten after 90 s":         {{1, 0, 28, 30, 0, 28, 30}, {92, 91.5, 0, 0, 0, 0, 0}},
		"forgotten, but for what newer replies leave open": {
			{1, 0, 28, 30, 0, 28, 30}, {80, 79.5, 0, 7, 0, 28, 28}, {92, 79.6, 0, 6, 0, 7, 7}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var o others
			for i, s := range steps {
				o.observe(at(s.now), at(s.at), s.least, s.most, s.meanwhile)
				got := [2]int{o.reserved(at(s.now), false), o.reserved(at(s.now), true)}
				if want := [2]int{s.want, s.wantAwait}; got != want {
					t.Errorf("step %d: reserved %d, while replies are due %d, want %v", i+1, got[0], got[1], want)
				}
			}
			last := steps[len(steps)-1].now
			if got := o.reserved(at(last+90), true); got != 0 {
				t.Errorf("90 s after the last reply, %d are reserved, want none", got)
			}
		})
	}
}

func TestProbing(t *testing.T) {
	t.Parallel()
	o := others{full: true}
	for i, tt := range []struct {
		admitted bool
		pause    time.Duration
		probing  bool // with many slots
	}{
		{true, 6 * time.Second, true}, {true, 3 * time.Second, true}, {false, 12 * time.Second, false},
		{false, 24 * time.Second, false}, {true, 12 * time.Second, false}, {true, 6 * time.Second, true},
	} {
		o.probed(tt.admitted)
		if got := o.pause(); got != tt.pause {
			t.Errorf("probe %d: the interval is %v, want %v", i+1, got, tt.pause)
		}
		if got := o.probing(30, 60); got != tt.probing {
			t.Errorf("probe %d: with 30 of 60 slots, probing is %t, want %t", i+1, got, tt.probing)
		}
		if !o.probing(1, 60) {
			t.Errorf("probe %d: with one slot there is no probing", i+1)
		}
	}
	for range 20 {
		o.probed(false)
	}
	if got := o.pause(); got != maxProbe {
		t.Errorf("after many 429 the interval is %v, want %v", got, maxProbe)
	}
	for range 20 {
		o.probed(true)
	}
	if got := o.pause(); got != minProbe {
		t.Errorf("after many probes that were admitted the interval is %v, want %v", got, minProbe)
	}
}

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
