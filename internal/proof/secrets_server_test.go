package proof_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/dashboard"
	"github.com/clawhq/clawhq-go/internal/testkit"
)

// exhibitServer uses a reference server in every way, and shows its replies, its
// journal, its access log and the replies of the dashboard.
func exhibitServer(t *testing.T, x *exhibition, profile clawhqtest.Profile, format string) {
	var logs bytes.Buffer
	s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory(), clawhqtest.WithProfile(profile),
		clawhqtest.WithLogger(logger(format, &logs)),
		clawhqtest.WithAgent("failing", func(_ context.Context, m clawhqtest.Message) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) { yield("", errors.New("failed with "+m.Text)) }
		}),
		clawhqtest.WithAgent("panicking", func(_ context.Context, m clawhqtest.Message) iter.Seq2[string, error] {
			panic("panicked with " + m.Text)
		}))
	id, key := s.CreateKey("other", 300)
	s.SetRateLimit(s.KeyID(), 300)
	x.secret(s.APIKey()[12:])
	x.secret(key[12:])
	x.secret(s.Session())
	x.show(s)
	x.show(profile)

	d := dashboard.New(dashboard.Config{API: s.Handler(), Session: s.Session(), Profile: profile.String(), Faults: faultQueue{s}})
	secrets := []string{s.APIKey(), key, s.Session()}
	serve := func(method, path, body string, header ...string) {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Host = "127.0.0.1"
		r.TLS = &tls.ConnectionState{}
		r.Header.Set("Content-Type", "application/json")
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		func() {
			defer func() {
				if p := recover(); p != nil && p != http.ErrAbortHandler {
					t.Errorf("%s %s: %v", method, path, p)
				}
			}()
			d.ServeHTTP(w, r)
		}()
		head, text := w.Header().Clone(), w.Body.String()
		head.Del("X-Client-Request-Id") // the server returns this to the client that sent it
		x.search(method+" "+path, "", fmt.Sprint(w.Code, head, text))
	}
	for _, auth := range [][]string{
		nil,
		{"Authorization", "Bearer " + s.APIKey(), "Cookie", "session=" + s.Session() + "; other=" + key},
		{"Authorization", "Basic " + s.Session(), "Cookie", "session=" + s.APIKey()},
		{"Authorization", s.APIKey() + "x", "Cookie", s.Session()},
	} {
		for _, path := range []string{"/", "/static/main.js", d.LoginPath(), "/login?token=" + s.APIKey(), "/dashboard/endpoints", "/dashboard/faults", "/dashboard/nothing",
			"/api/v1/health", "/api/keys", "/api/nothing", "/api/v1/chat"} {
			serve("GET", path, "", auth...)
		}
		for _, secret := range secrets {
			serve("GET", "/login?token="+secret, "", auth...)
			serve("POST", "/dashboard/faults", `{"faults":"`+secret+`"}`, auth...)
			serve("DELETE", "/dashboard/faults", "", auth...)
			serve("PATCH", "/api/keys/"+id, `{"name":5}`, auth...)
			if secret == s.Session() {
				continue
			}
			// Callers may put the key into any header. The session is a secret only in its cookie.
			for _, name := range []string{"X-Idempotency-Key", "X-Client-Request-Id", "Content-Type", "Origin", "User-Agent", "X-Api-Key"} {
				serve("POST", "/api/v1/chat", `{"message":"hi"}`, append(slices.Clone(auth), name, secret)...)
			}
			serve("GET", "/"+secret, "", auth...)
			serve("GET", "/api/"+secret, "", auth...)
			serve("DELETE", "/api/keys/"+secret, "", auth...)
		}
	}

	// Calls over the network, and the journal of them.
	for _, fault := range []clawhqtest.Fault{
		clawhqtest.FaultStatus(500, ""), clawhqtest.FaultRateLimit("1"), clawhqtest.FaultLegacyError(429, "RATE_LIMITED"),
		clawhqtest.FaultHTML(502), clawhqtest.FaultReset(), clawhqtest.FaultStreamError("stream_error", 1), clawhqtest.FaultStreamMalformed(1), clawhqtest.FaultStreamCut(1),
	} {
		client := s.Client(testkit.OneAttempt, clawhq.WithRateLimit(0), clawhq.WithUserAgent(key))
		for _, stream := range []bool{false, true} {
			s.Inject(fault)
			req := clawhq.ChatRequest{Message: "my key is " + s.APIKey(), SessionID: "a"}
			var err error
			if stream {
				_, err = clawhq.CollectText(client.ChatStream(t.Context(), req))
			} else {
				_, err = client.Chat(t.Context(), req)
			}
			if err != nil {
				x.show(err)
			}
		}
	}
	client := s.Client(testkit.OneAttempt)
	for _, agent := range []string{"failing", "panicking", s.APIKey(), "support-bot"} {
		_, err := client.Chat(t.Context(), clawhq.ChatRequest{Message: "my key is " + s.APIKey(), Agent: agent}, clawhq.WithIdempotencyKey(key), clawhq.WithClientRequestID(key))
		if err != nil {
			x.show(err)
		}
		if _, err := clawhq.CollectText(client.ChatStream(t.Context(), clawhq.ChatRequest{Message: key, Agent: agent})); err != nil {
			x.show(err)
		}
	}
	created, err := client.Keys.Create(t.Context(), clawhq.CreateKeyRequest{Name: "new"})
	if err != nil {
		t.Fatal(err)
	}
	x.secret(created.Secret.Reveal()[12:])
	x.show(created)
	if err := client.Keys.Revoke(t.Context(), created.ID); err != nil {
		t.Fatal(err)
	}
	keys, err := client.Keys.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	x.show(keys)
	_, err = s.Client(clawhq.WithAPIKey(created.Secret.Reveal())).Chat(t.Context(), testkit.Hi)
	x.show(err)

	journal := s.Requests()
	if len(journal) < 100 {
		t.Errorf("the journal has %d entries", len(journal))
	}
	for i, r := range journal {
		x.search(fmt.Sprintf("entry %d of the journal, %s %s", i, r.Method, r.Path), "", fmt.Sprintf("%+v %q %s", r, r.Body, r.Err))
		if i%20 == 0 {
			x.show(r)
		}
	}
	s.Close() // nothing writes to the log after this
	x.search("the access log", "", logs.String())
	if !strings.Contains(logs.String(), s.APIKey()[:12]) {
		t.Error("the access log does not name the key's prefix")
	}
}

// faultQueue is a server's queue of faults as the dashboard sees it.
type faultQueue struct{ s *clawhqtest.Server }

func (q faultQueue) Arm(notation string) error { return errors.New("no such fault") }

func (q faultQueue) Queued() []string { return nil }

func (q faultQueue) Clear() { q.s.ClearFaults() }

func (q faultQueue) Forms() []dashboard.FaultForm {
	return []dashboard.FaultForm{{Example: "500", Meaning: "this status"}}
}
