package clawhq

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/clawhq/clawhq-go/internal/shaping"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// longestRetryable bounds the wait that Retryable returns.
const longestRetryable = 24 * time.Hour

// Retryable reports whether a call that failed with err may succeed if it is made
// again later, for job queues that decide what becomes of a job. after is how
// long to wait at least, 24 hours at most; 0 means that the caller may choose.
//
// ok is true for rate limits, ErrThrottled, conflicts, failures of the agent and
// of the service, lost connections, attempts that timed out, streams that were
// cut off or idle, and a deadline of the caller's. It is false for nil, for what
// the caller cancelled, and for what would fail again: a refused request, key or
// plan, an agent that does not exist, a batch larger than the rate tier, an
// untrusted certificate.
//
// Retryable says nothing of effects. Threads.Send, Threads.Create and the like
// may have happened although the call failed; for a chat, pass
// WithIdempotencyKey with the job's id. When the live service fails to look up a
// key, a plan or an agent, it replies as if that were bad: before giving up a
// whole queue for such an error, ask again after a minute.
func Retryable(err error) (after time.Duration, ok bool) {
	if err == nil || errors.Is(err, context.Canceled) {
		return 0, false
	}
	if errors.Is(err, ErrThrottled) {
		var late *shaping.TooLate
		if errors.As(err, &late) {
			after = late.In
		}
		return bounded(after), true
	}
	var call *callError
	if errors.As(err, &call) {
		err = call.causes.get()[0] // the last attempt's error; an earlier one's may be among the others
	}
	var api *APIError
	if errors.As(err, &api) && api != nil {
		return bounded(api.RetryAfter), mayPass(err, api)
	}
	var network net.Error
	lost := call != nil && !errors.Is(err, errRedirect) || errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded)
	return 0, lost && retryableTransport(err)
}

// bounded returns d within the bounds that Retryable documents.
func bounded(d time.Duration) time.Duration { return min(max(d, 0), longestRetryable) }

// mayPass reports whether a call that failed with err, an error reply, may
// succeed later. e has the fields of err.
func mayPass(err error, e *APIError) bool {
	var (
		limited *RateLimitError
		busy    *ConflictError
		agent   *AgentError
		server  *ServerError
		stream  *StreamError
	)
	switch {
	case errors.As(err, &stream):
		return transientStream(e.Code) || e.Code == CodeStreamCancelled // by a deadline
	case errors.As(err, &limited):
		return !wire.IsBatchOverTier(e.Message)
	case errors.As(err, &server):
		return e.StatusCode < 300 || e.StatusCode >= 500 // not a redirect
	}
	return errors.As(err, &busy) || errors.As(err, &agent)
}
