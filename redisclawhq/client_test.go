package redisclawhq_test

import (
	"strings"
	"testing"

	"github.com/clawhq/clawhq-go/redisclawhq"
	"github.com/redis/go-redis/v9"
)

// What cannot hold one log for all machines is refused at once.
func TestClientsThatDoNotWork(t *testing.T) {
	t.Parallel()
	ring := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": "127.0.0.1:1"}})
	defer ring.Close()
	for name, rdb := range map[string]redis.UniversalClient{
		"nil":            nil,
		"a nil client":   (*redis.Client)(nil),
		"a ring":         ring,
		"a wrapped ring": struct{ redis.UniversalClient }{ring},
		"a wrapped nil":  struct{ redis.UniversalClient }{},
	} {
		if l, err := redisclawhq.NewLimiter(rdb, "name"); err == nil || l != nil || !strings.HasPrefix(err.Error(), "redisclawhq: ") {
			t.Errorf("%s: got %v, %v, want an error", name, l, err)
		}
	}
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer rdb.Close()
	if _, err := redisclawhq.NewLimiter(struct{ redis.UniversalClient }{rdb}, "name"); err != nil {
		t.Errorf("a wrapped client: %v", err)
	}
}

// A client of a type that cannot be compared works, as a wrapper with a slice is.
func TestClientThatCannotBeCompared(t *testing.T) {
	t.Parallel()
	inFleet(t, 1, func(t *testing.T, fl *fleet) {
		type tagged struct {
			redis.UniversalClient
			tags []string
		}
		l, err := redisclawhq.NewLimiter(tagged{fl.connect(), []string{"prod"}}, "name", redisclawhq.WithRateLimit(1))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		take(t, l, 1)
		wait(t, l) // subscribes
	})
}
