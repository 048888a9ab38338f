package clawhq

import (
	"context"
	"iter"
	"time"
)

// These names are for tests of functions that the public API does not fully expose.
var (
	ParseRetryAfter = parseRetryAfter
	ErrEvent        = errEvent
)

// DecodeChunk decodes the data of an event.
func DecodeChunk(data []byte) (text string, ok bool, err error) {
	return new(chunkReader).decode(data)
}

// SoleContent decodes the data of an event in its most common form.
func SoleContent(data []byte) (text string, ok bool) { return new(chunkReader).scanner.Chunk(data) }

// Wait returns the backoff of a policy.
func (p RetryPolicy) Wait(n int, after time.Duration, random float64) time.Duration {
	return p.wait(n, after, random)
}

// DecodeError decodes the body of a reply.
func DecodeError(status int, body []byte) error {
	e := &APIError{StatusCode: status}
	decodeError(e, body, time.Time{}, func(s string) string { return s })
	return typed(e)
}

// Budget wraps the retry budget of a client.
type Budget struct{ b *retryBudget }

func NewBudget(share float64) Budget { return Budget{newRetryBudget(share)} }
func (b Budget) Earn()               { b.b.earn() }
func (b Budget) Spend() bool         { return b.b.spend() }

// TraceNothing returns a function that does everything that a streaming call does for
// tracing, without a Trace.
func TraceNothing() func() {
	c := newCall(&core{}, context.Background(), request{}, nil)
	return func() {
		c.start()
		c.first.call = c
		c.first.attemptStart()
		c.traces.retry(c.ctx, TraceRetry{})
		c.traces.firstChunk(c.ctx, TraceFirstChunk{})
		c.traces.streamEnd(c.ctx, TraceStreamEnd{})
		c.traces.attemptEnd(c.ctx, TraceAttemptEnd{})
		c.report(nil)
	}
}

// All returns the rows of a list.
func All[T any](start ListOptions, id func(T) string, list func(ListOptions) (*Page[T], error)) iter.Seq2[T, error] {
	return all(start, nil, id, func(at ListOptions, _ []CallOption) (*Page[T], error) { return list(at) })
}
