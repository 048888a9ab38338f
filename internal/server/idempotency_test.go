package server

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// counter is an agent that counts its runs, and fails the runs for which fails
// returns true.
type counter struct {
	runs int
	fail func(run int) bool
}

func (c *counter) answer(context.Context, Message) iter.Seq2[string, error] {
	c.runs++
	if c.fail != nil && c.fail(c.runs) {
		return saysThen(errors.New("no"))
	}
	return says(fmt.Sprint("run ", c.runs))
}

func TestReplay(t *testing.T) {
	t.Parallel()
	for _, profile := range []Profile{Documented, Live} {
		t.Run(profile.String(), func(t *testing.T) {
			t.Parallel()
			s := newService(t, Config{Profile: profile})
			var agent counter
			s.HandleAgent("a", agent.answer)
			_, otherKey := s.CreateKey("other", 60)
			header := map[string]string{wire.HeaderIdempotencyKey: "k"}
			first := s.send(request{body: `{"message":"hi","agent":"a","session_id":"s"}`, header: header})
			for _, again := range []request{
				{body: `{"message":"hi","agent":"a","session_id":"s"}`, header: header},
				{body: `{"message":"different","agent":"a"}`, header: header},
				{body: `{"message":"hi","agent":"a"}`, header: header, key: otherKey}, // another key of the same account
				{body: `{"message":"hi","agent":"a","stream":true}`, header: header},
			} {
				w := s.send(again)
				same := cmp.Equal(maskJSON(t, w.Body.String(), nil), maskJSON(t, first.Body.String(), nil)) // in profile Live the members have another order
				if w.Code != 200 || !same || w.Header().Get(wire.HeaderIdempotencyReplay) != "true" {
					t.Errorf("status %d, header %v, body %s", w.Code, w.Header(), w.Body)
				}
				if w.Header().Get(wire.HeaderRequestID) == first.Header().Get(wire.HeaderRequestID) {
					t.Error("the header has the first request's id")
				}
				if got := w.Header().Get(wire.HeaderRateLimitLimit) != ""; got != (profile == Documented) {
					t.Errorf("X-RateLimit headers: %v", got)
				}
			}
			if first.Header().Get(wire.HeaderIdempotencyReplay) != "" || agent.runs != 1 {
				t.Errorf("%d runs, first header %v", agent.runs, first.Header())
			}
			if got := s.Requests()[1].Agent; got != "" {
				t.Errorf("the journal says that %q ran for a replay", got)
			}
			if w := s.send(request{body: `{"message":"hi","agent":"a"}`}); w.Header().Get(wire.HeaderRateLimitRemaining) != "55" {
				t.Errorf("remaining %s: replays are not counted", w.Header().Get(wire.HeaderRateLimitRemaining))
			}
		})
	}
}

func TestOnlySuccessesAreStored(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"message":"hi","agent":"a"}`, `{"message":"hi","agent":"a","stream":true}`} {
		s := newService(t, Config{})
		agent := counter{fail: func(run int) bool { return run == 1 }}
		s.HandleAgent("a", agent.answer)
		header := map[string]string{wire.HeaderIdempotencyKey: "k"}
		s.send(request{body: body, header: header})
		w := s.send(request{body: `{"message":"hi","agent":"a"}`, header: header})
		if w.Code != 200 || w.Header().Get(wire.HeaderIdempotencyReplay) != "" || agent.runs != 2 {
			t.Errorf("after a failure: status %d, header %v, %d runs", w.Code, w.Header(), agent.runs)
		}
	}
	s := newService(t, Config{})
	var agent counter
	s.HandleAgent("a", agent.answer)
	for range 2 {
		s.send(request{body: `{"message":"hi","agent":"a","stream":true}`, header: map[string]string{wire.HeaderIdempotencyKey: "k"}})
	}
	if agent.runs != 2 {
		t.Errorf("two streams under one key: %d runs", agent.runs)
	}
}

func TestKeyInFlight(t *testing.T) {
	t.Parallel()
	for _, first := range []string{`{"message":"hi","agent":"slow"}`, `{"message":"hi","agent":"slow","stream":true}`} {
		synctest.Test(t, func(t *testing.T) {
			s := newService(t, Config{})
			s.HandleAgent("slow", func(context.Context, Message) iter.Seq2[string, error] {
				time.Sleep(10 * time.Second)
				return says("at last")
			})
			header := map[string]string{wire.HeaderIdempotencyKey: "k"}
			go s.send(request{body: first, header: header})
			synctest.Wait()
			checkError(t, s.send(request{body: first, header: header}), 409,
				wire.Error{Code: "request_in_progress", Message: "A request with this idempotency key is in progress", Type: "api_error"})
			time.Sleep(10 * time.Second)
			synctest.Wait()
			if w := s.send(request{body: first, header: header}); w.Code != 200 {
				t.Errorf("afterwards: status %d", w.Code)
			}
		})
	}
}

func TestRepliesExpire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, Config{})
		var agent counter
		s.HandleAgent("a", agent.answer)
		send := func(key string) {
			s.send(request{body: `{"message":"hi","agent":"a"}`, header: map[string]string{wire.HeaderIdempotencyKey: key}})
		}
		send("k")
		time.Sleep(24*time.Hour - 1)
		send("k")
		if agent.runs != 1 {
			t.Errorf("forgotten before 24 hours: %d runs", agent.runs)
		}
		time.Sleep(time.Nanosecond)
		send("k")
		if agent.runs != 2 {
			t.Errorf("not forgotten after 24 hours: %d runs", agent.runs)
		}
		send("as old")
		time.Sleep(24 * time.Hour)
		send("another")
		if n, m := len(s.state.replies.byKey), len(s.state.replies.stored); n != 1 || m != 1 {
			t.Errorf("%d keys and %d replies are kept, want 1 and 1", n, m)
		}
	})
}

// Two requests with one idempotency key run at the same time. In profile Documented
// the second is refused. In profile Live both run the agent, and the answer that is
// finished last is stored.
func TestConcurrentRepeats(t *testing.T) {
	t.Parallel()
	for profile, want := range map[Profile]struct {
		statuses []int
		stored   string
	}{
		Documented: {[]int{200, 409}, "first"},
		Live:       {[]int{200, 200}, "second"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newService(t, Config{Profile: profile})
			s.HandleAgent("slow", func(ctx context.Context, m Message) iter.Seq2[string, error] {
				s.Sleep(ctx, 10*time.Second)
				return says(m.Text)
			})
			header := map[string]string{wire.HeaderIdempotencyKey: "k"}
			chat := func(text string) request {
				return request{body: chatBody(wire.ChatRequest{Message: text, Agent: "slow"}), header: header}
			}
			statuses := make([]int, 2)
			for i, text := range []string{"first", "second"} {
				go func() { statuses[i] = s.send(chat(text)).Code }()
				time.Sleep(time.Second)
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			again := s.send(chat("third"))
			if diff := cmp.Diff(want.statuses, statuses); diff != "" {
				t.Errorf("%v (-want +got):\n%s", profile, diff)
			}
			if got := *decode[wire.ChatReply](t, again.Body).Response; got != want.stored {
				t.Errorf("%v: %q is stored, want %q", profile, got, want.stored)
			}
			if n := len(s.state.replies.stored); n != 1 {
				t.Errorf("%v: %d replies are stored", profile, n)
			}
		})
	}
}

// In profile Live, a reply that the database cannot store is not stored.
func TestUnstorableReply(t *testing.T) {
	t.Parallel()
	for profile, want := range map[Profile]bool{Documented: true, Live: false} {
		s := newService(t, Config{Profile: profile})
		s.HandleAgent("a", agentOf(says("a\x00b")))
		chat := request{body: `{"message":"hi","agent":"a"}`, header: map[string]string{wire.HeaderIdempotencyKey: "k"}}
		s.send(chat)
		if got := s.send(chat).Header().Get(wire.HeaderIdempotencyReplay) != ""; got != want {
			t.Errorf("%v: replayed %v", profile, got)
		}
	}
}
