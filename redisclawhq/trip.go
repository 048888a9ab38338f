package redisclawhq

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	slidingwindow "github.com/clawhq/clawhq-go/internal/window"
	"github.com/redis/go-redis/v9"
)

//go:embed admit.lua
var admitSource string

// admit is the script. go-redis sends its hash, and the source only to a Redis
// that does not know the hash.
var admit = redis.NewScript(admitSource)

const (
	length       = slidingwindow.Length // of the server's window
	defaultLimit = 30                   // calls per window until the limit is known: the smallest tier
	slowStart    = 3 * time.Second      // how long slots keep a distance from each other after a 429 or a loss of the log
	minGap       = length / 240         // the least distance
	ttl          = 5 * length           // of the keys in Redis
)

// request is the argument of the script. Times and durations are microseconds;
// times are those of Redis's clock.
type request struct {
	Name     string      `json:"name"`
	Machine  string      `json:"machine"`
	First    int         `json:"first"`           // number in the first slot's id
	Want     int         `json:"want"`            // number of slots
	Epoch    string      `json:"epoch,omitempty"` // of the log that holds the machine's calls and slots; empty if there are none
	NewEpoch string      `json:"new_epoch"`       // of the log, if there is none yet
	Limit    int         `json:"limit"`           // of the log, if there is none yet
	MaxRate  int         `json:"max_rate"`
	Away     bool        `json:"away"` // Redis was away so long that the log may lack calls of other machines
	Returned []string    `json:"returned,omitempty"`
	Sent     []wireCall  `json:"sent,omitempty"`
	Replies  []wireReply `json:"replies,omitempty"`

	Window       int64 `json:"window"`
	Margin       int64 `json:"margin"`
	DefaultLimit int   `json:"default_limit"`
	SlowStart    int64 `json:"slow_start"`
	MinGap       int64 `json:"min_gap"`
	TTL          int64 `json:"ttl"` // milliseconds
}

// wireCall is an entry of the journal as the script reads it.
type wireCall struct {
	ID string `json:"id"`
	At int64  `json:"at"`
}

// wireReply is a reply as the script reads it.
type wireReply struct {
	At      int64 `json:"at"`
	Took    int64 `json:"took"`
	Limit   int   `json:"limit"`
	Counted int   `json:"counted"`
	Pause   int64 `json:"pause"`
}

// answer is the reply of the script.
type answer struct {
	epoch     string
	version   int64
	now       int64
	limit     int
	earliest  int64
	slowUntil int64
	lost      bool // the log is not the one that this machine knew, and lacks its calls
	slots     []int64
}

// parseAnswer reads the script's reply. It returns an error for anything that the
// script cannot have returned.
func parseAnswer(v any) (a answer, err error) {
	list, ok := v.([]any)
	if !ok || len(list) < 7 {
		return a, fmt.Errorf("unexpected answer %T of %d", v, len(list))
	}
	if a.epoch, ok = list[0].(string); !ok {
		return a, fmt.Errorf("unexpected epoch %v", list[0])
	}
	numbers := make([]int64, len(list)-1)
	for i, item := range list[1:] {
		if numbers[i], ok = item.(int64); !ok {
			return a, fmt.Errorf("unexpected item %d: %v", i+1, item)
		}
	}
	a.version, a.now, a.limit = numbers[0], numbers[1], int(numbers[2])
	a.earliest, a.slowUntil, a.lost, a.slots = numbers[3], numbers[4], numbers[5] == 1, numbers[6:]
	return a, nil
}

// A clock converts between the time of Redis and the time of this machine. redis
// and local are the same moment.
type clock struct {
	redis int64 // microseconds
	local time.Time
}

func (c clock) toLocal(redis int64) time.Time {
	return c.local.Add(time.Duration(redis-c.redis) * time.Microsecond)
}

func (c clock) toRedis(local time.Time) int64 {
	return c.redis + local.Sub(c.local).Microseconds()
}

// A trip is one call of the script: a round trip to Redis.
type trip struct {
	w        *window
	request  request
	ids      []string // of the slots that it asks for
	sent     []entry  // calls that it adds to the log
	updates  updates
	begun    time.Time
	timer    *time.Timer // calls giveUp
	extended bool        // giveUp has allowed the timeout a second time
	over     bool        // the trip has succeeded, failed, or been given up
}

func (w *window) newID() string {
	w.lastID++
	return w.l.machine + "-" + strconv.Itoa(w.lastID) // the script makes ids in the same way
}

// trip starts a trip that asks for slots and carries the updates. The caller holds
// the Limiter's mutex; the trip itself runs without it.
func (w *window) trip(want int, now time.Time) {
	t := &trip{w: w, updates: w.updates, begun: now}
	w.updates = updates{}
	t.request = request{
		Name: w.name, Machine: w.l.machine, First: w.lastID + 1, Want: want,
		NewEpoch: rand.Text(), Limit: w.limit, MaxRate: w.l.config.most, Away: w.away,
		Window: length.Microseconds(), Margin: w.l.config.margin.Microseconds(), DefaultLimit: defaultLimit,
		SlowStart: slowStart.Microseconds(), MinGap: minGap.Microseconds(), TTL: ttl.Milliseconds(),
	}
	for range want {
		t.ids = append(t.ids, w.newID())
	}
	recent := w.journal.since(now.Add(-length - w.l.config.margin))
	if len(recent) > 0 || len(w.slots) > 0 {
		t.request.Epoch = w.epoch
	}
	if w.clock.redis != 0 { // otherwise the time of Redis is not known yet
		for _, e := range recent {
			if !e.logged {
				t.sent = append(t.sent, e)
				t.request.Sent = append(t.request.Sent, wireCall{e.id, w.clock.toRedis(e.at)})
			}
		}
		for _, r := range t.updates.replies {
			t.request.Replies = append(t.request.Replies, wireReply{
				At: w.clock.toRedis(r.at), Took: r.took.Microseconds(), Limit: r.limit, Counted: r.counted, Pause: r.pause.Microseconds(),
			})
		}
	} else {
		w.updates.replies = t.updates.replies
	}
	t.request.Returned = t.updates.returned
	for _, d := range t.updates.doubtful {
		t.request.Returned = append(t.request.Returned, d.ids...)
	}
	w.trips++
	w.requested += want
	t.timer = time.AfterFunc(w.l.config.timeout, t.giveUp)
	go t.run()
}

func (t *trip) run() {
	answer, err := t.w.l.eval(t.w.keys, t.request)
	l := t.w.l
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case t.over && err == nil:
		if time.Since(l.link.lastUse) <= idle {
			l.link.probe() // Redis has answered, if too late
		}
	case t.over:
	case err != nil:
		t.failed(err)
	case answer.lost && t.begun.After(t.w.lostAt) && t.begun.Sub(t.w.lostAt) < time.Second:
		t.failed(errForgetful)
	default:
		t.succeeded(answer, time.Now())
	}
}

// eval runs the script. It may take longer than the timeout; giveUp then ends the
// trip before eval returns.
func (l *Limiter) eval(keys []string, r request) (answer, error) {
	ctx, cancel := context.WithTimeout(l.ctx, 2*l.config.timeout)
	defer cancel()
	text, err := json.Marshal(r)
	if err != nil {
		return answer{}, err
	}
	reply, err := admit.Run(ctx, l.rdb, keys, text, l.channel()).Result()
	if err != nil {
		return answer{}, err
	}
	return parseAnswer(reply)
}

// giveUp ends a trip that takes too long. If giveUp itself is called late, the
// process did not run for a while, and Redis may have answered in time. giveUp
// then allows the timeout once more.
func (t *trip) giveUp() {
	t.w.l.mu.Lock()
	defer t.w.l.mu.Unlock()
	timeout := t.w.l.config.timeout
	switch late := time.Since(t.begun) - timeout; {
	case t.over:
	case late > timeout/10 && !t.extended:
		t.extended = true
		t.timer.Reset(timeout)
	default:
		t.failed(fmt.Errorf("no answer within %v", timeout))
	}
}

// failed keeps the updates for the next trip, and reports the failure to the link,
// so that clients shape calls by themselves until a trip succeeds.
func (t *trip) failed(err error) {
	w := t.w
	t.end()
	w.updates.returned = append(t.updates.returned, w.updates.returned...)
	w.updates.replies = append(t.updates.replies, w.updates.replies...)
	w.updates.replies = w.updates.replies[max(0, len(w.updates.replies)-maxReplies):]
	w.updates.doubtful = append(w.updates.doubtful, t.updates.doubtful...)
	if len(t.ids) > 0 {
		w.updates.doubtful = append(w.updates.doubtful, doubtfulTrip{t.ids, time.Now().Add(doubtDuration)})
	}
	w.l.link.failed(w, err)
}

// end marks the trip as over.
func (t *trip) end() {
	t.over = true
	t.timer.Stop()
	t.w.trips--
	t.w.requested -= len(t.ids)
}

// succeeded applies the answer of the script.
func (t *trip) succeeded(a answer, now time.Time) {
	w := t.w
	t.end()
	for _, d := range t.updates.doubtful {
		if d.until.After(now) {
			w.updates.doubtful = append(w.updates.doubtful, d)
		}
	}
	stale := a.epoch == w.epoch && a.version < w.version
	if a.epoch != w.epoch || a.version > w.version {
		w.discardSlots(a.epoch, a.version)
	}
	for _, e := range t.sent {
		w.journal.markLogged(e.id, e.at)
	}
	if w.clock.redis == 0 && len(w.updates.replies) > 0 {
		w.updates.atOnce = true // now the times of these replies can be converted
	}
	// The script ran at some time between begun and now: assume the middle.
	w.clock = clock{a.now, t.begun.Add(now.Sub(t.begun) / 2)}
	if a.lost {
		w.lostAt = now
		w.journal.markMissing(time.Time{})
		w.updates.atOnce = true
	}
	w.earliest, w.slowUntil = w.clock.toLocal(a.earliest), w.clock.toLocal(a.slowUntil)
	if a.limit > 0 {
		w.limit = a.limit
	}
	if n := len(a.slots); n > 0 {
		w.turn, w.due = time.Duration(a.slots[n-1]-a.now)*time.Microsecond, w.clock.toLocal(a.slots[n-1])
	}
	for i, at := range a.slots {
		s := slot{t.ids[i], w.clock.toLocal(at)}
		if at <= a.now {
			s.at = now
		} else if stale {
			continue
		}
		w.slots = append(w.slots, s)
	}
	slices.SortStableFunc(w.slots, func(a, b slot) int { return a.at.Compare(b.at) })
	w.away = false
	w.l.link.succeeded(w, now)
	if w.earliest.After(now) {
		w.queue.each(func(c *caller) {
			if err := w.refusal(c, now); err != nil {
				w.settle(c, err)
			}
		})
	}
	w.step(now)
}

var (
	errClosed    = errors.New("the limiter is closed")
	errForgetful = errors.New("the log is lost as soon as it is written")
)
