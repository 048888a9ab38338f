package server

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go/internal/wire"
)

var chatPath = wire.BasePath + wire.Chat.Path

// service is a server under test, and the key of its account.
type service struct {
	*Server
	key string
}

func newService(t *testing.T, cfg Config) service {
	t.Helper()
	s, key := New(cfg)
	t.Cleanup(s.Close)
	return service{s, key}
}

// request describes a request. An empty field means what a client would send.
type request struct {
	method string // empty means POST
	path   string // empty means chatPath
	key    string // empty means the account's, for /v1
	auth   string // instead of the key; "-" for none
	header map[string]string
	body   string
	plain  bool            // not over TLS
	leave  context.Context // the client leaves when it is done; nil if it stays
}

// send makes the service handle a request, without a network.
func (s service) send(r request) *httptest.ResponseRecorder {
	if r.method == "" {
		r.method = http.MethodPost
	}
	if r.path == "" {
		r.path = chatPath
	}
	if r.key == "" {
		r.key = s.key
	}
	req := httptest.NewRequest(r.method, r.path, strings.NewReader(r.body))
	if r.leave != nil {
		req = req.WithContext(r.leave)
	}
	if !r.plain {
		req = req.WithContext(Secure(req.Context()))
	}
	switch {
	case r.auth == "-":
	case r.auth != "":
		req.Header.Set("Authorization", r.auth)
	case strings.HasPrefix(r.path, wire.BasePath+"/") && !strings.HasPrefix(r.path, wire.BasePath+"/v1/"):
		req.AddCookie(&http.Cookie{Name: wire.SessionCookie, Value: s.Session()})
	default:
		req.Header.Set("Authorization", "Bearer "+r.key)
	}
	for name, v := range r.header {
		req.Header.Set(name, v)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, req)
	return w
}

// say sends a message to chat and returns the answer.
func (s service) say(t *testing.T, text string) string {
	t.Helper()
	w := s.send(request{body: chatBody(wire.ChatRequest{Message: text})})
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return *decode[wire.ChatReply](t, w.Body).Response
}

func chatBody(r wire.ChatRequest) string { return string(encodeJSON(r)) }

func decode[T any](t *testing.T, r io.Reader) (v T) {
	t.Helper()
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

var (
	requestID = regexp.MustCompile(`^req_[0-9a-f]{32}$`)
	hexDigits = regexp.MustCompile(`[0-9a-f]{32}`)
)

// checkError checks an error in its envelope, whatever its request id.
func checkError(t *testing.T, w *httptest.ResponseRecorder, status int, want wire.Error) {
	t.Helper()
	id := w.Header().Get(wire.HeaderRequestID)
	if !requestID.MatchString(id) {
		t.Errorf("X-Request-Id %q", id)
	}
	if ct := w.Header().Get("Content-Type"); ct != wire.ContentTypeJSON {
		t.Errorf("Content-Type %q", ct)
	}
	if w.Header().Get(wire.HeaderRateLimitLimit) != "" {
		t.Error("an error has X-RateLimit headers")
	}
	want.RequestID = id
	if w.Code != status {
		t.Errorf("status %d, want %d", w.Code, status)
	}
	if diff := cmp.Diff(wire.ErrorEnvelope{Error: want}, decode[wire.ErrorEnvelope](t, w.Body)); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	const hi = `{"message":"hi"}`
	var (
		missing = wire.Error{Code: "invalid_api_key", Message: "Missing Authorization: Bearer <api_key> header", Type: "authentication_error"}
		format  = wire.Error{Code: "invalid_api_key", Message: "Invalid API key format", Type: "authentication_error"}
		unknown = wire.Error{Code: "invalid_api_key", Message: "Invalid API key", Type: "authentication_error"}
		revoked = wire.Error{Code: "revoked_api_key", Message: "API key has been revoked", Type: "authentication_error"}
		plan    = wire.Error{Code: "plan_required", Message: "API access requires the Pro plan", Type: "authorization_error"}
		large   = wire.Error{Code: "invalid_request", Message: "Request body too large (max 100KB)", Type: "validation_error"}
		badJSON = wire.Error{Code: "invalid_request", Message: "Invalid JSON body", Type: "validation_error"}
		message = wire.Error{Code: "missing_parameter", Message: "message field is required", Type: "validation_error", Param: "message"}
		long    = wire.Error{Code: "invalid_request", Message: "Message too long (max 10,000 characters)", Type: "validation_error"}
		session = wire.Error{Code: "invalid_parameter", Message: "session_id must be alphanumeric, max 128 chars", Type: "validation_error", Param: "session_id"}
		idem    = wire.Error{Code: "invalid_parameter", Message: "X-Idempotency-Key must be at most 64 characters", Type: "validation_error", Param: "X-Idempotency-Key"}
		plain   = wire.Error{Code: "invalid_request", Message: "API requests must be made over HTTPS", Type: "validation_error"}
		none    = wire.Error{Code: "not_found", Message: "Not found", Type: "validation_error"}
		method  = wire.Error{Code: "invalid_request", Message: "Method not allowed", Type: "validation_error"}
	)
	for _, tc := range []struct {
		name   string
		cfg    Config
		r      request
		status int
		want   wire.Error
	}{
		{"no header", Config{}, request{auth: "-", body: hi}, 401, missing},
		{"no key", Config{}, request{auth: "Bearer ", body: hi}, 401, missing},
		{"other scheme", Config{}, request{auth: "Basic clw_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6", body: hi}, 401, missing},
		{"format", Config{}, request{auth: "Bearer sk-123", body: hi}, 401, format},
		{"too long a key", Config{}, request{auth: "Bearer clw_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p67", body: hi}, 401, format},
		{"unknown", Config{}, request{key: "clw_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6", body: hi}, 401, unknown},
		{"revoked", Config{}, request{key: "revoked", body: hi}, 401, revoked},
		{"revoked, live", Config{Profile: Live}, request{key: "revoked", body: hi}, 403, revoked},
		{"status before plan", Config{Plan: "free"}, request{key: "revoked", body: hi}, 401, revoked},
		{"plan", Config{Plan: "free"}, request{body: hi}, 403, plan},
		{"unknown plan", Config{Plan: "starter"}, request{body: hi}, 403, plan},
		{"plan before body", Config{Plan: "free"}, request{body: "{"}, 403, plan},
		{"key before body", Config{}, request{auth: "Bearer sk-123", body: "{"}, 401, format},
		{"health too", Config{}, request{method: "GET", path: "/api/v1/health", auth: "-"}, 401, missing},

		{"idempotency key", Config{}, request{body: hi, header: map[string]string{"X-Idempotency-Key": strings.Repeat("k", 65)}}, 400, idem},
		{"size", Config{}, request{body: strings.Repeat(" ", 102_401)}, 400, large},
		{"size before JSON", Config{}, request{body: strings.Repeat("x", 200_000)}, 400, large},
		{"JSON", Config{}, request{body: "{oops"}, 400, badJSON},
		{"no body", Config{}, request{}, 400, badJSON},
		{"no object", Config{}, request{body: `["hi"]`}, 400, badJSON},
		{"null", Config{}, request{body: `null`}, 400, badJSON},
		{"trailing data", Config{}, request{body: hi + "x"}, 400, badJSON},
		{"no message", Config{}, request{body: `{}`}, 400, message},
		{"null message", Config{}, request{body: `{"message":null}`}, 400, message},
		{"blank message", Config{}, request{body: `{"message":" \n\t "}`}, 400, message},
		{"message of another type", Config{}, request{body: `{"message":7}`}, 400, message},
		{"message in other case", Config{}, request{body: `{"Message":"hi"}`}, 400, message},
		{"long message", Config{}, request{body: chatBody(wire.ChatRequest{Message: strings.Repeat("é", 10_001)})}, 400, long},
		{"message before session", Config{}, request{body: `{"session_id":"a b!"}`}, 400, message},
		{"session", Config{}, request{body: `{"message":"hi","session_id":"a b!"}`}, 400, session},
		{"empty session", Config{}, request{body: `{"message":"hi","session_id":""}`}, 400, session},
		{"long session", Config{}, request{body: chatBody(wire.ChatRequest{Message: "hi", SessionID: strings.Repeat("a", 129)})}, 400, session},
		{"session of another type", Config{}, request{body: `{"message":"hi","session_id":1}`}, 400, session},
		{"session before agent", Config{}, request{body: `{"message":"hi","session_id":"!","agent":"nope"}`}, 400, session},
		{"agent", Config{}, request{body: `{"message":"hi","agent":"nope"}`}, 404,
			wire.Error{Code: "agent_not_found", Message: `Agent "nope" not found or not deployed`, Type: "agent_error"}},
		{"agent of another type", Config{}, request{body: `{"message":"hi","agent":1}`}, 400,
			wire.Error{Code: "invalid_parameter", Message: "agent must be a string", Type: "validation_error", Param: "agent"}},
		{"stream of another type", Config{}, request{body: `{"message":"hi","stream":"yes"}`}, 400,
			wire.Error{Code: "invalid_parameter", Message: "stream must be a boolean", Type: "validation_error", Param: "stream"}},

		{"plain HTTP", Config{}, request{plain: true, body: hi}, 400, plain},
		{"plain HTTP for keys", Config{}, request{plain: true, method: "GET", path: "/api/keys"}, 400, plain},
		{"no route", Config{}, request{path: "/api/v1/nope"}, 404, none},
		{"no base path", Config{}, request{path: "/v1/chat"}, 404, none},
		{"doubled slash", Config{}, request{path: "/api//v1/chat"}, 404, none},
		{"no key id", Config{}, request{method: "DELETE", path: "/api/keys/"}, 404, none},
		{"beneath a key", Config{}, request{method: "DELETE", path: "/api/keys/1/2"}, 404, none},
		{"method", Config{}, request{method: "GET"}, 405, method},
		{"method for keys", Config{}, request{method: "PUT", path: "/api/keys"}, 405, method},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, tc.cfg)
			if tc.r.key == "revoked" {
				id, key := s.CreateKey("old", 60)
				s.RevokeKey(id)
				tc.r.key = key
			}
			checkError(t, s.send(tc.r), tc.status, tc.want)
		})
	}
}

func TestAllow(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{})
	for path, want := range map[string]string{
		"/api/v1/chat":   "POST",
		"/api/v1/health": "GET",
		"/api/keys":      "GET, POST",
		"/api/keys/1":    "DELETE, PATCH",
	} {
		if got := s.send(request{method: "OPTIONS", path: path}).Header().Get("Allow"); got != want {
			t.Errorf("%s: Allow %q, want %q", path, got, want)
		}
	}
}

func TestPlainHTTPWhereAllowed(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{PlainHTTP: true})
	if w := s.send(request{plain: true, body: `{"message":"hi"}`}); w.Code != http.StatusOK {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

func TestPlans(t *testing.T) {
	t.Parallel()
	for _, profile := range []Profile{Documented, Live} {
		for plan, want := range map[string]int{"PRO": 200, "Ultra": 200, "enterprise": 200, "free": 403} {
			s := newService(t, Config{Profile: profile, Plan: plan})
			if got := s.send(request{body: hi}).Code; got != want {
				t.Errorf("%v, %s: status %d, want %d", profile, plan, got, want)
			}
		}
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, Config{})
		time.Sleep(90*time.Second + time.Millisecond)
		w := s.send(request{method: "GET", path: "/api/v1/health"})
		uptime := 90.0
		want := wire.Health{Status: "ok", Plan: "pro", Agents: []string{"sales-assistant", "Support Bot"}, Timestamp: wire.HandlerTime(s.Now()),
			Components: wire.Components{"api": "healthy", "database": "healthy", "agents": "healthy"}, UptimeSeconds: &uptime, Version: wire.HealthVersion}
		if diff := cmp.Diff(want, decode[wire.Health](t, w.Body)); diff != "" {
			t.Errorf("health (-want +got):\n%s", diff)
		}
		if got := w.Header().Get(wire.HeaderRateLimitRemaining); got != "59" {
			t.Errorf("remaining %q: the call was not counted", got)
		}
	})
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{})
	for _, tc := range []struct{ sent, want string }{
		{"", ""},
		{"cli-42", "cli-42"},
		{"with spaces, too", "with spaces, too"},
		{"größe", ""},
		{"a\x7fb", ""},
	} {
		w := s.send(request{body: `{"message":"hi"}`, header: map[string]string{wire.HeaderClientRequestID: tc.sent}})
		if got := w.Header().Get(wire.HeaderClientRequestID); got != tc.want {
			t.Errorf("client request id %q comes back as %q", tc.sent, got)
		}
		id := w.Header().Get(wire.HeaderRequestID)
		if !requestID.MatchString(id) {
			t.Errorf("request id %q", id)
		}
		if got := decode[wire.ChatReply](t, w.Body).RequestID; got != id {
			t.Errorf("request id %q in the body, %q in the header", got, id)
		}
	}
	if a, b := s.send(request{}), s.send(request{}); a.Header().Get(wire.HeaderRequestID) == b.Header().Get(wire.HeaderRequestID) {
		t.Error("two requests have one id")
	}
	if w := s.send(request{method: "GET", path: "/api/keys", header: map[string]string{wire.HeaderClientRequestID: "x"}}); w.Header().Get(wire.HeaderRequestID) != "" || w.Header().Get(wire.HeaderClientRequestID) != "" {
		t.Errorf("key management has request ids: %v", w.Header())
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{})
	s.Close()
	s.Close()
	checkError(t, s.send(request{body: `{"message":"hi"}`}), 503,
		wire.Error{Code: "agent_offline", Message: "the server is shutting down", Type: "agent_error"})
}

func TestReset(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{})
	s.HandleAgent("mine", historyLength)
	_, second := s.CreateKey("second", 30)
	s.RevokeKey(s.FirstKeyID())
	body := chatBody(wire.ChatRequest{Message: "hi", Agent: "mine", SessionID: "s"})
	header := map[string]string{wire.HeaderIdempotencyKey: "k"}
	s.send(request{key: second, body: body, header: header})
	s.Inject(FaultReset())

	s.Reset()

	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d requests in the journal", n)
	}
	if f := s.Faults(); len(f) != 0 {
		t.Errorf("faults left: %v", f)
	}
	checkError(t, s.send(request{key: second, body: body}), 401,
		wire.Error{Code: "invalid_api_key", Message: "Invalid API key", Type: "authentication_error"})
	w := s.send(request{body: body, header: header})
	if w.Code != 200 || w.Header().Get(wire.HeaderIdempotencyReplay) != "" {
		t.Fatalf("status %d, header %v", w.Code, w.Header())
	}
	if got := *decode[wire.ChatReply](t, w.Body).Response; got != "0" {
		t.Errorf("the session still has %s turns", got)
	}
	list := decode[wire.KeyList](t, s.send(request{method: "GET", path: "/api/keys"}).Body)
	if len(list.Keys) != 1 || list.Keys[0].UsageCount != 1 || list.Keys[0].RateLimitPerMin != 60 || list.Keys[0].Status != wire.KeyActive {
		t.Errorf("keys %+v", list.Keys)
	}
}
