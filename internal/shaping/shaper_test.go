package shaping

import "testing"

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
		"a high count a while ago":    {[]answer{{0, 1, 9, 0}, {61, 62, 1, 1}, {61, 62, 2, 1}, {61, 62, 2, 1}}, true},
		"at once, one count unknown":  {[]answer{{0, 1, -1, 0}, {0, 1, 2, 0}, {0, 2, 1, 0}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := NewSet(Config{}).key.own
			var got bool
			for _, a := range tt.answers {
				s.take(at(a.sent), rankFirst)
				s.history.succeed(at(a.sent))
				s.learn(at(a.at), at(a.sent), 60, a.counted, false)
				got = s.disproved(at(a.at), a.before, a.counted)
			}
			if got != tt.want {
				t.Errorf("got %t, want %t", got, tt.want)
			}
		})
	}
}

// What a 429 shows of others counts until a reply shows otherwise.
func TestRejected(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		explained bool
		reply     float64 // sent at; 0 for none
		counted   int     // by it
		want      int     // slots left to others
	}{
		"not explained":                    {want: 50},
		"explained":                        {explained: true, want: 1},
		"the window is as full as it said": {reply: 12, counted: 61, want: 50},
		"there is room":                    {reply: 12, counted: 15, want: 4},
		"a reply from before":              {reply: 3, counted: 5, want: 50},
		"explained, and nobody is there":   {explained: true, reply: 12, counted: 11, want: 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := NewSet(Config{Limit: 60}).key.own
			for i := range 10 {
				s.take(at(float64(i)), rankFirst)
				s.history.written(at(float64(i)), at(float64(i)), false)
				s.history.end(at(float64(i)), true)
			}
			s.rejected(at(10.1), at(10), tt.explained)
			if tt.reply > 0 {
				s.take(at(tt.reply), rankFirst)
				s.history.written(at(tt.reply), at(tt.reply), false)
				s.history.end(at(tt.reply), true)
				s.history.succeed(at(tt.reply))
				s.learn(at(tt.reply+0.2), at(tt.reply), 60, tt.counted, false)
			}
			if got := s.theirs(at(13)); got != tt.want {
				t.Errorf("%d slots are left to others, want %d", got, tt.want)
			}
		})
	}
}
