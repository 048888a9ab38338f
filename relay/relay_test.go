package relay_test

import (
	"bufio"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/relay"
	"github.com/google/go-cmp/cmp"
)

func TestSSE(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		seq  answer
		want string
	}{
		{"text", says(nil, "one", "two"), twoChunks},
		{"no text", says(nil), "id: 1\nevent: done\ndata: [DONE]\n\n"},
		{"lines and marks", says(nil, "a\r\n\n\"b\" \u2028 é"), `id: 1
data: {"content":"a\r\n\n\"b\" \u2028 é"}

id: 2
event: done
data: [DONE]

`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rec, err := ask(t, tt.seq, relay.Options{})
			if err != nil {
				t.Errorf("got error %v", err)
			}
			if diff := cmp.Diff(tt.want, rec.Body.String()); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			want := http.Header{
				"Content-Type":      {"text/event-stream"},
				"Cache-Control":     {"no-store, no-transform"},
				"X-Accel-Buffering": {"no"},
			}
			if diff := cmp.Diff(want, rec.Header()); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
			if rec.Code != 200 || !rec.Flushed {
				t.Errorf("got status %d, flushed %t; want 200, true", rec.Code, rec.Flushed)
			}
		})
	}
}

func TestHeartbeats(t *testing.T) {
	t.Parallel()
	const done = "event: done\ndata: [DONE]\n\n"
	beats := func(n int) string { return strings.Repeat(": heartbeat\n\n", n) }
	for _, tt := range []struct {
		name  string
		every time.Duration
		pause time.Duration
		want  string
	}{
		{"default", 0, 40 * time.Second, beats(2) + "id: 1\ndata: {\"content\":\"one\"}\n\n" + beats(2) + "id: 2\n" + done},
		{"quick agent", 0, 14 * time.Second, "id: 1\ndata: {\"content\":\"one\"}\n\nid: 2\n" + done},
		{"every second", time.Second, 3500 * time.Millisecond, beats(3) + "id: 1\ndata: {\"content\":\"one\"}\n\n" + beats(3) + "id: 2\n" + done},
		{"never", -1, time.Hour, "id: 1\ndata: {\"content\":\"one\"}\n\nid: 2\n" + done},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				rec, err := ask(t, slowly(tt.pause, "one"), relay.Options{Heartbeat: tt.every})
				if err != nil {
					t.Errorf("got error %v", err)
				}
				time.Sleep(time.Hour)
				if diff := cmp.Diff(tt.want, rec.Body.String()); diff != "" {
					t.Errorf("body (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// bare is a ResponseWriter that hides what another one can do.
type bare struct{ w http.ResponseWriter }

func (b bare) Header() http.Header         { return b.w.Header() }
func (b bare) Write(p []byte) (int, error) { return b.w.Write(p) }
func (b bare) WriteHeader(status int)      { b.w.WriteHeader(status) }

// wrapper is a ResponseWriter as net/http wants wrappers to be.
type wrapper struct{ bare }

func (b wrapper) Unwrap() http.ResponseWriter { return b.w }

// Through each middleware the whole answer arrives; through those that can be
// flushed, each chunk before the agent thinks of the next.
func TestWrappers(t *testing.T) {
	t.Parallel()
	handler := func(wrap func(http.ResponseWriter) http.ResponseWriter) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			relay.SSE(wrap(w), r, slowly(time.Second, "one", "two"), relay.Options{})
		})
	}
	same := func(w http.ResponseWriter) http.ResponseWriter { return w }
	for _, tt := range []struct {
		name    string
		handler http.Handler
		piece   time.Duration // when the first chunk is there
	}{
		{"none", handler(same), time.Second},
		{"with Unwrap", handler(func(w http.ResponseWriter) http.ResponseWriter { return wrapper{bare{wrapper{bare{w}}}} }), time.Second},
		{"without Unwrap", handler(func(w http.ResponseWriter) http.ResponseWriter { return bare{w} }), 3 * time.Second},
		{"http.TimeoutHandler", http.TimeoutHandler(handler(same), time.Minute, ""), 3 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				resp, err := listen(t, &http.Server{Handler: tt.handler}).Get("http://app.test/")
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				body := bufio.NewReader(resp.Body)
				if line, err := body.ReadString('\n'); line != "id: 1\n" || err != nil {
					t.Errorf("got %q, %v; want the first event", line, err)
				}
				if took := time.Since(start); took != tt.piece {
					t.Errorf("the first event took %v, want %v", took, tt.piece)
				}
				rest, err := io.ReadAll(body)
				if err != nil {
					t.Error(err)
				}
				const note = ": the server's ResponseWriter cannot flush: events may come late, or all at once\n\n"
				got, told := strings.CutPrefix(string(rest), strings.TrimPrefix(twoChunks[:strings.Index(twoChunks, "id: 2")], "id: 1\n")+note)
				if want := tt.piece > time.Second; told != want {
					t.Errorf("said to be unflushed: %t, want %t:\n%s", told, want, rest)
				}
				if !strings.HasSuffix(twoChunks, got) {
					t.Errorf("got %s, want the end of %s", rest, twoChunks)
				}
			})
		})
	}
}

// An EventSource that reconnects is told to stop, and costs nothing.
func TestReconnect(t *testing.T) {
	t.Parallel()
	bubble(t, relay.Options{}, func(t *testing.T, a *app) {
		req, err := http.NewRequest("GET", "http://app.test/ask?q=hi", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Last-Event-ID", "2")
		resp, err := a.browser.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusNoContent {
			t.Errorf("got %s, want 204", resp.Status)
		}
		if err := <-a.ended; !errors.Is(err, relay.ErrReconnected) {
			t.Errorf("got error %v, want %v", err, relay.ErrReconnected)
		}
		if n := len(a.service.Requests()); n != 0 {
			t.Errorf("the agent was asked %d times, want 0", n)
		}
	})
}

// With Resume, an answer goes on after what the browser has, or ends with 204 if
// there is no more.
func TestResume(t *testing.T) {
	t.Parallel()
	failed := errors.New("out of cheese")
	rest := map[int]answer{1: says(nil, "two"), 2: says(nil), 3: nil, 4: says(failed), 5: says(failed, "six")}
	for id, tt := range map[string]struct {
		after, status int
		body          string
		err           error
	}{
		"1":                    {1, 200, "id: 2\ndata: {\"content\":\"two\"}\n\nid: 3\nevent: done\ndata: [DONE]\n\n", nil},
		"2":                    {2, 200, "id: 3\nevent: done\ndata: [DONE]\n\n", nil},
		"3":                    {3, 204, "", relay.ErrReconnected},
		"4":                    {4, 502, `{"error":{"status":502,"message":"The answer could not be made. Please try again."}}`, failed},
		"5":                    {5, 200, "id: 6\ndata: {\"content\":\"six\"}\n\nid: 7\nevent: failure\ndata: " + `{"error":{"status":502,"message":"The answer could not be made. Please try again."}}` + "\n\n", failed},
		"0":                    {0, 204, "", relay.ErrReconnected}, // this and the following are no ids of ours
		"-1":                   {0, 204, "", relay.ErrReconnected},
		"+1":                   {0, 204, "", relay.ErrReconnected},
		"01":                   {0, 204, "", relay.ErrReconnected},
		"x":                    {0, 204, "", relay.ErrReconnected},
		"99999999999999999999": {0, 204, "", relay.ErrReconnected},
	} {
		r := httptest.NewRequest("GET", "/ask", nil)
		r.Header.Set("Last-Event-ID", id)
		asked := 0
		rec := httptest.NewRecorder()
		begun := func(func(clawhq.ChatChunk, error) bool) { t.Errorf("%s: the answer was begun anew", id) }
		err := relay.SSE(rec, r, begun, relay.Options{Resume: func(got *http.Request, after int) iter.Seq2[clawhq.ChatChunk, error] {
			if got != r {
				t.Errorf("%s: got another request", id)
			}
			asked = after
			return rest[after]
		}})
		if err != tt.err || asked != tt.after || rec.Code != tt.status || rec.Body.String() != tt.body {
			t.Errorf("%s: after %d got %v, %d %s\nwant %d, %v, %d %s", id, asked, err, rec.Code, rec.Body, tt.after, tt.err, tt.status, tt.body)
		}
	}
	// Without the header, nothing is resumed.
	rec, err := ask(t, says(nil, "one", "two"), relay.Options{Resume: func(*http.Request, int) iter.Seq2[clawhq.ChatChunk, error] {
		t.Error("Resume was called for a first request")
		return nil
	}})
	if err != nil || rec.Body.String() != twoChunks {
		t.Errorf("got %v, %s", err, rec.Body)
	}
}

func TestHead(t *testing.T) {
	t.Parallel()
	bubble(t, relay.Options{}, func(t *testing.T, a *app) {
		resp, err := a.browser.Head("http://app.test/ask?q=hi")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || got != "text/event-stream" {
			t.Errorf("got %s, %q; want 200, text/event-stream", resp.Status, got)
		}
		if err := <-a.ended; err != nil {
			t.Errorf("got error %v", err)
		}
		if n := len(a.service.Requests()); n != 0 {
			t.Errorf("the agent was asked %d times, want 0", n)
		}
	})
}

// A panic of the sequence is the handler's, and nothing is written after it.
func TestPanic(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		end  func()
	}{
		{"panic", func() { panic("out of cheese") }},
		{"Goexit", runtime.Goexit},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				rec, returned := httptest.NewRecorder(), false
				ended := make(chan any)
				go func() {
					defer func() { ended <- recover() }()
					relay.SSE(rec, httptest.NewRequest("GET", "/", nil), func(yield func(clawhq.ChatChunk, error) bool) {
						yield(clawhq.ChatChunk{Content: "one"}, nil)
						tt.end()
					}, relay.Options{})
					returned = true
				}()
				if p := <-ended; tt.name == "panic" && p != "out of cheese" {
					t.Errorf("got panic %v, want that of the sequence", p)
				}
				if returned {
					t.Error("SSE returned")
				}
				time.Sleep(time.Hour) // no heartbeats any more
				if want := "id: 1\ndata: {\"content\":\"one\"}\n\n"; rec.Body.String() != want {
					t.Errorf("got %q, want %q", rec.Body, want)
				}
			})
		})
	}
}

// flushPanics is a ResponseWriter that panics when it is flushed first.
type flushPanics struct {
	http.ResponseWriter
	first *sync.Once
}

func (f flushPanics) Flush() { f.first.Do(func() { panic("out of cheese") }) }

// A ResponseWriter that panics in a heartbeat, which has a goroutine of its
// own, takes the handler along, not the program.
func TestPanicInHeartbeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		defer func() {
			if p := recover(); p != "out of cheese" {
				t.Errorf("got panic %v, want that of the ResponseWriter", p)
			}
		}()
		err := relay.SSE(flushPanics{httptest.NewRecorder(), new(sync.Once)}, httptest.NewRequest("GET", "/", nil), slowly(time.Minute, "one"), relay.Options{})
		t.Errorf("SSE returned %v, want a panic", err)
	})
}

// The server's timeouts, which stand for short requests and replies, do not
// bound an answer.
func TestServerTimeouts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		server *http.Server
	}{
		{"write", &http.Server{WriteTimeout: 5 * time.Second}},
		{"read", &http.Server{ReadTimeout: 5 * time.Second}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tt.server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					relay.SSE(w, r, slowly(40*time.Second, "one", "two"), relay.Options{Heartbeat: -1})
				})
				resp, err := listen(t, tt.server).Get("http://app.test/")
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				if body, err := io.ReadAll(resp.Body); string(body) != twoChunks || err != nil {
					t.Errorf("got %q, %v; want %q", body, err, twoChunks)
				}
			})
		})
	}
}
