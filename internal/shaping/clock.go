package shaping

import (
	"context"
	"time"

	"github.com/clawhq/clawhq-go/internal/window"
)

// A moment is a time by a clock of this package. The zero moment stands for
// never, and is long past.
type moment = window.Moment

// A clock counts from its epoch. Its one reading of the time costs half as much
// as time.Now, and the arithmetic on moments next to nothing.
type clock struct{ epoch time.Time }

func newClock() clock { return clock{time.Now().Add(-24 * time.Hour)} }

func (c clock) now() moment { return moment(time.Since(c.epoch)) }

func (c clock) time(m moment) time.Time { return c.epoch.Add(time.Duration(m)) }

// deadline returns when ctx ends; 0 if it has no deadline.
func (c clock) deadline(ctx context.Context) moment {
	if t, ok := ctx.Deadline(); ok {
		return moment(t.Sub(c.epoch))
	}
	return 0
}
