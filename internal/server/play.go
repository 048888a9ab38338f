package server

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"slices"
	"strconv"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// faulted plays the first queued fault that is due for the call. It returns an error
// if the fault answers the call. A stream fault of a chat is left to the chat's
// handler.
func (c *call) faulted() error {
	if c.fromDashboard() {
		return nil
	}
	c.locked(func() {
		i := c.state.due(c)
		if i < 0 {
			return
		}
		c.fault = c.state.faults[i]
		c.state.faults[i].played++
		if c.fault.times != untilRemoved && c.state.faults[i].played >= max(c.fault.times, 1) {
			c.state.faults = slices.Delete(c.state.faults, i, i+1)
		}
		c.entry.Fault = wire.Redact(c.fault.String())
	})
	if c.fault != (Fault{}) {
		c.releaseBodySlot() // since a fault may wait
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

// due returns the index of the first fault that is to be played for the call, or -1.
// It counts the call for each fault that it looks at and that matches, for OnNth.
// Call it with s.mu held.
func (s *state) due(c *call) int {
	for i := range s.faults {
		f := &s.faults[i]
		if !f.match.matches(c) || !f.concerns(c) {
			continue
		}
		if f.passed++; f.passed >= f.match.nth {
			return i
		}
	}
	return -1
}

// onStream reports whether the fault is played in a stream.
func (f Fault) onStream() bool { return f.kind >= faultStreamError }

// gateway returns the gateway's error if the fault makes the gateway fail, or nil.
func (f Fault) gateway() error {
	switch f.kind {
	case faultGatewayDown:
		return errGatewayDown
	case faultGatewayNotJSON:
		return errGatewayNotJSON
	}
	return nil
}

// lookupFails reports whether the call's fault makes a lookup fail.
func (c *call) lookupFails(what Lookup) bool {
	return c.fault.kind == faultLookup && c.fault.text == string(what)
}

// concerns reports whether the call reaches the place where the fault is played.
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

// playWithoutStream plays a stream fault for a request that does not ask for a
// stream. Call it without s.mu.
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

// streamError is the code of the error event that a fault sends.
type streamError string

func (e streamError) Error() string { return strconv.Quote(string(e)) + " by a fault" }

// playOnStream plays a stream fault in a stream. If it returns an error, the stream
// ends.
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
