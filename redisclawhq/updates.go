package redisclawhq

import (
	"net/http"
	"slices"
	"time"

	"github.com/clawhq/clawhq-go"
)

// updates are what the next round trip reports to Redis.
type updates struct {
	returned []string // ids of calls that were not sent
	reports  []report
	atOnce   bool // the round trip must not wait for the next caller
}

// A report is what a reply of the service has shown.
type report struct {
	at      time.Time // when its call was sent
	took    time.Duration
	limit   int           // calls per window; 0 if not reported
	counted int           // calls in the server's window; -1 if not reported
	pause   time.Duration // how long a 429 asks clients to wait; 0 for other replies
}

// maxReports is how many reports are kept for the next round trip; older ones are
// dropped.
const maxReports = 8

// giveBack returns the slot of a call that was not sent.
func (u *updates) giveBack(id string) {
	u.returned = append(u.returned, id)
	u.atOnce = true
}

// addReply adds a reply of the service, if it reports anything. A 429 and a new
// limit go to Redis at once; during a slow start every reply does, since the log
// may then lack calls that the reply counts.
func (u *updates) addReply(s *share, r clawhq.LimitReply, now time.Time) {
	t := report{at: r.Sent, took: now.Sub(r.Sent), limit: r.RateLimit.Limit, counted: -1}
	switch {
	case r.StatusCode == http.StatusTooManyRequests:
		t.pause = s.pause(r.RetryAfter)
	case t.limit > 0:
		t.counted = t.limit - r.RateLimit.Remaining
		s.backoff = 0
	default:
		return
	}
	u.atOnce = u.atOnce || t.pause > 0 || t.limit != s.limit || now.Before(s.slowUntil)
	if t.limit > 0 {
		s.limit = t.limit
	}
	u.reports = append(u.reports, t)
	u.trim()
}

// trim keeps the latest reports.
func (u *updates) trim() {
	if n := len(u.reports) - maxReports; n > 0 {
		u.reports = slices.Delete(u.reports, 0, n)
	}
}

// putBack adds the updates of a round trip that has failed.
func (u *updates) putBack(failed updates) {
	u.returned = append(failed.returned, u.returned...)
	u.reports = append(failed.reports, u.reports...)
	u.trim()
	u.atOnce = u.atOnce || failed.atOnce
}

// fill adds the updates to the request of a round trip that begins now, and the calls
// that the log lacks.
func (u *updates) fill(r *request, missing []call, now time.Time) {
	for _, c := range missing {
		r.Sent = append(r.Sent, wireCall{c.id, now.Sub(c.at).Microseconds()})
	}
	for _, t := range u.reports {
		r.Replies = append(r.Replies, wireReport{
			Age: now.Sub(t.at).Microseconds(), Took: t.took.Microseconds(), Limit: t.limit, Counted: t.counted, Pause: t.pause.Microseconds(),
		})
	}
	r.Returned = u.returned
}
