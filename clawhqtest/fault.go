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

// On returns the fault aimed at the requests that meet all the conditions:
//
//	s.Inject(clawhqtest.FaultStatus(503, "").On(clawhqtest.Path("POST /v1/threads"), clawhqtest.Key(id)))
//
// It is played for the next of them, and lets others pass. Of two conditions
// of one kind the last counts.
func (f Fault) On(conditions ...Condition) Fault {
	for _, c := range conditions {
		f.fault = f.fault.On(c.condition)
	}
	return f
}

// A Condition is a part of what a [Fault] is aimed at.
type Condition struct{ condition server.Condition }

// Path is met by requests for that path below the base URL, /v1/threads for
// example. In it {id} stands for any one segment, as in
// /v1/threads/{id}/messages, and a method before it, as in
// "POST /v1/threads", has to be the request's. Paths below it do not meet it.
func Path(path string) Condition { return Condition{server.OnPath(path)} }

// Method is met by requests with that method, POST for example.
func Method(method string) Condition { return Condition{server.OnMethod(method)} }

// Nth is met by the n-th of the requests that meet the other conditions,
// counted since the fault was queued; the n-1 before it pass. A request that a
// fault queued earlier is played for is not counted. It panics if n is below 1.
func Nth(n int) Condition { return Condition{server.OnNth(n)} }

// Key is met by requests that bear an API key: the one with that id, or the
// key itself.
func Key(key string) Condition { return Condition{server.OnKey(key)} }

// AgentSlug is met by messages for the agent with that slug: chats, messages
// of its threads, and batches with a message for it. Messages that name no
// agent are for the default one.
func AgentSlug(slug string) Condition { return Condition{server.OnAgent(slug)} }

// Inject queues faults. Each is played for one request to the API or to the
// dashboard's endpoints, in order, whoever sends it; [Fault.On] says who.
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
