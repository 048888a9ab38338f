package redisclawhq

import (
	"slices"
	"time"
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

// lateness is how long after its slot a call may be sent before the log is
// corrected.
const lateness = 50 * time.Millisecond

// take removes and returns the entry of a call that was sent at the given time:
// the latest entry without an answer that was admitted by then.
func (j *journal) take(sent time.Time) (entry, bool) {
	for i := len(j.entries) - 1; i >= 0; i-- {
		if e := j.entries[i]; !e.answered && !e.at.After(sent.Add(lateness)) {
			j.entries = slices.Delete(j.entries, i, i+1)
			return e, true
		}
	}
	return entry{}, false
}

// allMissing notes that the log in Redis may have lost all entries.
func (j *journal) allMissing() {
	for i := range j.entries {
		j.entries[i].logged = false
	}
}

// missing returns the entries after t that the log in Redis may lack.
func (j *journal) missing(t time.Time) (list []entry) {
	for _, e := range j.entries {
		if e.at.After(t) && !e.logged {
			list = append(list, e)
		}
	}
	return list
}

// markLogged notes that the log in Redis holds the entry.
func (j *journal) markLogged(logged entry) {
	for i := range j.entries {
		if e := &j.entries[i]; e.id == logged.id && e.at.Equal(logged.at) {
			e.logged = true
		}
	}
}
