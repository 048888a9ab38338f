package server

import (
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// usage counts a key's calls: the total, and those of each of the last seven days
// (UTC).
type usage struct {
	calls int64
	last  time.Time
	days  [7]day // a day's index is its number modulo seven
}

type day struct{ number, calls, errors int64 }

func dayOf(t time.Time) int64 { return t.Unix() / (24 * 60 * 60) }

// on returns the counts of t's day.
func (u *usage) on(t time.Time) *day {
	number := dayOf(t)
	d := &u.days[number%7]
	if d.number != number {
		*d = day{number: number}
	}
	return d
}

// called counts a call and makes it the latest.
func (u *usage) called(now time.Time) {
	u.calls++
	u.last = now.UTC().Truncate(time.Millisecond)
	u.on(now).calls++
}

// failed counts a failure of a call that called has counted.
func (u *usage) failed(now time.Time) { u.on(now).errors++ }

func (u *usage) stats(now time.Time) (s wire.KeyStats) {
	today := dayOf(now)
	for _, d := range u.days {
		if d.number == today {
			s.Today = d.calls
		}
		if d.number > today-7 {
			s.Week += d.calls
			s.Errors += d.errors
		}
	}
	return s
}
