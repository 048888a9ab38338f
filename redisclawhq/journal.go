package redisclawhq

import (
	"net/http"
	"slices"
	"time"

	"github.com/clawhq/clawhq-go"
)

// A journal holds the calls that this machine has sent within the last two
// windows, the oldest first. It restores calls that are missing from the log in
// Redis.
type journal struct{ entries []entry }

type entry struct {
	id       string
	at       time.Time // when it was sent
	logged   bool      // the log in Redis holds the call, at this time
	answered bool      // the outcome of the call is known
}

// add inserts an entry in the order of time, and drops entries that are too old.
func (j *journal) add(e entry) {
	if len(j.entries) > 0 {
		old := e.at.Add(-2 * length)
		n := 0
		for n < len(j.entries) && j.entries[n].at.Before(old) {
			n++
		}
		j.entries = j.entries[n:]
	}
	i := len(j.entries)
	for i > 0 && j.entries[i-1].at.After(e.at) {
		i--
	}
	j.entries = slices.Insert(j.entries, i, e)
}

func (j *journal) remove(id string) {
	j.entries = slices.DeleteFunc(j.entries, func(e entry) bool { return e.id == id })
}

// take removes and returns the entry of a call that was sent at the given time:
// the latest entry without an answer whose slot was due by then.
func (j *journal) take(sent time.Time) (entry, bool) {
	for i := len(j.entries) - 1; i >= 0; i-- {
		if e := j.entries[i]; !e.answered && !e.at.After(sent.Add(lateness)) {
			j.entries = slices.Delete(j.entries, i, i+1)
			return e, true
		}
	}
	return entry{}, false
}

// markMissing notes that the log in Redis may have lost the entries after t, and
// reports whether there are any.
func (j *journal) markMissing(t time.Time) bool {
	after := j.since(t)
	for i := range after {
		after[i].logged = false
	}
	return len(after) > 0
}

// hasMissing reports whether the log in Redis may lack an entry after t.
func (j *journal) hasMissing(t time.Time) bool {
	return slices.ContainsFunc(j.since(t), func(e entry) bool { return !e.logged })
}

// markLogged notes that the log in Redis holds the entry.
func (j *journal) markLogged(id string, at time.Time) {
	for i := range j.entries {
		if e := &j.entries[i]; e.id == id && e.at.Equal(at) {
			e.logged = true
		}
	}
}

// since returns the entries after t.
func (j *journal) since(t time.Time) []entry {
	i := len(j.entries)
	for i > 0 && j.entries[i-1].at.After(t) {
		i--
	}
	return j.entries[i:]
}

// updates are what the next trip reports to Redis.
type updates struct {
	returned []string // ids of slots that were not used
	replies  []reply
	doubtful []doubtfulTrip
	atOnce   bool // the trip must not wait for the next caller
}

// A reply is what a reply of the service reported.
type reply struct {
	at      time.Time // when its call was sent
	took    time.Duration
	limit   int           // calls per window; 0 if not reported
	counted int           // calls in the server's window; -1 if not reported
	pause   time.Duration // how long a 429 asks clients to wait; 0 for other replies
}

// A doubtfulTrip is a failed trip that may still reach Redis and take slots. Until
// the given time, each later trip returns these slots.
type doubtfulTrip struct {
	ids   []string
	until time.Time
}

const (
	maxReplies    = 8                // kept for the next trip; older ones are dropped
	doubtDuration = 10 * time.Second // how late a failed trip may reach Redis
)

// addReply adds a reply of the service, if it reports anything. A 429 and a new
// limit go to Redis at once; during a slow start every reply does, since the log
// may then lack calls that the reply counts.
func (u *updates) addReply(w *window, r clawhq.LimitReply, now time.Time) {
	t := reply{at: r.Sent, took: now.Sub(r.Sent), limit: r.RateLimit.Limit, counted: -1}
	switch {
	case r.StatusCode == http.StatusTooManyRequests:
		t.pause = w.pause(r.RetryAfter)
	case t.limit > 0:
		t.counted = t.limit - r.RateLimit.Remaining
		w.backoff = 0
	default:
		return
	}
	u.atOnce = u.atOnce || t.pause > 0 || t.limit != w.limit || now.Before(w.slowUntil)
	if t.limit > 0 {
		w.limit = t.limit
	}
	if len(u.replies) == maxReplies {
		u.replies = slices.Delete(u.replies, 0, 1)
	}
	u.replies = append(u.replies, t)
}

// urgent reports whether the updates need a trip now. Returned slots alone can wait
// until no trip is under way.
func (u *updates) urgent(trips int) bool { return u.atOnce || trips == 0 && len(u.returned) > 0 }
