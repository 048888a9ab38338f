package redisclawhq_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
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

	down  atomic.Bool  // Redis refuses connections
	slow  atomic.Int64 // delay of each script, a time.Duration
	deaf  atomic.Int64 // delay of each subscription, a time.Duration; if negative, it is refused
	trips atomic.Int64 // trips of all machines
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
			conn, err := fl.redis.Dial()
			fl.redis.Server().SetPreHook(func(peer *redisserver.Peer, cmd string, _ ...string) bool {
				switch cmd {
				case "EVALSHA": // commands of the script itself run with a lock held
					fl.trips.Add(1)
					time.Sleep(time.Duration(fl.slow.Load()))
				case "SUBSCRIBE":
					if fl.deaf.Load() < 0 {
						peer.WriteError("NOPERM this user has no permissions to access one of the channels")
						return true
					}
					time.Sleep(time.Duration(fl.deaf.Load()))
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
		clawhq.WithHTTPClient(&http.Client{Transport: slowNetwork{fl.HTTPClient().Transport}}),
		clawhq.WithLimiter(l))
}

type slowNetwork struct{ http.RoundTripper }

func (n slowNetwork) RoundTrip(r *http.Request) (*http.Response, error) {
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.WroteRequest != nil {
		trace.WroteRequest(httptrace.WroteRequestInfo{}) // the call counts as sent from here on
	}
	time.Sleep(20*ms + rand.N(80*ms))
	resp, err := n.RoundTripper.RoundTrip(r.WithContext(untraced{r.Context()}))
	time.Sleep(20*ms + rand.N(80*ms))
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
