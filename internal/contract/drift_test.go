package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
)

// drive runs the program against a server, whose replies may be changed on the way, and
// returns its exit status and report.
func drive(t *testing.T, s *clawhqtest.Server, change func(*http.Response), args ...string) (int, Report) {
	t.Helper()
	env := map[string]string{clawhq.EnvAPIKey: s.APIKey(), clawhq.EnvBaseURL: s.URL()}
	var stdout, stderr bytes.Buffer
	transport := changed{s.HTTPClient().Transport, change}
	status := run(t.Context(), append(args, "-json"), func(name string) string { return env[name] }, transport, &stdout, &stderr)
	if bytes.Contains(stdout.Bytes(), []byte(s.APIKey())) || bytes.Contains(stderr.Bytes(), []byte(s.APIKey())) {
		t.Error("the key was printed")
	}
	var report Report
	if err := json.Unmarshal(stdout.Bytes(), &report); err != nil {
		t.Fatalf("%v: %s%s", err, stdout.Bytes(), stderr.Bytes())
	}
	return status, report
}

// changed is a service that has changed: a proxy that changes replies.
type changed struct {
	http.RoundTripper
	change func(*http.Response)
}

func (c changed) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.RoundTripper.RoundTrip(r)
	if err == nil && c.change != nil {
		c.change(resp)
	}
	return resp, err
}

// stocked is a server that has one of everything that can be read.
func stocked(t *testing.T, profile clawhqtest.Profile) *clawhqtest.Server {
	s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory(), clawhqtest.WithProfile(profile))
	for range 2 {
		s.AddConversation(clawhqtest.Conversation{Messages: []clawhqtest.StoredMessage{{Role: "user", Content: "Hi."}, {Role: "assistant", Content: "Hello."}}})
		s.AddFile(clawhqtest.File{Name: "notes.txt", Size: 12})
		s.AddAuditEntry(clawhqtest.AuditEntry{Action: "api_key_created", EntityType: "api_key", Category: "api_key"})
		thread, err := s.Client().Threads.Create(t.Context(), clawhq.CreateThreadRequest{})
		if err == nil {
			_, err = s.Client().Threads.Send(t.Context(), thread.ID, "Hi.")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(2 * time.Minute) // the calls have left the window
	return s
}

// A reference server is as the document has it: in profile live with the x-live.
func TestSame(t *testing.T) {
	t.Parallel()
	for _, profile := range []clawhqtest.Profile{clawhqtest.Documented, clawhqtest.Live} {
		t.Run(profile.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				status, report := drive(t, stocked(t, profile), nil, "-profile", profile.String(), "-chat")
				if status != same || len(report.Differences) > 0 || len(report.NotTried) > 0 || report.Operations != 18 {
					t.Errorf("status %d, %+v", status, report)
				}
			})
		})
	}
}
