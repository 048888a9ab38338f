package redislimit

import (
	"net/http"
	"slices"
	"time"

	"github.com/clawhq/clawhq-go"
)

// A journal holds the calls that this machine has sent within the last two
// windows, the oldest first, so that a log that was emptied, or has missed
// some, can be restored.
type journal struct{ entries []entry }

type entry struct {
	id       string
	at       time.Time // when it was sent
	logged   bool      // in the log as it stands here
	answered bool
}

// add puts an entry where its time has it.
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

// take removes and returns the entry of a call that was sent at the given
// time: of those without an answer, the one whose slot was due last before.
func (j *journal) take(sent time.Time) (entry, bool) {
	for i := len(j.entries) - 1; i >= 0; i-- {
		if e := j.entries[i]; !e.answered && !e.at.After(sent.Add(lateness)) {
			j.entries = slices.Delete(j.entries, i, i+1)
			return e, true
		}
	}
	return entry{}, false
}

// lost says that the log may hold none of the entries after t any more, and
// reports whether there are any.
func (j *journal) lost(t time.Time) bool {
	after := j.since(t)
	for i := range after {
		after[i].logged = false
	}
	return len(after) > 0
}

// logged says that the log holds the entry.
func (j *journal) logged(id string, at time.Time) {
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

// news is what Redis is told with the next trip.
type news struct {
	returned []string // slots that were not used
	replies  []told
	doubtful []doubt
	now      bool // without waiting for the next caller
}

// told is what a reply told.
type told struct {
	at      time.Time // when its call was sent
	took    time.Duration
	limit   int           // 0 if it does not tell
	counted int           // calls in the server's window, -1 if it does not tell
	closed  time.Duration // how long a 429 asks to wait
}

// A doubt is a trip that may have taken slots or not. They are given back for
// a while, since it may still be on its way.
type doubt struct {
	ids   []string
	until time.Time
}

const (
	maxReplies    = 8                // that wait to be told; the newest count
	doubtDuration = 10 * time.Second // a trip may be late by
)

// reply notes a reply. A 429, another limit, and all while the log is in
// doubt, is told at once.
func (n *news) reply(w *window, r clawhq.LimitReply, now time.Time) {
	t := told{at: r.Sent, took: now.Sub(r.Sent), limit: r.RateLimit.Limit, counted: -1}
	switch {
	case r.StatusCode == http.StatusTooManyRequests:
		t.closed = w.pause(r.RetryAfter)
	case t.limit > 0:
		t.counted = t.limit - r.RateLimit.Remaining
		w.backoff = 0
	default:
		return
	}
	n.now = n.now || t.closed > 0 || t.limit != w.limit || now.Before(w.calm)
	if t.limit > 0 {
		w.limit = t.limit
	}
	if len(n.replies) == maxReplies {
		n.replies = slices.Delete(n.replies, 0, 1)
	}
	n.replies = append(n.replies, t)
}

// urgent reports whether there is news that others wait for. Slots that were
// given back can wait for a trip that is under way.
func (n *news) urgent(trips int) bool { return n.now || trips == 0 && len(n.returned) > 0 }
