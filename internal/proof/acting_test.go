package proof_test

import (
	"context"
	"errors"
	"iter"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
)

// An actor is an agent that acts when its time has come, unless it is stopped.
type actor struct {
	server        *clawhqtest.Server
	takes         time.Duration
	asked, acted  int
	beforeAnswers bool // nothing of the answer comes before it acts
}

func (a *actor) answer(ctx context.Context, _ clawhqtest.Message) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		a.asked++
		if !a.beforeAnswers && !yield("I am ", nil) {
			return
		}
		if err := a.server.Sleep(ctx, a.takes); err != nil {
			yield("", err)
			return
		}
		a.acted++
		yield("done", nil)
	}
}

// acting runs f beside an agent that takes so long, in a server of each profile.
func acting(t *testing.T, takes time.Duration, f func(t *testing.T, live bool, a *actor, client *clawhq.Client)) {
	for _, profile := range []clawhqtest.Profile{clawhqtest.Documented, clawhqtest.Live} {
		t.Run(profile.String(), func(t *testing.T) {
			t.Parallel()
			testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
				a := &actor{server: s, takes: takes}
				s.HandleAgent("actor", a.answer)
				f(t, profile == clawhqtest.Live, a, s.Client(clawhq.WithAttemptTimeout(1500*time.Millisecond)))
			}, clawhqtest.WithProfile(profile))
		})
	}
}

var (
	act   = clawhq.ChatRequest{Message: "file a ticket", Agent: "actor"}
	alone = clawhq.WithCallRetry(clawhq.RetryPolicy{MaxAttempts: 1})
)

// rest lets every agent that was not stopped come to its end.
func rest() {
	time.Sleep(time.Minute)
	synctest.Wait()
}

// The statements of docs/acting-agents.md follow, each in both profiles.

// While the first attempt runs, a repeat runs the agent again.
func TestRepeatWhileTheAgentRuns(t *testing.T) {
	t.Parallel()
	acting(t, 2500*time.Millisecond, func(t *testing.T, live bool, a *actor, client *clawhq.Client) {
		resp, err := client.Chat(t.Context(), act)
		rest()
		switch {
		case live && (err != nil || resp.Response != "I am done" || a.acted < 2):
			t.Errorf("%+v, %v; acted %d times", resp, err, a.acted)
		case !live && (!errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, context.DeadlineExceeded) || a.asked < 2 || a.acted != 0):
			t.Errorf("%v; asked %d times, acted %d times: hanging up stops the agent", err, a.asked, a.acted)
		}
	})
}

// An attempt that is not given up is not repeated.
func TestPatientAttempt(t *testing.T) {
	t.Parallel()
	acting(t, 2500*time.Millisecond, func(t *testing.T, _ bool, a *actor, client *clawhq.Client) {
		patient := a.server.Client(clawhq.WithAttemptTimeout(10 * time.Second))
		if resp, err := patient.Chat(t.Context(), act); err != nil || resp.Response != "I am done" {
			t.Errorf("%+v, %v", resp, err)
		}
		rest()
		if a.acted != 1 {
			t.Errorf("acted %d times", a.acted)
		}
	})
}

// With one attempt the agent runs once at most, and the error leaves open whether it
// has.
func TestOneAttempt(t *testing.T) {
	t.Parallel()
	acting(t, 2500*time.Millisecond, func(t *testing.T, live bool, a *actor, client *clawhq.Client) {
		if _, err := client.Chat(t.Context(), act, alone); err == nil {
			t.Error("no error")
		}
		rest()
		if a.asked != 1 || (a.acted == 1) != live {
			t.Errorf("asked %d times, acted %d times", a.asked, a.acted)
		}
	})
}

// An agent that acts and then fails, or takes more than a minute to begin, is run
// again, also with the same idempotency key.
func TestFailedAgentRunsAgain(t *testing.T) {
	t.Parallel()
	for _, stream := range []bool{false, true} {
		acting(t, 2*time.Minute, func(t *testing.T, live bool, a *actor, _ *clawhq.Client) {
			a.beforeAnswers = true
			runs := 0
			a.server.HandleAgent("fails", func(context.Context, clawhqtest.Message) iter.Seq2[string, error] {
				return func(yield func(string, error) bool) { runs++; yield("", errors.New("after it has acted")) }
			})
			client := a.server.Client(clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 2}))
			for agent, ran := range map[string]*int{"fails": &runs, "actor": &a.asked} {
				req := clawhq.ChatRequest{Message: "file a ticket", Agent: agent}
				var err error
				if stream {
					_, err = clawhq.CollectText(client.ChatStream(t.Context(), req))
				} else {
					_, err = client.Chat(t.Context(), req)
				}
				var failed *clawhq.AgentError
				if !stream && !errors.As(err, &failed) || err == nil || *ran != 2 {
					t.Errorf("stream %t: the agent %s ran %d times, want 2: %v", stream, agent, *ran, err)
				}
			}
		})
	}
}

// Asked again with its own key once the agent has finished, the service has the
// answer, and the agent does not run again.
func TestOwnIdempotencyKey(t *testing.T) {
	t.Parallel()
	acting(t, 2500*time.Millisecond, func(t *testing.T, live bool, a *actor, client *clawhq.Client) {
		key := clawhq.WithIdempotencyKey("ticket-4711")
		if _, err := client.Chat(t.Context(), act, alone, key); err == nil {
			t.Error("no error")
		}
		rest()
		var info clawhq.ResponseInfo
		patient := a.server.Client(clawhq.WithAttemptTimeout(10 * time.Second)) // another process, perhaps
		resp, err := patient.Chat(t.Context(), act, alone, key, clawhq.WithResponseInfo(&info))
		if err != nil || resp.Response != "I am done" || info.Replayed != live || a.acted != 1 {
			t.Errorf("%+v, %v; replayed %v, acted %d times", resp, err, info.Replayed, a.acted)
		}
	})
}

// Leaving a stream ends the request; live the agent goes on.
func TestLeftStream(t *testing.T) {
	t.Parallel()
	acting(t, 2500*time.Millisecond, func(t *testing.T, live bool, a *actor, client *clawhq.Client) {
		for chunk, err := range client.ChatStream(t.Context(), act) {
			if err != nil || chunk.Content != "I am " {
				t.Errorf("%+v, %v", chunk, err)
			}
			break
		}
		rest()
		if a.asked != 1 || (a.acted == 1) != live {
			t.Errorf("asked %d times, acted %d times", a.asked, a.acted)
		}
	})
}

// A stream is not stored: each attempt before its first chunk runs the agent.
func TestRepeatedStream(t *testing.T) {
	t.Parallel()
	acting(t, 5*time.Second, func(t *testing.T, live bool, a *actor, _ *clawhq.Client) {
		a.beforeAnswers = true
		client := a.server.Client(clawhq.WithAttemptTimeout(2*time.Second), clawhq.WithStreamIdleTimeout(2*time.Second))
		for range client.ChatStream(t.Context(), act) { // it falls silent before the first chunk
		}
		rest()
		if a.asked < 2 || live && a.acted != a.asked || !live && a.acted != 0 {
			t.Errorf("asked %d times, acted %d times", a.asked, a.acted)
		}
	})
}

// The calls that the service's own SDKs document work in both profiles, members that
// it ignores included, as far as they do on the service.
func TestCallsOfOtherSDKs(t *testing.T) {
	t.Parallel()
	for _, profile := range []clawhqtest.Profile{clawhqtest.Documented, clawhqtest.Live} {
		s := clawhqtest.NewTestServer(t, clawhqtest.WithProfile(profile), clawhqtest.WithInMemory())
		client := s.Client()
		agents, err := client.Agents.List(t.Context(), clawhq.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		post := func(path string, body map[string]any, into any) error {
			return client.Do(t.Context(), "POST", path, body, into)
		}
		var chat struct{ Response string }
		if err := post("/v1/chat", map[string]any{"message": "hi", "response_format": map[string]any{"type": "json"}, "tools": []any{}, "moderation": true, "cache_key": "k"}, &chat); err != nil || chat.Response == "" {
			t.Errorf("%v, chat: %+v, %v", profile, chat, err)
		}
		err = post("/v1/chat", map[string]any{"message": "hi", "agent": agents.Items[0].ID}, &chat)
		if live := profile == clawhqtest.Live; (err == nil) == live || live && !errors.Is(err, clawhq.CodeAgentNotFound) {
			t.Errorf("%v, an agent by its id: %v", profile, err) // on the reference page; the service does not know it
		}
		var thread struct {
			Thread   struct{ ID, Agent string }
			Response string
		}
		if err := post("/v1/threads", map[string]any{"agent": "default", "title": "t", "message": "hi", "metadata": map[string]any{"a": 1}}, &thread); err != nil ||
			thread.Thread.Agent != "default" || (thread.Response != "") != (profile == clawhqtest.Documented) {
			t.Errorf("%v, thread: %+v, %v", profile, thread, err)
		}
		if err := post("/v1/threads/"+thread.Thread.ID+"/messages", map[string]any{"message": "hi", "stream": false}, &chat); err != nil {
			t.Errorf("%v, message: %v", profile, err)
		}
		if err := post("/v1/chat/batch", map[string]any{"requests": []any{map[string]any{"custom_id": "a", "message": "hi", "agent": "default"}}}, nil); err != nil {
			t.Errorf("%v, batch: %v", profile, err)
		}
	}
}
