package clawhqtest

import (
	"time"

	"github.com/clawhq/clawhq-go/internal/server"
)

// A Fault is a failure that the server plays for one request. Its String is
// the call that makes it.
//
// The faults of streams let the request through authorization, rate limit and
// checks, are counted, and act once so many chunks have been sent, or before
// [DONE] if the agent has fewer. A request that asks for no stream gets what
// comes nearest. All other faults but FaultDelay take the place of the
// service, as a proxy or an outage would: nothing is checked, counted or run.
type Fault struct{ fault server.Fault }

// String returns the call that makes the fault, as in
// FaultStatus(503, "agent_offline").
func (f Fault) String() string { return f.fault.String() }

// Inject queues faults. Each is played for one request to the API or to key
// management, in order, whoever sends it.
func (s *Server) Inject(faults ...Fault) {
	queued := make([]server.Fault, len(faults))
	for i, f := range faults {
		queued[i] = f.fault
	}
	s.service.Inject(queued...)
}

// Faults returns the faults that no request has met yet.
func (s *Server) Faults() []Fault {
	var left []Fault
	for _, f := range s.service.Faults() {
		left = append(left, Fault{f})
	}
	return left
}

// ClearFaults forgets the faults that no request has met yet.
func (s *Server) ClearFaults() { s.service.ClearFaults() }

// FaultStatus answers with status and the documented error body. The code is
// a string or a clawhq.ErrorCode; an empty one is the one that fits the status
// best. There is no Retry-After, even on a 429: see [FaultRateLimit]. It
// panics on a status that no reply can have.
func FaultStatus[C ~string](status int, code C) Fault {
	return Fault{server.FaultStatus(status, string(code))}
}

// FaultRateLimit answers 429 rate_limited with that Retry-After, whatever it
// is; with none if it is empty.
func FaultRateLimit(retryAfter string) Fault { return Fault{server.FaultRateLimit(retryAfter)} }

// FaultHTML answers with status and a page of HTML, as a proxy in between
// would. It panics on a status that no reply can have.
func FaultHTML(status int) Fault { return Fault{server.FaultHTML(status)} }

// FaultReset closes the connection without a reply: the client sees
// "connection reset by peer" or an unexpected end of file.
func FaultReset() Fault { return Fault{server.FaultReset()} }

// FaultDelay waits before the request is served as usual.
func FaultDelay(d time.Duration) Fault { return Fault{server.FaultDelay(d)} }

// FaultStreamError ends a stream after so many chunks with an error event and
// [DONE]. The code is a string or a clawhq.ErrorCode, of those that events
// bear stream_error or model_timeout. A request for no stream gets the code
// with its documented status, and model_error for stream_error.
func FaultStreamError[C ~string](code C, afterChunks int) Fault {
	return Fault{server.FaultStreamError(string(code), afterChunks)}
}

// FaultStreamCut closes the connection of a stream after so many chunks,
// without [DONE]. A request for no stream gets [FaultReset].
func FaultStreamCut(afterChunks int) Fault { return Fault{server.FaultStreamCut(afterChunks)} }

// FaultStreamStall keeps a stream open after so many chunks but sends nothing
// more, until the client leaves or the server closes. A request for no stream
// gets no answer either.
func FaultStreamStall(afterChunks int) Fault { return Fault{server.FaultStreamStall(afterChunks)} }

// FaultStreamMalformed sends what the live service makes of a chunk that it
// could not parse: after so many chunks a data line that is not JSON, with a
// single newline after it. Then the stream goes on to its proper end. A
// request for no stream gets 200 and a body that is not JSON.
func FaultStreamMalformed(afterChunks int) Fault {
	return Fault{server.FaultStreamMalformed(afterChunks)}
}

// FaultLegacyError answers with status and the error body of the reference
// pages: {"error": "text", "code": code, "status": status}, on a 429 with
// "retry_after": 12 (seconds). Their codes are in upper case, RATE_LIMITED for
// example. It panics on a status that no reply can have.
func FaultLegacyError[C ~string](status int, code C) Fault {
	return Fault{server.FaultLegacyError(status, string(code))}
}
