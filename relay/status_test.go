package relay_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/clawhq/clawhq-go/relay"
	"github.com/google/go-cmp/cmp"
)

func TestStatus(t *testing.T) {
	t.Parallel()
	api := func(code clawhq.ErrorCode) *clawhq.APIError { return &clawhq.APIError{Code: code} }
	for _, tt := range []struct {
		name string
		err  error
		want int
	}{
		{"nil", nil, 200},
		{"typed nil", (*clawhq.APIError)(nil), 502},
		{"empty", &clawhq.AgentError{}, 502},
		{"invalid", &clawhq.InvalidRequestError{APIError: api(clawhq.CodeContentBlocked)}, 400},
		{"not found", &clawhq.NotFoundError{APIError: api(clawhq.CodeAgentNotFound)}, 404},
		{"conflict", &clawhq.ConflictError{APIError: api(clawhq.CodeRequestInProgress)}, 409},
		{"rate limited", &clawhq.RateLimitError{APIError: api(clawhq.CodeRateLimited)}, 503},
		{"rate limited, no time to retry", fmt.Errorf("%w %w", &clawhq.RateLimitError{APIError: api("")}, context.DeadlineExceeded), 503},
		{"throttled", fmt.Errorf("%w %w", clawhq.ErrThrottled, context.DeadlineExceeded), 503},
		{"offline", &clawhq.AgentError{APIError: api(clawhq.CodeAgentOffline)}, 503},
		{"model timeout", &clawhq.AgentError{APIError: api(clawhq.CodeModelTimeout)}, 504},
		{"model timeout in a stream", &clawhq.StreamError{APIError: api(clawhq.CodeModelTimeout)}, 504},
		{"idle stream", &clawhq.StreamError{APIError: api(clawhq.CodeStreamIdle)}, 504},
		{"out of time", fmt.Errorf("%w", context.DeadlineExceeded), 504},
		{"cancelled", fmt.Errorf("%w", context.Canceled), 503},
		{"model error", &clawhq.AgentError{APIError: api(clawhq.CodeModelError)}, 502},
		{"cut stream", &clawhq.StreamError{APIError: api(clawhq.CodeStreamTruncated), Err: io.ErrUnexpectedEOF}, 502},
		{"revoked key", &clawhq.AuthenticationError{APIError: api(clawhq.CodeRevokedAPIKey)}, 502},
		{"plan", &clawhq.PermissionError{APIError: api(clawhq.CodePlanRequired)}, 502},
		{"service", &clawhq.ServerError{APIError: api(clawhq.CodeInternalError)}, 502},
		{"network", errors.New("connection refused"), 502},
		{"zero values", &clawhq.StreamError{}, 502},
	} {
		if got := relay.Status(tt.err); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
}

// What a browser is told before the first byte, of faults of the real way.
func TestErrorsBeforeTheFirstByte(t *testing.T) {
	t.Parallel()
	const (
		later  = `{"error":{"status":503,"message":"There is no answer at the moment. Please try again later."}}`
		failed = `{"error":{"status":502,"message":"The answer could not be made. Please try again."}}`
	)
	for _, tt := range []struct {
		name       string
		fault      clawhqtest.Fault
		status     int
		retryAfter string
		body       string
	}{
		{"rate limited", clawhqtest.FaultRateLimit("7"), 503, "7",
			`{"error":{"status":503,"message":"There is no answer at the moment. Please try again later.","retry_after":7}}`},
		{"for an hour", clawhqtest.FaultRateLimit("3600"), 503, "3600",
			`{"error":{"status":503,"message":"There is no answer at the moment. Please try again later.","retry_after":3600}}`},
		{"for longer", clawhqtest.FaultRateLimit("3601"), 503, "", later},
		{"for 6 seconds, as the live service puts it", clawhqtest.FaultRateLimit("1793675129406"), 503, "6",
			`{"error":{"status":503,"message":"There is no answer at the moment. Please try again later.","retry_after":6}}`},
		{"for 300 years", clawhqtest.FaultRateLimit("9999999999"), 503, "", later},
		{"for no time", clawhqtest.FaultRateLimit("0"), 503, "", later},
		{"agent offline", clawhqtest.FaultStatus(503, clawhq.CodeAgentOffline), 503, "", later},
		{"content blocked", clawhqtest.FaultStatus(400, clawhq.CodeContentBlocked), 400, "",
			`{"error":{"status":400,"message":"The request was not accepted."}}`},
		{"no such agent", clawhqtest.FaultStatus(404, clawhq.CodeAgentNotFound), 404, "",
			`{"error":{"status":404,"message":"There is no such agent."}}`},
		{"model timeout", clawhqtest.FaultStatus(504, clawhq.CodeModelTimeout), 504, "",
			`{"error":{"status":504,"message":"The answer took too long. Please try again."}}`},
		{"revoked key", clawhqtest.FaultStatus(401, clawhq.CodeRevokedAPIKey), 502, "", failed},
		{"a proxy's page", clawhqtest.FaultHTML(500), 502, "", failed},
		{"no reply", clawhqtest.FaultReset(), 502, "", failed},
		{"a stream that says nothing", clawhqtest.FaultStreamCut(0), 502, "", failed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			service := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
			service.Inject(tt.fault)
			rec, err := ask(t, service.Client(testkit.OneAttempt).ChatStream(t.Context(), clawhq.ChatRequest{Message: "hi"}), relay.Options{})
			if err == nil {
				t.Error("got no error")
			}
			if rec.Code != tt.status {
				t.Errorf("got status %d, want %d", rec.Code, tt.status)
			}
			want := http.Header{
				"Content-Type":           {"application/json"},
				"Cache-Control":          {"no-store"},
				"X-Content-Type-Options": {"nosniff"},
			}
			if tt.retryAfter != "" {
				want["Retry-After"] = []string{tt.retryAfter}
			}
			if diff := cmp.Diff(want, rec.Header()); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.body, rec.Body.String()); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

// Nothing of an error's text reaches the browser unless the app says so, and
// a key not even then.
func TestExplain(t *testing.T) {
	t.Parallel()
	secret := &clawhq.InvalidRequestError{APIError: &clawhq.APIError{Code: "s3cret", Message: "s3cret " + testkit.Key, RequestID: "s3cret", Param: "s3cret"}}
	for _, tt := range []struct {
		name    string
		explain func(error) (int, string)
		status  int
		message string
	}{
		{"default", nil, 400, "The request was not accepted."},
		{"both", func(error) (int, string) { return 418, "No tea." }, 418, "No tea."},
		{"neither", func(error) (int, string) { return 0, "" }, 400, "The request was not accepted."},
		{"status", func(error) (int, string) { return 503, "" }, 503, "There is no answer at the moment. Please try again later."},
		{"a status without a sentence of ours", func(error) (int, string) { return 422, "" }, 422, "Unprocessable Entity"},
		{"message", func(err error) (int, string) { return 0, "Too long." }, 400, "Too long."},
		{"no error status", func(error) (int, string) { return 200, "Fine." }, 400, "Fine."},
		{"no status at all", func(error) (int, string) { return 7, "Fine." }, 400, "Fine."},
		{"a key", func(err error) (int, string) { return 0, "use " + testkit.Key }, 400, "use " + testkit.Key[:12] + "…"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			opts := relay.Options{Explain: tt.explain}
			told := fmt.Sprintf(`{"error":{"status":%d,"message":%q}}`, tt.status, tt.message)

			rec, err := ask(t, says(secret), opts)
			if err != error(secret) {
				t.Errorf("got error %v, want that of the sequence", err)
			}
			if rec.Code != tt.status || rec.Body.String() != told {
				t.Errorf("got %d %s, want %d %s", rec.Code, rec.Body, tt.status, told)
			}

			rec, err = ask(t, says(secret, "one"), opts)
			if err != error(secret) {
				t.Errorf("got error %v, want that of the sequence", err)
			}
			want := "id: 1\ndata: {\"content\":\"one\"}\n\nid: 2\nevent: failure\ndata: " + told + "\n\n"
			if rec.Code != 200 || rec.Body.String() != want {
				t.Errorf("got %d %s, want 200 %s", rec.Code, rec.Body, want)
			}
			if strings.Contains(rec.Body.String(), "s3cret") {
				t.Errorf("the browser was told %s", rec.Body)
			}
		})
	}
}

// An error after a heartbeat comes too late for a status.
func TestErrorAfterHeartbeat(t *testing.T) {
	t.Parallel()
	bubble(t, relay.Options{Heartbeat: 2 * time.Second}, func(t *testing.T, a *app) {
		a.service.Inject(clawhqtest.FaultDelay(3 * time.Second))
		a.service.HandleAgent("support-bot", func(context.Context, clawhqtest.Message) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) { yield("", errors.New("s3cret")) }
		})
		resp, err := a.browser.Get("http://app.test/ask?q=hi")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		want := ": heartbeat\n\nid: 1\nevent: failure\ndata: {\"error\":{\"status\":502,\"message\":\"The answer could not be made. Please try again.\"}}\n\n"
		if resp.StatusCode != 200 || string(body) != want || err != nil {
			t.Errorf("got %s, %v\n%s\nwant 200\n%s", resp.Status, err, body, want)
		}
		if err := <-a.ended; err == nil {
			t.Error("SSE returned no error")
		}
	})
}

// A browser whose question the app's own rate shaping has refused is told when
// there will be room.
func TestThrottled(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		s.SetRateLimit(s.KeyID(), 1)
		client := s.Client()
		if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		rec, err := ask(t, client.ChatStream(ctx, testkit.Hi), relay.Options{})
		if !errors.Is(err, clawhq.ErrThrottled) || rec.Code != 503 || rec.Header().Get("Retry-After") != "31" {
			t.Errorf("got %v, %d, Retry-After %q; want 503, 31", err, rec.Code, rec.Header().Get("Retry-After"))
		}
	})
}
