package clawhq

import (
	"context"
	"errors"
	"time"
)

// A Trace is a set of functions that a Client calls at each step of its calls,
// in the manner of net/http/httptrace. Any function may be nil. Set a Trace by
// [WithTrace].
//
// Within one call, the functions are called one after another, in this order.
// Brackets mark what does not happen in every call:
//
//	CallStart
//	    [[Waiting] Admitted]              not with session authentication or without rate shaping;
//	                                      again, if the key has changed and its window is full
//	    AttemptStart [FirstChunk StreamEnd] AttemptEnd
//	    [Retry, then as above, for each further attempt]
//	CallEnd
//
// Every CallStart is followed by a CallEnd, and every AttemptStart by an
// AttemptEnd, even after a panic. Following a redirect is an attempt of its own,
// without a Retry. When net/http sends a request again by itself, as RetryPolicy
// says, that is admitted within the attempt. The call of a stream ends when the loop over the stream ends.
//
// Calls may run concurrently, and so may the functions; the context tells which
// call a function is called for. CallStart and AttemptStart return the context
// for the rest of the call or attempt. It must be the given context or one
// derived from it. The HTTP request of the attempt has this context as well, so
// that the spans of an instrumented http.RoundTripper are children of those
// started here.
//
// The call waits for each function to return. No function is given a message,
// an answer, an API key or a session; keys are redacted in the texts of errors.
type Trace struct {
	// CallStart is called when a call begins; for a stream, when it is ranged
	// over.
	CallStart func(ctx context.Context, e TraceCallStart) context.Context

	// CallEnd is called when a call has ended, even if nothing was sent.
	CallEnd func(ctx context.Context, e TraceCallEnd)

	// Waiting is called before an attempt waits for the client's rate shaping.
	Waiting func(ctx context.Context, e TraceWaiting)

	// LimiterDown is called when the Limiter of WithLimiter is out of service
	// and the client shapes the attempt by itself: see FallbackLimiter.
	LimiterDown func(ctx context.Context, e TraceLimiterDown)

	// Admitted is called when the rate shaping has admitted an attempt, or has
	// refused it: then e.Err is not nil, and the call ends.
	Admitted func(ctx context.Context, e TraceAdmitted)

	// AttemptStart is called before a request is sent.
	AttemptStart func(ctx context.Context, e TraceAttemptStart) context.Context

	// AttemptEnd is called when an attempt has ended and its connection is
	// released, after the body of the reply was read or closed.
	AttemptEnd func(ctx context.Context, e TraceAttemptEnd)

	// Retry is called when a failed attempt is to be repeated, before the wait.
	Retry func(ctx context.Context, e TraceRetry)

	// FirstChunk is called when the first chunk of a stream has arrived.
	FirstChunk func(ctx context.Context, e TraceFirstChunk)

	// StreamEnd is called when the loop over a stream has ended. It is not
	// called for a stream that failed before its first chunk: that is a failed
	// attempt.
	StreamEnd func(ctx context.Context, e TraceStreamEnd)
}

// TraceCallStart describes a call that begins.
type TraceCallStart struct {
	Method string // HTTP method
	Path   string // below the base URL, with wildcards for ids, like /v1/threads/{id}; empty for a path that Client.Do does not know
	Stream bool   // the answer is streamed

	ServerAddress string // the host of the base URL
	ServerPort    int    // the port of the base URL, or the default port of its scheme
}

// TraceCallEnd describes how a call ended.
type TraceCallEnd struct {
	Attempts        int       // how many requests were sent
	StatusCode      int       // of the last reply, though a later attempt may have got none; 0 if no reply came
	RequestID       string    // the server's id of the request that it replies to
	ClientRequestID string    // the client's id of the call
	RateLimit       RateLimit // zero if the last reply reports no limit
	Err             error     // the call's error; nil also for a stream whose loop the caller left
}

// TraceWaiting describes why an attempt waits for the rate shaping.
type TraceWaiting struct {
	Attempt int       // number of the attempt within its call, from 1
	Reason  string    // the reason for people, as in the log
	Until   time.Time // when the attempt is expected to be admitted; zero if that depends on a reply
}

// TraceLimiterDown describes why a Limiter is out of service.
type TraceLimiterDown struct{ Err error }

// TraceAdmitted describes how an attempt's wait for the rate shaping ended. The
// shaping may be that of the client or of a Limiter.
type TraceAdmitted struct {
	Attempt int           // number of the attempt within its call, from 1
	Waited  time.Duration // how long the attempt waited
	Err     error         // why the attempt was not admitted; nil if it was
}

// TraceAttemptStart describes an attempt that begins.
type TraceAttemptStart struct {
	Attempt         int    // number of the attempt within its call, from 1
	ClientRequestID string // the client's id of the call
}

// TraceAttemptEnd describes how an attempt ended.
type TraceAttemptEnd struct {
	Attempt    int       // number of the attempt within its call, from 1
	StatusCode int       // 0 if no reply came
	RequestID  string    // the server's id of the request
	RateLimit  RateLimit // zero if the reply reports no limit
	Err        error     // why the attempt failed; nil if it succeeded
}

// TraceRetry describes a failed attempt that will be repeated.
type TraceRetry struct {
	Attempt int           // number of the failed attempt within its call, from 1
	Err     error         // why it failed
	Wait    time.Duration // how long the client waits before it repeats the attempt
}

// TraceFirstChunk has no fields: that the chunk has come is all there is to tell. The
// hook takes it so that fields can be added without a change of the hook's type.
type TraceFirstChunk struct{}

// TraceStreamEnd describes how a stream ended. If Complete is false and Err is
// nil, the caller has left the loop.
type TraceStreamEnd struct {
	Chunks   int   // how many chunks were handed out
	Complete bool  // the whole answer was handed out
	Err      error // why the stream failed
}

// errAborted is the error that a Trace is told of a call or an attempt that a
// panic has ended.
var errAborted = errors.New("clawhq: ended by a panic")

// derived returns the context that a function of a Trace has returned, or from
// if that is nil.
func derived(from, ctx context.Context) context.Context {
	if ctx == nil {
		return from
	}
	return ctx
}

// traces are the Traces of a call, in the order of the options. Each method calls
// the function of that name of each Trace that has one; after a panic of one, the
// functions that end something are still called of the others.
type traces []*Trace

func (ts traces) callEnd(ctx context.Context, e TraceCallEnd) {
	if len(ts) == 0 {
		return
	}
	defer ts[1:].callEnd(ctx, e)
	if f := ts[0].CallEnd; f != nil {
		f(ctx, e)
	}
}

func (ts traces) attemptEnd(ctx context.Context, e TraceAttemptEnd) {
	if len(ts) == 0 {
		return
	}
	defer ts[1:].attemptEnd(ctx, e)
	if f := ts[0].AttemptEnd; f != nil {
		f(ctx, e)
	}
}

func (ts traces) streamEnd(ctx context.Context, e TraceStreamEnd) {
	if len(ts) == 0 {
		return
	}
	defer ts[1:].streamEnd(ctx, e)
	if f := ts[0].StreamEnd; f != nil {
		f(ctx, e)
	}
}

func (ts traces) waiting(ctx context.Context, e TraceWaiting) {
	for _, t := range ts {
		if t.Waiting != nil {
			t.Waiting(ctx, e)
		}
	}
}

func (ts traces) limiterDown(ctx context.Context, e TraceLimiterDown) {
	for _, t := range ts {
		if t.LimiterDown != nil {
			t.LimiterDown(ctx, e)
		}
	}
}

func (ts traces) admitted(ctx context.Context, e TraceAdmitted) {
	for _, t := range ts {
		if t.Admitted != nil {
			t.Admitted(ctx, e)
		}
	}
}

func (ts traces) retry(ctx context.Context, e TraceRetry) {
	for _, t := range ts {
		if t.Retry != nil {
			t.Retry(ctx, e)
		}
	}
}

func (ts traces) firstChunk(ctx context.Context, e TraceFirstChunk) {
	for _, t := range ts {
		if t.FirstChunk != nil {
			t.FirstChunk(ctx, e)
		}
	}
}

// safe returns err; if it is not of this package, with its text redacted.
func (c *call) safe(err error) error {
	if err == nil || isReply(err) {
		return err
	}
	return redactedError(err, c.core.redact)
}
