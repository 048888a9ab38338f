package server_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/clawhq/clawhq-go/internal/server"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// TestFromDashboard lists keys much more often than the limit allows, while a fault
// is queued. The dashboard's calls get neither 429 nor the fault; calls of others get
// both.
func TestFromDashboard(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s, _ := server.New(server.Config{PlainHTTP: true, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	s.Inject(server.FaultStatus(http.StatusInternalServerError, ""))
	list := func(mark func(*http.Request) *http.Request) int {
		r := httptest.NewRequest(http.MethodGet, wire.BasePath+wire.ListKeys.Path, nil)
		r.AddCookie(&http.Cookie{Name: wire.SessionCookie, Value: s.Session()})
		w := httptest.NewRecorder()
		s.ServeHTTP(w, mark(r))
		return w.Code
	}
	for i := range 2 * wire.ListKeys.Window.Limit {
		if got := list(server.FromDashboard); got != http.StatusOK {
			t.Fatalf("call %d of the dashboard: status %d, want 200", i, got)
		}
	}
	if got := len(s.Requests()); got != 0 {
		t.Errorf("the journal has %d calls of the dashboard, want none", got)
	}
	if log.Len() > 0 {
		t.Errorf("the log tells of the dashboard's calls:\n%s", &log)
	}
	if got := len(s.Faults()); got != 1 {
		t.Errorf("%d faults are left, want the one that was armed", got)
	}
	plain := func(r *http.Request) *http.Request { return r }
	if got := list(plain); got != http.StatusInternalServerError {
		t.Errorf("another's call: status %d, want the fault's 500", got)
	}
	if got := list(plain); got != http.StatusOK {
		t.Errorf("another's call after the fault: status %d, want 200", got)
	}
	if got := len(s.Requests()); got != 2 {
		t.Errorf("the journal has %d calls, want the 2 of others", got)
	}
}

// TestDashboardSecrets lists webhooks: the dashboard, which verifies signatures, gets
// their secrets, and nobody else.
func TestDashboardSecrets(t *testing.T) {
	t.Parallel()
	s, _ := server.New(server.Config{PlainHTTP: true})
	call := func(method, body string, mark func(*http.Request) *http.Request) string {
		r := httptest.NewRequest(method, wire.BasePath+wire.ListWebhooks.Path, strings.NewReader(body))
		r.Header.Set("Content-Type", wire.ContentTypeJSON)
		r.AddCookie(&http.Cookie{Name: wire.SessionCookie, Value: s.Session()})
		w := httptest.NewRecorder()
		s.ServeHTTP(w, mark(r))
		if w.Code != http.StatusOK {
			t.Fatalf("%s: status %d, %s", method, w.Code, w.Body)
		}
		return w.Body.String()
	}
	plain := func(r *http.Request) *http.Request { return r }
	created := call(http.MethodPost, `{"url":"http://127.0.0.1:9/","events":["api.request"]}`, plain)
	_, secret, _ := strings.Cut(created, `"secret":"`)
	secret, _, _ = strings.Cut(secret, `"`)
	if !strings.HasPrefix(secret, wire.WebhookSecretStart) {
		t.Fatalf("the reply to the creation is %s", created)
	}
	if list := call(http.MethodGet, "", server.FromDashboard); !strings.Contains(list, secret) {
		t.Errorf("the dashboard gets %s", list)
	}
	if list := call(http.MethodGet, "", plain); strings.Contains(list, secret) || !strings.Contains(list, secret[len(secret)-4:]) {
		t.Errorf("others get %s", list)
	}
}
