package server

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestJournal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, Config{Profile: Live, AgentDelay: time.Second})
		start := time.Now()
		s.Inject(FaultDelay(time.Second))
		s.send(request{
			path:   "/api/v1/chat?key=" + s.key,
			header: map[string]string{"X-Odd": "a " + s.key + " b", "Cookie": "session=" + s.Session() + "; b=2; c"},
			body:   `{"message":"` + s.key + `"}`,
		})
		got := s.Requests()
		want := []Request{{
			Time:     start,
			Duration: 2 * time.Second,
			Method:   "POST",
			Path:     "/api/v1/chat",
			Query:    "key=" + s.key[:12] + "…",
			Header: http.Header{
				"Authorization": {"Bearer " + s.key[:12] + "…"},
				"X-Odd":         {"a " + s.key[:12] + "… b"},
				"Cookie":        {"session=…; b=…; …"},
			},
			Body:   []byte(`{"message":"` + s.key[:12] + `…"}`),
			Status: 200,
			ReplyHeader: http.Header{
				"Access-Control-Allow-Headers":  {"Authorization, Content-Type, X-Idempotency-Key, X-Client-Request-Id"},
				"Access-Control-Allow-Origin":   {"*"},
				"Access-Control-Expose-Headers": {"X-Request-Id, X-Ratelimit-Limit, X-Ratelimit-Remaining, X-Ratelimit-Reset, Retry-After"},
				"Content-Length":                {"135"},
				"Content-Type":                  {"application/json"},
				"X-Ratelimit-Limit":             {"60"},
				"X-Ratelimit-Remaining":         {"59"},
				"X-Ratelimit-Reset":             {fmt.Sprint(start.Add(time.Minute).UnixMilli())},
				"X-Request-Id":                  {got[0].RequestID},
			},
			Reply:     []byte(`{"response":"Echo: ` + s.key[:12] + `…","agent":"sales-assistant","request_id":"` + got[0].RequestID + `"}`),
			RequestID: got[0].RequestID,
			KeyID:     s.FirstKeyID(),
			Agent:     "sales-assistant",
			Fault:     "FaultDelay(1s)",
		}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("journal (-want +got):\n%s", diff)
		}
		if !requestID.MatchString(got[0].RequestID) {
			t.Errorf("request id %q", got[0].RequestID)
		}

		got[0].Header.Set("Authorization", "changed")
		got[0].ReplyHeader.Set("Content-Type", "changed")
		got[0].Body[0], got[0].Reply[0] = 'x', 'x'
		if diff := cmp.Diff(want, s.Requests()); diff != "" {
			t.Errorf("a change to the copy changed the journal (-want +got):\n%s", diff)
		}
	})
}

func TestRedactAuthorization(t *testing.T) {
	t.Parallel()
	for v, want := range map[string]string{
		"Bearer clw_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6": "Bearer clw_a1b2c3d4…",
		"Bearer clw_tooshortforakey":                  "Bearer …",
		"Bearer sk-123":                               "Bearer …",
		"Basic dXNlcjpwYXNz":                          "Basic …",
		"clw_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6":        "…",
	} {
		if got := redactAuthorization(v); got != want {
			t.Errorf("%q becomes %q, want %q", v, got, want)
		}
	}
}

// A request is in the journal while its agent runs.
func TestJournalOfWhatRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, Config{})
		s.HandleAgent("slow", untilDone)
		for _, body := range []string{`{"message":"hi","agent":"slow"}`, `{"message":"hi","agent":"slow","stream":true}`} {
			go s.send(request{body: body})
			synctest.Wait()
		}
		var got []Request
		for _, r := range s.Requests() {
			got = append(got, Request{Status: r.Status, Agent: r.Agent, Duration: r.Duration})
		}
		if diff := cmp.Diff([]Request{{Agent: "slow"}, {Agent: "slow", Status: 200}}, got); diff != "" {
			t.Errorf("journal (-want +got):\n%s", diff)
		}
	})
}

func TestAccessLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))
		s := newService(t, Config{Profile: Live, Logger: log, AgentDelay: time.Second})
		s.send(request{path: "/api/v1/chat?q=" + s.key, body: `{"message":"` + s.key + `"}`})
		s.Inject(FaultHTML(502))
		s.send(request{path: "/api/keys/" + s.key})
		s.send(request{body: `{"message":"[fail]"}`})
		got := out.String()
		for _, secret := range []string{s.key, s.Session()} {
			if strings.Contains(got, secret) {
				t.Error("the log shows a credential")
			}
		}
		prefix := s.key[:12]
		want := `level=INFO msg=request method=POST path=/api/v1/chat status=200 duration=1s request_id=req_ID key=` + prefix + `
level=INFO msg=request method=POST path=/api/keys/` + prefix + `… status=502 duration=1ns request_id=req_ID fault=FaultHTML(502)
level=INFO msg=request method=POST path=/api/v1/chat status=502 duration=1ns request_id=req_ID key=` + prefix + ` error="the message asked for a failure"
`
		if diff := cmp.Diff(want, hexDigits.ReplaceAllString(got, "ID")); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
	})
}

// The journal has a request's key, whatever the outcome of the request.
func TestJournalKeys(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{})
	id, key := s.CreateKey("other", 60)
	s.RevokeKey(id)
	s.Inject(FaultStatus(503, ""), FaultRateLimit("7"))
	for _, path := range []string{chatPath, "/api/v1/health", "/api/v1/nothing", "/api/keys", "/elsewhere"} {
		s.send(request{path: path, auth: "Bearer " + s.key, body: `{"message": "hi"}`})
		s.send(request{path: path, auth: "Bearer " + key, body: `{"message": "hi"}`})
		s.send(request{path: path, auth: "Bearer clw_00000000000000000000000000000000", body: `{"message": "hi"}`})
	}
	for i, r := range s.Requests() {
		if want := []string{s.FirstKeyID(), id, ""}[i%3]; r.KeyID != want {
			t.Errorf("%s, status %d: key %q, want %q", r.Path, r.Status, r.KeyID, want)
		}
	}
}

// The journal has the beginning of a reply, as written so far, without secrets.
func TestJournalReplies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, Config{})
		s.HandleAgent("long", func(context.Context, Message) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) {
				yield(s.key[:20], nil)
				time.Sleep(time.Second)
				yield(strings.Repeat("x", 20_000)+s.Session(), nil)
			}
		})
		go s.send(request{body: `{"message": "hi", "agent": "long", "stream": true}`})
		synctest.Wait()
		shown := s.key[:12] + "…"
		if got, want := string(s.Requests()[0].Reply), "data: {\"content\": \""+shown+"\"}\n\n"; got != want {
			t.Errorf("under way: %q, want %q", got, want)
		}
		time.Sleep(2 * time.Second)
		r := s.Requests()[0]
		if len(r.Reply)+len(s.key[:20])-len(shown) != maxShownBody || r.ReplyOmitted < 3000 {
			t.Errorf("at the end: %d bytes, %d omitted", len(r.Reply), r.ReplyOmitted)
		}
		if diff := cmp.Diff([]time.Duration{0, time.Second}, r.ReplyTimes); diff != "" { // that of [DONE] is omitted
			t.Errorf("times of the reply (-want +got):\n%s", diff)
		}

		created := s.send(request{path: "/api/keys", body: `{"name": "a"}`}).Body.String()
		hook := s.send(request{path: "/api/webhooks", body: `{"url": "https://example.com/", "events": ["api.request"]}`}).Body.String()
		all := s.Requests()
		for i, whole := range []string{created, hook} {
			if got := string(all[len(all)-2+i].Reply); got == "" || got == whole || len(got) > len(whole) {
				t.Errorf("of %s the journal has %s", whole, got)
			}
		}
		s.send(request{path: "/api/v1/chat", body: `{"message": "` + s.Session() + `"}`})
		if all := s.Requests(); strings.Contains(string(all[len(all)-1].Reply), s.Session()) {
			t.Error("a reply has the session")
		}
	})
}

// LatestRequests and WaitRequests look only at the end of a long journal.
func TestLongJournal(t *testing.T) {
	s := newService(t, Config{})
	const requests, more = 5000, 50
	health := request{method: "GET", path: "/api/v1/health", auth: "-"}
	for range requests {
		s.send(health)
	}
	latest, total := s.LatestRequests(2, nil)
	if len(latest) != 2 || total != requests {
		t.Errorf("%d requests of %d", len(latest), total)
	}
	if n := testing.AllocsPerRun(10, func() { s.LatestRequests(1, nil) }); n > 20 {
		t.Errorf("the latest request takes %v allocations", n)
	}
	odd := func(r Request) bool { return r.RequestID[len(r.RequestID)-1]%2 == 1 }
	latest, total = s.LatestRequests(10, odd)
	var want []Request
	for _, r := range s.Requests() {
		if odd(r) {
			want = append(want, r)
		}
	}
	if diff := cmp.Diff(want[len(want)-10:], latest); diff != "" || total != len(want) {
		t.Errorf("%d in all, want %d; (-want +got):\n%s", total, len(want), diff)
	}

	var looks atomic.Int64
	begun, found := make(chan struct{}), make(chan []Request)
	go func() {
		got, _ := s.WaitRequests(t.Context(), more, func(r Request) bool {
			if looks.Add(1) == requests {
				close(begun)
			}
			return r.Path == chatPath && r.Status != 0
		})
		found <- got
	}()
	<-begun
	for range more {
		s.send(request{body: `{"message": "hi"}`})
	}
	if got := <-found; len(got) != more || looks.Load() > requests+5*more {
		t.Errorf("%d were waited for, with %d looks", len(got), looks.Load())
	}
}

// WaitRequests does not find requests that have left the journal.
func TestWaitRequestsForgets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, Config{})
		health := request{method: "GET", path: "/api/v1/health"}
		s.send(health)
		found := make(chan []Request)
		go func() {
			got, _ := s.WaitRequests(t.Context(), 2, func(Request) bool { return true })
			found <- got
		}()
		for _, forget := range []func(){s.ClearRequests, s.Reset} {
			synctest.Wait()
			forget()
			s.send(health)
		}
		synctest.Wait()
		s.send(health)
		if got := <-found; len(got) != 2 {
			t.Errorf("%d requests", len(got))
		}
	})
}

// BenchmarkLatestRequests reads a journal of 40,000 requests. The floor is a journal
// of 40.
func BenchmarkLatestRequests(b *testing.B) {
	for _, n := range []int{40, 40_000} {
		s, _ := New(Config{})
		for range n {
			r := httptest.NewRequest("GET", "/api/v1/health", nil)
			s.ServeHTTP(httptest.NewRecorder(), r)
		}
		for name, match := range map[string]func(Request) bool{"all": nil, "by status": func(r Request) bool { return r.Status == 200 }} {
			b.Run(fmt.Sprint(n, " requests, ", name), func(b *testing.B) {
				for b.Loop() {
					s.LatestRequests(1, match)
				}
			})
		}
		s.Close()
	}
}
