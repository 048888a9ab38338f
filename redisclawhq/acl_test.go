package redisclawhq_test

import (
	"context"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/redisclawhq"
	"github.com/clawhq/clawhq-go/redisclawhq/internal/processes"
	"github.com/redis/go-redis/v9"
)

// printedACL returns the words of the line of the package comment that sets up the
// user.
func printedACL(t *testing.T, user string) []string {
	t.Helper()
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^//\t(ACL SETUSER ` + user + ` .*)$`).FindSubmatch(text)
	if line == nil {
		t.Fatalf("the package comment has no ACL line for %s", user)
	}
	return strings.Fields(string(line[1]))
}

// as sets up a user, and returns a client of that user.
func as(t *testing.T, store *processes.Redis, acl []string) *redis.Client {
	t.Helper()
	var args []any
	for _, word := range acl {
		args = append(args, word)
	}
	if err := store.Do(t.Context(), "ACL", "DELUSER", acl[2]).Err(); err != nil {
		t.Fatal(err)
	}
	if err := store.Do(t.Context(), args...).Err(); err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(&redis.Options{Network: "unix", Addr: store.Socket(), Username: acl[2], Password: "password"})
	t.Cleanup(func() { rdb.Close() })
	return rdb
}

// content returns all that Redis stores, for comparison.
func content(t *testing.T, store *processes.Redis) (dump string) {
	t.Helper()
	keys, err := store.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(keys)
	for _, key := range keys {
		dump += key + store.Dump(t.Context(), key).Val()
	}
	return dump
}

func newLimiter(t *testing.T, rdb redis.UniversalClient, name string) *redisclawhq.Limiter {
	t.Helper()
	l, err := redisclawhq.NewLimiter(rdb, name, redisclawhq.WithTimeout(5*time.Second), redisclawhq.WithRateLimit(2))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// A Limiter needs the rights that are printed, and no fewer. Without one of them,
// the script changes nothing.
func TestLimiterACL(t *testing.T) {
	t.Parallel()
	store := startRedis(t)
	acl := printedACL(t, "clawhq-limiter")
	a, b := newLimiter(t, as(t, store, acl), "name"), newLimiter(t, store.Client, "name")
	for range 2 {
		if err := a.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	waited := make(chan error, 1)
	go func() { waited <- a.Wait(t.Context()) }()
	channel := func() bool { return len(store.PubSubChannels(t.Context(), "*").Val()) > 0 }
	eventually(t, "subscribed", channel)
	b.ObserveReply(clawhq.LimitReply{Window: "key", Sent: time.Now(), StatusCode: 200, RateLimit: clawhq.RateLimit{Limit: 4, Remaining: 1}})
	select {
	case err := <-waited:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("a plan change was not published")
	}

	for _, right := range acl {
		if !strings.HasPrefix(right, "+") || right == "+publish" || right == "+subscribe" {
			continue
		}
		without := slices.DeleteFunc(slices.Clone(acl), func(s string) bool { return s == right })
		if right == "+eval" {
			store.ScriptFlush(t.Context())
		}
		l := newLimiter(t, as(t, store, without), "name")
		before := content(t, store)
		if err := l.Wait(t.Context()); !errors.Is(err, redisclawhq.ErrUnavailable) || !strings.Contains(err.Error(), "NOPERM") && !strings.Contains(err.Error(), "can't run this command") {
			t.Errorf("without %s: %v", right, err)
		}
		if content(t, store) != before {
			t.Errorf("without %s: the script was carried out by halves", right)
		}
		l.Close()
		if right == "+eval" {
			if err := newLimiter(t, store.Client, "other").Wait(t.Context()); err != nil { // loads the script again
				t.Fatal(err)
			}
		}
	}
}

// Without the rights for plan changes a Limiter works, and no script fails.
func TestLimiterWithoutPlanChanges(t *testing.T) {
	t.Parallel()
	store := startRedis(t)
	acl := slices.DeleteFunc(printedACL(t, "clawhq-limiter"), func(s string) bool { return s == "+publish" || s == "+subscribe" })
	l := newLimiter(t, as(t, store, acl), "name")
	ctx, cancel := context.WithCancel(t.Context())
	for range 2 {
		if err := l.Wait(ctx); err != nil {
			t.Fatal(err)
		}
	}
	go l.Wait(ctx)
	time.Sleep(100 * ms)
	l.ObserveReply(clawhq.LimitReply{Window: "key", Sent: time.Now(), StatusCode: 200, RateLimit: clawhq.RateLimit{Limit: 3, Remaining: 1}})
	eventually(t, "the limit is known", func() bool { return l.Stats().Limit == 3 && l.Stats().Waiting == 0 })
	if s := l.Stats(); !s.Available || s.Fallbacks > 0 {
		t.Errorf("got %+v, want no fallback", s)
	}
	cancel()
}

// A Redis without memory for more fails the script before it has changed anything.
func TestLimiterWithoutMemory(t *testing.T) {
	t.Parallel()
	store := startRedis(t)
	l := newLimiter(t, store.Client, "name")
	if err := l.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := store.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	before := content(t, store)
	if err := l.Wait(t.Context()); !errors.Is(err, redisclawhq.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	if content(t, store) != before {
		t.Error("the script was carried out by halves")
	}
}

// A Seen needs the rights that are printed, and no fewer.
func TestSeenACL(t *testing.T) {
	t.Parallel()
	store := startRedis(t)
	acl := printedACL(t, "clawhq-seen")
	use := func(rdb *redis.Client) error {
		s := redisclawhq.NewSeen(rdb, redisclawhq.SeenOptions{})
		for _, end := range []func(context.Context, string) error{s.Forget, s.Done} {
			if _, err := s.Claim(t.Context(), "event"); err != nil {
				return err
			}
			other, cancel := context.WithTimeout(t.Context(), 100*ms)
			defer cancel()
			if _, err := redisclawhq.NewSeen(rdb, redisclawhq.SeenOptions{}).Claim(other, "event"); !errors.Is(err, context.DeadlineExceeded) {
				return err
			}
			if err := end(t.Context(), "event"); err != nil {
				return err
			}
		}
		return nil
	}
	if err := use(as(t, store, acl)); err != nil {
		t.Errorf("as printed: %v", err)
	}
	for _, right := range acl {
		if !strings.HasPrefix(right, "+") {
			continue
		}
		store.FlushAll(t.Context())
		if right == "+eval" {
			store.ScriptFlush(t.Context())
		}
		if err := use(as(t, store, slices.DeleteFunc(slices.Clone(acl), func(s string) bool { return s == right }))); err == nil {
			t.Errorf("works without %s", right)
		}
	}
}

// eventually fails the test unless the condition becomes true.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !condition(); time.Sleep(10 * ms) {
		if time.Now().After(end) {
			t.Fatalf("not in 10s: %s", what)
		}
	}
}
