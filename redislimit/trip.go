package redislimit

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

	"github.com/redis/go-redis/v9"
)

//go:embed admit.lua
var admitSource string

// admit is sent by its hash, and whole to a Redis that does not know it.
var admit = redis.NewScript(admitSource)

const (
	length  = time.Minute     // of the server's window
	unknown = 30              // calls a window until the limit is known: the smallest tier
	calm    = 3 * time.Second // how long slots lie apart after a 429, or when the log was away
	pace    = length / 240    // how far they lie apart at least
	ttl     = 5 * length      // of all that is written
)

// request is what the script is asked, with what it has to know. Times are
// microseconds of Redis's clock.
type request struct {
	Name     string     `json:"name"`
	Machine  string     `json:"machine"`
	First    int        `json:"first"` // number of the first slot's id
	Want     int        `json:"want"`  // slots
	Epoch    string     `json:"epoch,omitempty"`
	Fresh    string     `json:"fresh"` // epoch of a log that begins
	Limit    int        `json:"limit"` // of a log that begins
	Most     int        `json:"most"`
	Away     bool       `json:"away"`
	Returned []string   `json:"returned,omitempty"`
	Sent     []sentCall `json:"sent,omitempty"`
	Replies  []seen     `json:"replies,omitempty"`

	Window  int64 `json:"window"`
	Margin  int64 `json:"margin"`
	Unknown int   `json:"unknown"`
	Calm    int64 `json:"calm"`
	Pace    int64 `json:"pace"`
	TTL     int64 `json:"ttl"` // milliseconds
}

type sentCall struct {
	ID string `json:"id"`
	At int64  `json:"at"`
}

type seen struct {
	At      int64 `json:"at"`
	Took    int64 `json:"took"`
	Limit   int   `json:"limit"`
	Counted int   `json:"counted"`
	Closed  int64 `json:"closed"`
}

// answer is what the script answers.
type answer struct {
	epoch   string
	version int64
	now     int64
	limit   int
	sure    int64
	calm    int64
	lost    bool // the log is not the one that this machine knew
	slots   []int64
}

// parseAnswer reads the script's answer. Whatever else a server may answer is
// an error.
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
	a.sure, a.calm, a.lost, a.slots = numbers[3], numbers[4], numbers[5] == 1, numbers[6:]
	return a, nil
}

// A clock maps the time of Redis to this machine's.
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

// A trip is one to Redis and back.
type trip struct {
	w        *window
	request  request
	ids      []string
	sent     []entry // that it adds to the log
	news     news
	begun    time.Time
	timer    *time.Timer // gives it up
	extended bool        // has been given its time again
	over     bool        // succeeded, failed, or taking too long
}

func (w *window) newID() string {
	w.next++
	return w.l.machine + "-" + strconv.Itoa(w.next) // as the script makes it
}

// trip asks for slots and tells what there is to tell. The Limiter's mutex is
// held, but not while it is under way.
func (w *window) trip(want int, now time.Time) {
	t := &trip{w: w, news: w.news, begun: now}
	w.news = news{}
	t.request = request{
		Name: w.name, Machine: w.l.machine, First: w.next + 1, Want: want,
		Fresh: rand.Text(), Limit: w.limit, Most: w.l.config.most, Away: w.away,
		Window: length.Microseconds(), Margin: w.l.config.margin.Microseconds(), Unknown: unknown,
		Calm: calm.Microseconds(), Pace: pace.Microseconds(), TTL: ttl.Milliseconds(),
	}
	for range want {
		t.ids = append(t.ids, w.newID())
	}
	recent := w.journal.since(now.Add(-length - w.l.config.margin))
	if len(recent) > 0 || len(w.slots) > 0 {
		t.request.Epoch = w.epoch
	}
	if w.clock.redis != 0 { // else nothing is known of its time
		for _, e := range recent {
			if !e.logged {
				t.sent = append(t.sent, e)
				t.request.Sent = append(t.request.Sent, sentCall{e.id, w.clock.toRedis(e.at)})
			}
		}
		for _, r := range t.news.replies {
			t.request.Replies = append(t.request.Replies, seen{
				At: w.clock.toRedis(r.at), Took: r.took.Microseconds(), Limit: r.limit, Counted: r.counted, Closed: r.closed.Microseconds(),
			})
		}
	} else {
		w.news.replies = t.news.replies
	}
	t.request.Returned = t.news.returned
	for _, d := range t.news.doubtful {
		t.request.Returned = append(t.request.Returned, d.ids...)
	}
	w.trips++
	w.asked += want
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
		l.link.look() // Redis is there after all
	case t.over:
	case err != nil:
		t.failed(err)
	case answer.lost && t.begun.After(t.w.restored) && t.begun.Sub(t.w.restored) < time.Second:
		t.failed(errForgetful)
	default:
		t.succeeded(answer, time.Now())
	}
}

// eval runs the script. It may take longer than the timeout, as the Redis
// client's own settings have it.
func (l *Limiter) eval(keys []string, r request) (answer, error) {
	ctx, cancel := context.WithTimeout(l.ctx, 2*l.config.timeout) // giveUp is who counts
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

// giveUp ends the wait for a trip that takes too long. If it comes late itself,
// the process did not run, and the answer gets its time again, once.
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

// failed keeps what was to be told for the next trip, and has all clients
// shape by themselves until there is one that succeeds.
func (t *trip) failed(err error) {
	w := t.w
	t.end()
	w.news.returned = append(t.news.returned, w.news.returned...)
	w.news.replies = append(t.news.replies, w.news.replies...)
	w.news.replies = w.news.replies[max(0, len(w.news.replies)-maxReplies):]
	w.news.doubtful = append(w.news.doubtful, t.news.doubtful...)
	if len(t.ids) > 0 {
		w.news.doubtful = append(w.news.doubtful, doubt{t.ids, time.Now().Add(doubtDuration)})
	}
	w.l.link.failed(w, err)
}

// end has the trip be under way no more.
func (t *trip) end() {
	t.over = true
	t.timer.Stop()
	t.w.trips--
	t.w.asked -= len(t.ids)
}

// succeeded takes what Redis has answered.
func (t *trip) succeeded(a answer, now time.Time) {
	w := t.w
	t.end()
	for _, d := range t.news.doubtful {
		if d.until.After(now) {
			w.news.doubtful = append(w.news.doubtful, d)
		}
	}
	stale := a.epoch == w.epoch && a.version < w.version
	if a.epoch != w.epoch || a.version > w.version {
		w.void(a.epoch, a.version)
	}
	for _, e := range t.sent {
		w.journal.logged(e.id, e.at)
	}
	if w.clock.redis == 0 && len(w.news.replies) > 0 {
		w.news.now = true // only now can they be told
	}
	// The script has run at some time between.
	w.clock = clock{a.now, t.begun.Add(now.Sub(t.begun) / 2)}
	if a.lost {
		w.restored = now
		w.journal.lost(time.Time{})
		w.news.now = true
	}
	w.sure, w.calm = w.clock.toLocal(a.sure), w.clock.toLocal(a.calm)
	if a.limit > 0 {
		w.limit = a.limit
	}
	if n := len(a.slots); n > 0 {
		w.turn = time.Duration(a.slots[n-1]-a.now) * time.Microsecond
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
	w.l.link.succeeded(now)
	if w.sure.After(now) {
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
