package clawhq

import (
	"context"
	"fmt"
	"strings"
)

// A Limiter admits calls one by one. Wait blocks until a call may be sent, or
// returns an error, at the latest when ctx ends. *rate.Limiter of
// golang.org/x/time is one; another may be shared between machines.
//
// Note that a token bucket with burst b and rate N lets up to b+N calls into
// the server's window of N.
type Limiter interface {
	Wait(ctx context.Context) error
}

// waitForLimiter waits for a Limiter of the caller's.
func waitForLimiter(ctx context.Context, l Limiter) error {
	err := l.Wait(ctx)
	if err == nil {
		return nil
	}
	ended := ctx.Err()
	if ended == nil && strings.Contains(err.Error(), "would exceed context deadline") {
		// x/time/rate looks ahead, and its error has no other mark.
		ended = context.DeadlineExceeded
	}
	if ended == nil {
		return fmt.Errorf("limiter: %w", err)
	}
	return throttled(ended, err)
}

// throttled is ErrThrottled for a context that ended, or will too soon.
func throttled(ended, why error) error {
	return newCallError("not admitted by the rate limit: "+oneLine(why.Error()), ErrThrottled, ended, why)
}
