package server

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
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
			Header: http.Header{
				"Authorization": {"Bearer " + s.key[:12] + "…"},
				"X-Odd":         {"a " + s.key[:12] + "… b"},
				"Cookie":        {"session=…; b=…; …"},
			},
			Body:      []byte(`{"message":"` + s.key[:12] + `…"}`),
			Status:    200,
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
		got[0].Body[0] = 'x'
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
level=INFO msg=request method=POST path=/api/keys/` + prefix + `… status=502 duration=0s request_id=req_ID fault=FaultHTML(502)
level=INFO msg=request method=POST path=/api/v1/chat status=502 duration=0s request_id=req_ID key=` + prefix + ` error="the message asked for a failure"
`
		if diff := cmp.Diff(want, hexDigits.ReplaceAllString(got, "ID")); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
	})
}
