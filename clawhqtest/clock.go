package clawhqtest

import (
	"context"
	"time"
)

// AdvanceClock adds d to the server's time, so that a test need not wait. The
// windows of the rate limit, the day for which idempotency keys are stored,
// retries of webhooks, delays and timeouts of agents, delays of faults, and the
// indexing of files follow the server's time; so do the times in the journal,
// Retry-After and the Date header. Everything that becomes due happens in the
// order of its time. When AdvanceClock returns, all retries of webhooks that
// became due, and the retries of these retries, have been sent and answered.
// Agents that wait go on in the background; if they wait again, it is from the
// new time on.
//
// The waits of clients do not follow the server's time: a client that must wait
// a minute for a retry waits a minute, unless it runs in a bubble of package
// testing/synctest. Time limits of connections, and the ten seconds that the
// receiver of a webhook has, are in real time as well. A receiver must not call
// AdvanceClock, which waits for it; it verifies timestamps by the server's time
// if webhook.Options.Now is s.Now.
//
// AdvanceClock panics if d is negative. Reset does not change the clock.
func (s *Server) AdvanceClock(d time.Duration) { s.service.AdvanceClock(d) }

// Now returns the server's time: real time plus what AdvanceClock has added.
func (s *Server) Now() time.Time { return s.service.Now() }

// Sleep waits for d by the server's time. It is for agents: AdvanceClock ends
// their wait early. If ctx ends first, Sleep returns its error.
func (s *Server) Sleep(ctx context.Context, d time.Duration) error { return s.service.Sleep(ctx, d) }
