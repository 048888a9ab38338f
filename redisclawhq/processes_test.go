package redisclawhq_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/redisclawhq"
	"github.com/clawhq/clawhq-go/redisclawhq/internal/processes"
	"github.com/redis/go-redis/v9"
)

func startRedis(t *testing.T, settings ...string) *processes.Redis {
	t.Helper()
	r, err := processes.StartRedis(t.TempDir(), "", settings...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// The Redis of four processes is killed while they use up the window, and comes
// back empty. No call fails, and hardly any is rejected.
func TestProcesses(t *testing.T) {
	t.Parallel()
	const limit, machines, length = 120, 4, 12 * time.Second
	store := startRedis(t)
	server := clawhqtest.NewTestServer(t, clawhqtest.WithPlainHTTP())
	server.SetRateLimit(server.KeyID(), limit)
	start := time.Now().Add(500 * time.Millisecond)
	var running []*processes.Process
	for i := range machines {
		m := processes.Machine{
			Name: fmt.Sprintf("machine/%d", i), URL: server.URL(), Key: server.APIKey(), Redis: store.Socket(),
			Workers: 8, Start: start, Length: length, Delay: [2]time.Duration{20 * ms, 100 * ms},
		}
		p, err := m.Process(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		running = append(running, p)
	}
	time.Sleep(time.Until(start.Add(300 * ms)))
	store.Kill()
	time.Sleep(2 * time.Second)
	if err := store.Start(); err != nil {
		t.Fatal(err)
	}
	for i, p := range running {
		report, err := p.Wait()
		if err != nil {
			t.Fatal(err)
		}
		if len(report.Failed) > 0 {
			t.Errorf("machine %d: failed calls: %q", i, report.Failed)
		}
		if report.Calls == 0 || len(report.Trips) == 0 {
			t.Errorf("machine %d: %d calls, %d trips to Redis", i, report.Calls, len(report.Trips))
		}
	}
	served, rejected := 0, 0
	for _, r := range server.Requests() {
		if r.Status == 429 {
			rejected++
		} else {
			served++
		}
	}
	t.Logf("%d served, %d rejected", served, rejected)
	if served < limit*9/10 || rejected > limit/6 {
		t.Errorf("%d served and %d rejected, want most of %d and hardly any", served, rejected, limit)
	}
}

// A Redis that has lost the script gets it again.
func TestScriptIsLoadedAgain(t *testing.T) {
	t.Parallel()
	store := startRedis(t)
	l, err := redisclawhq.NewLimiter(store.Client, "key", redisclawhq.WithTimeout(5*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	for range 3 {
		if err := l.Wait(t.Context()); err != nil {
			t.Error(err)
		}
		if err := store.ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// A cluster keeps all names of a key on one node.
func TestCluster(t *testing.T) {
	t.Parallel()
	store := startRedis(t, "--cluster-enabled", "yes")
	if err := store.ClusterAddSlotsRange(t.Context(), 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{store.Addr()}})
	t.Cleanup(func() { rdb.Close() })
	for deadline := time.Now().Add(10 * time.Second); rdb.Set(t.Context(), "up", "", time.Second).Err() != nil; {
		if time.Now().After(deadline) {
			t.Fatal("the cluster is not up")
		}
		time.Sleep(50 * ms)
	}
	l, err := redisclawhq.NewLimiter(rdb, "key", redisclawhq.WithTimeout(5*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			if err := l.Wait(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
