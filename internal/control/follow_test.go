package control

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go/clawhqtest"
)

// serveControl serves a server and its control API, and returns what sends a request
// to either.
func serveControl(t *testing.T, options ...clawhqtest.Option) (c *Control, send func(method, path, token, body string) *http.Response) {
	t.Helper()
	s := clawhqtest.NewTestServer(t, append(options, clawhqtest.WithInMemory(), clawhqtest.WithPlainHTTP())...)
	c, err := New(Config{Server: s, RPM: 60})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(Path+"/", c)
	mux.Handle("/", s.Handler())
	web := httptest.NewServer(mux)
	t.Cleanup(func() {
		c.Close()
		web.Close()
	})
	return c, func(method, path, token, body string) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, web.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		reply, err := web.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { reply.Body.Close() })
		return reply
	}
}

// The journal can be followed: each event is a request in short, and the stream ends
// when the control API is closed.
func TestFollow(t *testing.T) {
	t.Parallel()
	c, send := serveControl(t)
	key := c.server.APIKey()
	chat := func(body string) { send(http.MethodPost, "/api/v1/chat", key, body).Body.Close() }
	chat(`{"message": "before"}`)
	send(http.MethodGet, "/api/v1/health", key, "") // does not match, and does not count
	stream := send(http.MethodGet, Path+"/requests/follow?path=/v1/chat&limit=1", c.Token(), "")
	if got := stream.Header.Get("Content-Type"); stream.StatusCode != http.StatusOK || got != "text/event-stream" {
		t.Fatalf("status %d, Content-Type %q", stream.StatusCode, got)
	}
	lines := bufio.NewScanner(stream.Body)
	// ended reads until a request has ended, and returns it without what differs in each run.
	ended := func() summary {
		t.Helper()
		for lines.Scan() {
			data, isData := strings.CutPrefix(lines.Text(), "data: ")
			if !isData {
				continue
			}
			if strings.Contains(data, "headers") || strings.Contains(data, "before\"") {
				t.Errorf("more than in short: %s", data)
			}
			var s summary
			if err := json.Unmarshal([]byte(data), &s); err != nil {
				t.Fatalf("%v in %s", err, data)
			}
			if s.DurationMS > 0 {
				s.DurationMS, s.Time, s.RequestID = 0, time.Time{}, ""
				return s
			}
		}
		t.Fatalf("the stream has ended: %v", lines.Err())
		return summary{}
	}
	want := summary{Method: "POST", Path: "/api/v1/chat", Status: 200, KeyID: c.server.KeyID(), Agent: "support-bot"}
	if diff := cmp.Diff(want, ended()); diff != "" {
		t.Errorf("the request before (-want +got):\n%s", diff)
	}
	send(http.MethodGet, "/api/v1/health", key, "")
	c.server.Inject(clawhqtest.FaultStatus(503, "agent_offline"))
	chat(`{"message": "now"}`)
	want.Status, want.Agent, want.Fault = 503, "", `FaultStatus(503, "agent_offline")`
	if diff := cmp.Diff(want, ended()); diff != "" {
		t.Errorf("the request after (-want +got):\n%s", diff)
	}
	c.Close()
	if _, err := io.ReadAll(stream.Body); err != nil {
		t.Errorf("at the end: %v", err)
	}
	for _, query := range []string{"limit=-1", "limit=10001", "timeout=1s", "key=none"} {
		if reply := send(http.MethodGet, Path+"/requests/follow?"+query, c.Token(), ""); reply.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: status %d", query, reply.StatusCode)
		}
	}
}

// A HEAD request, to which nothing is written, ends at once.
func TestFollowHead(t *testing.T) {
	t.Parallel()
	c, _ := serveControl(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, http.MethodHead, Path+"/requests/follow", nil)
	r.RemoteAddr = "127.0.0.1:1"
	r.Header.Set("Authorization", "Bearer "+c.Token())
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	if got := w.Header().Get("Content-Type"); ctx.Err() != nil || w.Code != http.StatusOK || got != "text/event-stream" || w.Body.Len() > 0 {
		t.Errorf("%v, status %d, Content-Type %q, body %q", ctx.Err(), w.Code, got, w.Body)
	}
}

// A reader that is gone is given up at once; one that does not read, after readTimeout,
// be it an event or the sign of life that it does not read.
func TestFollowUnread(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		gone   bool
		events int
		want   time.Duration
	}{
		"gone":          {gone: true, events: 1},
		"events":        {events: 1, want: readTimeout},
		"signs of life": {want: heartbeat + readTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := net.Pipe()
				defer client.Close()
				if tt.gone {
					client.Close()
				}
				found := make(chan clawhqtest.Request, tt.events)
				for range tt.events {
					found <- clawhqtest.Request{}
				}
				begun := time.Now()
				follow(connWriter{server}, found)
				if took := time.Since(begun); took != tt.want {
					t.Errorf("given up after %v, want %v", took, tt.want)
				}
			})
		})
	}
}

// connWriter is a ResponseWriter that writes to a connection.
type connWriter struct{ net.Conn }

func (connWriter) Header() http.Header { return http.Header{} }
func (connWriter) WriteHeader(int)     {}
func (connWriter) Flush()              {}

// A stream lives on without an event, with a comment every 15 seconds. HTTP/2 ends a
// stream whose write deadline has passed, so there is one only while something is written.
func TestFollowDeadlines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		found := make(chan clawhqtest.Request)
		go func() {
			defer close(found)
			found <- clawhqtest.Request{}
			time.Sleep(61 * time.Second)
		}()
		w := &stepWriter{ResponseWriter: httptest.NewRecorder()}
		follow(w, found)
		want := []string{"flush", "deadline", "data: ", "{…}\n", "\n", "flush", "no deadline"}
		for range 4 {
			want = append(want, "deadline", ":\n\n", "flush", "no deadline")
		}
		if diff := cmp.Diff(want, w.steps); diff != "" {
			t.Errorf("in a minute (-want +got):\n%s", diff)
		}
	})
}

// stepWriter is a ResponseWriter that records its calls.
type stepWriter struct {
	http.ResponseWriter
	steps []string
}

func (w *stepWriter) Flush() { w.steps = append(w.steps, "flush") }

func (w *stepWriter) Write(p []byte) (int, error) {
	w.steps = append(w.steps, regexp.MustCompile(`{.*}`).ReplaceAllString(string(p), "{…}"))
	return len(p), nil
}

func (w *stepWriter) SetWriteDeadline(at time.Time) error {
	step := "deadline"
	if at.IsZero() {
		step = "no deadline"
	}
	w.steps = append(w.steps, step)
	return nil
}

// The list of agents has the replies that documents gave them.
func TestListAgents(t *testing.T) {
	t.Parallel()
	for profile, slug := range map[clawhqtest.Profile]string{clawhqtest.Documented: "My Bot", clawhqtest.Live: "my_bot"} {
		c, send := serveControl(t, clawhqtest.WithProfile(profile))
		send(http.MethodPost, Path+"/config", c.Token(), `{"offline": true, "agents": [{"slug": "My Bot", "replies": ["hello", {"chunks": ["a", "b"], "delay": "2s", "error": "out of memory"}]}]}`)
		var got struct {
			Agents []struct {
				ID, Slug, Name string
				Replies        []map[string]any
			}
			Offline bool
		}
		if err := json.NewDecoder(send(http.MethodGet, Path+"/agents", c.Token(), "").Body).Decode(&got); err != nil {
			t.Fatal(err)
		}
		last := got.Agents[len(got.Agents)-1]
		want := []map[string]any{{"text": "hello"}, {"chunks": []any{"a", "b"}, "delay": "2s", "error": "out of memory"}}
		if diff := cmp.Diff(want, last.Replies); diff != "" || last.Slug != slug || last.ID == "" || !got.Offline || len(got.Agents) < 2 {
			t.Errorf("%v: got %+v; replies (-want +got):\n%s", profile, got, diff)
		}
		if first := got.Agents[0]; first.Replies == nil || len(first.Replies) != 0 {
			t.Errorf("%v: a built-in agent has the replies %v", profile, first.Replies)
		}
	}
}

// The clock tells how far it is ahead, and when the next retry is due.
func TestClockTellsTheNextRetry(t *testing.T) {
	t.Parallel()
	c, send := serveControl(t)
	clock := func() (i instant) {
		t.Helper()
		if err := json.NewDecoder(send(http.MethodGet, Path+"/clock", c.Token(), "").Body).Decode(&i); err != nil {
			t.Fatal(err)
		}
		return i
	}
	if i := clock(); i.AheadMS != 0 || !i.NextRetry.IsZero() {
		t.Errorf("at first: %+v", i)
	}
	c.server.DeliverTo(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }))
	r := httptest.NewRequest(http.MethodPost, "http://clawhq.test/api/webhooks", strings.NewReader(`{"url": "https://example.com/", "events": ["api.request"]}`))
	r.AddCookie(&http.Cookie{Name: "session", Value: c.server.Session()})
	c.server.Handler().ServeHTTP(httptest.NewRecorder(), r)
	c.server.Emit("api.request", map[string]int{})
	for deadline := time.Now().Add(10 * time.Second); clock().NextRetry.IsZero(); {
		if time.Now().After(deadline) {
			t.Fatal("no retry waits")
		}
	}
	wait := clock().NextRetry.Sub(clock().Now)
	if wait <= 0 || wait > time.Minute {
		t.Errorf("the next retry is in %v", wait)
	}
	c.server.AdvanceClock(wait + time.Second)
	if i := clock(); i.AheadMS < wait.Milliseconds() || len(c.server.Deliveries()) != 2 {
		t.Errorf("then: %+v, %d deliveries", i, len(c.server.Deliveries()))
	}
}
