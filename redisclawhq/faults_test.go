package redisclawhq_test

import (
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go/redisclawhq"
)

// Whatever happens to Redis, no call fails. Few requests are rejected during the
// fault, and none from ten seconds after its end.
func TestFaults(t *testing.T) {
	t.Parallel()
	const begin, length = 90 * time.Second, 200 * time.Second
	away := func(d time.Duration) func(*fleet) {
		return func(fl *fleet) {
			fl.stop()
			time.Sleep(d)
			fl.down.Store(false)
		}
	}
	for _, tt := range []struct {
		name  string
		fault func(fl *fleet)
		share float64 // of the requests that may be rejected during the fault
	}{
		{"refuses connections", away(30 * time.Second), 0.02},
		{"refuses them for a short while", away(2 * time.Second), 0.02},
		{"hangs for 5 s", func(fl *fleet) {
			fl.slow.Store(int64(5 * time.Second))
			time.Sleep(5 * time.Second)
			fl.slow.Store(0)
		}, 0.02},
		{"answers errors", func(fl *fleet) {
			fl.redis.SetError("LOADING Redis is loading the dataset in memory")
			time.Sleep(30 * time.Second)
			fl.redis.SetError("")
		}, 0.02},
		{"loses all", func(fl *fleet) { fl.redis.FlushAll() }, 0.02},
		{"restarts empty", func(fl *fleet) {
			fl.redis.FlushAll()
			away(10 * time.Second)(fl)
		}, 0.02},
		{"is 60 ms away", func(fl *fleet) {
			fl.slow.Store(int64(60 * ms))
			time.Sleep(30 * time.Second)
			fl.slow.Store(0)
		}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, limit := range []int{60, 120, 300} {
				inFleet(t, limit, func(t *testing.T, fl *fleet) {
					// The calls of the first minute are spread evenly, and so are
					// later ones, which take the same slots. The fault then meets
					// some of them.
					every := time.Minute / time.Duration(limit)
					for i := range 4 {
						client := fl.machine()
						fl.group.Go(func() {
							for j := range limit / 4 {
								time.Sleep(time.Until(fl.start.Add(time.Duration(4*j+i)*every + rand.N(every))))
								if _, err := client.Chat(t.Context(), hi); err != nil {
									t.Error(err)
								}
							}
							fl.work(client, 8, length-time.Since(fl.start), nil)
						})
					}
					time.Sleep(begin)
					tt.fault(fl)
					over := time.Since(fl.start) + 10*time.Second
					fl.group.Wait()
					for _, s := range []struct {
						name     string
						from, to time.Duration
						share    float64
					}{{"before", 0, begin, 0}, {"meanwhile", begin, over, tt.share}, {"after", over, length, 0}} {
						served, rejected := fl.seen(s.from, s.to)
						quota := float64(served) / float64(limit) / (s.to - s.from).Minutes()
						t.Logf("%d RPM, %s: %.1f%% of the quota, %d of %d rejected", limit, s.name, 100*quota, rejected, served+rejected)
						most := s.share * float64(served+rejected)
						if s.share > 0 {
							most = max(most, 1) // of few requests
						}
						if float64(rejected) > most {
							t.Errorf("%d rejected, want at most %.0f", rejected, most)
						}
					}
				})
			}
		})
	}
}

// The loss of Redis is logged once, and so is its return.
func TestLog(t *testing.T) {
	t.Parallel()
	inFleet(t, 60, func(t *testing.T, fl *fleet) {
		var log lines
		l := fl.limiter(redisclawhq.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		client := fl.client(l)
		call := func() {
			t.Helper()
			if _, err := client.Chat(t.Context(), hi); err != nil {
				t.Error(err)
			}
		}
		call()
		fl.stop()
		for range 20 {
			call()
			time.Sleep(time.Second)
		}
		fl.down.Store(false)
		time.Sleep(3 * time.Second)
		call()
		text := log.String()
		if n := strings.Count(text, "\n"); n != 2 || !strings.Contains(text, "level=WARN") || !strings.Contains(text, "Redis is back") || strings.Contains(text, fl.APIKey()) {
			t.Errorf("want a warning and that Redis is back, got:\n%s", text)
		}
		if n := fl.trips.Load(); n < 3 {
			t.Errorf("%d trips: the last call did not go by Redis", n)
		}
	})
}

// lines is a writer that keeps the log.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
