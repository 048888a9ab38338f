package consumer

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"gopkg.in/dnaeon/go-vcr.v4/pkg/cassette"
	"gopkg.in/dnaeon/go-vcr.v4/pkg/recorder"
)

// answerTwice asks the same question without and with a stream, and returns the
// answer.
func answerTwice(t *testing.T, client *clawhq.Client) string {
	t.Helper()
	resp, err := client.Chat(t.Context(), clawhq.ChatRequest{Message: "hi"})
	if err != nil {
		t.Fatal(err)
	}
	text, err := clawhq.CollectText(client.ChatStream(t.Context(), clawhq.ChatRequest{Message: "hi"}))
	if err != nil || text != resp.Response {
		t.Errorf("the stream has %q, %v, want %q", text, err, resp.Response)
	}
	return resp.Response
}

// otelhttp wraps bodies and requests. Answers, streams and errors are unchanged.
func TestOTelHTTP(t *testing.T) {
	s := clawhqtest.NewTestServer(t)
	client := s.Client(clawhq.WithHTTPClient(&http.Client{Transport: otelhttp.NewTransport(s.HTTPClient().Transport)}))
	for range 3 {
		answerTwice(t, client)
		for range client.ChatStream(t.Context(), clawhq.ChatRequest{Message: "hi"}) {
			break
		}
		if _, err := client.Chat(t.Context(), clawhq.ChatRequest{Message: "hi", Agent: "nobody"}); err == nil {
			t.Error("no error")
		}
	}
}

// A cassette is replayed even if its bodies were edited, so that Content-Length is
// wrong.
func TestGoVCR(t *testing.T) {
	s := clawhqtest.NewTestServer(t)
	s.HandleAgent("support-bot", clawhqtest.Reply("The number is 4929 1234 ", "5678 9012."))
	path := filepath.Join(t.TempDir(), "chat")
	play := func(mode recorder.Mode) string {
		r, err := recorder.New(path, recorder.WithMode(mode), recorder.WithRealTransport(s.HTTPClient().Transport), recorder.WithSkipRequestLatency(true),
			recorder.WithMatcher(func(r *http.Request, i cassette.Request) bool {
				return r.Method == i.Method && r.URL.String() == i.URL && r.Header.Get("Accept") == i.Headers.Get("Accept")
			}),
			recorder.WithHook(func(i *cassette.Interaction) error {
				i.Request.Headers.Del("Authorization")
				i.Response.Body = strings.NewReplacer("4929 1234 ", "[redacted by the cassette] ", "5678 9012", "…").Replace(i.Response.Body)
				return nil
			}, recorder.BeforeSaveHook))
		if err != nil {
			t.Fatal(err)
		}
		client := s.Client(clawhq.WithHTTPClient(&http.Client{Transport: r}), clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 1}))
		said := answerTwice(t, client)
		if err := r.Stop(); err != nil {
			t.Fatal(err)
		}
		return said
	}
	if got, want := play(recorder.ModeRecordOnly), "The number is 4929 1234 5678 9012."; got != want {
		t.Errorf("recorded: %q, want %q", got, want)
	}
	if got, want := play(recorder.ModeReplayOnly), "The number is [redacted by the cassette] …."; got != want {
		t.Errorf("replayed: %q, want %q", got, want)
	}
}

// The recorder of docs/testing.md: what a test has recorded is replayed without a
// server, the cassette has no key, and another question is not answered.
func TestRecorder(t *testing.T) {
	s := clawhqtest.NewTestServer(t)
	path := filepath.Join(t.TempDir(), "answer")
	client := func(mode recorder.Mode) *clawhq.Client {
		r, err := recorder.New(path,
			recorder.WithMode(mode),
			recorder.WithRealTransport(s.HTTPClient().Transport),
			recorder.WithSkipRequestLatency(true),
			recorder.WithMatcher(cassette.NewDefaultMatcher(
				cassette.WithIgnoreAuthorization(),
				cassette.WithIgnoreUserAgent(),
				cassette.WithIgnoreHeaders("X-Client-Request-Id", "X-Idempotency-Key"))), // they differ in each call
			recorder.WithHook(func(i *cassette.Interaction) error {
				i.Request.Headers.Del("Authorization")
				return nil
			}, recorder.AfterCaptureHook))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Stop() })
		c := s.Client(clawhq.WithHTTPClient(&http.Client{Transport: r}), clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 1}))
		if answerTwice(t, c); mode == recorder.ModeRecordOnly {
			if err := r.Stop(); err != nil {
				t.Fatal(err)
			}
		}
		return c
	}
	client(recorder.ModeRecordOnly)
	recorded, err := os.ReadFile(path + ".yaml")
	if err != nil || strings.Contains(string(recorded), s.APIKey()) {
		t.Errorf("the cassette has the key, or there is none: %v", err)
	}
	s.ClearRequests()
	replayed := client(recorder.ModeReplayOnly)
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d requests went to the server", n)
	}
	if _, err := replayed.Chat(t.Context(), clawhq.ChatRequest{Message: "another question"}); err == nil {
		t.Error("another question was answered")
	}
}
