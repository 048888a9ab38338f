package server

import (
	"fmt"
	"slices"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// Fault is a failure that the server plays for one request. The functions named
// Fault… make one each; the zero Fault is none.
type Fault struct {
	kind   faultKind
	status int
	text   string // error code, Retry-After, or Lookup
	delay  time.Duration
	after  int // number of chunks before the failure
	match  match
	passed int // requests so far that met all conditions but OnNth
	times  int // number of requests that get it; 0 means one
	played int // number of requests that have got it
}

// untilRemoved is the value of Fault.times for a fault that stays in the queue.
const untilRemoved = -1

// Times returns the fault for n requests. If n is 0, it is for all requests until it
// is removed.
func (f Fault) Times(n int) Fault {
	if n < 0 {
		panic(fmt.Sprintf("clawhqtest: Times: %d requests", n))
	}
	f.times = n
	if n == 0 {
		f.times = untilRemoved
	}
	return f
}

// Met reports whether the fault has been played as often as it was asked for. A fault
// that stays until it is removed is met when it has been played once.
func (f Fault) Met() bool { return f.played > 0 && f.played >= f.times }

type faultKind int

const (
	_ faultKind = iota // no fault

	// Played before authentication. All of them but faultDelay answer the request,
	// which the rate limit then does not count.
	faultStatus
	faultRateLimit
	faultHTML
	faultReset
	faultDelay
	faultLegacyError

	// Played at the place in the handling of a request where the service meets it.
	faultLookup
	faultGatewayDown
	faultGatewayNotJSON

	// Played in a stream.
	faultStreamError
	faultStreamCut
	faultStreamStall
	faultStreamMalformed
	faultStreamSplit
	faultStreamUnended
)

// A Lookup is something that the service looks up in its database for a request.
type Lookup string

// The lookups that can fail.
const (
	LookupKey    Lookup = "key"
	LookupPlan   Lookup = "plan"
	LookupAgent  Lookup = "agent"
	LookupServer Lookup = "server" // the machine on which the agents run
	LookupThread Lookup = "thread"
	LookupList   Lookup = "list"
)

// Lookups lists all lookups.
var Lookups = []Lookup{LookupKey, LookupPlan, LookupAgent, LookupServer, LookupThread, LookupList}

// FaultStatus answers with status and the documented error envelope. If code is
// empty, the server takes the code that fits the status best.
func FaultStatus(status int, code string) Fault {
	return Fault{kind: faultStatus, status: checkStatus("FaultStatus", status), text: code}
}

// FaultRateLimit answers 429 rate_limited. The reply has the given Retry-After, which
// need not be valid, or none if it is empty.
func FaultRateLimit(retryAfter string) Fault { return Fault{kind: faultRateLimit, text: retryAfter} }

// FaultHTML answers with status and an HTML page, as a proxy would.
func FaultHTML(status int) Fault {
	return Fault{kind: faultHTML, status: checkStatus("FaultHTML", status)}
}

// FaultReset closes the connection without a reply.
func FaultReset() Fault { return Fault{kind: faultReset} }

// FaultDelay delays a request, and then serves it as usual.
func FaultDelay(d time.Duration) Fault { return Fault{kind: faultDelay, delay: d} }

// FaultLegacyError answers with status and the error body of the reference pages:
// {"error": "text", "code": code, "status": status}. A 429 also has "retry_after":
// 12.
func FaultLegacyError(status int, code string) Fault {
	return Fault{kind: faultLegacyError, status: checkStatus("FaultLegacyError", status), text: code}
}

// FaultStreamError sends an error event after the given number of chunks, and then
// [DONE]. A request that does not ask for a stream gets an ordinary error with the
// code's status. There, model_error replaces stream_error, which only occurs in
// streams.
func FaultStreamError(code string, afterChunks int) Fault {
	return Fault{kind: faultStreamError, text: code, after: afterChunks}
}

// FaultStreamCut closes the connection after the given number of chunks, without
// [DONE]. For a request that does not ask for a stream, it is FaultReset.
func FaultStreamCut(afterChunks int) Fault { return Fault{kind: faultStreamCut, after: afterChunks} }

// FaultStreamStall sends nothing after the given number of chunks, until the client
// leaves or the server closes. A request that does not ask for a stream gets no
// reply.
func FaultStreamStall(afterChunks int) Fault {
	return Fault{kind: faultStreamStall, after: afterChunks}
}

// FaultStreamMalformed sends, after the given number of chunks, a line that is not
// JSON, followed by a single newline. Then the stream goes on. A request that does
// not ask for a stream gets 200 and a body that is not JSON.
func FaultStreamMalformed(afterChunks int) Fault {
	return Fault{kind: faultStreamMalformed, after: afterChunks}
}

// FaultStreamSplit sends, after the given number of chunks, only the first part of
// the next chunk's line, followed by a single newline. The stream goes on with the
// chunk after that.
func FaultStreamSplit(afterChunks int) Fault {
	return Fault{kind: faultStreamSplit, after: afterChunks}
}

// FaultStreamUnended ends a stream after the given number of chunks. The response
// body is complete, but [DONE] is missing.
func FaultStreamUnended(afterChunks int) Fault {
	return Fault{kind: faultStreamUnended, after: afterChunks}
}

// FaultLookup makes a lookup fail. The service then answers as if it had found
// nothing.
func FaultLookup(what Lookup) Fault {
	if !slices.Contains(Lookups, what) {
		panic(fmt.Sprintf("clawhqtest: FaultLookup: there is no lookup %q", wire.Redact(string(what))))
	}
	return Fault{kind: faultLookup, text: string(what)}
}

// FaultGatewayDown makes the agents' gateway unreachable.
func FaultGatewayDown() Fault { return Fault{kind: faultGatewayDown} }

// FaultGatewayNotJSON makes the agents' gateway answer with an HTML page.
func FaultGatewayNotJSON() Fault { return Fault{kind: faultGatewayNotJSON} }

func checkStatus(function string, status int) int {
	if status < 200 || status > 599 {
		panic(fmt.Sprintf("clawhqtest: %s: no reply can have status %d", function, status))
	}
	return status
}

// String returns the Go code that makes the fault, such as FaultStatus(503,
// "agent_offline").
func (f Fault) String() string {
	text := f.call() + f.match.String()
	switch {
	case f.times == untilRemoved:
		text += ".Times(0)"
	case f.times > 0:
		text += fmt.Sprintf(".Times(%d)", f.times)
	}
	return text
}

func (f Fault) call() string {
	switch f.kind {
	case faultStatus:
		return fmt.Sprintf("FaultStatus(%d, %q)", f.status, f.text)
	case faultRateLimit:
		return fmt.Sprintf("FaultRateLimit(%q)", f.text)
	case faultHTML:
		return fmt.Sprintf("FaultHTML(%d)", f.status)
	case faultReset:
		return "FaultReset()"
	case faultDelay:
		return fmt.Sprintf("FaultDelay(%v)", f.delay)
	case faultLegacyError:
		return fmt.Sprintf("FaultLegacyError(%d, %q)", f.status, f.text)
	case faultStreamError:
		return fmt.Sprintf("FaultStreamError(%q, %d)", f.text, f.after)
	case faultStreamCut:
		return fmt.Sprintf("FaultStreamCut(%d)", f.after)
	case faultStreamStall:
		return fmt.Sprintf("FaultStreamStall(%d)", f.after)
	case faultStreamMalformed:
		return fmt.Sprintf("FaultStreamMalformed(%d)", f.after)
	case faultStreamSplit:
		return fmt.Sprintf("FaultStreamSplit(%d)", f.after)
	case faultStreamUnended:
		return fmt.Sprintf("FaultStreamUnended(%d)", f.after)
	case faultLookup:
		return fmt.Sprintf("FaultLookup(%q)", f.text)
	case faultGatewayDown:
		return "FaultGatewayDown()"
	case faultGatewayNotJSON:
		return "FaultGatewayNotJSON()"
	}
	return "no fault"
}

// Inject adds faults to the queue. A request gets the first fault of the queue that
// it matches; each fault is played once, unless Times says otherwise. Any request for
// the API or for the dashboard's endpoints may get a fault, even one that would have
// been refused. A request over plain HTTP gets none.
func (s *Server) Inject(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.faults = append(s.state.faults, faults...)
}

// Faults returns the faults in the queue.
func (s *Server) Faults() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.state.faults)
}

// ClearFaults empties the queue of faults.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.faults = nil
}
