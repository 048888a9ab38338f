package clawhqtest

import (
	"context"
	"time"
)

// AdvanceClock adds d to the time that the server goes by, so that nobody has
// to wait for it: rate windows, the day that idempotency keys are kept,
// retries of webhooks, delays of agents and faults, their timeouts, the
// indexing of files. The journal, Retry-After, the Date header and everything
// else that tells a time follow. All that falls due on the way happens in the
// order of its time: retries of webhooks have been sent and answered when
// AdvanceClock returns, the retries of these retries included. Agents go on
// by themselves, and wait anew, if they do, from the new time on.
//
// The client's own waiting is not the server's: a client that was told to
// retry after a minute waits that minute, unless it runs in a bubble of package
// testing/synctest. Connections, and the ten seconds that a receiver of
// webhooks is given, keep to real time too; the receiver must not call
// AdvanceClock, which waits for it, and checks signed times by webhook.Options'
// Now, which s.Now is made for.
//
// It panics if d is negative. Reset leaves the clock as it is.
func (s *Server) AdvanceClock(d time.Duration) { s.service.AdvanceClock(d) }

// Now returns the time that the server goes by: real time, or later by what
// AdvanceClock has added.
func (s *Server) Now() time.Time { return s.service.Now() }

// Sleep waits for d by the server's time. It is for agents, whose waiting
// AdvanceClock then ends early. The error is the context's, if that is done
// first.
func (s *Server) Sleep(ctx context.Context, d time.Duration) error { return s.service.Sleep(ctx, d) }
