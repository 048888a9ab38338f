package redisclawhq_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go/redisclawhq"
)

// Connecting and loading the script do not count as a slow answer.
func TestColdStart(t *testing.T) {
	t.Parallel()
	inFleet(t, 60, func(t *testing.T, fl *fleet) {
		fl.far.Store(int64(400 * ms))
		fl.slow.Store(int64(80 * ms)) // twice, as long as Redis does not know the script
		for range 20 {
			l := fl.limiter()
			fl.group.Go(func() {
				if err := l.Wait(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		fl.group.Wait()
	})
}

// more once a reply has shown the limit.
func TestColdFallback(t *testing.T) {
	t.Parallel()
	inFleet(t, 60, func(t *testing.T, fl *fleet) {
		fl.stop()
		fl.agent.Store(int64(5 * time.Second))
		for range 20 {
			client := fl.machine()
			for range 20 {
				fl.group.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
					defer cancel()
					if _, err := client.Chat(ctx, hi); err != nil && !errors.Is(err, context.DeadlineExceeded) {
						t.Error(err)
					}
				})
			}
		}
		time.Sleep(5 * time.Second)
		if n := len(fl.Requests()); n < 15 || n > 20 {
			t.Errorf("%d requests before the first reply, want one of each machine", n)
		}
		fl.group.Wait()
		fl.down.Store(false)
		time.Sleep(5 * time.Second)
	})
}

// An answer that comes too late returns its slots by itself.
func TestLateAnswerTakesNothing(t *testing.T) {
	t.Parallel()
	inFleet(t, 60, func(t *testing.T, fl *fleet) {
		l := fl.limiter(redisclawhq.WithRateLimit(60))
		take(t, l, 1)
		fl.slow.Store(int64(300 * ms))
		for range 5 {
			fl.group.Go(func() { isAway(t, l) })
		}
		fl.group.Wait()
		fl.slow.Store(0)
		time.Sleep(2 * time.Second)
		if n := fl.logged(); n != 1 {
			t.Errorf("the log has %d calls, want the one that was sent", n)
		}
	})
}
