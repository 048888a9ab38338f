// Package window counts events in a sliding window of time:
//
//	var log window.Log
//	now := window.Unix(time.Now())
//	log.Prune(now.Add(-window.Length))
//	if log.Len() < 60 { // fewer than 60 events in the last minute
//		log.Add(now)
//	}
package window

import (
	"slices"
	"time"
)

// Length is the length of the service's rate limit windows: a call counts for that
// long after it has arrived. The client, the reference server and package redisclawhq
// use this value.
const Length = time.Minute

// A Moment is a point in time, in nanoseconds of its owner's clock. It takes a third
// of the memory of a time.Time, and has no pointer that the garbage collector must
// follow.
type Moment int64

// Unix returns the Moment of t by the clock that counts from 1970.
func Unix(t time.Time) Moment { return Moment(t.UnixNano()) }

// Add returns the moment d later.
func (m Moment) Add(d time.Duration) Moment { return m + Moment(d) }

// Sub returns the time from n to m.
func (m Moment) Sub(n Moment) time.Duration { return time.Duration(m - n) }

// A Log holds the times of events, oldest first. Equal times are
// interchangeable. The zero value is an empty log. A Log is not safe for
// concurrent use.
type Log struct {
	times []Moment
	start int // index of the oldest event; earlier elements are unused
}

// Len returns the number of events.
func (l *Log) Len() int { return len(l.times) - l.start }

// At returns the time of the i-th oldest event, counted from 0.
func (l *Log) At(i int) Moment { return l.times[l.start+i] }

// Add records an event. It is fast if events come in order.
func (l *Log) Add(t Moment) {
	switch {
	case l.times == nil:
		l.times = make([]Moment, 0, 32) // the smallest tier of a key
	case l.start > 0 && len(l.times) == cap(l.times):
		l.times = append(l.times[:0], l.times[l.start:]...)
		l.start = 0
	}
	if n := len(l.times); n == l.start || t >= l.times[n-1] {
		l.times = append(l.times, t)
		return
	}
	l.times = slices.Insert(l.times, l.start+l.After(t), t)
}

// Remove forgets one event that happened at t and reports whether there was
// one.
func (l *Log) Remove(t Moment) bool {
	i := l.start + l.After(t) - 1
	if i < l.start || l.times[i] != t {
		return false
	}
	l.times = slices.Delete(l.times, i, i+1)
	return true
}

// Prune removes the events at or before t.
func (l *Log) Prune(t Moment) {
	if l.start += l.After(t); l.start == len(l.times) {
		l.times, l.start = l.times[:0], 0
	}
}

// After returns the index of the oldest event after t, which is also the number of
// events at or before t. If there is no later event, it returns Len.
func (l *Log) After(t Moment) int {
	lo, hi := l.start, len(l.times)
	if lo == hi || l.times[lo] > t {
		return 0
	}
	for step := 1; hi-step > lo; step *= 2 { // most callers ask for a recent time
		if l.times[hi-step] <= t {
			lo = hi - step + 1
			break
		}
		hi -= step
	}
	for lo < hi {
		if mid := int(uint(lo+hi) / 2); l.times[mid] > t {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo - l.start
}

// Admit is the server's side of the window. If fewer than limit events lie in the
// span before now, it records an event and returns how many more fit. Otherwise it
// records nothing and returns the time until one fits.
func (l *Log) Admit(now Moment, span time.Duration, limit int) (remaining int, wait time.Duration) {
	l.Prune(now.Add(-span))
	if n := l.Len(); n >= limit {
		return 0, l.At(n - limit).Add(span).Sub(now)
	}
	l.Add(now)
	return limit - l.Len(), 0
}

// Within returns the number of events after from and not after to.
func (l *Log) Within(from, to Moment) int { return max(0, l.After(to)-l.After(from)) }

// Clone returns a copy that shares nothing with l.
func (l *Log) Clone() Log { return Log{times: slices.Clone(l.times[l.start:])} }
