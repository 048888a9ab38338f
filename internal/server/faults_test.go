package server

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// outcome is a reply as a client sees it.
type outcome struct {
	Status  int
	Type    string
	Retry   string // Retry-After
	Body    string // with ids masked
	Aborted bool
}

// outcome sends a request and returns the outcome.
func (s service) outcome(r request) (o outcome) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			o.Aborted = true
		default:
			panic(p)
		}
	}()
	w := s.send(r)
	return outcome{
		Status: w.Code,
		Type:   w.Header().Get("Content-Type"),
		Retry:  w.Header().Get("Retry-After"),
		Body:   hexDigits.ReplaceAllString(w.Body.String(), "ID"),
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	const (
		jsonType = "application/json"
		answer   = `{"response":"Echo: a b","agent":"sales-assistant","request_id":"req_ID"}`
		streamed = "data: {\"content\":\"Echo: \"}\n\ndata: {\"content\":\"a \"}\n\ndata: {\"content\":\"b\"}\n\ndata: [DONE]\n\n"
	)
	stream := func(body string) outcome { return outcome{Status: 200, Type: "text/event-stream", Body: body} }
	reply := func(status int, body string) outcome { return outcome{Status: status, Type: jsonType, Body: body} }
	envelope := func(status int, inner string) outcome {
		return reply(status, `{"error":{`+inner+`,"request_id":"req_ID"}}`)
	}
	both := func(o outcome) [2]outcome { return [2]outcome{o, o} }
	limited := envelope(429, `"code":"rate_limited","message":"Rate limit exceeded. Try again later.","type":"api_error"`)
	limited.Retry = "soon"
	const errorEvent = "data: {\"error\":{\"code\":\"model_timeout\",\"message\":\"The agent took too long to respond\"}}\n\ndata: [DONE]\n\n"

	for _, tc := range []struct {
		fault   Fault
		name    string
		want    [2]outcome // without and with a stream
		counted bool
	}{
		{FaultStatus(503, ""), `FaultStatus(503, "")`, both(envelope(503, `"code":"agent_offline","message":"Agent is offline","type":"agent_error"`)), false},
		{FaultStatus(400, ""), `FaultStatus(400, "")`, both(envelope(400, `"code":"invalid_request","message":"Invalid request","type":"validation_error"`)), false},
		{FaultStatus(500, "agent_offline"), `FaultStatus(500, "agent_offline")`, both(envelope(500, `"code":"agent_offline","message":"Agent is offline","type":"agent_error"`)), false},
		{FaultStatus(418, "short_and_stout"), `FaultStatus(418, "short_and_stout")`, both(envelope(418, `"code":"short_and_stout","message":"Request failed","type":"validation_error"`)), false},
		{FaultStatus(599, "x"), `FaultStatus(599, "x")`, both(envelope(599, `"code":"x","message":"Request failed","type":"api_error"`)), false},
		{FaultRateLimit("soon"), `FaultRateLimit("soon")`, both(limited), false},
		{FaultHTML(502), `FaultHTML(502)`, both(outcome{Status: 502, Type: "text/html; charset=utf-8",
			Body: "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"}), false},
		{FaultReset(), `FaultReset()`, both(outcome{Aborted: true}), false},
		{FaultDelay(time.Hour), `FaultDelay(1h0m0s)`, [2]outcome{reply(200, answer), stream(streamed)}, true},
		{FaultLegacyError(429, "RATE_LIMITED"), `FaultLegacyError(429, "RATE_LIMITED")`, both(reply(429, `{"error":"Rate limit exceeded.","code":"RATE_LIMITED","status":429,"retry_after":12}`)), false},
		{FaultLegacyError(500, "ODD"), `FaultLegacyError(500, "ODD")`, both(reply(500, `{"error":"Request failed","code":"ODD","status":500}`)), false},
		{FaultStreamError("model_timeout", 0), `FaultStreamError("model_timeout", 0)`, [2]outcome{
			envelope(504, `"code":"model_timeout","message":"The agent took too long to respond","type":"model_error"`),
			stream(errorEvent)}, true},
		{FaultStreamError("stream_error", 9), `FaultStreamError("stream_error", 9)`, [2]outcome{
			envelope(502, `"code":"model_error","message":"Failed to get response from agent","type":"model_error"`),
			stream("data: {\"content\":\"Echo: \"}\n\ndata: {\"content\":\"a \"}\n\ndata: {\"content\":\"b\"}\n\ndata: {\"error\":{\"code\":\"stream_error\",\"message\":\"Stream error occurred\"}}\n\ndata: [DONE]\n\n")}, true},
		{FaultStreamError("odd", 0), `FaultStreamError("odd", 0)`, [2]outcome{
			envelope(500, `"code":"odd","message":"Request failed","type":"api_error"`),
			stream("data: {\"error\":{\"code\":\"odd\",\"message\":\"Request failed\"}}\n\ndata: [DONE]\n\n")}, true},
		{FaultStreamCut(1), `FaultStreamCut(1)`, both(outcome{Aborted: true}), true},
		{FaultStreamMalformed(2), `FaultStreamMalformed(2)`, [2]outcome{
			reply(200, `{"response":`),
			stream("data: {\"content\":\"Echo: \"}\n\ndata: {\"content\":\"a \"}\n\ndata: {malformed\ndata: {\"content\":\"b\"}\n\ndata: [DONE]\n\n")}, true},
		{FaultStreamMalformed(3), `FaultStreamMalformed(3)`, [2]outcome{
			reply(200, `{"response":`),
			stream("data: {\"content\":\"Echo: \"}\n\ndata: {\"content\":\"a \"}\n\ndata: {\"content\":\"b\"}\n\ndata: {malformed\ndata: [DONE]\n\n")}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newService(t, Config{Profile: Live})
				if got := tc.fault.String(); got != tc.name {
					t.Errorf("String() = %s", got)
				}
				s.Inject(tc.fault, tc.fault)
				for i, body := range []string{`{"message":"a b"}`, `{"message":"a b","stream":true}`} {
					if diff := cmp.Diff(tc.want[i], s.outcome(request{body: body})); diff != "" {
						t.Errorf("%s (-want +got):\n%s", body, diff)
					}
					if got := s.Requests()[i]; got.Fault != tc.name || string(got.Body) != body {
						t.Errorf("journal has fault %q, body %s", got.Fault, got.Body)
					}
				}
				if left := s.Faults(); len(left) != 0 {
					t.Errorf("left: %v", left)
				}
				want := reply(200, answer)
				if diff := cmp.Diff(want, s.outcome(request{body: `{"message":"a b"}`})); diff != "" {
					t.Errorf("afterwards (-want +got):\n%s", diff)
				}
				if got := s.state.keys.all[0].callLog.Len(); (got > 1) != tc.counted {
					t.Errorf("%d calls counted", got)
				}
			})
		})
	}
}

func TestFaultsInOrderForEveryEndpoint(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{})
	s.Inject(FaultStatus(500, ""), FaultStreamError("agent_offline", 3))
	s.Inject(FaultHTML(502), FaultStatus(503, ""))
	if n := len(s.Faults()); n != 4 {
		t.Errorf("%d faults are queued", n)
	}
	for _, r := range []request{{plain: true}, {path: "/elsewhere"}} { // these get no fault
		s.send(r)
	}
	for i, r := range []request{
		{method: "GET", path: keysPath},
		{method: "GET", path: "/api/v1/health"},
		{auth: "Bearer nonsense"},
	} {
		w := s.send(r)
		if got, want := w.Code, []int{500, 503, 502}[i]; got != want {
			t.Errorf("request %d: status %d, want %d", i, got, want)
		}
		if has := w.Header().Get(wire.HeaderRequestID) != ""; has != (i < 2) {
			t.Errorf("request %d: a proxy knows of no request id, the service does: %v", i, w.Header())
		}
	}
	s.ClearFaults()
	s.say(t, "no fault is left")
	if got := (Fault{}).String(); got != "no fault" {
		t.Errorf("zero Fault: %q", got)
	}
}

// Each status has an error code that fits it.
func TestFaultStatusWithoutCode(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{})
	for _, code := range []string{"invalid_request", "invalid_api_key", "plan_required", "not_found", "request_in_progress", "rate_limited", "internal_error", "model_error", "agent_offline", "model_timeout"} {
		status := wire.Codes[code].Status
		s.Inject(FaultStatus(status, ""))
		checkError(t, s.send(request{}), status, wire.Error{Code: code, Message: message(code), Type: wire.Codes[code].Type})
	}
}

// Every error code has a message of its own.
func TestMessages(t *testing.T) {
	t.Parallel()
	for code := range wire.Codes {
		if _, ok := messages[code]; !ok {
			t.Errorf("%s has none", code)
		}
	}
}

// Everything that waits in the server ends when the server closes.
func TestCloseEndsWhatWaits(t *testing.T) {
	t.Parallel()
	offline := outcome{Status: 503, Type: "application/json",
		Body: `{"error":{"code":"agent_offline","message":"the server is shutting down","type":"agent_error","request_id":"req_ID"}}`}
	told := outcome{Status: 200, Type: "text/event-stream",
		Body: "data: {\"content\":\"a\"}\n\ndata: {\"error\":{\"code\":\"stream_error\",\"message\":\"the server is shutting down\"}}\n\ndata: [DONE]\n\n"}
	for _, tc := range []struct {
		name  string
		fault []Fault
		body  string
		want  outcome
	}{
		{"agent", nil, `{"message":"hi","agent":"slow"}`, offline},
		{"agent's stream", nil, `{"message":"hi","agent":"slow","stream":true}`, told},
		{"delay", []Fault{FaultDelay(time.Hour)}, `{"message":"hi","agent":"slow"}`, offline},
		{"stall", []Fault{FaultStreamStall(1)}, `{"message":"hi","agent":"slow"}`, offline},
		{"stalled stream", []Fault{FaultStreamStall(1)}, `{"message":"hi","agent":"slow","stream":true}`, told},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newService(t, Config{Profile: Live})
				s.HandleAgent("slow", untilDone)
				s.Inject(tc.fault...)
				got := make(chan outcome, 1)
				go func() { got <- s.outcome(request{body: tc.body}) }()
				synctest.Wait()
				start := time.Now()
				s.Close()
				if diff := cmp.Diff(tc.want, <-got); diff != "" {
					t.Errorf("outcome (-want +got):\n%s", diff)
				}
				if d := time.Since(start); d != 0 {
					t.Errorf("took %v", d)
				}
				if got := s.Requests()[0].Err; got != "the server is shutting down" {
					t.Errorf("journal has error %q", got)
				}
			})
		})
	}
}

// A failure inside the service looks like the caller's fault.
func TestFailedLookups(t *testing.T) {
	t.Parallel()
	for _, profile := range []Profile{Documented, Live} {
		s := newService(t, Config{Profile: profile})
		thread := newThread(t, s, `{}`).ID
		agent := s.state.agents[0].id
		for _, tc := range []struct {
			what    Lookup
			r       request
			status  int
			message string // empty means that of the code
		}{
			{LookupKey, request{method: "GET", path: "/api/v1/models"}, 401, "Invalid API key"},
			{LookupPlan, request{body: hi}, 403, ""},
			{LookupAgent, request{body: `{"message":"hi","agent":"sales-assistant"}`}, 404, `Agent "sales-assistant" not found or not deployed`},
			{LookupAgent, request{method: "GET", path: "/api/v1/agents/" + agent}, 404, "Agent not found or not deployed"},
			{LookupServer, request{body: hi}, 503, "No VPS provisioned"},
			{LookupServer, request{path: "/api/v1/threads/" + thread + "/messages", body: hi}, 503, ""},
			{LookupThread, request{method: "GET", path: "/api/v1/threads/" + thread}, 404, "Thread not found"},
			{LookupThread, request{method: "DELETE", path: "/api/v1/threads/" + thread}, 404, "Thread not found"},
			{LookupList, request{method: "GET", path: "/api/v1/files"}, 500, "Failed to fetch files"},
			{LookupList, request{method: "GET", path: "/api/v1/usage"}, 500, "Failed to fetch usage"},
			{LookupList, request{method: "GET", path: "/api/v1/models"}, 500, "Failed to fetch models"},
		} {
			s.Inject(FaultLookup(tc.what))
			s.send(request{method: "GET", path: "/api/keys"}) // it makes none of these lookups
			w := s.send(tc.r)
			e := decode[wire.ErrorEnvelope](t, w.Body).Error
			if want := textOr(tc.message, profile.message(e.Code)); w.Code != tc.status || e.Message != want {
				t.Errorf("%v, %s: status %d, %+v; want %d, %q", profile, tc.what, w.Code, e, tc.status, want)
			}
		}
		s.Inject(FaultLookup(LookupList))
		if got := get[wire.Health](t, s, "/v1/health").Agents; len(got) != 0 {
			t.Errorf("the health shows %v", got)
		}
		if left := s.Faults(); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	}
}

func textOr(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func TestGatewayFaults(t *testing.T) {
	t.Parallel()
	for _, fault := range []Fault{FaultGatewayDown(), FaultGatewayNotJSON()} {
		s := newService(t, Config{Profile: Live})
		s.Inject(fault, fault, fault)
		thread := newThread(t, s, `{}`).ID
		for _, r := range []request{{body: hi}, {path: "/api/v1/threads/" + thread + "/messages", body: hi}} {
			w := s.send(r)
			if e := decode[wire.ErrorEnvelope](t, w.Body).Error; w.Code != 500 || e.Message != "Internal server error" {
				t.Errorf("%v: status %d, %+v", fault, w.Code, e)
			}
		}
		want := outcome{Status: 500, Type: wire.ContentTypeJSON, Body: `{"error":{"code":"internal_error","message":"Internal server error","type":"api_error","request_id":"req_ID"}}`}
		if fault.kind == faultGatewayNotJSON {
			want = outcome{Status: 200, Type: wire.ContentTypeEventStream}
		}
		if diff := cmp.Diff(want, s.outcome(request{body: stream})); diff != "" {
			t.Errorf("%v (-want +got):\n%s", fault, diff)
		}
		if n := get[wire.MessageList](t, s, "/v1/threads/"+thread+"/messages").Total; n != 1 {
			t.Errorf("%v: the thread has %d messages", fault, n)
		}
	}
}

func TestSplitAndUnendedStreams(t *testing.T) {
	t.Parallel()
	event := func(text string) string { return "data: {\"content\":\"" + text + "\"}\n\n" }
	for _, tc := range []struct {
		fault Fault
		want  string
	}{
		{FaultStreamSplit(0), "data: {\"choices\":[{\"delta\":{\"c\n" + event("a ") + event("b") + "data: [DONE]\n\n"},
		{FaultStreamSplit(1), event("Echo: ") + "data: {\"choices\":[{\"delta\":{\"c\n" + event("b") + "data: [DONE]\n\n"},
		{FaultStreamUnended(0), ""},
		{FaultStreamUnended(2), event("Echo: ") + event("a ")},
		{FaultStreamUnended(9), event("Echo: ") + event("a ") + event("b")},
	} {
		s := newService(t, Config{Profile: Live})
		s.Inject(tc.fault, tc.fault)
		want := outcome{Status: 200, Type: wire.ContentTypeEventStream, Body: tc.want}
		if diff := cmp.Diff(want, s.outcome(request{body: `{"message":"a b","stream":true}`})); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tc.fault, diff)
		}
		if diff := cmp.Diff(outcome{Status: 200, Type: wire.ContentTypeJSON, Body: `{"response":`}, s.outcome(request{body: hi})); diff != "" {
			t.Errorf("%v without a stream (-want +got):\n%s", tc.fault, diff)
		}
	}
}

// A fault is played as often as Times says.
func TestFaultTimes(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{})
	s.Inject(FaultStatus(502, "").Times(2), FaultStatus(500, "").On(OnNth(2)).Times(0), FaultStatus(503, ""))
	var got []int
	for range 8 {
		got = append(got, s.send(request{body: `{"message": "hi"}`}).Code)
	}
	if diff := cmp.Diff([]int{502, 502, 503, 500, 500, 500, 500, 500}, got); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	left := s.Faults()
	if len(left) != 1 || !left[0].Met() || left[0].String() != `FaultStatus(500, "").On(Nth(2)).Times(0)` {
		t.Errorf("left: %v", left)
	}
	s.ClearFaults()
	if code := s.send(request{body: `{"message": "hi"}`}).Code; code != 200 {
		t.Errorf("after it was removed: status %d", code)
	}
}
