package clawhq_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/google/go-cmp/cmp"
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

func TestDecodeError(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 5000)
	for name, tt := range map[string]struct {
		body string
		want clawhq.APIError
	}{
		"documented":        {`{"error":{"code":"model_error","message":"m","type":"model_error","request_id":"req_1","param":"p"}}`, clawhq.APIError{Code: "model_error", Message: "m", Type: "model_error", RequestID: "req_1", Param: "p"}},
		"fields from later": {`{"error":{"code":"model_error","message":"m","hint":1},"more":[]}`, clawhq.APIError{Code: "model_error", Message: "m"}},
		"flat":              {`{"error":"Unauthorized"}`, clawhq.APIError{Message: "Unauthorized", Body: []byte(`{"error":"Unauthorized"}`)}},
		"flat with a code":  {`{"error":"slow down","code":"RATE_LIMITED","status":429,"retry_after":12}`, clawhq.APIError{Code: "rate_limited", Message: "slow down", RetryAfter: 12 * time.Second, Body: []byte(`{"error":"slow down","code":"RATE_LIMITED","status":429,"retry_after":12}`)}},
		"retry_after text":  {`{"error":"e","retry_after":"1.5"}`, clawhq.APIError{Message: "e", RetryAfter: 1500 * time.Millisecond, Body: []byte(`{"error":"e","retry_after":"1.5"}`)}},
		"retry_after wrong": {`{"error":"e","retry_after":[1]}`, clawhq.APIError{Message: "e", Body: []byte(`{"error":"e","retry_after":[1]}`)}},
		"retry_after huge":  {`{"error":"e","retry_after":1e99}`, clawhq.APIError{Message: "e", Body: []byte(`{"error":"e","retry_after":1e99}`)}},
		"wrong types":       {`{"error":{"code":42,"message":["a"],"type":null,"request_id":{}}}`, clawhq.APIError{Code: "42", Message: `["a"]`, RequestID: "{}", Body: []byte(`{"error":{"code":42,"message":["a"],"type":null,"request_id":{}}}`)}},
		"error is a number": {`{"error":7,"message":"m"}`, clawhq.APIError{Message: "m", Body: []byte(`{"error":7,"message":"m"}`)}},
		"error is null":     {`{"error":null}`, clawhq.APIError{Body: []byte(`{"error":null}`)}},
		"no message":        {`{"error":{"code":"model_error"}}`, clawhq.APIError{Code: "model_error", Body: []byte(`{"error":{"code":"model_error"}}`)}},
		"HTML":              {"<html>502</html>", clawhq.APIError{Body: []byte("<html>502</html>")}},
		"empty":             {"", clawhq.APIError{}},
		"cut":               {`{"error":{"code":"model_er`, clawhq.APIError{Body: []byte(`{"error":{"code":"model_er`)}},
		"array":             {`[1]`, clawhq.APIError{Body: []byte(`[1]`)}},
		"long":              {long, clawhq.APIError{Body: []byte(long[:4096])}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var api *clawhq.APIError
			errors.As(clawhq.DecodeError(599, []byte(tt.body)), &api)
			tt.want.StatusCode = 599
			if diff := cmp.Diff(&tt.want, api); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzDecodeError(f *testing.F) {
	for _, s := range []string{
		`{"error":{"code":"model_error","message":"m","type":"model_error","request_id":"req_1","param":"p"}}`,
		`{"error":"slow down","code":"RATE_LIMITED","status":429,"retry_after":12}`,
		"<html>", `{"error":{"code":1}}`, `{"error":`,
	} {
		f.Add(502, []byte(s))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		err := clawhq.DecodeError(status, body)
		var api *clawhq.APIError
		if !errors.As(err, &api) || len(api.Body) > 4096 || api.RetryAfter < 0 {
			t.Fatalf("got %#v", err)
		}
		if strings.ContainsAny(err.Error(), "\r\n") {
			t.Errorf("more than a line: %q", err)
		}
	})
}

// Replies with a success status that are not usable are typed errors with an excerpt
// of the reply.
func TestUnusableReplies(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		resp  *http.Response
		cause any // target for errors.As; nil for none
		want  clawhq.APIError
	}{
		"HTML":           {reply(200, "<html>login</html>"), new(*json.SyntaxError), clawhq.APIError{StatusCode: 200, Message: "reply is not usable", Body: []byte("<html>login</html>")}},
		"empty":          {reply(204, ""), new(*json.SyntaxError), clawhq.APIError{StatusCode: 204, Message: "reply is not usable"}},
		"no response":    {reply(200, `{"agent":"a"}`), nil, clawhq.APIError{StatusCode: 200, Message: "reply is not usable", Body: []byte(`{"agent":"a"}`)}},
		"wrong type":     {reply(200, `{"response":7}`), new(*json.UnmarshalTypeError), clawhq.APIError{StatusCode: 200, Message: "reply is not usable", Body: []byte(`{"response":7}`)}},
		"error with 200": {reply(200, `{"error":{"code":"internal_error","message":"m"}}`), nil, clawhq.APIError{StatusCode: 200, Code: "internal_error", Message: "m", Body: []byte(`{"error":{"code":"internal_error","message":"m"}}`)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mock := httpmock.NewMockTransport()
			mock.RegisterResponder("POST", chatURL, httpmock.ResponderFromResponse(tt.resp))
			tt.resp.Header.Set("X-Request-Id", "req_1")
			_, err := mockClient(t, mock).Chat(t.Context(), clawhq.ChatRequest{Message: "hi"}, clawhq.WithClientRequestID("cli"))
			var got *clawhq.ServerError
			if !errors.As(err, &got) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("got %T: %v", err, err)
			}
			tt.want.RequestID, tt.want.ClientRequestID, tt.want.Attempts, tt.want.Method, tt.want.Path = "req_1", "cli", 1, "POST", "/v1/chat"
			if diff := cmp.Diff(&tt.want, got.APIError); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if tt.cause != nil && !errors.As(err, tt.cause) {
				t.Errorf("no %T in %v", tt.cause, err)
			}
		})
	}

	t.Run("too large", func(t *testing.T) {
		t.Parallel()
		for _, length := range []int64{-1, 17 << 20} {
			mock := httpmock.NewMockTransport()
			mock.RegisterResponder("POST", chatURL, func(*http.Request) (*http.Response, error) {
				r := reply(200, "")
				r.Body, r.ContentLength = io.NopCloser(endless{}), length
				return r, nil
			})
			_, err := mockClient(t, mock).Chat(t.Context(), clawhq.ChatRequest{Message: "hi"})
			var got *clawhq.ServerError
			if !errors.As(err, &got) || !strings.Contains(err.Error(), "larger than 16 MiB") || len(got.Body) != 4096 || got.Attempts != 1 {
				t.Errorf("got %.200s", err)
			}
		}
	})
	t.Run("an endless error", func(t *testing.T) {
		t.Parallel()
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("POST", chatURL, func(*http.Request) (*http.Response, error) {
			r := reply(400, "")
			r.Body, r.ContentLength = io.NopCloser(endless{}), -1
			return r, nil
		})
		_, err := mockClient(t, mock).Chat(t.Context(), clawhq.ChatRequest{Message: "hi"})
		if got, ok := err.(*clawhq.InvalidRequestError); !ok || len(got.Body) != 4096 {
			t.Errorf("got %.200s", err)
		}
	})
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// Every verb prints an error as its redacted text, without its causes.
func TestErrorVerbs(t *testing.T) {
	t.Parallel()
	const session = "s3ss10n-that-nobody-may-see"
	leak := errors.New("Bearer " + testKey + " session=" + session)
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", chatURL, func(r *http.Request) (*http.Response, error) {
		if r.Header.Get("Accept") != "text/event-stream" {
			return nil, fmt.Errorf("broken: %w", leak)
		}
		resp := reply(200, "", "Content-Type", "text/event-stream")
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader("data: {\"content\":\"a\"}\n\n"), iotest.ErrReader(leak)))
		return resp, nil
	})
	client := mockClient(t, mock, clawhq.WithSession(session), clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 1}))
	_, unary := client.Chat(t.Context(), hi, clawhq.WithClientRequestID(testKey))
	_, stream := clawhq.CollectText(client.ChatStream(t.Context(), hi))
	for _, err := range []error{unary, stream} {
		if !errors.Is(err, leak) {
			t.Errorf("the cause is lost: %v", err)
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t", "%b", "%c", "%o", "%U", "%e", "%g", "%20v"} {
			out := fmt.Sprintf(verb, err)
			if strings.Contains(out, testKey) || strings.Contains(out, session) {
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
	client := sends(t, func(*http.Request) (*http.Response, error) {
		return reply(429, `{"error":{"code":"rate_limited","message":"m"}}`, "Retry-After", "30"), nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := client.Chat(ctx, hi); !errors.Is(err, clawhq.CodeRateLimited) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want both the code and the deadline", err)
	}
}
