package clawhqtest_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go/clawhqtest"
)

// untilDone is an agent that says a word, waits for the end of its context, and
// reports that it has ended.
func untilDone(ended chan<- error) clawhqtest.AgentFunc {
	return func(ctx context.Context, _ clawhqtest.Message) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			if yield("a", nil) {
				<-ctx.Done()
			}
			ended <- ctx.Err()
		}
	}
}

func TestClientThatLeavesEndsTheAgent(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"message":"hi","agent":"slow"}`, `{"message":"hi","agent":"slow","stream":true}`} {
		synctest.Test(t, func(t *testing.T) {
			ended := make(chan error, 1)
			s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory(), clawhqtest.WithAgent("slow", untilDone(ended)))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			start := time.Now()
			res, err := post(ctx, s, body)
			if err == nil {
				_, err = io.ReadAll(res.Body)
				res.Body.Close()
			}
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
			if err := <-ended; err != context.Canceled || time.Since(start) != time.Second {
				t.Errorf("the agent ended after %v with %v", time.Since(start), err)
			}
			synctest.Wait()
			if got := s.Requests()[0]; got.Err == "" || got.Duration != time.Second {
				t.Errorf("journal has error %q after %v", got.Err, got.Duration)
			}
		})
	}
}

// Close ends everything at once, even clients that neither send nor read any more.
// Nothing is left: otherwise the bubble would not end.
func TestCloseLeavesNothing(t *testing.T) {
	t.Parallel()
	flood := func(context.Context, clawhqtest.Message) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			for yield(strings.Repeat("x", 1000), nil) {
			}
		}
	}
	for _, tc := range []struct {
		name string
		// begin returns while its request is being served.
		begin func(*testing.T, *clawhqtest.Server)
		took  time.Duration
	}{
		{"nothing", func(*testing.T, *clawhqtest.Server) {}, 0},
		{"idle", func(t *testing.T, s *clawhqtest.Server) {
			res, err := post(t.Context(), s, `{"message":"hi"}`)
			read(t, res, err)
		}, 0},
		{"stalled", func(t *testing.T, s *clawhqtest.Server) {
			s.Inject(clawhqtest.FaultStreamStall(1))
			res, err := post(context.Background(), s, stream)
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				defer res.Body.Close()
				b, err := io.ReadAll(res.Body)
				if !strings.HasSuffix(string(b), `"message": "the server is shutting down"}}`+"\n\ndata: [DONE]\n\n") || err != nil {
					t.Errorf("the stream ends with %q, %v", b, err)
				}
			}()
		}, 0},
		{"unread", func(t *testing.T, s *clawhqtest.Server) {
			s.HandleAgent("flood", flood)
			res, err := post(context.Background(), s, `{"message":"hi","agent":"flood","stream":true}`)
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				<-t.Context().Done()
				res.Body.Close()
			}()
		}, time.Second},
		{"unsent", func(t *testing.T, s *clawhqtest.Server) {
			body, unsent := io.Pipe()
			go func() {
				<-t.Context().Done()
				unsent.Close()
			}()
			go func() {
				if res, err := s.HTTPClient().Post(s.URL()+"/v1/chat", "", body); err == nil {
					res.Body.Close()
					t.Errorf("status %d for half a request", res.StatusCode)
				}
			}()
		}, time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := clawhqtest.NewServer(clawhqtest.WithInMemory())
				tc.begin(t, s)
				synctest.Wait()
				start := time.Now()
				s.Close()
				if d := time.Since(start); d != tc.took {
					t.Errorf("Close took %v, want %v", d, tc.took)
				}
			})
		})
	}
}

// Chats go on while keys are created and revoked. No chat is answered that begins
// after RevokeKey has returned.
func TestRevocationUnderLoad(t *testing.T) {
	t.Parallel()
	s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
	const chatters, rounds = 50, 20

	// A key's lock is held for writing while the key is revoked, so that a chat knows
	// whether it began before or after that.
	type entry struct {
		sync.RWMutex
		id, key string
		revoked bool
	}
	create := func() *entry {
		id, key := s.CreateKey("k", 1_000_000)
		return &entry{id: id, key: key}
	}
	var mu sync.Mutex
	current := create()

	done := make(chan struct{})
	var wg sync.WaitGroup
	for i := range chatters {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				mu.Lock()
				e := current
				mu.Unlock()
				e.RLock()
				revoked := e.revoked
				e.RUnlock()
				body := `{"message":"hi","session_id":"s"}`
				if i%2 == 0 {
					body = stream
				}
				res, err := postTo(context.Background(), s, s.URL()+"/v1/chat", e.key, body)
				if err != nil {
					t.Error(err)
					return
				}
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
				switch res.StatusCode {
				case http.StatusUnauthorized:
					continue
				case http.StatusOK, http.StatusTooManyRequests: // 429 is possible while the tier is 300
					if !revoked {
						continue
					}
				}
				t.Errorf("status %d, key revoked before: %v", res.StatusCode, revoked)
			}
		})
	}
	manage := func(method, id, body string) {
		req, err := http.NewRequest(method, s.URL()+"/keys/"+id, strings.NewReader(body))
		if err != nil {
			t.Error(err)
			return
		}
		req.AddCookie(&http.Cookie{Name: "session", Value: s.Session()})
		res, err := s.HTTPClient().Do(req)
		if err != nil {
			t.Error(err)
			return
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", method, res.Status)
		}
	}
	for round := range rounds {
		e := current
		next := create()
		if round%2 == 0 {
			manage(http.MethodPatch, e.id, `{"rate_limit_per_min":300}`)
			s.SetRateLimit(e.id, 1_000_000)
		}
		e.Lock()
		if round%2 == 0 {
			manage(http.MethodDelete, e.id, "")
		} else {
			s.RevokeKey(e.id)
		}
		e.revoked = true
		e.Unlock()
		mu.Lock()
		current = next
		mu.Unlock()
	}
	close(done)
	wg.Wait()
}
