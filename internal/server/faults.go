package server

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"slices"
	"strconv"
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
	aim    aim
	passed int // requests that it was not yet the turn of
}

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
func (f Fault) String() string { return f.call() + f.aim.String() }

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

// Inject queues faults: each is played for one request, in order, those with
// an aim for the next that they aim at. Requests for the API and for the
// dashboard's endpoints take them, also those that would have been refused; a
// request over plain HTTP takes none.
func (s *Server) Inject(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.faults = append(s.state.faults, faults...)
}

// Faults returns the faults that no request has taken yet.
func (s *Server) Faults() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.state.faults)
}

// ClearFaults forgets the faults that no request has taken yet.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.faults = nil
}

// faulted takes the next fault that aims at the call and plays it, and returns
// what the call is answered with, if that is settled. A fault for a stream is
// left for chat to play.
func (c *call) faulted() error {
	if c.aside() {
		return nil
	}
	c.locked(func() {
		i := c.state.due(c)
		if i < 0 {
			return
		}
		c.fault = c.state.faults[i]
		c.state.faults = slices.Delete(c.state.faults, i, i+1)
		c.entry.Fault = wire.Redact(c.fault.String())
	})
	if c.fault != (Fault{}) {
		c.leave() // it may wait
	}
	if c.fault.onStream() {
		if c.route != nil && c.route.Endpoint == wire.Chat {
			return nil
		}
		return c.playWithoutStream()
	}

	f := c.fault
	switch f.kind {
	case faultDelay:
		if c.s.clock.Sleep(c.ctx, f.delay) != nil {
			return c.interrupted()
		}
	case faultStatus:
		code := f.text
		if code == "" {
			code = codeFor(f.status)
		}
		return &refusal{status: f.status, code: code, message: message(code)}
	case faultRateLimit:
		refused := refuse(wire.CodeRateLimited, c.profile.rateLimitedBy(f.text), "")
		if f.text != "" {
			refused.header = http.Header{wire.HeaderRetryAfter: {f.text}}
		}
		return refused
	case faultHTML:
		title := html.EscapeString(fmt.Sprintf("%d %s", f.status, http.StatusText(f.status)))
		return &refusal{status: f.status, page: &page{htmlType,
			"<!DOCTYPE html>\n<html><head><title>" + title + "</title></head><body><h1>" + title + "</h1></body></html>\n"}}
	case faultReset:
		c.reset()
		return errAnswered
	case faultLegacyError:
		body := wire.FlatError{Error: message(wire.LegacyCodes[f.text]), Code: f.text, Status: f.status}
		if f.status == http.StatusTooManyRequests {
			seconds := 12.0 // the reference pages' example
			body.RetryAfter = &seconds
		}
		c.identify()
		c.writeJSON(f.status, body)
		return errAnswered
	}
	return nil
}

// due returns the index of the first fault whose turn it is with the call, or
// -1, and counts the call for those that it passes. Call it with s.mu held.
func (s *state) due(c *call) int {
	for i := range s.faults {
		f := &s.faults[i]
		if !f.aim.meets(c) || !f.concerns(c) {
			continue
		}
		if f.passed++; f.passed >= f.aim.nth {
			return i
		}
	}
	return -1
}

// onStream reports whether the fault is one of a stream.
func (f Fault) onStream() bool { return f.kind >= faultStreamError }

// gateway returns how the gateway fails by the fault, or nil.
func (f Fault) gateway() error {
	switch f.kind {
	case faultGatewayDown:
		return errGatewayDown
	case faultGatewayNotJSON:
		return errGatewayNotJSON
	}
	return nil
}

// lookupFails reports whether a lookup fails by the call's fault.
func (c *call) lookupFails(what Lookup) bool {
	return c.fault.kind == faultLookup && c.fault.text == string(what)
}

// concerns reports whether the call comes to where the fault is met.
func (f Fault) concerns(c *call) bool {
	if f.kind < faultLookup || f.kind >= faultStreamError {
		return true
	}
	if c.route == nil {
		return false
	}
	e := c.route.Endpoint
	switch is := func(endpoints ...wire.Endpoint) bool { return slices.Contains(endpoints, e) }; {
	case f.kind != faultLookup || f.text == string(LookupServer):
		return is(wire.Chat, wire.SendThreadMessage)
	case f.text == string(LookupAgent):
		return is(wire.Chat, wire.GetAgent, wire.UndeployAgent)
	case f.text == string(LookupThread):
		return is(wire.GetThread, wire.DeleteThread, wire.SendThreadMessage, wire.ListThreadMessages)
	case f.text == string(LookupList):
		return e.Auth == wire.KeyAuth && e.Page.Most > 0 || is(wire.ListModels, wire.GetUsage, wire.GetHealth)
	}
	return e.Auth == wire.KeyAuth
}

// playWithoutStream plays a stream's fault for a request that asks for none.
// Call it without s.mu.
func (c *call) playWithoutStream() error {
	switch c.fault.kind {
	case faultStreamError:
		code := c.fault.text
		if code == wire.CodeStreamError {
			code = wire.CodeModelError
		}
		return refuse(code, message(code), "")
	case faultStreamCut:
		c.reset()
		return errAnswered
	case faultStreamStall:
		<-c.ctx.Done()
		return c.interrupted()
	}
	c.identify()
	c.write(http.StatusOK, wire.ContentTypeJSON, []byte(`{"response":`))
	return errAnswered
}

var (
	errCut     = errors.New("connection cut by a fault")
	errUnended = errors.New("stream ended without [DONE] by a fault")
)

// streamError is the code of an error event that a fault asks for.
type streamError string

func (e streamError) Error() string { return strconv.Quote(string(e)) + " by a fault" }

// playOnStream plays a stream's fault. An error ends the stream.
func (c *call) playOnStream(out *eventStream) error {
	switch c.fault.kind {
	case faultStreamError:
		return streamError(c.fault.text)
	case faultStreamCut:
		return errCut
	case faultStreamStall:
		<-c.ctx.Done()
		return context.Cause(c.ctx)
	case faultStreamUnended:
		return errUnended
	case faultStreamSplit:
		out.lost = true
		return out.split()
	}
	return out.malformed()
}
