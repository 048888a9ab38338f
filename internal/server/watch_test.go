package server

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Who follows the journal sees the latest requests that match, and then each step of
// those that come.
func TestFollowRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, Config{})
		s.HandleAgent("slow", func(context.Context, Message) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) {
				time.Sleep(time.Second)
				yield("well", nil)
				time.Sleep(time.Second)
			}
		})
		for i := range 3 {
			s.send(request{path: fmt.Sprint("/api/v1/", i)})
		}
		ctx, stop := context.WithCancel(t.Context())
		var seen []string
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for r := range s.FollowRequests(ctx, 2, func(r Request) bool { return r.Path != "/api/v1/2" }) {
				seen = append(seen, fmt.Sprintf("%s %d %s %v", r.Path, r.Status, r.Agent, r.Duration))
			}
		}()
		synctest.Wait()
		s.send(request{path: "/api/v1/2"})
		s.send(request{body: `{"message": "hi", "agent": "slow", "stream": true}`})
		synctest.Wait()
		want := []string{
			"/api/v1/0 404  1ns", "/api/v1/1 404  1ns", // within one tick of the clock; 0 would be under way
			"/api/v1/chat 200 slow 0s", // its beginning and that of its reply are one look
			"/api/v1/chat 200 slow 2s",
		}
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Errorf("seen (-want +got):\n%s", diff)
		}
		stop()
		<-ended
		for r := range s.FollowRequests(ctx, 10, nil) {
			t.Errorf("after the context's end: %s", r.Path)
		}
		for range s.FollowRequests(t.Context(), 10, nil) {
			break // it ends
		}
	})
}

// For one who follows and does not read waits only what the journal has: nothing that
// was dropped, also not of a call that goes on after that.
func TestFollowWithoutReading(t *testing.T) {
	t.Parallel()
	for name, drop := range map[string]func(service){
		"limit": func(s service) {
			for i := range 100 {
				s.send(request{path: fmt.Sprint("/api/v1/", i)})
			}
		},
		"clear": func(s service) { s.ClearRequests() },
		"reset": func(s service) { s.Reset() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t, Config{Limits: Limits{JournalEntries: 3}})
				s.HandleAgent("slow", func(context.Context, Message) iter.Seq2[string, error] {
					return func(yield func(string, error) bool) {
						time.Sleep(time.Second)
						yield("well", nil)
					}
				})
				next, stop := iter.Pull(s.FollowRequests(t.Context(), 10, nil))
				defer stop()
				s.send(request{path: "/api/v1/first"})
				next()
				waiting := func() (paths []string) {
					s.mu.Lock()
					defer s.mu.Unlock()
					if len(s.watchers) != 1 {
						t.Errorf("%d watchers", len(s.watchers))
					}
					for w := range s.watchers {
						for e := range w.changed {
							if !slices.Contains(s.state.journal, e) {
								paths = append(paths, e.Path)
							}
						}
					}
					return paths
				}
				go s.send(request{body: `{"message": "hi", "agent": "slow", "stream": true}`})
				synctest.Wait()
				drop(s)
				if paths := waiting(); paths != nil {
					t.Errorf("%q wait", paths)
				}
				time.Sleep(time.Minute)
				if paths := waiting(); paths != nil {
					t.Errorf("when the call has ended: %q wait", paths)
				}
			})
		})
	}
}

// Changes are told in the order of arrival.
func TestFollowInOrder(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{})
	s.send(request{path: "/api/v1/first"})
	next, stop := iter.Pull(s.FollowRequests(t.Context(), 1, nil))
	defer stop()
	next()
	var want, got []string
	for i := range 50 {
		s.send(request{path: fmt.Sprint("/api/v1/", i)})
		want = append(want, fmt.Sprint("/api/v1/", i))
	}
	for range want {
		r, _ := next()
		got = append(got, r.Path)
	}
	if !slices.Equal(want, got) {
		t.Errorf("got %q", got)
	}
}

// Who waits copies what was found once, not at each change of the journal.
func TestWaitRequestsCopiesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, Config{})
		const requests, wakes = 1000, 10
		for range requests {
			s.send(request{method: "GET", path: "/api/v1/health", auth: "-"})
		}
		ctx, stop := context.WithCancel(t.Context())
		found := make(chan []Request)
		go func() {
			got, _ := s.WaitRequests(ctx, requests+1, func(r Request) bool { return r.Method == "GET" })
			found <- got
		}()
		synctest.Wait()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range wakes {
			s.send(request{path: "/api/v1/none"})
			synctest.Wait()
		}
		runtime.ReadMemStats(&after)
		if n := (after.Mallocs - before.Mallocs) / wakes; n > requests {
			t.Errorf("%d allocations at each change", n)
		}
		stop()
		if got := <-found; len(got) != requests {
			t.Errorf("%d were found", len(got))
		}
	})
}
