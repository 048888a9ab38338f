package clawhqtest

import (
	"time"

	"github.com/clawhq/clawhq-go/internal/server"
)

// A Fault is a failure that the server plays for one request.
//
// The faults for streams, FaultStream…, act after the given number of chunks, or
// before [DONE] if the agent has fewer. Until then the request is authenticated,
// counted against the rate limit and checked as usual. A request that is not for a
// stream gets a similar failure instead.
//
// FaultLookup and the faults of the gateway, FaultGateway…, are failures of the
// service's own parts. They are played only for requests that reach these parts, and
// these requests are authenticated, counted and checked as usual.
//
// FaultDelay delays a request. All other faults replace the service, like a proxy or
// an outage: the request is not authenticated, counted or checked, and no agent runs.
type Fault struct{ fault server.Fault }

// String returns the call that makes the fault, like
// FaultStatus(503, "agent_offline").
func (f Fault) String() string { return f.fault.String() }

// On returns a fault that is played for the next request that meets all the
// conditions:
//
//	s.Inject(clawhqtest.FaultStatus(503, "").On(clawhqtest.Path("POST /v1/threads"), clawhqtest.Key(id)))
//
// Other requests are served as usual. Of two conditions of the same kind, the
// last one counts.
func (f Fault) On(conditions ...Condition) Fault {
	for _, c := range conditions {
		f.fault = f.fault.On(c.condition)
	}
	return f
}

// Times returns a fault that is played for n requests in place of one or, if n is 0,
// for all requests until ClearFaults or Reset removes it. Faults that were queued
// before it go first. Times panics if n is negative.
func (f Fault) Times(n int) Fault { return Fault{f.fault.Times(n)} }

// A Condition restricts a [Fault] to certain requests. See [Fault.On].
type Condition struct{ condition server.Condition }

// Path restricts a fault to requests for a path below the base URL, like
// /v1/threads. {id} in the path matches any single segment, as in
// /v1/threads/{id}/messages. With a method before it, as in "POST /v1/threads",
// only requests with that method match. Paths below the path do not match.
func Path(path string) Condition { return Condition{server.OnPath(path)} }

// Method restricts a fault to requests with an HTTP method, like POST.
func Method(method string) Condition { return Condition{server.OnMethod(method)} }

// Nth restricts a fault to the n-th request that meets its other conditions,
// counted from when the fault was queued. Requests for which an earlier fault is
// played do not count. Nth panics if n is less than 1.
func Nth(n int) Condition { return Condition{server.OnNth(n)} }

// Key restricts a fault to requests with an API key. key is the id of the key or
// the key itself.
func Key(key string) Condition { return Condition{server.OnKey(key)} }

// AgentSlug restricts a fault to messages for the agent with that slug: chats,
// messages of its threads, and batches with a message for it. A message that
// names no agent is for the default agent.
func AgentSlug(slug string) Condition { return Condition{server.OnAgent(slug)} }

// Inject queues faults. A request to the API or to the dashboard's endpoints gets the
// first fault in the queue whose conditions it meets: see [Fault.On]. Each fault is
// played once, unless [Fault.Times] says otherwise.
func (s *Server) Inject(faults ...Fault) {
	queued := make([]server.Fault, len(faults))
	for i, f := range faults {
		queued[i] = f.fault
	}
	s.service.Inject(queued...)
}

// Faults returns the faults in the queue: those that have not been played as often as
// [Fault.Times] says.
func (s *Server) Faults() []Fault {
	var left []Fault
	for _, f := range s.service.Faults() {
		left = append(left, Fault{f})
	}
	return left
}

// ClearFaults empties the queue of faults.
func (s *Server) ClearFaults() { s.service.ClearFaults() }

// FaultStatus answers with a status and the documented error body. code is a
// string or a clawhq.ErrorCode; if it is empty, the code that usually comes with
// the status is used. The reply has no Retry-After, even with status 429: see
// [FaultRateLimit]. FaultStatus panics if no reply can have the status.
func FaultStatus[C ~string](status int, code C) Fault {
	return Fault{server.FaultStatus(status, string(code))}
}

// FaultRateLimit answers 429 rate_limited with the given Retry-After, which may
// be any text. If it is empty, the reply has no Retry-After. The message is that of
// the profile: for "7", Rate limit exceeded. Retry after 7 seconds.
func FaultRateLimit(retryAfter string) Fault { return Fault{server.FaultRateLimit(retryAfter)} }

// FaultHTML answers with a status and an HTML page, as a proxy does. It panics if
// no reply can have the status.
func FaultHTML(status int) Fault { return Fault{server.FaultHTML(status)} }

// FaultReset closes the connection without a reply: the client sees
// "connection reset by peer" or an unexpected end of file.
func FaultReset() Fault { return Fault{server.FaultReset()} }

// FaultDelay delays a request, and then serves it as usual.
func FaultDelay(d time.Duration) Fault { return Fault{server.FaultDelay(d)} }

// FaultStreamError ends a stream after afterChunks chunks with an error event
// and [DONE]. code is a string or a clawhq.ErrorCode; the service sends
// stream_error and model_timeout in such events. A request that is not for a
// stream gets the code with its documented status, and model_error instead of
// stream_error.
func FaultStreamError[C ~string](code C, afterChunks int) Fault {
	return Fault{server.FaultStreamError(string(code), afterChunks)}
}

// FaultStreamCut closes the connection of a stream after afterChunks chunks,
// without [DONE]. For a request that is not for a stream it does the same as
// [FaultReset].
func FaultStreamCut(afterChunks int) Fault { return Fault{server.FaultStreamCut(afterChunks)} }

// FaultStreamStall sends nothing after afterChunks chunks of a stream, but keeps
// the connection open until the client disconnects or the server is closed. A
// request that is not for a stream gets no answer.
func FaultStreamStall(afterChunks int) Fault { return Fault{server.FaultStreamStall(afterChunks)} }

// FaultStreamMalformed sends, after afterChunks chunks of a stream, a data line
// that is not JSON and has a single newline after it, as the live service does
// with a chunk that it cannot parse. Then the stream goes on to its end. A
// request that is not for a stream gets status 200 and a body that is not JSON.
func FaultStreamMalformed(afterChunks int) Fault {
	return Fault{server.FaultStreamMalformed(afterChunks)}
}

// FaultStreamSplit plays what the live service does with a chunk that reaches it in
// two parts. After afterChunks chunks it sends the first part of a data line, which
// is not JSON, and a single newline. So the next event has two lines: this one and
// that of the chunk after the split one. The text of the split chunk is lost. A
// request that is not for a stream gets status 200 and a body that is not JSON.
func FaultStreamSplit(afterChunks int) Fault { return Fault{server.FaultStreamSplit(afterChunks)} }

// FaultStreamUnended ends a stream after afterChunks chunks without [DONE], while the
// HTTP reply is complete. The live service does so if an agent's own stream has no
// [DONE]. A request that is not for a stream gets status 200 and a body that is not
// JSON.
func FaultStreamUnended(afterChunks int) Fault {
	return Fault{server.FaultStreamUnended(afterChunks)}
}

// A Lookup is something that the service looks up in its database. See
// [FaultLookup].
type Lookup string

// The lookups that can fail, the requests that need them, and the replies to these
// requests.
const (
	LookupKey    Lookup = "key"    // all of /v1: 401 invalid_api_key
	LookupPlan   Lookup = "plan"   // all of /v1: 403 plan_required
	LookupAgent  Lookup = "agent"  // chats, and agents by id: 404 agent_not_found
	LookupServer Lookup = "server" // chats and messages of threads: 503 agent_offline
	LookupThread Lookup = "thread" // a thread and its messages: 404 thread_not_found
	LookupList   Lookup = "list"   // lists, models and usage: 500 internal_error; the health shows no agents
)

// FaultLookup makes a lookup in the service's database fail. The service answers as
// if it had found nothing, so that its own failure looks like the caller's: a valid
// key gets 401. FaultLookup panics if there is no such lookup.
func FaultLookup(what Lookup) Fault { return Fault{server.FaultLookup(server.Lookup(what))} }

// FaultGatewayDown makes the gateway in front of the agents unreachable for a chat or
// a message of a thread: 500 internal_error, also for a stream. A thread keeps the
// message.
func FaultGatewayDown() Fault { return Fault{server.FaultGatewayDown()} }

// FaultGatewayNotJSON makes the gateway in front of the agents answer a chat or a
// message of a thread with something that is neither JSON nor a stream. The client
// gets 500 internal_error and, for a stream, 200 with neither an event nor [DONE].
func FaultGatewayNotJSON() Fault { return Fault{server.FaultGatewayNotJSON()} }

// FaultLegacyError answers with a status and the error body of the reference
// pages: {"error": "text", "code": code, "status": status}, and "retry_after":
// 12 (seconds) with status 429. The codes of that body are in upper case, like
// RATE_LIMITED. FaultLegacyError panics if no reply can have the status.
func FaultLegacyError[C ~string](status int, code C) Fault {
	return Fault{server.FaultLegacyError(status, string(code))}
}
