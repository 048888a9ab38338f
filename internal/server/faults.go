package server

import (
	"fmt"
	"slices"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// Fault is a failure that the server plays for one request. The functions
// that make them say which; the zero Fault is none.
type Fault struct {
	kind   faultKind
	status int
	text   string // error code, Retry-After or Lookup
	delay  time.Duration
	after  int // chunks
	match  match
	passed int // requests that it was not yet the turn of
	times  int // for how many requests it is played; 0 is 1
	played int // requests that have got it
}

// untilRemoved is the number of times of a fault that stays.
const untilRemoved = -1

// Times returns the fault for n requests, or for all until it is removed if n is 0.
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

// Met reports whether the fault has been played as often as it has to be: one that
// stays until it is removed, once.
func (f Fault) Met() bool { return f.played > 0 && f.played >= f.times }

type faultKind int

const (
	_ faultKind = iota // no fault

	// Before authorization, not counted by the rate limit.
	faultStatus
	faultRateLimit
	faultHTML
	faultReset
	faultDelay
	faultLegacyError

	// In the place where the service meets it.
	faultLookup
	faultGatewayDown
	faultGatewayNotJSON

	// In a stream.
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
	LookupServer Lookup = "server" // that the agents run on
	LookupThread Lookup = "thread"
	LookupList   Lookup = "list"
)

// Lookups are all lookups that can fail.
var Lookups = []Lookup{LookupKey, LookupPlan, LookupAgent, LookupServer, LookupThread, LookupList}

// FaultStatus answers with status and the documented envelope. An empty code
// is the one that fits the status best.
func FaultStatus(status int, code string) Fault {
	return Fault{kind: faultStatus, status: checkStatus("FaultStatus", status), text: code}
}

// FaultRateLimit answers 429 rate_limited with that Retry-After, as it is;
// none if it is empty.
func FaultRateLimit(retryAfter string) Fault { return Fault{kind: faultRateLimit, text: retryAfter} }

// FaultHTML answers with status and a page of HTML, as a proxy would.
func FaultHTML(status int) Fault {
	return Fault{kind: faultHTML, status: checkStatus("FaultHTML", status)}
}

// FaultReset closes the connection without a reply.
func FaultReset() Fault { return Fault{kind: faultReset} }

// FaultDelay waits before the request is served as usual.
func FaultDelay(d time.Duration) Fault { return Fault{kind: faultDelay, delay: d} }

// FaultLegacyError answers with status and the error body of the reference
// pages: {"error": "text", "code": code, "status": status}, on a 429 with
// "retry_after": 12.
func FaultLegacyError(status int, code string) Fault {
	return Fault{kind: faultLegacyError, status: checkStatus("FaultLegacyError", status), text: code}
}

// FaultStreamError sends an error event after so many chunks, then [DONE]. A
// request for no stream gets the code's status; stream_error is model_error
// there.
func FaultStreamError(code string, afterChunks int) Fault {
	return Fault{kind: faultStreamError, text: code, after: afterChunks}
}

// FaultStreamCut ends the connection after so many chunks, without [DONE]. A
// request for no stream gets FaultReset.
func FaultStreamCut(afterChunks int) Fault { return Fault{kind: faultStreamCut, after: afterChunks} }

// FaultStreamStall sends nothing more after so many chunks until the client
// leaves or the server closes. A request for no stream is not answered.
func FaultStreamStall(afterChunks int) Fault {
	return Fault{kind: faultStreamStall, after: afterChunks}
}

// FaultStreamMalformed sends, after so many chunks, a line that is not JSON
// with a single newline after it, and then goes on. A request for no stream
// gets 200 and a body that is not JSON.
func FaultStreamMalformed(afterChunks int) Fault {
	return Fault{kind: faultStreamMalformed, after: afterChunks}
}

// FaultStreamSplit sends, after so many chunks, the first part of the line of the
// next one with a single newline after it, and goes on with the chunk after that.
func FaultStreamSplit(afterChunks int) Fault {
	return Fault{kind: faultStreamSplit, after: afterChunks}
}

// FaultStreamUnended ends a stream after so many chunks, as if it were whole but
// without [DONE].
func FaultStreamUnended(afterChunks int) Fault {
	return Fault{kind: faultStreamUnended, after: afterChunks}
}

// FaultLookup has a lookup fail, which the service answers as if nothing had been
// found.
func FaultLookup(what Lookup) Fault {
	if !slices.Contains(Lookups, what) {
		panic(fmt.Sprintf("clawhqtest: FaultLookup: there is no lookup %q", wire.Redact(string(what))))
	}
	return Fault{kind: faultLookup, text: string(what)}
}

// FaultGatewayDown has the gateway before the agent be down.
func FaultGatewayDown() Fault { return Fault{kind: faultGatewayDown} }

// FaultGatewayNotJSON has the gateway before the agent answer with a page.
func FaultGatewayNotJSON() Fault { return Fault{kind: faultGatewayNotJSON} }

func checkStatus(function string, status int) int {
	if status < 200 || status > 599 {
		panic(fmt.Sprintf("clawhqtest: %s: no reply can have status %d", function, status))
	}
	return status
}

// String returns the call that makes the fault, as in
// FaultStatus(503, "agent_offline").
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

// Inject queues faults: each is played for one request, unless Times says otherwise, in order, those with
// an aim for the next that they aim at. Requests for the API and for the
// dashboard's endpoints take them, also those that would have been refused; a
// request over plain HTTP takes none.
func (s *Server) Inject(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.faults = append(s.state.faults, faults...)
}

// Faults returns the faults that wait for a request.
func (s *Server) Faults() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.state.faults)
}

// ClearFaults removes the faults that wait for a request.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.faults = nil
}
