package clawhq

import (
	"context"
	"errors"
	"time"
)

// A Trace is told what happens within the calls of a Client, in the manner of
// net/http/httptrace: a struct of functions, any of which may be nil. Give it to
// NewClient by [WithTrace].
//
// Of a call, the functions are called one after another, in this order, those
// in brackets if it comes to that:
//
//	CallStart
//	    [[Waiting] Admitted]              the rate limit's turn; none by the session, or without shaping
//	    AttemptStart [FirstChunk StreamEnd] AttemptEnd
//	    [Retry … as above, once for each further attempt]
//	CallEnd
//
// Whatever has started ends, panics included: to each CallStart there is a
// CallEnd, and to each AttemptStart an AttemptEnd. The follower of a redirect is
// an attempt as well, without a Retry. A stream's call ends when the loop over
// it does.
//
// Calls run at the same time, and so do the functions; what belongs to one
// call finds together by its context: CallStart and AttemptStart return the
// one that is used from there on, for the requests as well, so that an
// instrumented transport nests within. It must be the given one or derived
// from it.
//
// The functions are called in the way of the call, which waits for them. Errors
// that they get are those that the caller gets of such a failure, keys redacted.
// None of them is given a message, an answer, a key or a session.
type Trace struct {
	// CallStart is called when a call begins; for a stream, when it is ranged
	// over.
	CallStart func(ctx context.Context, e TraceCallStart) context.Context

	// CallEnd is called when a call has ended, also one that was refused
	// before anything was sent.
	CallEnd func(ctx context.Context, e TraceCallEnd)

	// Waiting is called when an attempt has to wait for the client's rate
	// shaping, before it does.
	Waiting func(ctx context.Context, e TraceWaiting)

	// LimiterDown is called when the Limiter of WithLimiter is out of service
	// and the client shapes the attempt by itself: see FallbackLimiter.
	LimiterDown func(ctx context.Context, e TraceLimiterDown)

	// Admitted is called when the rate limit lets an attempt go, or will not:
	// then e.Err says why, and the call ends.
	Admitted func(ctx context.Context, e TraceAdmitted)

	// AttemptStart is called before a request is sent.
	AttemptStart func(ctx context.Context, e TraceAttemptStart) context.Context

	// AttemptEnd is called when an attempt has let go of its connection: after
	// the body of its reply was read or given up.
	AttemptEnd func(ctx context.Context, e TraceAttemptEnd)

	// Retry is called when a failed attempt is to be repeated, before the wait.
	Retry func(ctx context.Context, e TraceRetry)

	// FirstChunk is called when the first chunk of a stream has arrived.
	FirstChunk func(ctx context.Context, e TraceFirstChunk)

	// StreamEnd is called when the loop over a stream has ended. A stream that
	// fails before its first chunk has no StreamEnd: its attempt has failed.
	StreamEnd func(ctx context.Context, e TraceStreamEnd)
}

// TraceCallStart says which call begins.
type TraceCallStart struct {
	Method string // of its requests
	Path   string // below the base URL, with wildcards for ids, as in /v1/threads/{id}; empty if Client.Do does not know it
	Stream bool   // the answer is streamed
}

// TraceCallEnd says how a call ended.
type TraceCallEnd struct {
	Attempts        int       // requests that were sent
	StatusCode      int       // of the last reply; 0 if no reply came
	RequestID       string    // the server's, of the last reply
	ClientRequestID string    // sent with every attempt
	RateLimit       RateLimit // zero if the last reply does not tell
	Err             error     // nil for success, and for a stream that the caller left
}

// TraceWaiting says why an attempt waits for the rate limit.
type TraceWaiting struct {
	Attempt int       // the number of the attempt, from 1
	Reason  string    // for people, as logs have it
	Until   time.Time // when it is expected to go; zero if that depends on a reply
}

// TraceLimiterDown says what is wrong with a Limiter.
type TraceLimiterDown struct{ Err error }

// TraceAdmitted says how long an attempt has waited for the rate limit, for a
// Limiter of WithLimiter too.
type TraceAdmitted struct {
	Attempt int // the number of the attempt, from 1
	Waited  time.Duration
	Err     error // why it was not admitted
}

// TraceAttemptStart says which attempt begins.
type TraceAttemptStart struct {
	Attempt         int // its number, from 1
	ClientRequestID string
}

// TraceAttemptEnd says how an attempt ended.
type TraceAttemptEnd struct {
	Attempt    int       // its number, from 1
	StatusCode int       // 0 if no reply came
	RequestID  string    // the server's
	RateLimit  RateLimit // zero if the reply does not tell
	Err        error
}

// TraceRetry says why an attempt is repeated, and how long after.
type TraceRetry struct {
	Attempt int // the number of the one that failed, from 1
	Err     error
	Wait    time.Duration
}

// TraceFirstChunk is empty so far.
type TraceFirstChunk struct{}

// TraceStreamEnd says how a stream ended: it is complete, or has failed with
// Err, or, if neither, the caller has left the loop.
type TraceStreamEnd struct {
	Chunks   int // handed out
	Complete bool
	Err      error
}

// errAborted is what a call or an attempt ends with, for a Trace, that a panic
// has ended.
var errAborted = errors.New("clawhq: ended by a panic")

// derived is the context that a function of a Trace has returned.
func derived(from, ctx context.Context) context.Context {
	if ctx == nil {
		return from
	}
	return ctx
}

func (c *call) traceStart() {
	for _, t := range c.traces {
		if t.CallStart != nil {
			c.ctx = derived(c.ctx, t.CallStart(c.ctx, TraceCallStart{c.method, c.route, c.stream}))
		}
	}
}

func (c *call) traceEnd(err error) {
	for _, t := range c.traces {
		if t.CallEnd != nil {
			t.CallEnd(c.ctx, TraceCallEnd{c.attempts, c.info.StatusCode, c.info.RequestID, c.clientRequestID, c.info.RateLimit, err})
		}
	}
}

func (c *call) traceWaiting(why string, until time.Time) {
	for _, t := range c.traces {
		if t.Waiting != nil {
			t.Waiting(c.ctx, TraceWaiting{c.attempts + 1, why, until})
		}
	}
}

func (c *call) traceLimiterDown(err error) {
	for _, t := range c.traces {
		if t.LimiterDown != nil {
			t.LimiterDown(c.ctx, TraceLimiterDown{c.safe(err)})
		}
	}
}

func (c *call) traceAdmitted(waited time.Duration, err error) {
	for _, t := range c.traces {
		if t.Admitted != nil {
			t.Admitted(c.ctx, TraceAdmitted{c.attempts + 1, waited, c.safe(err)})
		}
	}
}

func (c *call) traceRetry() {
	for _, t := range c.traces {
		if t.Retry != nil {
			t.Retry(c.ctx, TraceRetry{c.attempts, c.safe(c.failure.err), c.wait})
		}
	}
}

// traceStart returns the context for the attempt.
func (a *attempt) traceStart() context.Context {
	ctx := a.call.ctx
	for _, t := range a.traces {
		if t.AttemptStart != nil {
			ctx = derived(ctx, t.AttemptStart(ctx, TraceAttemptStart{a.attempts, a.clientRequestID}))
		}
	}
	return ctx
}

func (a *attempt) traceEnd() {
	for _, t := range a.traces {
		if t.AttemptEnd != nil {
			t.AttemptEnd(a.traced, TraceAttemptEnd{a.attempts, a.info.StatusCode, a.info.RequestID, a.info.RateLimit, a.safe(a.err)})
		}
	}
}

func (s *stream) traceFirst() {
	for _, t := range s.traces {
		if t.FirstChunk != nil {
			t.FirstChunk(s.traced, TraceFirstChunk{})
		}
	}
}

func (s *stream) traceEnd() {
	for _, t := range s.traces {
		if t.StreamEnd != nil {
			t.StreamEnd(s.traced, TraceStreamEnd{s.chunks, s.state == done && s.err == nil, s.err})
		}
	}
}

// safe is err with its text redacted, if it is not of this package.
func (c *call) safe(err error) error {
	if err == nil || isReply(err) {
		return err
	}
	return redactedError(err, c.redact)
}
