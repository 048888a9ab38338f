package server

import (
	"net/http"
	"strings"
	"testing"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// A thread whose first message is not answered is answered as the message is.
func TestThreadOpeningFails(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{})
	s.SetOffline(true)
	w := s.send(request{path: "/api/v1/threads", body: `{"message": "Hi."}`})
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), wire.CodeAgentOffline) {
		t.Errorf("status %d, %s", w.Code, w.Body)
	}
}
