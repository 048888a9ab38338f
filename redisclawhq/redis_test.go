package redisclawhq_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/redisclawhq"
)

// Names and values in Redis do not reveal the API key, are on one node of a
// cluster, and expire.
func TestNamesInRedis(t *testing.T) {
	t.Parallel()
	inFleet(t, 60, func(t *testing.T, fl *fleet) {
		l := fl.limiter(redisclawhq.WithPrefix("app:"))
		for _, window := range []string{"key", "GET /v1/agents"} {
			for range 40 { // more than are admitted at once
				fl.group.Go(func() {
					if err := l.WaitWindow(t.Context(), clawhq.LimitRequest{Window: window}); err != nil {
						t.Error(err)
					}
				})
			}
		}
		synctest.Wait()
		keys := fl.redis.Keys()
		if len(keys) < 4 {
			t.Errorf("got %q, want a log and a state for each window", keys)
		}
		tag := ""
		for _, k := range keys {
			if !strings.Contains(k, "}:2:") {
				t.Errorf("name %q has no version of what is stored", k)
			}
			prefix, rest, _ := strings.Cut(k, "{")
			hash, _, tagged := strings.Cut(rest, "}")
			if prefix != "app:" || !tagged || tag != "" && hash != tag {
				t.Errorf("name %q, want the prefix app: and the tag {%s}", k, tag)
			}
			tag = hash
			if ttl := fl.redis.TTL(k); ttl != 5*time.Minute {
				t.Errorf("%q lives for %v, want 5 minutes", k, ttl)
			}
		}
		if dump := fl.redis.Dump(); strings.Contains(dump, fl.APIKey()) || strings.Contains(dump, fl.APIKey()[4:20]) {
			t.Errorf("the API key stands in Redis:\n%s", dump)
		}
		fl.group.Wait()
	})
}

// Different keys do not share a limit.
func TestKeysApart(t *testing.T) {
	t.Parallel()
	inFleet(t, 1, func(t *testing.T, fl *fleet) {
		for _, key := range []string{"one", "two"} {
			l, err := redisclawhq.NewLimiter(fl.connect(), key, redisclawhq.WithRateLimit(1))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
			take(t, l, 1)
		}
	})
}

// If a Redis with a clock that is behind takes over, no slot is handed out twice,
// and no slot is handed out much too late.
func TestClockRunsBackwards(t *testing.T) {
	t.Parallel()
	inFleet(t, 2, func(t *testing.T, fl *fleet) {
		l := fl.limiter(redisclawhq.WithRateLimit(2))
		take(t, l, 1)
		time.Sleep(10 * time.Second)
		take(t, l, 1)
		fl.redis.SetTime(time.Now().Add(-30 * time.Second))
		start := time.Now()
		fl.group.Go(func() {
			for time.Since(start) < 2*time.Minute { // the clock stays behind by 30 seconds
				time.Sleep(10 * time.Millisecond)
				fl.redis.SetTime(time.Now().Add(-30 * time.Second))
			}
		})
		if got, want := wait(t, l), 50*time.Second+redisclawhq.DefaultMargin; got < want || got > want+time.Second {
			t.Errorf("waited %v, want %v", got, want)
		}
		if got, want := wait(t, l), 10*time.Second; got < want-time.Second || got > want+time.Second {
			t.Errorf("then waited %v, want %v", got, want)
		}
	})
}

// A Redis that loses its data all the time is treated as unavailable.
func TestForgetfulRedis(t *testing.T) {
	t.Parallel()
	inFleet(t, 60, func(t *testing.T, fl *fleet) {
		client := fl.machine()
		done := make(chan struct{})
		fl.group.Go(func() {
			for {
				select {
				case <-done:
					return
				case <-time.After(time.Millisecond):
					fl.redis.FlushAll()
				}
			}
		})
		for range 20 {
			if _, err := client.Chat(t.Context(), hi); err != nil {
				t.Error(err)
			}
		}
		if n := fl.trips.Load(); n > 200 {
			t.Errorf("%d trips for 20 calls", n)
		}
		close(done)
	})
}
