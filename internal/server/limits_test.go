package server

import (
	"bytes"
	"fmt"
	"io"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// bounded returns a service that stores about the given number of bytes, however many
// calls it gets.
func bounded(t *testing.T, bytes int) service {
	s := newService(t, Config{Limits: LimitsFor(bytes)})
	s.SetRateLimit(s.FirstKeyID(), 1e9)
	return s
}

// A journal keeps the newest requests, by count and by bytes.
func TestJournalLimit(t *testing.T) {
	for name, limits := range map[string]Limits{
		"entries": {JournalEntries: 3},
		"bytes":   {JournalBytes: 5600},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, Config{Limits: limits})
			for i := range 10 {
				s.send(request{path: fmt.Sprint("/api/v1/", i), body: strings.Repeat("x", 300)})
			}
			var paths []string
			for _, r := range s.Requests() {
				paths = append(paths, r.Path)
			}
			if diff := cmp.Diff([]string{"/api/v1/7", "/api/v1/8", "/api/v1/9"}, paths); diff != "" {
				t.Errorf("journal (-want +got):\n%s", diff)
			}
		})
	}
}

// A guarded server stores bodies only of clients that it knows, and only their
// beginning.
func TestGuardedBodies(t *testing.T) {
	s := bounded(t, 1<<20)
	body := chatBody(wire.ChatRequest{Message: "hi", Agent: strings.Repeat("x", 50_000)})
	for name, tc := range map[string]struct {
		auth          string
		kept, omitted int
	}{
		"good key":    {"", maxShownBody, len(body) - maxShownBody},
		"no key":      {"-", 0, len(body)},
		"unknown key": {"Bearer clw_00000000000000000000000000000000", 0, len(body)},
	} {
		s.send(request{auth: tc.auth, body: body})
		journal := s.Requests()
		if got := journal[len(journal)-1]; len(got.Body) != tc.kept || got.Omitted != tc.omitted {
			t.Errorf("%s: %d bytes kept, %d omitted, want %d, %d", name, len(got.Body), got.Omitted, tc.kept, tc.omitted)
		}
	}
}

// Each kind of state stays within its bytes, and keeps the newest entries.
func TestStateLimits(t *testing.T) {
	const most, calls = 64 << 10, 500
	for name, tc := range map[string]struct {
		call  func(s service, i int)
		count func(s *state) int
	}{
		"sessions": {func(s service, i int) {
			s.send(request{body: chatBody(wire.ChatRequest{Message: "hi", SessionID: fmt.Sprint("s", i)})})
		}, func(s *state) int { return len(s.sessions) }},
		"replies": {func(s service, i int) {
			s.send(request{header: map[string]string{wire.HeaderIdempotencyKey: fmt.Sprint("k", i)}, body: `{"message": "hi"}`})
		}, func(s *state) int { return len(s.replies.byKey) }},
		"threads": {func(s service, i int) {
			s.send(request{path: "/api/v1/threads", body: fmt.Sprintf(`{"title": "%d", "message": "hi"}`, i)})
		}, func(s *state) int { return len(s.threads) }},
		"batches": {func(s service, i int) {
			s.send(request{path: "/api/v1/chat/batch", body: `{"requests": [{"custom_id": "a", "message": "hi"}]}`})
			synctest.Wait()
		}, func(s *state) int { return len(s.batches) }},
		"files": {func(s service, i int) { s.upload(t, fmt.Sprint(i, ".txt"), "text/plain", "x") },
			func(s *state) int { return len(s.files) }},
		"audit entries": {func(s service, i int) { s.AddAuditEntry(AuditEntry{Action: fmt.Sprint(i)}) },
			func(s *state) int { return len(s.audit) }},
		"conversations": {func(s service, i int) { s.AddConversation(Conversation{Messages: []StoredMessage{{Content: "hi"}}}) },
			func(s *state) int { return len(s.conversations) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := bounded(t, 4*most)
				for i := range calls {
					tc.call(s, i)
				}
				kept := s.state.kept
				if n := tc.count(s.state); n == 0 || n >= calls || n != kept.Len() || kept.Bytes() > most {
					t.Errorf("%d of %d are left, %d are counted, with %d bytes", n, calls, kept.Len(), kept.Bytes())
				}
			})
		})
	}
}

// What an Add… method adds counts towards the limit. Keys do not: few may create
// them.
func TestAddedStateIsCounted(t *testing.T) {
	server := reflect.TypeFor[*Server]()
	for i := range server.NumMethod() {
		method := server.Method(i)
		if !strings.HasPrefix(method.Name, "Add") || method.Name == "AddKey" {
			continue
		}
		s := bounded(t, 1<<20)
		added := reflect.New(method.Type.In(1)).Elem()
		for i := range added.NumField() {
			if field := added.Field(i); field.Kind() == reflect.String {
				field.SetString("x")
			}
		}
		method.Func.Call([]reflect.Value{reflect.ValueOf(s.Server), added})
		if n := s.state.kept.Len(); n != 1 {
			t.Errorf("after %s, %d entries are counted, want 1", method.Name, n)
		}
	}
}

// An entry that grows too large for the limit is dropped as a whole, and begins anew.
func TestGrownState(t *testing.T) {
	s := bounded(t, 256<<10)
	thread := decode[wire.ThreadReply](t, s.send(request{path: "/api/v1/threads", body: `{}`}).Body).Thread.ID
	message := strings.Repeat("x", 9000)
	var codes []int
	for range 10 {
		codes = append(codes, s.send(request{path: "/api/v1/threads/" + thread + "/messages", body: `{"message": "` + message + `"}`}).Code)
		s.send(request{body: chatBody(wire.ChatRequest{Message: message, SessionID: "long"})})
	}
	if codes[0] != 200 || codes[9] != 404 || s.state.kept.Bytes() > 64<<10 {
		t.Errorf("statuses %v, %d bytes kept", codes, s.state.kept.Bytes())
	}
}

// Slots for bodies are free again when requests have been answered, or wait.
func TestRooms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := bounded(t, 1<<20)
		waiting := 2 * bodiesAtOnce
		for i := range waiting {
			s.Inject([]Fault{FaultStreamStall(0), FaultDelay(1e9), FaultStreamStall(1)}[i%3])
		}
		for range waiting {
			go func() {
				r := httptest.NewRequest("POST", chatPath, strings.NewReader(`{"message": "hi", "stream": true}`))
				r.Header.Set("Authorization", "Bearer "+s.key)
				defer func() { recover() }() // Close cuts the request off
				s.ServeHTTP(httptest.NewRecorder(), r.WithContext(Secure(r.Context())))
			}()
		}
		synctest.Wait()
		if n := len(s.bodies.short); n != 0 {
			t.Errorf("%d places are taken by calls that wait", n)
		}
		s.say(t, "hi")
		s.Close()
	})
}

// endless is a body without an end.
type endless struct{}

func (endless) Read(b []byte) (int, error) { return copy(b, bytes.Repeat([]byte("x"), len(b))), nil }

// Of a body without an end, no more is read than of one that is too long.
func TestEndlessBody(t *testing.T) {
	s := bounded(t, 1<<20)
	for _, auth := range []string{"Bearer " + s.key, "Bearer nobody"} {
		r := httptest.NewRequest("POST", chatPath, io.NopCloser(endless{}))
		r.Header.Set("Authorization", auth)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r.WithContext(Secure(r.Context())))
		if w.Code < 400 {
			t.Errorf("status %d", w.Code)
		}
		journal := s.Requests()
		if got := journal[len(journal)-1]; len(got.Body)+got.Omitted != wire.MaxBodyBytes+1 {
			t.Errorf("%d bytes read", len(got.Body)+got.Omitted)
		}
	}
}
