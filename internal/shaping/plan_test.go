package shaping

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const ms = time.Millisecond

// epoch is when tables of steps begin.
const epoch moment = 1_000_000e9

// at is a time of a table, in seconds.
func at(s float64) moment { return epoch.Add(seconds(s)) }

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// since is a time as a table has it.
func since(t moment) float64 { return t.Sub(epoch).Seconds() }

// newShaper returns a Shaper that has been told a limit at a time.
func newShaper(limit int, told float64) *Shaper {
	s := NewSet(Config{Unknown: 30}).key
	s.learn(at(told), at(told), limit)
	return s
}

func sent(s *Shaper, times ...float64) {
	for _, t := range times {
		s.history.start(at(t))
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	type want struct {
		At       float64 // may be sent
		Why      Reason
		Earliest float64 // by what is proven
	}
	for name, tt := range map[string]struct {
		set       func() *Shaper
		now       float64
		place     int
		elsewhere bool
		want      want
	}{
		"room":                   {func() *Shaper { s := newShaper(3, 0); sent(s, 0, 10); return s }, 30, 0, false, want{30, Behind, 30}},
		"full":                   {func() *Shaper { s := newShaper(3, 0); sent(s, 0, 10, 20); return s }, 30, 0, false, want{60.25, Full, 60.25}},
		"full, second":           {func() *Shaper { s := newShaper(3, 0); sent(s, 0, 10, 20); return s }, 30, 1, false, want{70.25, Full, 70.25}},
		"full, slots come round": {func() *Shaper { s := newShaper(3, 0); sent(s, 0, 10, 20); return s }, 30, 3, false, want{120.5, Full, 120.5}},
		"a slot has come free":   {func() *Shaper { s := newShaper(3, 0); sent(s, 0, 10, 20); return s }, 60.25, 0, false, want{60.25, Behind, 60.25}},
		"full by a limit of long ago, replies due": {func() *Shaper { s := newShaper(3, 0); sent(s, 70, 70, 70); return s }, 80, 0, false,
			want{130.25, Full, 80}},
		"full by a limit of long ago, none due": {func() *Shaper { s := newShaper(3, 0); sent(s, 70, 70, 70); s.history.outstanding = 0; return s }, 80, 0, false,
			want{130.25, Full, 130.25}},
		"limit unknown":            {func() *Shaper { return NewSet(Config{Unknown: 2}).key }, 5, 0, false, want{5, Behind, 5}},
		"limit unknown, second":    {func() *Shaper { s := NewSet(Config{Unknown: 2}).key; sent(s, 0); return s }, 5, 0, false, want{5, Behind, 5}},
		"limit unknown, too many":  {func() *Shaper { s := NewSet(Config{Unknown: 2}).key; sent(s, 0, 1); return s }, 5, 0, false, want{unexpected.Seconds() + 5, Unknown, 5}},
		"the caller's bound":       {func() *Shaper { s := newShaper(60, 0); s.max = 2; sent(s, 0, 10); return s }, 30, 0, false, want{60.25, Full, 60.25}},
		"the caller's bound alone": {func() *Shaper { s := NewSet(Config{Unknown: 30, Max: 2}).key; sent(s, 0, 10); return s }, 30, 0, false, want{60.25, Full, 60.25}},
		"gate":                     {func() *Shaper { s := newShaper(3, 0); s.gate.close(at(10), 20*time.Second, time.Minute, 0); return s }, 12, 0, false, want{30, Closed, 30}},
		"gate, limit unknown": {func() *Shaper {
			s := NewSet(Config{}).key
			s.gate.close(at(10), 20*time.Second, time.Minute, 0)
			return s
		}, 12, 0, false, want{30, Closed, 30}},
		"gate, room made elsewhere": {func() *Shaper {
			s := newShaper(1, 0)
			sent(s, 5)
			s.gate.close(at(10), 20*time.Second, time.Minute, 0)
			return s
		}, 12, 0, true, want{30, Closed, 30}},
		"full, room made elsewhere": {func() *Shaper { s := newShaper(1, 0); sent(s, 5); return s }, 12, 0, true, want{12, Behind, 12}},
		"spacing is no proof": {func() *Shaper {
			s := newShaper(60, 0)
			s.gate.close(at(1), time.Second, time.Minute, 4*time.Second)
			sent(s, 3)
			return s
		}, 5, 0, false, want{7, Spaced, 5}},
		"others are no proof": {func() *Shaper {
			s := newShaper(3, 0)
			sent(s, 0)
			s.others.observe(at(1), at(0), 2, 2, 0)
			return s
		}, 5, 0, false, want{12, Others, 5}}, // a probe
		"a share of what others have left": {func() *Shaper {
			s := newShaper(60, 0)
			s.others.observe(at(1), at(0), 55, 55, 0)
			sent(s, 4.5, 4.5)
			return s
		}, 5, 0, false, want{6, Others, 5}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := tt.set()
			p := s.plan(at(tt.now), tt.place, tt.elsewhere)
			got := want{since(p.at), p.why, since(s.earliest(at(tt.now), tt.place, tt.elsewhere))}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("want - got +:\n%s", diff)
			}
		})
	}
}
