package clawhqtest

import (
	"context"
	"time"
)

// AdvanceClock adds d to the server's time, so that a test need not wait. The
// windows of the rate limit, the day for which idempotency keys are stored,
// retries of webhooks, delays and timeouts of agents, delays of faults, and the
// indexing of files follow the server's time; so do the times in the journal,
// Retry-After and the Date header.
//
// Everything that becomes due happens in the order of its time: AdvanceClock steps
// from one to the next, and before each further step it waits until every agent
// and fault that the last one woke sleeps again, has ended, or has been at
// work for 100 ms of real time. An agent that sleeps, by [Server.Sleep] with its own
// context, five times for 10 seconds has had all five in an advance of 50 seconds; one
// that needs 40 of its 60 seconds answers in an advance of 61.
//
// It also waits for the deliveries to webhooks that were under way when it was called,
// and for the retries that become due by it, but for 10 seconds of real time in all,
// and not for deliveries that begin later. A receiver may call AdvanceClock, which would
// then wait for itself: so if no more deliveries are left than there are calls of
// AdvanceClock, and none has ended for 3 seconds, it does not wait for them any more.
// [Server.PendingDeliveries] tells how many are left. Several calls at once add up.
//
// The waits of clients do not follow the server's time: a client that must wait
// a minute for a retry waits a minute, unless it runs in a bubble of package
// testing/synctest. Time limits of connections, and the ten seconds that the
// receiver of a webhook has, are in real time as well. A receiver verifies timestamps
// by the server's time if webhook.Options.Now is s.Now.
//
// AdvanceClock panics if d is negative. Reset does not change the clock.
func (s *Server) AdvanceClock(d time.Duration) { s.service.AdvanceClock(d) }

// Now returns the server's time: real time plus what AdvanceClock has added.
func (s *Server) Now() time.Time { return s.service.Now() }

// Sleep waits for d by the server's time. It is for agents: AdvanceClock ends
// their wait early. If ctx ends first, Sleep returns its error.
func (s *Server) Sleep(ctx context.Context, d time.Duration) error { return s.service.Sleep(ctx, d) }
