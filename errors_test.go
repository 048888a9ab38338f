package clawhq_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/jarcoal/httpmock"
)

func TestErrorString(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want string
	}{
		{
			&clawhq.RateLimitError{APIError: &clawhq.APIError{StatusCode: 429, Code: "rate_limited", Message: "Rate limit exceeded.", RequestID: "req_abc123", Attempts: 3, Method: "POST", Path: "/v1/chat"}},
			"clawhq: POST /v1/chat: 429 rate_limited: Rate limit exceeded. (request_id req_abc123, attempt 3)",
		},
		{
			&clawhq.APIError{StatusCode: 502, Method: "GET", Path: "/keys", ClientRequestID: "cli-1", Attempts: 1},
			"clawhq: GET /keys: 502 Bad Gateway (client_request_id cli-1, attempt 1)",
		},
		{
			&clawhq.InvalidRequestError{APIError: &clawhq.APIError{Code: "missing_parameter", Param: "message", Message: "message is required", Method: "POST", Path: "/v1/chat"}},
			"clawhq: POST /v1/chat: missing_parameter: message is required (param message)",
		},
		{
			&clawhq.StreamError{APIError: &clawhq.APIError{StatusCode: 200, Code: "stream_truncated", Message: "the stream ended without [DONE]", Method: "POST", Path: "/v1/chat", RequestID: "req_1", Attempts: 1}, Err: io.ErrUnexpectedEOF},
			"clawhq: POST /v1/chat: 200 stream_truncated: the stream ended without [DONE] (request_id req_1, attempt 1): unexpected EOF",
		},
		{&clawhq.APIError{StatusCode: 599, Message: "a\r\nb\tc\u2028d"}, "clawhq: 599: a  b c d"},
		{&clawhq.APIError{Message: strings.Repeat("é", 300)}, "clawhq: " + strings.Repeat("é", 256) + "…"},
		{&clawhq.APIError{}, "clawhq: unknown error"},
		{&clawhq.AgentError{}, "clawhq: unknown error"},
	} {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

// The code decides the type of an error. If the code is missing or unknown, the
// status decides.
func TestErrorTypes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status int
		code   string
		want   error
	}{
		{400, "invalid_request", &clawhq.InvalidRequestError{}},
		{400, "missing_parameter", &clawhq.InvalidRequestError{}},
		{400, "invalid_parameter", &clawhq.InvalidRequestError{}},
		{400, "content_blocked", &clawhq.InvalidRequestError{}},
		{400, "file_too_large", &clawhq.InvalidRequestError{}},
		{400, "unsupported_file_type", &clawhq.InvalidRequestError{}},
		{400, "batch_too_large", &clawhq.InvalidRequestError{}},
		{401, "invalid_api_key", &clawhq.AuthenticationError{}},
		{401, "revoked_api_key", &clawhq.AuthenticationError{}},
		{403, "revoked_api_key", &clawhq.AuthenticationError{}},
		{403, "plan_required", &clawhq.PermissionError{}},
		{404, "agent_not_found", &clawhq.NotFoundError{}},
		{404, "thread_not_found", &clawhq.NotFoundError{}},
		{404, "not_found", &clawhq.NotFoundError{}},
		{409, "request_in_progress", &clawhq.ConflictError{}},
		{429, "rate_limited", &clawhq.RateLimitError{}},
		{500, "internal_error", &clawhq.ServerError{}},
		{502, "model_error", &clawhq.AgentError{}},
		{503, "agent_offline", &clawhq.AgentError{}},
		{504, "model_timeout", &clawhq.AgentError{}},
		{500, "model_error", &clawhq.AgentError{}},
		{400, "RATE_LIMITED", &clawhq.RateLimitError{}},
		{500, "INVALID_KEY", &clawhq.AuthenticationError{}},
		{502, "TIMEOUT", &clawhq.AgentError{}},
		{400, "", &clawhq.InvalidRequestError{}},
		{401, "", &clawhq.AuthenticationError{}},
		{403, "", &clawhq.PermissionError{}},
		{404, "brand_new", &clawhq.NotFoundError{}},
		{405, "", &clawhq.InvalidRequestError{}},
		{409, "", &clawhq.ConflictError{}},
		{418, "", &clawhq.InvalidRequestError{}},
		{429, "", &clawhq.RateLimitError{}},
		{500, "", &clawhq.ServerError{}},
		{502, "", &clawhq.ServerError{}},
		{503, "brand_new", &clawhq.ServerError{}},
		{302, "", &clawhq.ServerError{}},
	} {
		body := fmt.Appendf(nil, `{"error":{"code":%q,"message":"m","type":"t","request_id":"req_1"}}`, tt.code)
		err := clawhq.DecodeError(tt.status, body)
		if got, want := fmt.Sprintf("%T", err), fmt.Sprintf("%T", tt.want); got != want {
			t.Errorf("%d %s: got %s, want %s", tt.status, tt.code, got, want)
		}
		var api *clawhq.APIError
		if !errors.As(err, &api) || api.StatusCode != tt.status {
			t.Errorf("%d %s: no APIError in %v", tt.status, tt.code, err)
		}
	}
}

// Every verb prints an error as its redacted text, without its causes.
func TestErrorVerbs(t *testing.T) {
	t.Parallel()
	const session = "s3ss10n-that-nobody-may-see"
	leak := errors.New("Bearer " + testkit.Key + " session=" + session)
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", testkit.ChatURL, func(r *http.Request) (*http.Response, error) {
		if r.Header.Get("Accept") != "text/event-stream" {
			return nil, fmt.Errorf("broken: %w", leak)
		}
		resp := testkit.Reply(200, "", "Content-Type", "text/event-stream")
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader("data: {\"content\":\"a\"}\n\n"), iotest.ErrReader(leak)))
		return resp, nil
	})
	client := testkit.Client(t, mock, clawhq.WithSession(session), testkit.OneAttempt)
	_, unary := client.Chat(t.Context(), testkit.Hi, clawhq.WithClientRequestID(testkit.Key))
	_, stream := clawhq.CollectText(client.ChatStream(t.Context(), testkit.Hi))
	for _, err := range []error{unary, stream} {
		if !errors.Is(err, leak) {
			t.Errorf("the cause is lost: %v", err)
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t", "%b", "%c", "%o", "%U", "%e", "%g", "%20v"} {
			out := fmt.Sprintf(verb, err)
			if strings.Contains(out, testkit.Key) || strings.Contains(out, session) {
				t.Errorf("%s prints %s", verb, out)
			}
		}
	}
}

// typeName returns the name of an error's type.
func typeName(err error) string { return fmt.Sprintf("%T", err) }

// Every error with a code matches the code, however it is wrapped.
func TestErrorsIsCode(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]bool{
		&clawhq.APIError{Code: "rate_limited"}:                                                             true,
		&clawhq.RateLimitError{APIError: &clawhq.APIError{Code: "rate_limited"}}:                           true,
		&clawhq.StreamError{APIError: &clawhq.APIError{Code: "rate_limited"}, Err: io.EOF}:                 true,
		fmt.Errorf("asking: %w", &clawhq.RateLimitError{APIError: &clawhq.APIError{Code: "rate_limited"}}): true,
		errors.Join(io.EOF, &clawhq.APIError{Code: "rate_limited"}):                                        true,
		fmt.Errorf("as such: %w", clawhq.CodeRateLimited):                                                  true,
		&clawhq.RateLimitError{APIError: &clawhq.APIError{StatusCode: 429}}:                                false, // the reply has no code
		&clawhq.APIError{Code: "model_error"}:                                                              false,
		&clawhq.RateLimitError{}:                                                                           false,
		(*clawhq.APIError)(nil):                                                                            false,
		io.EOF:                                                                                             false,
	} {
		if got := errors.Is(err, clawhq.CodeRateLimited); got != want {
			t.Errorf("%v: got %v, want %v", err, got, want)
		}
	}
	if errors.Is(&clawhq.APIError{}, clawhq.ErrorCode("")) {
		t.Error("no code matches no code")
	}
	if got := fmt.Sprintf("%v %s %q %d", clawhq.CodeRateLimited, clawhq.CodeRateLimited, clawhq.CodeRateLimited, len(clawhq.CodeRateLimited.Error())); got != `rate_limited rate_limited "rate_limited" 12` {
		t.Errorf("printed %s", got)
	}

	// The error of a call that ended for two reasons matches both.
	client := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) {
		return testkit.Reply(429, `{"error":{"code":"rate_limited","message":"m"}}`, "Retry-After", "30"), nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := client.Chat(ctx, testkit.Hi); !errors.Is(err, clawhq.CodeRateLimited) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want both the code and the deadline", err)
	}
}

// wantErrorText fails the test unless err contains want. If want is empty, err must
// be nil.
func wantErrorText(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case err == nil && want != "":
		t.Errorf("no error, want %q", want)
	case err != nil && (want == "" || !strings.Contains(err.Error(), want)):
		t.Errorf("error %q, want %q", err, want)
	}
}
