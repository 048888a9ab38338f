package clawhq

import (
	"time"
)

// For tests of what the public surface shows only in part.
var (
	ParseRetryAfter = parseRetryAfter
	ErrEvent        = errEvent
)

// DecodeChunk decodes the data of an event.
func DecodeChunk(data []byte) (text string, ok bool, err error) {
	return new(chunkEvent).decode(data)
}

// SoleContent decodes the data of an event that has the commonest form.
func SoleContent(data []byte) (text string, ok bool) { return new(chunkEvent).scanner.Chunk(data) }

// Wait is the backoff of a policy.
func (p RetryPolicy) Wait(n int, after time.Duration, random float64) time.Duration {
	return p.wait(n, after, random)
}

// DecodeError decodes the body of a reply.
func DecodeError(status int, body []byte) error {
	e := &APIError{StatusCode: status}
	decodeError(e, body, time.Time{}, func(s string) string { return s })
	return typed(e)
}

// Budget is a client's retry budget.
type Budget struct{ b *retryBudget }

func NewBudget(share float64) Budget { return Budget{newRetryBudget(share)} }
func (b Budget) Earn()               { b.b.earn() }
func (b Budget) Spend() bool         { return b.b.spend() }

// TraceNothing does all that a streaming call does for a Trace, without one.
func TraceNothing() func() {
	c := &call{core: &core{}}
	a := &attempt{call: c}
	s := &stream{attempt: a}
	return func() {
		if c.traces != nil {
			c.traceStart()
			a.traced = a.traceStart()
		}
		c.traceRetry()
		s.traceFirst()
		s.traceEnd()
		if a.traced != nil {
			a.traceEnd()
		}
		c.traceEnd(nil)
	}
}
