package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// Every endpoint is called at the same time, while a test reads and changes the
// state: for the race detector, and to find deadlocks.
func TestConcurrentCalls(t *testing.T) {
	t.Parallel()
	for _, profile := range []Profile{Documented, Live} {
		s := newService(t, Config{Profile: profile, Transport: nowhere})
		s.SetRateLimit(s.FirstKeyID(), 1_000_000)
		thread := newThread(t, s, "").ID
		conversation := s.AddConversation(Conversation{Agent: "sales-assistant"})
		const each = 10
		var calls sync.WaitGroup
		for _, route := range routes {
			for i := range each {
				calls.Go(func() {
					id := []string{thread, conversation, s.FirstKeyID()}[i%3]
					if route.Endpoint == wire.RevokeKey || route.Endpoint == wire.UndeployAgent {
						id = "unknown"
					}
					body := fmt.Sprintf(`{"message":"hi","session_id":"s","stream":%v,"requests":[{"custom_id":"a","message":"m"}],"name":"n"}`, i%2 == 0)
					r := httptest.NewRequest(route.Method, wire.BasePath+route.Expand([]string{id, id}[:strings.Count(route.Path, "{")]...), strings.NewReader(body))
					r.Header.Set("Authorization", "Bearer "+s.key)
					r.AddCookie(&http.Cookie{Name: wire.SessionCookie, Value: s.Session()})
					w := httptest.NewRecorder()
					s.ServeHTTP(w, r.WithContext(Secure(t.Context())))
					if w.Code == http.StatusUnauthorized || w.Code == http.StatusMethodNotAllowed {
						t.Errorf("%s %s: status %d", route.Method, route.Path, w.Code)
					}
				})
			}
		}
		calls.Go(func() {
			for range each {
				s.Requests()
				s.AddAuditEntry(AuditEntry{Action: "admin_login"})
				s.HandleAgent("new", nil)
				s.SetOffline(false)
			}
		})
		calls.Wait()
		if n := len(s.Requests()); n != each*len(routes)+1 {
			t.Errorf("%v: %d requests in the journal, want %d", profile, n, each*len(routes)+1)
		}
	}
}
