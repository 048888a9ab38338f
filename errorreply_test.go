package clawhq_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/google/go-cmp/cmp"
	"github.com/jarcoal/httpmock"
)

// A 200 with an error in JSON is returned as that error, for streams and for whole
// answers.
func TestErrorWithStatus200(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]error{
		`{"error":{"code":"model_error","message":"m","type":"model_error","request_id":"req_1"}}`: &clawhq.AgentError{},
		`{"error":{"code":"rate_limited","message":"m"}}`:                                          &clawhq.RateLimitError{},
		`{"error":"Unauthorized"}`:                                     &clawhq.ServerError{},
		`{"error":"slow down","code":"RATE_LIMITED","retry_after":12}`: &clawhq.RateLimitError{},
	} {
		client := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) { return testkit.Reply(200, body), nil })
		_, unary := client.Chat(t.Context(), testkit.Hi, clawhq.WithClientRequestID("cli"))
		text, stream := clawhq.CollectText(client.ChatStream(t.Context(), testkit.Hi, clawhq.WithClientRequestID("cli")))
		if diff := cmp.Diff(unary, stream); diff != "" || text != "" {
			t.Errorf("%s: a stream differs, with text %q (-unary +stream):\n%s", body, text, diff)
		}
		if got, want := typeName(unary), typeName(want); got != want {
			t.Errorf("%s: got %s, want %s", body, got, want)
		}
		var api *clawhq.APIError
		if !errors.As(unary, &api) || api.StatusCode != 200 || api.Attempts != 1 || string(api.Body) != body {
			t.Errorf("%s: got %+v", body, api)
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
		"HTML":           {testkit.Reply(200, "<html>login</html>"), new(*json.SyntaxError), clawhq.APIError{StatusCode: 200, Message: "reply is not usable", Body: []byte("<html>login</html>")}},
		"empty":          {testkit.Reply(204, ""), new(*json.SyntaxError), clawhq.APIError{StatusCode: 204, Message: "reply is not usable"}},
		"no response":    {testkit.Reply(200, `{"agent":"a"}`), nil, clawhq.APIError{StatusCode: 200, Message: "reply is not usable", Body: []byte(`{"agent":"a"}`)}},
		"wrong type":     {testkit.Reply(200, `{"response":7}`), new(*json.UnmarshalTypeError), clawhq.APIError{StatusCode: 200, Message: "reply is not usable", Body: []byte(`{"response":7}`)}},
		"error with 200": {testkit.Reply(200, `{"error":{"code":"internal_error","message":"m"}}`), nil, clawhq.APIError{StatusCode: 200, Code: "internal_error", Message: "m", Body: []byte(`{"error":{"code":"internal_error","message":"m"}}`)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mock := httpmock.NewMockTransport()
			mock.RegisterResponder("POST", testkit.ChatURL, httpmock.ResponderFromResponse(tt.resp))
			tt.resp.Header.Set("X-Request-Id", "req_1")
			_, err := testkit.Client(t, mock).Chat(t.Context(), clawhq.ChatRequest{Message: "hi"}, clawhq.WithClientRequestID("cli"))
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
			mock.RegisterResponder("POST", testkit.ChatURL, func(*http.Request) (*http.Response, error) {
				r := testkit.Reply(200, "")
				r.Body, r.ContentLength = io.NopCloser(endless{}), length
				return r, nil
			})
			_, err := testkit.Client(t, mock).Chat(t.Context(), clawhq.ChatRequest{Message: "hi"})
			var got *clawhq.ServerError
			if !errors.As(err, &got) || !strings.Contains(err.Error(), "larger than 16 MiB") || len(got.Body) != 4096 || got.Attempts != 1 {
				t.Errorf("got %.200s", err)
			}
		}
	})
	t.Run("an endless error", func(t *testing.T) {
		t.Parallel()
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("POST", testkit.ChatURL, func(*http.Request) (*http.Response, error) {
			r := testkit.Reply(400, "")
			r.Body, r.ContentLength = io.NopCloser(endless{}), -1
			return r, nil
		})
		_, err := testkit.Client(t, mock).Chat(t.Context(), clawhq.ChatRequest{Message: "hi"})
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

// An agent has run: its answer is not lost for a byte order mark, or for a member that
// is not needed.
func TestOddRepliesOfChats(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]clawhq.ChatResponse{
		"\uFEFF" + testkit.OKBody:                                   {Response: "Hello.", Agent: "support-bot", RequestID: "req_1"},
		`{"response":"Hello.","agent":{"slug":"a"},"request_id":7}`: {Response: "Hello.", RequestID: "req_header"},
		`{"response":"Hello.","agent":["a"],"request_id":"req_1"}`:  {Response: "Hello.", RequestID: "req_1"},
	} {
		got, err := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) {
			return testkit.Reply(200, body, "X-Request-Id", "req_header"), nil
		}).Chat(t.Context(), testkit.Hi)
		if diff := cmp.Diff(&want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", body, err, diff)
		}
	}
	_, err := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) {
		return testkit.Reply(404, "\uFEFF"+`{"error":{"code":"agent_not_found","message":"m","type":"t"}}`), nil
	}).Chat(t.Context(), testkit.Hi)
	var missing *clawhq.NotFoundError
	if !errors.As(err, &missing) || missing.Code != clawhq.CodeAgentNotFound || missing.Message != "m" || missing.Body != nil {
		t.Errorf("got %v", err)
	}
}

// A 404 that is not the API's says what the base URL is: it may be the wrong one.
func TestPageInsteadOfAReply(t *testing.T) {
	t.Parallel()
	const hint = "the reply is not one of the API: is the base URL right? It is https://app.clawhq.tech/api"
	for name, tt := range map[string]struct {
		resp *http.Response
		want string
	}{
		"page":         {testkit.Reply(404, "\n<!DOCTYPE html><html><title>404</title>", "Content-Type", "text/html"), "404 Not Found: " + hint},
		"page as text": {testkit.Reply(404, "<html>", "Content-Type", "text/plain"), "404 Not Found: " + hint},
		"no page":      {testkit.Reply(404, "404 page not found", "Content-Type", "text/plain"), "404 Not Found: " + hint},
		"empty":        {testkit.Reply(404, ""), "404 Not Found: " + hint},
		"a flat error": {testkit.Reply(404, `{"error":"Key not found"}`), "404 Not Found: Key not found"},
		"not a 404":    {testkit.Reply(403, "<html>"), "403 Forbidden"},
		"a reply":      {testkit.Reply(404, `{"error":{"code":"agent_not_found","message":"<html>"}}`), "404 agent_not_found: <html>"},
	} {
		_, err := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) { return tt.resp, nil }).Chat(t.Context(), testkit.Hi)
		if got := err.Error(); !strings.HasPrefix(got, "clawhq: POST /v1/chat: "+tt.want+" (") {
			t.Errorf("%s: got %s, want %s", name, got, tt.want)
		}
	}
}
