package redisclawhq_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go/redisclawhq"
	"github.com/google/go-cmp/cmp"
)

// Stats has what the Limiter does, in each of its states.
func TestStats(t *testing.T) {
	t.Parallel()
	inFleet(t, 2, func(t *testing.T, fl *fleet) {
		l := fl.limiter()
		check := func(state string, want redisclawhq.Stats) {
			t.Helper()
			synctest.Wait()
			if diff := cmp.Diff(want, l.Stats()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", state, diff)
			}
		}
		check("new", redisclawhq.Stats{})
		first := time.Now()
		take(t, l, 1)
		check("after a call", redisclawhq.Stats{Available: true, Since: first, RoundTrips: 1})
		answer(l, 2, 1)
		check("after its reply", redisclawhq.Stats{Available: true, Since: first, Limit: 2, RoundTrips: 2})

		take(t, l, 1)
		ctx, cancel := context.WithCancel(t.Context())
		for range 3 {
			fl.group.Go(func() { l.Wait(ctx) })
		}
		check("with callers that wait", redisclawhq.Stats{Available: true, Since: first, Limit: 2, Waiting: 3, RoundTrips: 4})
		time.Sleep(58 * time.Second)
		if s := l.Stats(); s.Leased != 1 || s.Waiting != 3 {
			t.Errorf("shortly before the turn: %+v, want one slot leased", s)
		}
		time.Sleep(5 * time.Second)
		trips := l.Stats().RoundTrips
		check("after the turn", redisclawhq.Stats{Available: true, Since: first, Limit: 2, Waiting: 1, RoundTrips: trips})
		cancel()

		time.Sleep(time.Minute)
		fl.slow.Store(int64(200 * ms))
		gone := time.Now().Add(redisclawhq.DefaultTimeout)
		isAway(t, l)
		s := l.Stats()
		if s.Available || !s.Since.Equal(gone) || s.Timeouts != 1 || s.Fallbacks != 1 || s.Waiting != 0 || s.Leased != 0 {
			t.Errorf("after a slow answer: %+v, want not available since %v, one timeout, one fallback", s, gone)
		}
		fl.slow.Store(0)
		time.Sleep(5 * time.Second)
		if s := l.Stats(); !s.Available || !s.Since.After(gone) {
			t.Errorf("after a quick answer: %+v, want available", s)
		}
	})
}
