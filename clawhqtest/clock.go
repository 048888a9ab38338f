package clawhqtest

import (
	"context"
	"time"
)

// AdvanceClock adds d to the server's time, so that a test need not wait. The windows
// of the rate limit, the day for which idempotency keys are stored, retries of
// webhooks, delays and timeouts of agents, delays of faults, and the indexing of
// files follow the server's time; so do the times in the journal, Retry-After and the
// Date header.
//
// Everything that becomes due happens in the order of its time. AdvanceClock goes
// from one such time to the next, and in between waits until every agent and fault
// that it woke sleeps again, has ended, or has been at work for 100 ms of real time.
// So an agent that sleeps, by [Server.Sleep] with its own context, five times for 10
// seconds has slept all five times after an advance of 50 seconds, and one that needs
// 40 of its 60 seconds answers in an advance of 61.
//
// AdvanceClock also waits for the deliveries to webhooks that were under way when it
// was called, and for the retries that it makes due, but not for later deliveries. It
// waits for at most 10 seconds of real time in all. A receiver that calls
// AdvanceClock would make it wait for itself. So AdvanceClock gives up earlier if no
// delivery has ended for 3 seconds and no more deliveries are left than there are
// calls of AdvanceClock. [Server.PendingDeliveries] returns how many are left.
// Several calls at once add up.
//
// The waits of clients do not follow the server's time: a client that must wait a
// minute for a retry waits a minute, unless it runs in a bubble of package
// testing/synctest. Time limits of connections, and the time that the receiver of a
// webhook has, are in real time as well. A receiver verifies timestamps by the
// server's time if webhook.Options.Now is s.Now.
//
// AdvanceClock panics if d is negative. Reset does not change the clock.
func (s *Server) AdvanceClock(d time.Duration) { s.service.AdvanceClock(d) }

// Now returns the server's time: real time plus what AdvanceClock has added.
func (s *Server) Now() time.Time { return s.service.Now() }

// Sleep waits until the server's time has advanced by d. It is for agents:
// AdvanceClock ends their wait early. If ctx ends first, Sleep returns its error.
func (s *Server) Sleep(ctx context.Context, d time.Duration) error { return s.service.Sleep(ctx, d) }
