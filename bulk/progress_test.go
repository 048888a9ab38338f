package bulk_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go/bulk"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
)

// Progress is told of each result, and every second; what it says of the time that
// is left holds.
func TestProgress(t *testing.T) {
	t.Parallel()
	for _, agent := range []time.Duration{100 * time.Millisecond, 5 * time.Second, 50 * time.Second} {
		t.Run(agent.String(), func(t *testing.T) {
			t.Parallel()
			testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
				start := time.Now()
				var last bulk.Progress
				called := start
				type guess struct{ at, left time.Duration }
				var guesses []guess
				handed, reasons := 0, 0
				progress := func(p bulk.Progress) {
					if gap := time.Since(called); gap > time.Second {
						t.Errorf("not called for %v", gap)
					}
					if p.Answered != handed || p.Failed != 0 || p.Total != 300 || p.Elapsed != time.Since(start) {
						t.Errorf("after %d results got %+v", handed, p)
					}
					if p.PerMinute > 60 || p.Answered > 1 && p.PerMinute <= 0 {
						t.Errorf("%.1f a minute: %+v", p.PerMinute, p)
					}
					if p.Reason != "" {
						reasons++
					}
					if p.Answered >= 150 && p.Answered < 300 {
						guesses = append(guesses, guess{p.Elapsed, p.Remaining})
					}
					last, called = p, time.Now()
				}
				for r, err := range bulk.Run(t.Context(), s.Client(), numbered(300), bulk.Options{Total: 300, Progress: progress}) {
					if err != nil || r.Err != nil {
						t.Fatal(r.Err, err)
					}
					handed++
				}
				took := time.Since(start)
				if last.Answered != 300 || last.InFlight != 0 || last.Remaining != 0 || reasons == 0 {
					t.Errorf("at the end: %+v; %d Reasons", last, reasons)
				}
				for _, g := range guesses {
					if wrong := took - g.at - g.left; math.Abs(wrong.Minutes()) > 2 {
						t.Errorf("after %v, %v were left, but it took %v", g.at, g.left, took)
						break
					}
				}
			}, clawhqtest.WithAgent("support-bot", thinks(agent)))
		})
	}
}

// What comes from the store counts, but not for the rate; a Client that is not
// *clawhq.Client has no Reason.
func TestProgressOfResumed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(table)
		opts := bulk.Options{Job: "p", Store: store, Workers: 1, Total: 8}
		client := &script{fail: func(message string, _ int, _ time.Duration) error {
			if message == "question 1" {
				return blocked
			}
			return nil
		}}
		if _, err := all(t.Context(), client, numbered(4), opts); err != nil {
			t.Fatal(err)
		}
		var got []bulk.Progress
		opts.Progress = func(p bulk.Progress) { got = append(got, p) }
		if _, err := all(t.Context(), client, numbered(8), opts); err != nil {
			t.Fatal(err)
		}
		if len(got) < 8 {
			t.Fatalf("Progress was called %d times, want 8 or more", len(got))
		}
		p := got[len(got)-1]
		if p.Answered != 7 || p.Failed != 1 || p.Resumed != 4 || p.Elapsed != 4*time.Second || math.Abs(p.PerMinute-60) > 1 {
			t.Errorf("got %+v, want 7 answered, 1 failed, 4 resumed in 4 s, 60 a minute", p)
		}
		for _, p := range got {
			if p.Reason != "" {
				t.Errorf("Reason is %q", p.Reason)
			}
		}
	})
}
