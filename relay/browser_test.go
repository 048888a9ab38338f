package relay_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/relay"
)

// The agent stops when the browser leaves, also while it is silent, and also
// if the handler has not read the request's body.
func TestBrowserLeaves(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		body   io.Reader // chunked, since its length is not known
		chunks []string
	}{
		{"before the first chunk", nil, nil},
		{"before the first chunk, body not read", struct{ io.Reader }{strings.NewReader("{}")}, nil},
		{"after a chunk", nil, []string{"one"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, relay.Options{}, func(t *testing.T, a *app) {
				stopped := make(chan struct{})
				a.service.HandleAgent("support-bot", waits(stopped, tt.chunks...))
				ctx, leave := context.WithTimeout(t.Context(), 5*time.Second)
				defer leave()
				req, err := http.NewRequestWithContext(ctx, "POST", "http://app.test/ask", tt.body)
				if err != nil {
					t.Fatal(err)
				}
				left := time.Now().Add(5 * time.Second)
				if resp, err := a.browser.Do(req); err == nil {
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				<-stopped
				endsSoon(t, a.ended, left)
			})
		})
	}
}

// Over HTTP/2, as browsers have it, everything holds as well: pieces arrive at
// once, the server's timeouts do not bound an answer, and the agent stops when
// the browser leaves.
func TestHTTP2(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var protocols http.Protocols
		protocols.SetUnencryptedHTTP2(true)
		ended := make(chan error, 1)
		browser := listen(t, &http.Server{
			Protocols:    &protocols,
			ReadTimeout:  5 * time.Second,
			WriteTimeout: 5 * time.Second,
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ended <- relay.SSE(w, r, func(yield func(clawhq.ChatChunk, error) bool) {
					for _, text := range []string{"one", "two"} {
						time.Sleep(40 * time.Second)
						yield(clawhq.ChatChunk{Content: text}, nil)
					}
					<-r.Context().Done()
					yield(clawhq.ChatChunk{}, r.Context().Err())
				}, relay.Options{Heartbeat: -1})
			}),
		})
		browser.Transport.(*http.Transport).Protocols = &protocols
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		req, err := http.NewRequestWithContext(ctx, "GET", "http://app.test/", nil)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		resp, err := browser.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.ProtoMajor != 2 {
			t.Errorf("got %s, want HTTP/2", resp.Proto)
		}
		for i, want := range []string{"id: 1\ndata: {\"content\":\"one\"}\n\n", "id: 2\ndata: {\"content\":\"two\"}\n\n"} {
			piece := make([]byte, 64)
			n, err := resp.Body.Read(piece)
			if string(piece[:n]) != want || err != nil {
				t.Errorf("got %q, %v; want %q", piece[:n], err, want)
			}
			if took, want := time.Since(start), time.Duration(i+1)*40*time.Second; took != want {
				t.Errorf("piece %d took %v, want %v", i+1, took, want)
			}
		}
		left := time.Now()
		leave()
		endsSoon(t, ended, left)
	})
}

// endsSoon waits for the end of a relay that the browser left.
func endsSoon(t *testing.T, ended <-chan error, left time.Time) {
	t.Helper()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("SSE returned %v, want context.Canceled", err)
	}
	if late := time.Since(left); late > time.Second {
		t.Errorf("the agent was stopped %v after the browser left, want 1 s at most", late)
	}
}

// A sequence that does not heed the request's context ends with its next chunk.
func TestBrowserLeavesDeafSequence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, leave := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer leave()
		rec := httptest.NewRecorder()
		start := time.Now()
		err := relay.SSE(rec, httptest.NewRequestWithContext(ctx, "GET", "/", nil), slowly(time.Second, "one", "two", "three"), relay.Options{})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got error %v, want that of the request's context", err)
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("took %v, want 2 s", took)
		}
		if !strings.Contains(rec.Body.String(), "event: failure") {
			t.Errorf("got %s, want a failure", rec.Body)
		}
	})
}

// failing is a ResponseWriter of a connection that is gone.
type failing struct{ http.ResponseWriter }

func (failing) Write([]byte) (int, error) { return 0, errGone }

var errGone, errOwn, errCause = errors.New("connection reset"), errors.New("the agent has failed"), errors.New("the app shuts down")

func withCause(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	return ctx, func() { cancel(errCause) }
}

// Whatever fails when the browser has left, the error says that it has.
func TestErrorAfterBrowserLeft(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		end   func(context.Context) (context.Context, context.CancelFunc) // of the request's context
		seq   answer
		write bool // fails
		want  []error
	}{
		{"sequence with an error of its own", context.WithCancel, says(errOwn), false, []error{context.Canceled, errOwn}},
		{"sequence with the context's error", context.WithCancel, says(context.Canceled), false, []error{context.Canceled}},
		{"sequence that goes on", context.WithCancel, says(nil, "one"), false, []error{context.Canceled}},
		{"sequence that ends", context.WithCancel, says(nil), true, []error{context.Canceled, errGone}},
		{"context not ended yet", nil, says(nil, "one"), true, []error{context.Canceled, errGone}},
		{"context not ended yet, last event", nil, says(nil), true, []error{context.Canceled, errGone}},
		{"cause", withCause, says(errOwn, "one"), false, []error{context.Canceled, errCause}},
		{"cause, write", withCause, says(nil), true, []error{context.Canceled, errCause, errGone}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			if tt.end != nil {
				var leave context.CancelFunc
				ctx, leave = tt.end(ctx)
				leave()
			}
			var w http.ResponseWriter = httptest.NewRecorder()
			if tt.write {
				w = failing{w}
			}
			err := relay.SSE(w, httptest.NewRequestWithContext(ctx, "GET", "/", nil), tt.seq, relay.Options{})
			for _, want := range tt.want {
				if !errors.Is(err, want) {
					t.Errorf("SSE returned %v, want %v in it", err, want)
				}
			}
		})
	}
	t.Run("failure of the agent", func(t *testing.T) {
		t.Parallel()
		if _, err := ask(t, says(errOwn), relay.Options{}); err != errOwn {
			t.Errorf("SSE returned %v to a browser that stays, want %v", err, errOwn)
		}
	})
}

// A browser that stays but takes nothing does not hold the agent for ever.
func TestBrowserTakesNothing(t *testing.T) {
	t.Parallel()
	for timeout, want := range map[time.Duration]time.Duration{3 * time.Second: 3 * time.Second, 0: 10 * time.Second} {
		bubble(t, relay.Options{WriteTimeout: timeout}, func(t *testing.T, a *app) {
			text := strings.Repeat("x", 9000)
			a.service.HandleAgent("support-bot", func(ctx context.Context, _ clawhqtest.Message) iter.Seq2[string, error] {
				return func(yield func(string, error) bool) {
					for ctx.Err() == nil && yield(text, nil) {
					}
				}
			})
			start := time.Now()
			resp, err := a.browser.Get("http://app.test/ask?q=hi")
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if err := <-a.ended; err == nil {
				t.Error("SSE returned no error")
			}
			if took := time.Since(start); took != want {
				t.Errorf("took %v, want %v", took, want)
			}
		})
	}
}
