package shaping

import (
	"context"
	"time"

	"github.com/clawhq/clawhq-go/internal/window"
)

// A moment is a time by the clock of a Set. The zero moment means never.
type moment = window.Moment

// A clock counts from its epoch, a day before it was made, so that the zero
// moment is long past. To read it costs half as much as time.Now.
type clock struct{ epoch time.Time }

func newClock() clock { return clock{time.Now().Add(-24 * time.Hour)} }

func (c clock) now() moment { return moment(time.Since(c.epoch)) }

// time returns the time of m, by the wall clock as it is set now.
func (c clock) time(m moment) time.Time { return time.Now().Add(m.Sub(c.now())) }

// deadline returns when ctx ends; 0 if it has no deadline.
func (c clock) deadline(ctx context.Context) moment {
	if t, ok := ctx.Deadline(); ok {
		return c.now().Add(min(time.Until(t), unexpected)) // without an overflow
	}
	return 0
}
