package server

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// historyLength is an agent that answers with the number of earlier turns.
func historyLength(_ context.Context, m Message) iter.Seq2[string, error] {
	return says(strconv.Itoa(len(m.History)))
}

// says returns an agent's answer in the given chunks.
func says(chunks ...string) iter.Seq2[string, error] { return saysThen(nil, chunks...) }

// saysThen returns an agent's answer that ends with an error, if err is not nil.
func saysThen(err error, chunks ...string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, c := range chunks {
			if !yield(c, nil) {
				return
			}
		}
		if err != nil {
			yield("", err)
		}
	}
}

func agentOf(answer iter.Seq2[string, error]) AgentFunc {
	return func(context.Context, Message) iter.Seq2[string, error] { return answer }
}

func TestChat(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{})
	w := s.send(request{body: `{"message":"What are your <b>business</b> hours?","agent":null,"unknown":[1]}`})
	want := `{"response":"Thanks for reaching out to support. You asked: “What are your <b>business</b> hours?” ` +
		`Our support hours are Monday to Friday, 9:00 to 18:00 UTC. Is there anything else I can help you with?",` +
		`"agent":"support-bot","request_id":"` + w.Header().Get(wire.HeaderRequestID) + `"}`
	if w.Code != http.StatusOK || w.Body.String() != want {
		t.Errorf("status %d, body\n%s\nwant\n%s", w.Code, w.Body, want)
	}
	if got := w.Header().Get("Content-Length"); got != strconv.Itoa(len(want)) {
		t.Errorf("Content-Length %s, want %d", got, len(want))
	}
}

func TestLongestMessage(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{})
	if got := s.say(t, strings.Repeat("é", wire.MaxMessageChars)); !strings.Contains(got, strings.Repeat("é", maxQuote)+"…”") {
		t.Errorf("answer %q", got)
	}
	body := `{"message":"hi"}`
	if w := s.send(request{body: body + strings.Repeat(" ", wire.MaxBodyBytes-len(body))}); w.Code != http.StatusOK {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

func TestBuiltinAgents(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		cfg                  Config
		agent, message, want string
	}{
		{Config{}, "support-bot", "hi", "Thanks for reaching out to support. You asked: “hi” Is there anything else I can help you with?"},
		{Config{}, "Support Bot", "Is there a LIMIT?", "Thanks for reaching out to support. You asked: “Is there a LIMIT?” Each key has its own limit, counted over a sliding window of 60 seconds. Is there anything else I can help you with?"},
		{Config{}, "sales-assistant", "A demo", "Thanks for your interest in ClawHQ. You asked: “A demo” I would be glad to set up a demo for your team. Shall I tell you more about what ClawHQ can do for you?"},
		{Config{Profile: Live}, "sales-assistant", "one two", "Echo: one two"},
	} {
		s := newService(t, tc.cfg)
		w := s.send(request{body: chatBody(wire.ChatRequest{Message: tc.message, Agent: tc.agent})})
		if got := *decode[wire.ChatReply](t, w.Body).Response; got != tc.want {
			t.Errorf("%s: %q, want %q", tc.agent, got, tc.want)
		}
	}
}

func TestDefaultAgent(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		profile Profile
		deploy  []string
		want    string
	}{
		{Documented, nil, "support-bot"},
		{Documented, []string{"new"}, "support-bot"},
		{Documented, []string{"sales-assistant"}, "support-bot"},
		{Live, nil, "sales-assistant"},
		{Live, []string{"new"}, "new"},
		{Live, []string{"new", "sales-assistant"}, "sales-assistant"},
	} {
		s := newService(t, Config{Profile: tc.profile})
		for _, slug := range tc.deploy {
			s.HandleAgent(slug, nil)
		}
		if got := decode[wire.ChatReply](t, s.send(request{body: `{"message":"hi"}`}).Body).Agent; got != tc.want {
			t.Errorf("%v, %v deployed: %s, want %s", tc.profile, tc.deploy, got, tc.want)
		}
	}
}

func TestHandleAgent(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{})
	var got []Message
	s.HandleAgent("Support Bot", func(_ context.Context, m Message) iter.Seq2[string, error] {
		got = append(got, m)
		return says("by slug")
	})
	s.HandleAgent("support-bot", agentOf(says("re", "placed")))
	if diff := cmp.Diff([]string{"sales-assistant", "Support Bot", "Support Bot"}, s.state.names()); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	for agent, want := range map[string]string{"": "replaced", "support-bot": "replaced", "Support Bot": "by slug"} {
		w := s.send(request{body: chatBody(wire.ChatRequest{Message: " hi ", Agent: agent})})
		if got := *decode[wire.ChatReply](t, w.Body).Response; got != want {
			t.Errorf("agent %q: %q, want %q", agent, got, want)
		}
	}
	if diff := cmp.Diff([]Message{{Text: " hi ", Agent: "Support Bot"}}, got, cmpopts.IgnoreUnexported(Message{})); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
	defer func() {
		if recover() == nil {
			t.Error("an empty slug is taken")
		}
	}()
	s.HandleAgent("", nil)
}

func TestStream(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		profile Profile
		answer  iter.Seq2[string, error]
		want    string
	}{
		{"documented", Documented, says("Webhooks are ", "<HTTP> \"callbacks\"\n", ""), `data: {"content": "Webhooks are "}

data: {"content": "<HTTP> \"callbacks\"\n"}

data: {"content": ""}

data: [DONE]

`},
		{"live", Live, says("a", "b"), `data: {"content":"a"}

data: {"content":"b"}

data: [DONE]

`},
		{"empty", Documented, says(), "data: [DONE]\n\n"},
		{"cut within characters", Live, says("a\xf0", "\x9f", "", "\x98\x80b", "\xe2\x82", "c", "\xe2"), `data: {"content":"a"}

data: {"content":"😀b"}

data: {"content":"��c"}

data: {"content":"�"}

data: [DONE]

`},
		{"error", Documented, saysThen(errors.New("secret detail"), "a"), `data: {"content": "a"}

data: {"error": {"code": "stream_error", "message": "Stream error occurred"}}

data: [DONE]

`},
		{"live error", Live, saysThen(errors.New("secret detail"), "a"), `data: {"content":"a"}

data: {"error":{"code":"stream_error","message":"Stream error occurred"}}

data: [DONE]

`},
		{"error at once", Documented, saysThen(errors.New("secret detail")), `data: {"error": {"code": "stream_error", "message": "Stream error occurred"}}

data: [DONE]

`},
		{"panic", Documented, func(func(string, error) bool) { panic("secret detail") }, `data: {"error": {"code": "stream_error", "message": "Stream error occurred"}}

data: [DONE]

`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, Config{Profile: tc.profile})
			s.HandleAgent("a", agentOf(tc.answer))
			w := s.send(request{body: `{"message":"hi","agent":"a","stream":true}`})
			if diff := cmp.Diff(tc.want, w.Body.String()); w.Code != 200 || diff != "" {
				t.Errorf("status %d, stream (-want +got):\n%s", w.Code, diff)
			}
			h := w.Header()
			if h.Get("Content-Type") != "text/event-stream" || h.Get("Cache-Control") != "no-cache" ||
				h.Get(wire.HeaderRateLimitRemaining) != "59" || !requestID.MatchString(h.Get(wire.HeaderRequestID)) {
				t.Errorf("header %v", h)
			}
			if !w.Flushed {
				t.Error("not flushed")
			}
		})
	}
}

func TestAgentFailures(t *testing.T) {
	t.Parallel()
	modelError := wire.Error{Code: "model_error", Message: "Failed to get response from agent", Type: "model_error"}
	internal := wire.Error{Code: "internal_error", Message: "Internal server error", Type: "api_error"}
	for _, tc := range []struct {
		name   string
		fn     AgentFunc
		status int
		want   wire.Error
		err    string // in the journal
	}{
		{"error", agentOf(saysThen(errors.New("secret detail"), "a")), 502, modelError, "secret detail"},
		{"error with a key", agentOf(saysThen(errors.New("clw_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6"))), 502, modelError, "clw_a1b2c3d4…"},
		{"panic", agentOf(func(func(string, error) bool) { panic("secret detail") }), 500, internal, "agent panicked: secret detail"},
		{"panic before", func(context.Context, Message) iter.Seq2[string, error] { panic("early") }, 500, internal, "agent panicked: early"},
		{"no answer", agentOf(nil), 500, internal, "agent panicked: runtime error: invalid memory address or nil pointer dereference"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, Config{})
			s.HandleAgent("a", tc.fn)
			checkError(t, s.send(request{body: `{"message":"hi","agent":"a"}`}), tc.status, tc.want)
			if got := s.Requests()[0]; got.Err != tc.err || got.Agent != "a" || got.Status != tc.status {
				t.Errorf("journal has agent %q, status %d, error %q", got.Agent, got.Status, got.Err)
			}
			s.say(t, "still there?")
		})
	}
}

// untilDone is an agent that says a word and then waits for the end of its context.
func untilDone(ctx context.Context, _ Message) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if yield("a", nil) {
			<-ctx.Done()
		}
	}
}

func TestAgentTimeout(t *testing.T) {
	t.Parallel()
	ignorant := func(ctx context.Context, _ Message) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			for yield("a", nil) {
				time.Sleep(40 * time.Second)
			}
		}
	}
	for _, tc := range []struct {
		name string
		fn   AgentFunc
		took time.Duration
		text string
	}{
		{"heeds", untilDone, 60 * time.Second, `data: {"content": "a"}

`},
		{"ignores", ignorant, 80 * time.Second, `data: {"content": "a"}

data: {"content": "a"}

`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newService(t, Config{})
				s.HandleAgent("slow", tc.fn)
				start := time.Now()
				checkError(t, s.send(request{body: `{"message":"hi","agent":"slow"}`}), 504,
					wire.Error{Code: "model_timeout", Message: "The agent took too long to respond", Type: "model_error"})
				if d := time.Since(start); d != tc.took {
					t.Errorf("took %v, want %v", d, tc.took)
				}
				w := s.send(request{body: `{"message":"hi","agent":"slow","stream":true}`})
				want := tc.text + `data: {"error": {"code": "model_timeout", "message": "The agent took too long to respond"}}

data: [DONE]

`
				if diff := cmp.Diff(want, w.Body.String()); diff != "" {
					t.Errorf("stream (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestAgentDelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, Config{Profile: Live, AgentDelay: time.Second})
		start := time.Now()
		s.say(t, "one two three")
		if d := time.Since(start); d != 3*time.Second {
			t.Errorf("four words took %v", d)
		}
		start = time.Now()
		w := s.send(request{body: chatBody(wire.ChatRequest{Message: strings.Repeat("x ", 100)})})
		if d := time.Since(start); w.Code != 200 || d != 100*time.Second {
			t.Errorf("status %d after %v: nothing limits an answer that has begun", w.Code, d)
		}
	})
}

func TestSessions(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{})
	var history []Turn
	s.HandleAgent("a", func(_ context.Context, m Message) iter.Seq2[string, error] {
		history = m.History
		if len(m.History) > 0 {
			m.History[0].Content = "the agent's own copy"
		}
		if m.Text == "fail" {
			return saysThen(errors.New("no"), "x")
		}
		return says("re: ", m.Text)
	})
	chat := func(session, text string, stream bool) {
		s.send(request{body: chatBody(wire.ChatRequest{Message: text, Agent: "a", SessionID: session, Stream: stream})})
	}
	chat("s", "one", false)
	chat("s", "fail", false)
	chat("s", "fail", true)
	chat("other", "else", false)
	chat("", "alone", false)
	if history != nil {
		t.Errorf("a call without a session has the history %v", history)
	}
	chat("s", "two", true)
	chat("s", "three", false)
	want := []Turn{{"user", "the agent's own copy"}, {"assistant", "re: one"}, {"user", "two"}, {"assistant", "re: two"}}
	if diff := cmp.Diff(want, history); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}

	w := s.send(request{body: chatBody(wire.ChatRequest{Message: "built-in", SessionID: "s"})})
	if got := *decode[wire.ChatReply](t, w.Body).Response; !strings.HasPrefix(got, "This is message 4 of our conversation. ") {
		t.Errorf("the built-in agent knows no history: %q", got)
	}
}
