package server

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// In profile Live, the session is checked before the method and the path.
func TestLiveSessionFirst(t *testing.T) {
	t.Parallel()
	refused := outcome{Status: 401, Type: wire.ContentTypeJSON, Body: `{"error":"Unauthorized"}`}
	for _, tc := range []struct {
		method, path string
		without      outcome
		with         int
	}{
		{"PUT", "/api/keys", refused, 405},
		{"OPTIONS", "/api/webhooks", refused, 204},
		{"POST", "/api/keys/k/x", refused, 404},
		{"GET", "/api/nope", refused, 404},
		{"GET", "/api/v1", refused, 404},
		{"GET", "/api/v2/chat", refused, 404},
		{"DELETE", "/api/audit-log/verify", refused, 405},
		{"GET", "/api/keys/", outcome{Status: 308, Body: "/api/keys"}, 308},
		{"PUT", "/api/v1/chat", outcome{Status: 405}, 405},
	} {
		s := newService(t, Config{Profile: Live})
		if diff := cmp.Diff(tc.without, s.outcome(request{method: tc.method, path: tc.path, auth: "-"})); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", tc.method, tc.path, diff)
		}
		cookie := map[string]string{"Cookie": wire.SessionCookie + "=" + s.Session()}
		if got := s.send(request{method: tc.method, path: tc.path, auth: "-", header: cookie}).Code; got != tc.with {
			t.Errorf("%s %s in a session: status %d, want %d", tc.method, tc.path, got, tc.with)
		}
	}
}
