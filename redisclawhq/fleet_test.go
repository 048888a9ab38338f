package redisclawhq_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	redisserver "github.com/alicebob/miniredis/v2/server"
	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/redisclawhq"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const ms = time.Millisecond

var hi = clawhq.ChatRequest{Message: "hi"}

// A fleet is several machines that share a key, with a Redis and the reference
// server. All run in memory and in the virtual time of a synctest bubble.
type fleet struct {
	*clawhqtest.Server
	t     *testing.T
	redis *miniredis.Miniredis
	start time.Time
	group sync.WaitGroup

	down  atomic.Bool   // Redis refuses connections
	deaf  atomic.Bool   // Redis refuses subscriptions
	far   atomic.Int64  // time that a connection takes, a time.Duration
	slow  atomic.Int64  // delay of each script, a time.Duration
	cost  atomic.Int64  // time for which a script keeps all others waiting, a time.Duration
	agent atomic.Int64  // time that the agent takes, a time.Duration
	trips atomic.Int64  // trips of all machines
	turns chan struct{} // has room for one script, while it takes its cost
}

// inFleet runs f in a bubble, with a key that allows limit calls a minute.
func inFleet(t *testing.T, limit int, f func(t *testing.T, fl *fleet)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		fl := &fleet{
			Server: clawhqtest.NewTestServer(t, clawhqtest.WithInMemory()),
			t:      t,
			redis:  miniredis.NewMiniRedis(),
			start:  time.Now(),
			turns:  make(chan struct{}, 1),
		}
		fl.SetRateLimit(fl.KeyID(), limit)
		f(t, fl)
		fl.group.Wait()
	})
}

// connect returns a client of the fleet's Redis.
func (fl *fleet) connect() *redis.Client {
	rdb := redis.NewClient(&redis.Options{
		Addr:                     "127.0.0.1:6379", // not used, since Dialer connects in memory
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		Dialer: func(context.Context, string, string) (net.Conn, error) {
			if fl.down.Load() {
				return nil, errors.New("connection refused")
			}
			time.Sleep(time.Duration(fl.far.Load()))
			conn, err := fl.redis.Dial()
			fl.redis.Server().SetPreHook(func(peer *redisserver.Peer, cmd string, _ ...string) bool {
				if cmd == "SUBSCRIBE" && fl.deaf.Load() {
					peer.WriteError("NOPERM this user has no permissions to access one of the channels")
					return true
				}
				if cmd == "EVALSHA" || cmd == "EVAL" { // commands of the script itself run with a lock held
					fl.trips.Add(1)
					time.Sleep(time.Duration(fl.slow.Load()))
					if cost := time.Duration(fl.cost.Load()); cost > 0 {
						fl.turns <- struct{}{}
						time.Sleep(cost)
						<-fl.turns
					}
				}
				return false
			})
			return conn, err
		},
	})
	fl.t.Cleanup(func() { rdb.Close() })
	return rdb
}

// limiter returns the Limiter of one more machine.
func (fl *fleet) limiter(opts ...redisclawhq.Option) *redisclawhq.Limiter {
	l, err := redisclawhq.NewLimiter(fl.connect(), fl.APIKey(), opts...)
	if err != nil {
		fl.t.Fatal(err)
	}
	fl.t.Cleanup(func() { l.Close() })
	return l
}

// snapshot returns a function that puts back the data that Redis has now, like a
// restart from an old snapshot, or the promotion of a replica that lags behind.
func (fl *fleet) snapshot() (restore func()) {
	sets, hashes := map[string]map[string]float64{}, map[string]map[string]string{}
	for _, key := range fl.redis.Keys() {
		if fl.redis.Type(key) == "zset" {
			sets[key], _ = fl.redis.SortedSet(key)
			continue
		}
		hashes[key] = map[string]string{}
		fields, _ := fl.redis.HKeys(key)
		for _, field := range fields {
			hashes[key][field] = fl.redis.HGet(key, field)
		}
	}
	return func() {
		fl.redis.FlushAll()
		for key, set := range sets {
			for member, score := range set {
				fl.redis.ZAdd(key, score, member)
			}
		}
		for key, hash := range hashes {
			for field, value := range hash {
				fl.redis.HSet(key, field, value)
			}
		}
	}
}

// stop takes Redis down. Its data remain.
func (fl *fleet) stop() {
	fl.down.Store(true)
	fl.redis.Close()
}

// machine returns the client of one more machine.
func (fl *fleet) machine(opts ...redisclawhq.Option) *clawhq.Client {
	return fl.client(fl.limiter(opts...))
}

// client returns a client whose network takes 20 to 100 ms each way.
func (fl *fleet) client(l clawhq.Limiter) *clawhq.Client {
	return fl.Client(
		clawhq.WithHTTPClient(&http.Client{Transport: slowNetwork{fl.HTTPClient().Transport, &fl.agent}}),
		clawhq.WithLimiter(l))
}

type slowNetwork struct {
	http.RoundTripper
	agent *atomic.Int64
}

func (n slowNetwork) RoundTrip(r *http.Request) (*http.Response, error) {
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.WroteRequest != nil {
		trace.WroteRequest(httptrace.WroteRequestInfo{}) // the call counts as sent from here on
	}
	time.Sleep(20*ms + rand.N(80*ms))
	resp, err := n.RoundTripper.RoundTrip(r.WithContext(untraced{r.Context()}))
	time.Sleep(20*ms + rand.N(80*ms) + time.Duration(n.agent.Load()))
	return resp, err
}

// untraced hides the client trace of a context, whose WroteRequest would otherwise
// be called again when the request arrives.
type untraced struct{ context.Context }

func (c untraced) Value(key any) any {
	v := c.Context.Value(key)
	if _, ok := v.(*httptrace.ClientTrace); ok {
		return nil
	}
	return v
}

// work starts workers that call without a pause for the given time. A call that
// fails fails the test. calls, if not nil, counts the calls that succeeded.
func (fl *fleet) work(client *clawhq.Client, workers int, length time.Duration, calls *atomic.Int64) {
	ctx, cancel := context.WithCancel(fl.t.Context())
	time.AfterFunc(length, cancel)
	for range workers {
		fl.group.Go(func() {
			for {
				_, err := client.Chat(ctx, hi)
				switch {
				case ctx.Err() != nil:
					return
				case err != nil:
					fl.t.Errorf("after %v: %v", time.Since(fl.start), err)
					time.Sleep(time.Second)
				case calls != nil:
					calls.Add(1)
				}
			}
		})
	}
}

// seen counts the requests that arrived between from and to, by how the server
// answered them.
func (fl *fleet) seen(from, to time.Duration) (served, rejected int) {
	for _, r := range fl.Requests() {
		switch at := r.Time.Sub(fl.start); {
		case at < from || at >= to:
		case r.Status == http.StatusTooManyRequests:
			rejected++
		default:
			served++
		}
	}
	return served, rejected
}

// logged returns how many calls the log of the key's window has.
func (fl *fleet) logged() int {
	for _, key := range fl.redis.Keys() {
		if strings.HasSuffix(key, ":key:log") {
			members, _ := fl.redis.ZMembers(key)
			return len(members)
		}
	}
	return 0
}

// evenly has a client of one of several machines call at even times for a minute,
// and then work without a pause until the given length. Without the first minute,
// later calls would come in one burst a minute, as the first ones did.
func (fl *fleet) evenly(client *clawhq.Client, i, machines, workers int, length time.Duration) {
	every := time.Second * time.Duration(machines)
	fl.group.Go(func() {
		for at := time.Duration(i) * time.Second; at < time.Minute; at += every {
			time.Sleep(time.Until(fl.start.Add(at)))
			if _, err := client.Chat(fl.t.Context(), hi); err != nil {
				fl.t.Error(err)
			}
		}
		time.Sleep(time.Until(fl.start.Add(time.Minute)))
		fl.work(client, workers, length-time.Minute, nil)
	})
}
