package redisclawhq

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	slidingwindow "github.com/clawhq/clawhq-go/internal/window"
	"github.com/redis/go-redis/v9"
)

//go:embed admit.lua
var admitSource string

// admit is the script. Redis gets its hash, and its source only if it does not
// know the hash.
var admit = redis.NewScript(admitSource)

const (
	length       = slidingwindow.Length // of the server's window
	defaultLimit = 30                   // calls per window until the limit is known: the smallest tier
	slowStart    = 5 * time.Second      // how long calls keep a distance from each other after a 429 or a loss of the log
	minGap       = length / 240         // the least distance
	ttl          = 5 * length           // of the keys in Redis

	// A machine whose turn comes within a beat asks again when it comes; nobody
	// else gets its slot until the grace has passed. A machine whose turn comes
	// later asks again after a beat, so that others learn whether it still waits.
	// A slot that was not used within the lease, since the process was frozen, is
	// given back.
	lease     = 5 * time.Second
	grace     = time.Second
	beat      = 15 * time.Second
	shortBeat = 3 * time.Second // while no limit is known, and for callers that have no place; also how long others may take to add their calls
)

// request is the argument of the script. Durations and ages are microseconds.
type request struct {
	Machine    string       `json:"machine"`
	First      int          `json:"first"`              // number in the first call's id
	Want       int          `json:"want"`               // callers that wait
	Background bool         `json:"background"`         // all of them yield to others
	Patience   int64        `json:"patience"`           // how long the last of them waits; 0 if there is no end
	Epoch      string       `json:"epoch,omitempty"`    // of the log that the machine has last seen; empty if that was long ago
	Version    int64        `json:"version"`            // of that log
	NewEpoch   string       `json:"new_epoch"`          // of the log, if a new one begins
	Limit      int          `json:"limit"`              // as far as the machine knows; 0 if it does not
	MaxRate    int          `json:"max_rate"`           // 0 for none
	Away       bool         `json:"away"`               // Redis was away so long that the log may lack calls of other machines
	Returned   []string     `json:"returned,omitempty"` // ids of calls that were not sent
	Sent       []wireCall   `json:"sent,omitempty"`
	Replies    []wireReport `json:"replies,omitempty"`
	Random     float64      `json:"random"` // spreads what machines do
	At         int64        `json:"at"`     // Redis's time when the request was made; 0 if not known
	Within     int64        `json:"within"` // how late it may be carried out

	Window       int64 `json:"window"`
	Margin       int64 `json:"margin"`
	DefaultLimit int   `json:"default_limit"`
	SlowStart    int64 `json:"slow_start"`
	MinGap       int64 `json:"min_gap"`
	Grace        int64 `json:"grace"`
	Beat         int64 `json:"beat"`
	ShortBeat    int64 `json:"short_beat"`
	TTL          int64 `json:"ttl"` // milliseconds
}

// newRequest returns a request with the constants.
func newRequest(c config) request {
	return request{
		MaxRate: c.most, Random: rand.Float64(),
		Window: length.Microseconds(), Margin: c.margin.Microseconds(), DefaultLimit: defaultLimit,
		SlowStart: slowStart.Microseconds(), MinGap: minGap.Microseconds(),
		Grace: grace.Microseconds(), Beat: beat.Microseconds(), ShortBeat: shortBeat.Microseconds(),
		TTL: ttl.Milliseconds(),
	}
}

// wireCall is a call of the history as the script reads it.
type wireCall struct {
	ID  string `json:"id"`
	Age int64  `json:"age"`
}

// wireReport is a report as the script reads it.
type wireReport struct {
	Age     int64 `json:"age"` // of its call
	Took    int64 `json:"took"`
	Limit   int   `json:"limit"`
	Counted int   `json:"counted"`
	Pause   int64 `json:"pause"`
}

// answer is the reply of the script. Times are relative to when it ran.
type answer struct {
	epoch   string
	version int64
	limit   int
	granted int           // calls that may be sent now
	due     time.Duration // when the machine's next call is due
	ask     time.Duration // when to ask again for callers that still wait
	proven  time.Duration // no slot is free before
	slow    time.Duration // how long the slow start lasts
	lost    bool          // the log is not the one that this machine knew, and lacks its calls
	late    bool          // by the clock of Redis the request came too late, and was not carried out
	now     int64         // Redis's time, in microseconds
}

// parseAnswer reads the script's reply. It returns an error for anything that the
// script cannot have returned.
func parseAnswer(v any) (a answer, err error) {
	list, ok := v.([]any)
	if !ok || len(list) != 10 {
		return a, fmt.Errorf("unexpected answer %T of %d", v, len(list))
	}
	if a.epoch, ok = list[0].(string); !ok {
		return a, fmt.Errorf("unexpected epoch %v", list[0])
	}
	var n [9]int64
	for i, item := range list[1:] {
		if n[i], ok = item.(int64); !ok {
			return a, fmt.Errorf("unexpected item %d: %v", i+1, item)
		}
	}
	us := func(i int) time.Duration { return time.Duration(n[i]) * time.Microsecond }
	a.version, a.limit, a.granted = n[0], int(n[1]), int(n[2])
	a.due, a.ask, a.proven, a.slow, a.lost = us(3), us(4), us(5), us(6), n[7] == 1
	a.late, a.now = n[7] == 2, n[8]
	return a, nil
}

// eval runs the script. loading is called before the source is sent to a Redis
// that does not know the script.
func eval(ctx context.Context, rdb redis.UniversalClient, keys []string, r request, change [2]string, loading func()) (answer, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return answer{}, err
	}
	cmd := admit.EvalSha(ctx, rdb, keys, text, change[0], change[1])
	if redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") {
		loading()
		cmd = admit.Eval(ctx, rdb, keys, text, change[0], change[1])
	}
	reply, err := cmd.Result()
	if err != nil {
		return answer{}, err
	}
	return parseAnswer(reply)
}
