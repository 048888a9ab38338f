package shaping

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFacts(t *testing.T) {
	t.Parallel()
	type step struct {
		at          float64 // of the attempt; the reply comes a second later
		limit       int
		least, most int
		others      int // then
	}
	type belief struct {
		Limit, Others int
		Confirmed     bool
	}
	const limit = 60
	for name, tt := range map[string]struct {
		steps []step
		later map[float64]belief
	}{
		"nobody": {
			steps: []step{{0, limit, 0, 0, 0}, {8, limit, 0, 3, 0}},
			later: map[float64]belief{69: {limit, 0, true}, 70: {limit, 0, false}, 86400: {limit, 0, false}},
		},
		"the most that is proved, for 90 s": {
			steps: []step{{0, limit, 28, 30, 28}, {10, limit, 20, 29, 28}},
			later: map[float64]belief{89: {limit, 28, false}, 90: {limit, 20, false}, 100: {limit, 0, false}},
		},
		"what is allowed for renews no proof": {
			steps: []step{{0, limit, 28, 30, 28}, {40, limit, 0, 60, 28}, {80, limit, 0, 60, 28}, {91, limit, 0, 60, 0}},
		},
		"outweighed by 20 s of replies": {
			steps: []step{{0, limit, 28, 30, 28}, {10, limit, 0, 9, 28}, {20, limit, 5, 12, 28}, {29, limit, 0, 9, 28}, {30, limit, 0, 9, 5}},
		},
		"not by replies before it": {
			steps: []step{{0, limit, 0, 3, 0}, {20, limit, 0, 3, 0}, {30, limit, 28, 30, 28}},
		},
		"not if one of them allows for it": {
			steps: []step{{0, limit, 28, 30, 28}, {10, limit, 0, 9, 28}, {20, limit, 0, 28, 28}, {30, limit, 0, 9, 28}, {49, limit, 0, 9, 28}, {50, limit, 0, 9, 0}},
		},
		"a smaller proof stays": {
			steps: []step{{0, limit, 10, 10, 10}, {6, limit, 28, 30, 28}, {12, limit, 0, 15, 28}, {32, limit, 0, 15, 10}},
		},
		"in any order": {
			steps: []step{{30, limit, 0, 9, 0}, {0, limit, 28, 30, 28}, {10, limit, 0, 9, 0}},
		},
		"a limit is that of the latest attempt": {
			steps: []step{{10, 120, 0, 0, 0}, {0, limit, 0, 0, 0}},
			later: map[float64]belief{12: {120, 0, true}},
		},
		"with another limit begins another life": {
			steps: []step{{0, limit, 28, 30, 28}, {10, 120, 0, 30, 0}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var f facts
			for i, s := range tt.steps {
				now := at(max(s.at, tt.steps[max(0, i-1)].at) + 1)
				f.add(now, fact{at: at(s.at), told: now, limit: s.limit, least: s.least, most: s.most})
				if got, _ := f.others(now); got != s.others {
					t.Errorf("step %d: others use %d slots, want %d", i+1, got, s.others)
				}
			}
			for now, want := range tt.later {
				n, _ := f.others(at(now))
				if diff := cmp.Diff(want, belief{f.limit(), n, f.confirmed(at(now))}); diff != "" {
					t.Errorf("at %v s, want - got +:\n%s", now, diff)
				}
			}
		})
	}
}

// Whatever replies have shown, nothing is left of it after evidence, and few facts
// are kept. until tells when there will be fewer others.
func TestFactsAge(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var f facts
		var now moment
		for i := range 2000 {
			now = at(float64(i) * 0.3)
			least := max(0, random.IntN(60)-30)
			f.add(now, fact{at: now.Add(-time.Duration(random.IntN(60)) * time.Second), told: now, limit: 60, least: least, most: least + random.IntN(9)})
		}
		if most := int((evidence+Length)/together) * 2; len(f.list) > most {
			t.Fatalf("%d facts are kept, want at most %d", len(f.list), most)
		}
		if !slices.IsSortedFunc(f.list, func(a, b fact) int { return int(a.at - b.at) }) {
			t.Fatal("facts are not in order")
		}
		for n, until := f.others(now); n > 0; {
			if before, _ := f.others(until - 1); before != n {
				t.Fatalf("a moment before until there are %d others, want %d", before, n)
			}
			fewer, next := f.others(until)
			if fewer >= n || until > now.Add(evidence) {
				t.Fatalf("%d others, %v later %d", n, until.Sub(now), fewer)
			}
			n, until = fewer, next
		}
	}
}
