package server

import (
	"context"
	"iter"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// In profile Documented, an agent stops when its client hangs up. In profile Live it
// goes on: its answer is stored under the idempotency key, counted, and sent to
// webhooks.
func TestHangUp(t *testing.T) {
	t.Parallel()
	type after struct {
		Finished bool
		Replayed bool  // of the next call with the idempotency key
		Requests int64 // in the usage of the API key
		Events   []string
	}
	for _, tc := range []struct {
		profile Profile
		body    string
		want    after
	}{
		{Documented, `{"message":"hi","agent":"slow"}`, after{}},
		{Documented, `{"message":"hi","agent":"slow","stream":true}`, after{Requests: 1}}, // its reply had begun
		{Live, `{"message":"hi","agent":"slow"}`, after{Finished: true, Replayed: true, Requests: 1, Events: []string{wire.EventAPIRequest}}},
		{Live, `{"message":"hi","agent":"slow","stream":true}`, after{Finished: true, Requests: 1, Events: []string{wire.EventAPIRequest}}},
	} {
		t.Run(tc.profile.String()+" "+tc.body, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var got after
				s := newService(t, Config{Profile: tc.profile})
				s.HandleAgent("slow", func(ctx context.Context, _ Message) iter.Seq2[string, error] {
					return func(yield func(string, error) bool) {
						if !yield("one ", nil) || s.Sleep(ctx, 10*time.Second) != nil || !yield("two", nil) {
							return
						}
						got.Finished = true
					}
				})
				s.DeliverTo(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					got.Events = append(got.Events, r.Header.Get(wire.HeaderWebhookEvent))
				}))
				s.send(request{path: "/api/webhooks", body: `{"url":"https://hooks.example.com/x","events":["api.request"]}`})

				ctx, hangUp := context.WithCancel(t.Context())
				header := map[string]string{wire.HeaderIdempotencyKey: "k"}
				go s.outcome(request{body: tc.body, header: header, leave: ctx})
				synctest.Wait()
				hangUp()
				time.Sleep(time.Minute)
				synctest.Wait()

				usage := decode[wire.Usage](t, s.send(request{method: "GET", path: "/api/v1/usage"}).Body)
				got.Requests = usage.Totals.Requests
				before := got
				before.Events = slices.Clone(got.Events)
				before.Replayed = s.send(request{body: `{"message":"hi","agent":"slow"}`, header: header}).Header().Get(wire.HeaderIdempotencyReplay) != ""
				if diff := cmp.Diff(tc.want, before); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}

// The same holds for a message of a thread.
func TestHangUpOnAThread(t *testing.T) {
	t.Parallel()
	for profile, want := range map[Profile][]string{Documented: {"hi"}, Live: {"hi", "yes"}} {
		synctest.Test(t, func(t *testing.T) {
			s := newService(t, Config{Profile: profile})
			s.HandleAgent("slow", func(ctx context.Context, _ Message) iter.Seq2[string, error] {
				return func(yield func(string, error) bool) {
					if err := s.Sleep(ctx, 10*time.Second); err != nil {
						yield("", err)
						return
					}
					yield("yes", nil)
				}
			})
			thread := newThread(t, s, `{"agent":"slow"}`).ID
			ctx, hangUp := context.WithCancel(t.Context())
			path := "/api/v1/threads/" + thread + "/messages"
			go s.outcome(request{path: path, body: hi, leave: ctx})
			synctest.Wait()
			hangUp()
			time.Sleep(time.Minute)
			var got []string
			for _, m := range get[wire.MessageList](t, s, "/v1/threads/"+thread+"/messages").Messages {
				got = append(got, m.Content)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%v (-want +got):\n%s", profile, diff)
			}
		})
	}
}

// The agent's time limit is for the whole answer or, in profile Live, for the first
// chunk and, in a stream, again for the rest.
func TestTimeLimits(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		profile Profile
		stream  bool
		chunks  []time.Duration // waits before the chunks
		took    time.Duration
		status  int
		timeout bool
	}{
		{"plain", Documented, false, []time.Duration{50 * time.Second, 9 * time.Second}, 59 * time.Second, 200, false},
		{"plain, the rest", Documented, false, []time.Duration{50 * time.Second, 50 * time.Second}, time.Minute, 504, true},
		{"stream, the rest", Documented, true, []time.Duration{50 * time.Second, 50 * time.Second}, time.Minute, 200, true},
		{"plain", Live, false, []time.Duration{50 * time.Second, 5 * time.Minute}, 50*time.Second + 5*time.Minute, 200, false},
		{"plain, the beginning", Live, false, []time.Duration{2 * time.Minute}, time.Minute, 504, true},
		{"stream", Live, true, []time.Duration{50 * time.Second, 50 * time.Second}, 100 * time.Second, 200, false},
		{"stream, the rest", Live, true, []time.Duration{41 * time.Second, 30 * time.Second, time.Minute}, 101 * time.Second, 200, true},
		{"stream, the beginning", Live, true, []time.Duration{2 * time.Minute}, time.Minute, 504, true},
	} {
		t.Run(tc.profile.String()+" "+tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newService(t, Config{Profile: tc.profile})
				s.HandleAgent("slow", func(ctx context.Context, _ Message) iter.Seq2[string, error] {
					return func(yield func(string, error) bool) {
						for _, wait := range tc.chunks {
							if s.Sleep(ctx, wait) != nil || !yield("x", nil) {
								return
							}
						}
					}
				})
				start := time.Now()
				w := s.send(request{body: chatBody(wire.ChatRequest{Message: "hi", Agent: "slow", Stream: tc.stream})})
				if took := time.Since(start); took != tc.took || w.Code != tc.status {
					t.Errorf("status %d after %v, want %d after %v", w.Code, took, tc.status, tc.took)
				}
				if got := strings.Contains(w.Body.String(), "model_timeout"); got != tc.timeout {
					t.Errorf("timed out %v, want %v: %s", got, tc.timeout, w.Body)
				}
			})
		})
	}
}
