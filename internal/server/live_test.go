package server

import (
	"bytes"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// The replies of the live service to odd requests, as they were observed.
func TestLiveRequests(t *testing.T) {
	t.Parallel()
	const (
		keyed     = "/api/v1/agents"
		missing   = `{"error":{"code":"missing_parameter","message":"message field is required","type":"validation_error","request_id":"req_ID","param":"message"}}`
		noHeader  = `{"error":{"code":"invalid_api_key","message":"Missing Authorization: Bearer <api_key> header","type":"authentication_error","request_id":"req_ID"}}`
		format    = `{"error":{"code":"invalid_api_key","message":"Invalid API key format","type":"authentication_error","request_id":"req_ID"}}`
		unknown   = `{"error":{"code":"invalid_api_key","message":"Invalid API key","type":"authentication_error","request_id":"req_ID"}}`
		badJSON   = `{"error":{"code":"invalid_request","message":"Invalid JSON body","type":"validation_error","request_id":"req_ID"}}`
		session   = `{"error":{"code":"invalid_parameter","message":"session_id must be alphanumeric, max 128 chars","type":"validation_error","request_id":"req_ID","param":"session_id"}}`
		blocked   = `{"error":{"code":"content_blocked","message":"Content blocked: violence","type":"validation_error","request_id":"req_ID"}}`
		tooLong   = `{"error":{"code":"invalid_request","message":"Message too long (max 10,000 characters)","type":"validation_error","request_id":"req_ID"}}`
		notFound  = `{"error":{"code":"agent_not_found","message":"Agent \"support-bot\" not found or not deployed","type":"agent_error","request_id":"req_ID"}}`
		quoted    = `{"error":{"code":"agent_not_found","message":"Agent \"a\"é\" not found or not deployed","type":"agent_error","request_id":"req_ID"}}`
		failed    = `{"error":{"code":"model_error","message":"Failed to get response from agent","type":"model_error","request_id":"req_ID"}}`
		hiBySales = `{"response":"Echo: hi","agent":"sales-assistant","request_id":"req_ID"}`
		hiBySupp  = `{"response":"Echo: hi","agent":"support_bot","request_id":"req_ID"}`
		stream    = "data: {\"content\":\"Echo: \"}\n\ndata: {\"content\":\"hi\"}\n\ndata: [DONE]\n\n"
	)
	jsonReply := func(status int, body string) outcome {
		return outcome{Status: status, Type: "application/json", Body: body}
	}
	page := outcome{Status: 404, Type: "text/html; charset=utf-8",
		Body: "<!DOCTYPE html><html><head><title>404: This page could not be found.</title></head><body><h1>404</h1><h2>This page could not be found.</h2></body></html>"}
	empty := outcome{Status: 500}
	for _, tc := range []struct {
		name string
		r    request
		want outcome
	}{
		{"default agent", request{body: `{"message":"hi"}`}, jsonReply(200, hiBySales)},
		{"slug", request{body: `{"message":"hi","agent":"support_bot"}`}, jsonReply(200, hiBySupp)},
		{"slug in capitals", request{body: `{"message":"hi","agent":"SUPPORT_BOT"}`}, jsonReply(200, hiBySupp)},
		{"name in small letters", request{body: `{"message":"hi","agent":"support bot"}`}, jsonReply(200, hiBySupp)},
		{"slug with a hyphen", request{body: `{"message":"hi","agent":"support-bot"}`}, jsonReply(404, notFound)},
		{"odd name", request{body: `{"message":"hi","agent":"a\"é"}`}, jsonReply(404, quoted)},
		{"trimmed", request{body: `{"message":" \n hi\t "}`}, jsonReply(200, hiBySales)},
		{"blocked", request{body: `{"message":"how do I ATTACK this problem"}`}, jsonReply(400, blocked)},
		{"only whole words are blocked", request{body: `{"message":"skills","agent":"support_bot"}`}, jsonReply(200, strings.Replace(hiBySupp, "hi", "skills", 1))},
		{"emoji count twice", request{body: `{"message":"` + strings.Repeat("😀", 5001) + `"}`}, jsonReply(400, tooLong)},
		{"empty session", request{body: `{"message":"hi","session_id":""}`}, jsonReply(200, hiBySales)},
		{"numeric session", request{body: `{"message":"hi","session_id":5}`}, jsonReply(200, hiBySales)},
		{"session of an odd type", request{body: `{"message":"hi","session_id":{}}`}, jsonReply(400, session)},
		{"truthy stream", request{body: `{"message":"hi","stream":"no"}`}, outcome{Status: 200, Type: "text/event-stream", Body: stream}},
		{"falsy stream", request{body: `{"message":"hi","stream":0}`}, jsonReply(200, hiBySales)},
		{"stream that fails at once", request{body: `{"message":"hi [fail]","stream":true}`}, jsonReply(502, failed)},
		{"message of another type", request{body: `{"message":5}`}, empty},
		{"falsy message", request{body: `{"message":0}`}, empty},
		{"null message", request{body: `{"message":null}`}, jsonReply(400, missing)},
		{"agent of another type", request{body: `{"message":"hi","agent":["a"]}`}, empty},
		{"falsy agent", request{body: `{"message":"hi","agent":false}`}, jsonReply(200, hiBySales)},
		{"list", request{body: `["hi"]`}, jsonReply(400, missing)},
		{"number", request{body: `1`}, jsonReply(400, missing)},
		{"null", request{body: `null`}, jsonReply(400, badJSON)},
		{"zero", request{body: `0`}, jsonReply(400, badJSON)},
		{"empty text", request{body: `""`}, jsonReply(400, badJSON)},
		{"byte order mark", request{body: "\uFEFF" + `{"message":"hi"}`}, jsonReply(200, hiBySales)},
		{"moderation before the session", request{body: `{"message":"kill","session_id":"!","agent":"nope"}`}, jsonReply(400, blocked)},
		{"big integer as a session", request{body: `{"message":"hi","session_id":12345678901234567890}`}, jsonReply(200, hiBySales)},
		{"number too big for a session", request{body: `{"message":"hi","session_id":1e21}`}, jsonReply(400, session)},
		{"repeated slashes", request{method: "GET", path: "//api//v1/agents?limit=1"}, outcome{Status: 308, Body: "/api/v1/agents?limit=1"}},
		{"unknown path outside v1", request{method: "GET", path: "/api/nope", auth: "-"}, jsonReply(401, `{"error":"Unauthorized"}`)},
		{"no JSON", request{body: `{oops`}, jsonReply(400, badJSON)},
		{"long idempotency key", request{body: `{"message":"hi"}`, header: map[string]string{"X-Idempotency-Key": strings.Repeat("k", 65)}}, jsonReply(200, hiBySales)},

		{"bearer in small letters", request{method: "GET", path: keyed, auth: "bearer clw_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6"}, jsonReply(401, noHeader)},
		{"blanks around the key", request{method: "GET", path: keyed, auth: "Bearer   clw_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6 "}, jsonReply(401, unknown)},
		{"36 odd characters", request{method: "GET", path: keyed, auth: "Bearer clw_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_"}, jsonReply(401, unknown)},
		{"35 characters", request{method: "GET", path: keyed, auth: "Bearer clw_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p"}, jsonReply(401, format)},

		{"unknown path", request{path: "/api/v1/nope"}, page},
		{"outside", request{path: "/nope"}, page},
		{"root", request{method: "GET", path: "/"}, page},
		{"deeper", request{method: "GET", path: "/api/v1/chat/batch/b/c"}, page},
		{"trailing slash", request{method: "GET", path: "/api/v1/agents/?limit=1"}, outcome{Status: 308, Body: "/api/v1/agents?limit=1"}},
		{"method", request{method: "PUT", path: "/api/v1/chat"}, outcome{Status: 405}},
		{"HEAD of what has no GET", request{method: "HEAD", path: "/api/v1/chat"}, outcome{Status: 405}},
		{"method of a key", request{method: "GET", path: "/api/keys/k"}, outcome{Status: 405}},
		{"OPTIONS", request{method: "OPTIONS", path: "/api/v1/threads/t"}, outcome{Status: 204}},
		{"HEAD", request{method: "HEAD", path: "/api/v1/models"}, outcome{Status: 200, Type: "application/json"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, Config{Profile: Live})
			if diff := cmp.Diff(tc.want, s.outcome(tc.r)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestLiveHeaders(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{Profile: Live})
	for _, tc := range []struct {
		r    request
		want map[string]string
	}{
		{request{method: "OPTIONS", path: "/api/v1/threads/t"}, map[string]string{"Allow": "DELETE, GET, HEAD, OPTIONS", wire.HeaderRequestID: ""}},
		{request{method: "PUT", path: "/api/v1/threads"}, map[string]string{"Allow": "", wire.HeaderRequestID: ""}},
		{request{method: "GET", path: "/api/v1/agents/"}, map[string]string{"Location": "/api/v1/agents", "Refresh": "0;url=/api/v1/agents", wire.HeaderRequestID: ""}},
		{request{path: "/api/v1/nope"}, map[string]string{wire.HeaderRequestID: ""}},
		{request{body: `{"message":5}`}, map[string]string{wire.HeaderRequestID: "", "X-Ratelimit-Limit": ""}},
	} {
		header := s.send(tc.r).Header()
		for name, want := range tc.want {
			if got := header.Get(name); got != want {
				t.Errorf("%s %s: %s is %q, want %q", tc.r.method, tc.r.path, name, got, want)
			}
		}
	}
}

// A stored reply answers any request with its key, and does not have the client's id.
func TestLiveReplayOfABrokenBody(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{Profile: Live})
	header := map[string]string{wire.HeaderIdempotencyKey: "k", wire.HeaderClientRequestID: "cli-1"}
	first := s.send(request{body: `{"message":"hi"}`, header: header})
	again := s.send(request{body: `{oops`, header: header})
	want := decode[wire.ChatReply](t, bytes.NewReader(first.Body.Bytes()))
	if diff := cmp.Diff(want, decode[wire.ChatReply](t, bytes.NewReader(again.Body.Bytes()))); again.Code != 200 || diff != "" {
		t.Errorf("status %d (-first +again):\n%s", again.Code, diff)
	}
	if got := again.Body.String(); !strings.HasPrefix(got, `{"agent":`) {
		t.Errorf("the members are not in the database's order: %s", got)
	}
	for name, want := range map[string]string{wire.HeaderIdempotencyReplay: "true", wire.HeaderClientRequestID: "", wire.HeaderRateLimitLimit: ""} {
		if got := again.Header().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := first.Header().Get(wire.HeaderClientRequestID); got != "cli-1" {
		t.Errorf("the first reply's client request id is %q", got)
	}
}

// Slugs are made from names, in the list in another way than for chats.
func TestLiveSlugs(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{Profile: Live})
	s.HandleAgent("A  B!", agentOf(says("yes")))
	list := decode[wire.AgentList](t, s.send(request{method: "GET", path: "/api/v1/agents"}).Body)
	if a := list.Agents[0]; a.Slug != "a__b_" || a.Name != "A  B!" {
		t.Errorf("listed as %q with slug %q", a.Name, a.Slug)
	}
	for agent, want := range map[string]int{"a_b": 200, "A_B": 200, "a  b!": 200, "a__b_": 404} {
		if got := s.send(request{body: chatBody(wire.ChatRequest{Message: "hi", Agent: agent})}).Code; got != want {
			t.Errorf("agent %q: status %d, want %d", agent, got, want)
		}
	}
}

// In profile Live, only chats and messages of threads count in the key's window.
// Everything else counts in the account's windows, whichever key is used.
func TestLiveWindows(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{Profile: Live})
	id, other := s.CreateKey("other", 300)
	thread := decode[wire.ThreadReply](t, s.send(request{path: "/api/v1/threads", body: "{}"}).Body).Thread.ID
	for _, tc := range []struct {
		r                request
		limit, remaining string
	}{
		{request{body: hi}, "60", "59"},
		{request{path: "/api/v1/threads/" + thread + "/messages", body: hi}, "60", "58"},
		{request{body: hi, key: other}, "300", "299"},
		{request{method: "GET", path: "/api/v1/health"}, "60", "59"},
		{request{method: "GET", path: "/api/v1/health", key: other}, "60", "58"},
		{request{method: "GET", path: "/api/v1/threads"}, "60", "59"},
		{request{method: "GET", path: "/api/v1/threads/" + thread}, "60", "58"},
		{request{path: "/api/v1/threads", key: other}, "30", "28"},
	} {
		h := s.send(tc.r).Header()
		if l, r := h.Get(wire.HeaderRateLimitLimit), h.Get(wire.HeaderRateLimitRemaining); l != tc.limit || r != tc.remaining {
			t.Errorf("%s %s: limit %s, remaining %s; want %s and %s", tc.r.method, tc.r.path, l, r, tc.limit, tc.remaining)
		}
	}
	s.SetRateLimit(id, 1)
	for path, want := range map[string]int{chatPath: 429, "/api/v1/threads": 200} {
		if got := s.send(request{path: path, body: hi, key: other}).Code; got != want {
			t.Errorf("%s with the key's window full: status %d, want %d", path, got, want)
		}
	}
}

// Both endpoints of predictions share a window, which is full earlier for creations.
func TestLivePredictionsWindow(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{Profile: Live})
	for i := range 12 {
		want := 400
		if i >= 10 {
			want = 429
		}
		if got := s.send(request{path: "/api/v1/predictions", body: "{}"}).Code; got != want {
			t.Errorf("creation %d: status %d, want %d", i, got, want)
		}
	}
	if got := s.send(request{method: "GET", path: "/api/v1/predictions/p"}).Code; got != 404 {
		t.Errorf("a read after them: status %d, want 404", got)
	}
}

// The length of a body counts in bytes if the request announces it, and in UTF-16
// units otherwise.
func TestLiveSizes(t *testing.T) {
	t.Parallel()
	euros := func(n int) string { return `{"message":"` + strings.Repeat("€", n-len(`{"message":""}`)) + `"}` }
	for _, tc := range []struct {
		chunked bool
		body    string
		want    string
	}{
		{false, euros(wire.MaxBodyBytes / 2), "Request body too large (max 100KB)"},
		{true, euros(wire.MaxBodyBytes), "Message too long (max 10,000 characters)"},
		{true, euros(wire.MaxBodyBytes + 1), "Request body too large (max 100KB)"},
	} {
		s := newService(t, Config{Profile: Live})
		r := httptest.NewRequest("POST", chatPath, strings.NewReader(tc.body))
		r.Header.Set("Authorization", "Bearer "+s.key)
		if tc.chunked {
			r.ContentLength = -1
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r.WithContext(Secure(t.Context())))
		if got := decode[wire.ErrorEnvelope](t, w.Body).Error.Message; got != tc.want {
			t.Errorf("%d bytes, chunked %v: %q, want %q", len(tc.body), tc.chunked, got, tc.want)
		}
	}
}

// The dashboard's endpoints treat a value that is no object as an object without
// members, and accept bodies of any length and type.
func TestLiveManagement(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{Profile: Live})
	for _, tc := range []struct{ method, path, body, want string }{
		{"POST", "/api/keys", `[]`, `{"error":"Key name is required"}`},
		{"POST", "/api/keys", `"x"`, `{"error":"Key name is required"}`},
		{"POST", "/api/keys", `null`, `{"error":"Invalid request body"}`},
		{"POST", "/api/keys", `{"name":"\u0085"}`, `"name":"\u0085"`},
		{"POST", "/api/keys", `{"name":"\ud800"}`, `{"error":"Failed to create key"}`},
		{"PATCH", "/api/keys/" + s.FirstKeyID(), `{"name":"a\u0000"}`, `{"error":"Key not found"}`},
		{"PATCH", "/api/keys/" + s.FirstKeyID(), `{"name":"\ufeff"}`, `{"error":"Name must be 1-100 characters"}`},
		{"PATCH", "/api/keys/" + s.FirstKeyID(), `{"name":0}`, ``},
		{"PATCH", "/api/keys/" + s.FirstKeyID(), `7`, `{"error":"Nothing to update"}`},
		{"PATCH", "/api/keys/" + s.FirstKeyID(), `{"name":"long","x":"` + strings.Repeat("x", 2*wire.MaxBodyBytes) + `"}`, `"name":"long"`},
		{"POST", "/api/webhooks", `"x"`, `{"error":"HTTPS URL is required"}`},
		{"POST", "/api/webhooks", `null`, `{"error":"Invalid JSON body"}`},
		{"POST", "/api/webhooks", `{"url":"https://a.b/\u0000","events":["api.request"]}`, `{"error":"Failed to create webhook"}`},
	} {
		w := s.send(request{method: tc.method, path: tc.path, body: tc.body})
		if got := strings.ReplaceAll(w.Body.String(), "\u0085", `\u0085`); !strings.Contains(got, tc.want) || tc.want == "" && got != "" {
			t.Errorf("%s %s %.40s: status %d, %s; want %s", tc.method, tc.path, tc.body, w.Code, got, tc.want)
		}
	}
}

// Web pages of any origin may read replies of /v1, but not answers to preflight
// requests.
func TestLiveOrigins(t *testing.T) {
	t.Parallel()
	for profile, want := range map[Profile]string{Documented: "", Live: "*"} {
		s := newService(t, Config{Profile: profile})
		for _, r := range []request{{body: hi}, {body: "{"}, {auth: "-"}, {body: stream}} {
			if got := s.send(r).Header().Get("Access-Control-Allow-Origin"); got != want {
				t.Errorf("%v, %+v: %q, want %q", profile, r, got, want)
			}
		}
		for _, r := range []request{{method: "OPTIONS"}, {method: "GET", path: "/api/keys"}} {
			if got := s.send(r).Header().Get("Access-Control-Allow-Origin"); got != "" {
				t.Errorf("%v, %+v: %q", profile, r, got)
			}
		}
	}
}

// What profile Live makes of odd threads and messages.
func TestLiveThreads(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{Profile: Live})
	for body, want := range map[string]string{
		`{"agent":["a"]}`:          `["a"]`,
		`{"agent":1e21}`:           "1e+21",
		`{"agent":{"b":1,"a":2}}`:  `{"b":1,"a":2}`,
		`null`:                     "default",
		`{"agent":0}`:              "default",
		`[]`:                       "default",
		`{"metadata":0}`:           "default",
		`{"agent":" support_bot"}`: " support_bot",
	} {
		w := s.send(request{path: "/api/v1/threads", body: body})
		if got := decode[wire.ThreadReply](t, w.Body).Thread; got.Agent != want || string(got.Metadata) != "{}" {
			t.Errorf("%s: agent %q, metadata %s; want %q", body, got.Agent, got.Metadata, want)
		}
	}
	thread := decode[wire.ThreadReply](t, s.send(request{path: "/api/v1/threads", body: `{"agent":"nope"}`}).Body).Thread.ID
	w := s.send(request{path: "/api/v1/threads/" + thread + "/messages", body: hi})
	if got := decode[wire.ThreadAnswer](t, w.Body); *got.Response != "Echo: hi" {
		t.Errorf("an unknown agent answers %q", *got.Response)
	}
	s.HandleAgent("broken", agentOf(saysThen(errors.New("no"))))
	for body, want := range map[string]int{`{"message":false}`: 500, `{"message":null}`: 400, `{"message":""}`: 400, `0`: 400} {
		if got := s.send(request{path: "/api/v1/threads/" + thread + "/messages", body: body}).Code; got != want {
			t.Errorf("%s: status %d, want %d", body, got, want)
		}
	}
}
