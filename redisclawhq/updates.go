package redisclawhq

import (
	"net/http"
	"slices"
	"time"

	"github.com/clawhq/clawhq-go"
)

// updates are what the next trip reports to Redis.
type updates struct {
	returned []string // ids of calls that were not sent
	replies  []reply
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

// maxReplies is how many replies are kept for the next trip; older ones are dropped.
const maxReplies = 8

// giveBack returns the slot of a call that was not sent.
func (u *updates) giveBack(id string) {
	u.returned = append(u.returned, id)
	u.atOnce = true
}

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
	u.replies = append(u.replies, t)
	u.trim()
}

// trim keeps the latest replies.
func (u *updates) trim() {
	if n := len(u.replies) - maxReplies; n > 0 {
		u.replies = slices.Delete(u.replies, 0, n)
	}
}

// putBack adds the updates of a trip that has failed.
func (u *updates) putBack(failed updates) {
	u.returned = append(failed.returned, u.returned...)
	u.replies = append(failed.replies, u.replies...)
	u.trim()
	u.atOnce = u.atOnce || failed.atOnce
}

// report fills in what a trip that begins now reports, and returns the calls that
// it adds to the log.
func (u *updates) report(r *request, missing []entry, now time.Time) {
	for _, e := range missing {
		r.Sent = append(r.Sent, wireCall{e.id, now.Sub(e.at).Microseconds()})
	}
	for _, t := range u.replies {
		r.Replies = append(r.Replies, wireReply{
			Age: now.Sub(t.at).Microseconds(), Took: t.took.Microseconds(), Limit: t.limit, Counted: t.counted, Pause: t.pause.Microseconds(),
		})
	}
	r.Returned = u.returned
}
