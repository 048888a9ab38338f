package server

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAim(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{})
	id, other := s.CreateKey("other", 60)
	thread := newThread(t, s, `{"agent":"sales-assistant"}`)
	messages := "/api/v1/threads/" + thread.ID + "/messages"
	batch := func(agent string) request {
		return request{path: "/api/v1/chat/batch", body: `{"requests":[{"custom_id":"a","message":"m","agent":"` + agent + `"}]}`}
	}
	for _, tc := range []struct {
		name  string
		match []Condition
		r     request
		meets bool
	}{
		{"everything", nil, request{body: hi}, true},
		{"outside", nil, request{path: "/nope"}, false},
		{"path", []Condition{OnPath("/v1/threads")}, request{method: "GET", path: "/api/v1/threads"}, true},
		{"path below", []Condition{OnPath("/v1/threads")}, request{path: messages, body: hi}, false},
		{"pattern", []Condition{OnPath("/v1/threads/{id}/messages")}, request{path: messages, body: hi}, true},
		{"method", []Condition{OnPath("GET /v1/threads/{id}/messages")}, request{path: messages, body: hi}, false},
		{"key", []Condition{OnKey(other)}, request{key: other, body: hi}, true},
		{"key by id", []Condition{OnKey(id)}, request{key: other, body: hi}, true},
		{"other key", []Condition{OnKey(id)}, request{body: hi}, false},
		{"no key", []Condition{OnKey(id)}, request{auth: "-", body: hi}, false},
		{"default agent", []Condition{OnAgent("support-bot")}, request{body: hi}, true},
		{"agent by name", []Condition{OnAgent("support-bot")}, request{body: `{"message":"hi","agent":"Support Bot"}`}, true},
		{"other agent", []Condition{OnAgent("sales-assistant")}, request{body: hi}, false},
		{"unknown agent", []Condition{OnAgent("nope")}, request{body: `{"message":"hi","agent":"NOPE"}`}, true},
		{"no agent in it", []Condition{OnAgent("support-bot")}, request{method: "GET", path: "/api/v1/health"}, false},
		{"no route", []Condition{OnAgent("support-bot")}, request{path: "/api/v1/nope"}, false},
		{"agent of a thread", []Condition{OnAgent("sales-assistant")}, request{path: messages, body: hi}, true},
		{"thread that is none", []Condition{OnAgent("sales-assistant")}, request{path: "/api/v1/threads/t/messages", body: hi}, false},
		{"agent of a batch", []Condition{OnAgent("sales-assistant")}, batch("sales-assistant"), true},
		{"other agent of a batch", []Condition{OnAgent("sales-assistant")}, batch("support-bot"), false},
		{"the last of a kind", []Condition{OnPath("/v1/health"), OnPath("/v1/chat")}, request{body: hi}, true},
		{"any path of a method", []Condition{OnMethod("POST")}, request{body: hi}, true},
		{"other method", []Condition{OnMethod("GET")}, request{body: hi}, false},
		{"first", []Condition{OnNth(1)}, request{body: hi}, true},
		{"second", []Condition{OnNth(2)}, request{body: hi}, false},
		{"all of them", []Condition{OnPath("/v1/chat"), OnKey(id)}, request{body: hi}, false},
	} {
		fault := FaultStatus(418, "x").On(tc.match...)
		s.Inject(fault)
		s.send(tc.r)
		if met := len(s.Faults()) == 0; met != tc.meets {
			t.Errorf("%s: met %v, want %v", tc.name, met, tc.meets)
		}
		s.ClearFaults()
	}
	if got, want := FaultReset().On(OnPath("/v1/chat"), OnMethod("POST"), OnKey(other), OnAgent("a"), OnNth(3)).String(), `FaultReset().On(Path("/v1/chat"), Method("POST"), Key("`+other[:12]+`…"), AgentSlug("a"), Nth(3))`; got != want {
		t.Errorf("prints as %s, want %s", got, want)
	}
}

// A fault counts the requests that meet its other conditions, but not those for which
// an earlier fault is played.
func TestNth(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{})
	chats := OnPath("/v1/chat")
	s.Inject(FaultStatus(501, "x").On(chats, OnNth(2)), FaultStatus(502, "x").On(chats, OnNth(2)), FaultStatus(503, "x").On(chats, OnNth(4)))
	var got []int
	for range 6 {
		s.send(request{method: "GET", path: "/api/v1/health"})
		got = append(got, s.send(request{body: hi}).Code)
	}
	// The fourth chat gets none of them: the third fault counts the first chat, the
	// fourth, and later ones.
	if diff := cmp.Diff([]int{200, 501, 502, 200, 200, 503}, got); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
}
