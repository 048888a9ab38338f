package shaping

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const ms = time.Millisecond

// epoch is when tables of steps begin.
const epoch moment = 1_000_000e9

// at is a time of a table, in seconds.
func at(s float64) moment { return epoch.Add(seconds(s)) }

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// since is a time as a table has it.
func since(t moment) float64 { return t.Sub(epoch).Seconds() }

// newShaper returns a Shaper that has been told a limit at 0 s; 0 means none.
func newShaper(limit int) *Shaper {
	s := NewSet(Config{Unknown: 2}).key.own
	if limit > 0 {
		s.know(at(0), fact{at: at(0), told: at(0), limit: limit, most: limit})
	}
	return s
}

// sent logs attempts that were written, and are not answered yet.
func (s *Shaper) sent(rank int, times ...float64) *Shaper {
	for _, t := range times {
		s.history.start(at(t), rank >= rankBackgroundRetry)
		s.history.written(at(t), at(t), rank >= rankBackgroundRetry)
	}
	return s
}

// others has a reply to an attempt prove others.
func (s *Shaper) others(sent float64, n int) *Shaper {
	s.know(at(sent), fact{at: at(sent), limit: s.limit(), least: n, most: n})
	return s
}

func (s *Shaper) with(change func(s *Shaper)) *Shaper {
	change(s)
	return s
}

// every returns n times, so many seconds apart.
func every(n int, from, apart float64) (times []float64) {
	for i := range n {
		times = append(times, from+float64(i)*apart)
	}
	return times
}

// Only a reply proves others to whom room is left: a 429 that the log explains may
// as well have been caused by own attempts.
func TestRoomIsLeftOnProof(t *testing.T) {
	t.Parallel()
	a := &ask{now: at(2), rank: rankFirst, limit: 60, theirs: 1}
	for name, tt := range map[string]struct {
		shaper *Shaper
		want   int
	}{
		"after a reply": {newShaper(60).others(1, 1), 59 * 59 / (8 * 60)},
		"after a 429":   {newShaper(60).with(func(s *Shaper) { s.rejected(at(1), at(1), true) }), 0},
	} {
		if got := tt.shaper.left(a); got != tt.want {
			t.Errorf("%s: %d slots are left free, want %d", name, got, tt.want)
		}
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	type want struct {
		At       float64 // may be sent
		Why      Reason
		Earliest float64 // by what is proven
	}
	first, yields, elsewhere := rankFirst, rankBackground, rankElsewhere
	closed := func(s *Shaper) { s.gate.close(at(10), 20*time.Second, time.Minute, 4*time.Second) }
	for name, tt := range map[string]struct {
		shaper      *Shaper
		now         float64
		rank, place int
		want        want
	}{
		"room":                    {newShaper(3).sent(first, 0, 10), 30, first, 0, want{30, Behind, 30}},
		"full":                    {newShaper(3).sent(first, 0, 10, 20), 30, first, 0, want{60.25, Full, 60.25}},
		"full, second":            {newShaper(3).sent(first, 0, 10, 20), 30, first, 1, want{70.25, Full, 60.25}},
		"full, slots come round":  {newShaper(3).sent(first, 0, 10, 20), 30, first, 3, want{120.5, Full, 60.25}},
		"full, replies may tell":  {newShaper(3).sent(first, 70, 70, 70), 80, first, 0, want{130.25, Full, 80}},
		"full, and none is due":   {newShaper(3).sent(first, 70, 70, 70).with(func(s *Shaper) { s.history.outstanding = 0 }), 80, first, 0, want{130.25, Full, 130.25}},
		"full, one not written":   {newShaper(2).sent(first, 0).with(func(s *Shaper) { s.history.start(at(10), false) }), 30, first, 0, want{60.25, Full, 30}},
		"limit unknown":           {newShaper(0).sent(first, 0), 5, first, 0, want{5, Behind, 5}},
		"limit unknown, too many": {newShaper(0).sent(first, 0, 1), 5, first, 0, want{unexpected.Seconds() + 5, Unknown, 5}},
		"limit unknown, yielding": {newShaper(0).sent(yields, 0), 5, yields, 0, want{unexpected.Seconds() + 5, Unknown, 5}},
		"the caller's bound":      {newShaper(60).sent(first, 0, 10).with(func(s *Shaper) { s.max = 2 }), 30, first, 0, want{60.25, Full, 60.25}},
		"the bound alone":         {newShaper(0).sent(first, 0).with(func(s *Shaper) { s.max = 1 }), 30, first, 0, want{60.25, Full, 60.25}},
		"gate":                    {newShaper(3).with(closed), 12, first, 0, want{30, Closed, 30}},
		"gate, limit unknown":     {newShaper(0).sent(first, 1, 2).with(closed), 12, first, 0, want{30, Closed, 30}},
		"gate, made elsewhere":    {newShaper(1).sent(first, 5).with(closed), 12, elsewhere, 0, want{30, Closed, 30}},
		"room made elsewhere":     {newShaper(1).sent(first, 5), 12, elsewhere, 0, want{12, Behind, 12}},
		"spacing is no proof":     {newShaper(60).with(closed).sent(first, 31), 32, first, 0, want{35, Spaced, 32}},
		"spacing ends":            {newShaper(60).with(closed).sent(first, 119.9), 120, first, 0, want{120, Behind, 120}},
		"others, a probe":         {newShaper(3).sent(first, 0).others(0, 2).with(func(s *Shaper) { s.probing.full = true }), 5, first, 0, want{12, Others, 5}},
		"others, hope":            {newShaper(3).sent(first, 0).others(0, 2), 1.2, first, 0, want{1.2, Behind, 1.2}},
		"others, many slots":      {newShaper(60).sent(first, every(30, 0, 0.1)...).others(0, 30), 5, first, 0, want{60.25 + 0.1, Others, 5}},
		"others are forgotten":    {newShaper(60).sent(first, every(30, 35, 0.1)...).others(0, 30), 90, first, 0, want{90, Behind, 90}},
		"room is left":            {newShaper(60).sent(first, every(29, 0, 0.1)...).others(0, 30), 5, first, 0, want{60.25, Room, 5}},
		"a share at once":         {newShaper(60).others(0, 55).sent(first, 4.5, 4.5), 5, first, 0, want{6, Others, 5}},
		"a slot is kept open":     {newShaper(60).sent(first, every(60, 0, 1)...), 60.3, first, 0, want{61.25, Open, 60.3}},
		"open, then not":          {newShaper(60).sent(first, every(60, 0, 0.01)...), 61.6, first, 0, want{61.6, Behind, 61.6}},
		"open once a window":      {newShaper(60).sent(first, every(60, 0, 1)...).with(func(s *Shaper) { s.opened = at(10) }), 60.3, first, 0, want{60.3, Behind, 60.3}},
		"open for longer":         {newShaper(60).sent(first, every(60, 0, 0.01)...).with(func(s *Shaper) { s.byMinute = true; s.sent(first, every(59, 60.3, 0.001)...); s.opened = at(60.25) }), 62, first, 0, want{66.25, Open, 62}},
		"spread":                  {newShaper(60).sent(yields, 10), 10.5, yields, 0, want{10 + 60.45/60, Spread, 10.5}},
		"spread, second":          {newShaper(60).sent(yields, 10), 10.5, yields, 1, want{10 + 2*60.45/60, Spread, 10.5}},
		"spread around others":    {newShaper(60).sent(yields, 10).sent(first, every(24, 0, 0.1)...), 10.5, yields, 0, want{10 + 60.45/30, Spread, 10.5}},
		"a tenth is left":         {newShaper(60).sent(first, every(54, 0, 0.1)...), 10, yields, 0, want{60.25, Room, 10}},
		"nothing is left alone":   {newShaper(60).sent(yields, every(59, 0, 0.1)...), 10, yields, 0, want{10, Behind, 10}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := tt.shaper
			p := s.plan(at(tt.now), tt.rank, tt.place)
			got := want{since(p.at), p.why, since(s.earliest(at(tt.now), tt.rank))}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateApprox(0, 1e-6)); diff != "" {
				t.Errorf("want - got +:\n%s", diff)
			}
		})
	}
}
