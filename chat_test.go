package clawhq_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/google/go-cmp/cmp"
	"github.com/jarcoal/httpmock"
)

// A request has the expected method, headers and body, and its path follows the base
// URL's own path.
func TestRequestOnTheWire(t *testing.T) {
	t.Parallel()
	type sent struct {
		Method, URL, Body string
		Header            http.Header
	}
	var got sent
	mock := httpmock.NewMockTransport()
	mock.RegisterNoResponder(func(r *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(r.Body)
		got = sent{r.Method, r.URL.String(), string(body), r.Header}
		if r.Header.Get("Accept") == "text/event-stream" {
			return testkit.Reply(200, "data: [DONE]\n\n", "Content-Type", "text/event-stream; charset=utf-8"), nil
		}
		return testkit.Reply(200, testkit.OKBody), nil
	})
	client := testkit.Client(t, mock, clawhq.WithBaseURL("https://proxy.example/a/b%2Fc/"), clawhq.WithUserAgent("app/1"))
	req := clawhq.ChatRequest{Message: "1 < 2 & \"3\"", Agent: "support-bot", SessionID: "user_123"}
	header := http.Header{
		"Accept":              {"application/json"},
		"Authorization":       {"Bearer " + testkit.Key},
		"Content-Type":        {"application/json"},
		"X-Client-Request-Id": {"cli-42"},
		"X-Idempotency-Key":   {"once"},
	}
	opts := []clawhq.CallOption{clawhq.WithClientRequestID("cli-42"), clawhq.WithIdempotencyKey("once")}

	if _, err := client.Chat(t.Context(), req, opts...); err != nil {
		t.Fatal(err)
	}
	ua := got.Header.Get("User-Agent")
	if !strings.HasPrefix(ua, "clawhq-go/"+clawhq.Version+" (go") || !strings.HasSuffix(ua, ") app/1") {
		t.Errorf("User-Agent is %q", ua)
	}
	got.Header.Del("User-Agent")
	want := sent{"POST", "https://proxy.example/a/b%2Fc/v1/chat", `{"message":"1 \u003c 2 \u0026 \"3\"","agent":"support-bot","session_id":"user_123"}`, header}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Chat (-want +got):\n%s", diff)
	}

	if _, err := clawhq.CollectText(client.ChatStream(t.Context(), clawhq.ChatRequest{Message: "hi"}, opts...)); err != nil {
		t.Fatal(err)
	}
	got.Header.Del("User-Agent")
	header.Set("Accept", "text/event-stream")
	header.Set("Accept-Encoding", "identity")
	want.Body, want.Header = `{"message":"hi","stream":true}`, header
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ChatStream (-want +got):\n%s", diff)
	}
}

func TestRefusedBeforeSending(t *testing.T) {
	t.Parallel()
	mock := httpmock.NewMockTransport() // has no answer
	client := testkit.Client(t, mock)
	for name, tt := range map[string]struct {
		req  clawhq.ChatRequest
		opts []clawhq.CallOption
		want clawhq.APIError
	}{
		"blank message":   {clawhq.ChatRequest{Message: " \n\t"}, nil, clawhq.APIError{Code: "missing_parameter", Param: "message", Message: "message is required"}},
		"long message":    {clawhq.ChatRequest{Message: strings.Repeat("é", 10_001)}, nil, clawhq.APIError{Code: "invalid_request", Param: "message", Message: "message has 10001 characters, at most 10000 are allowed"}},
		"6,000 emoji":     {clawhq.ChatRequest{Message: strings.Repeat("🎉", 6_000)}, nil, clawhq.APIError{Code: "invalid_request", Param: "message", Message: "message has 12000 characters, at most 10000 are allowed"}},
		"message not UTF": {clawhq.ChatRequest{Message: "a\xff"}, nil, clawhq.APIError{Code: "invalid_parameter", Param: "message", Message: "message is not valid UTF-8"}},
		"agent not UTF":   {clawhq.ChatRequest{Message: "a", Agent: "\xff"}, nil, clawhq.APIError{Code: "invalid_parameter", Param: "agent", Message: "agent is not valid UTF-8"}},
		"session id":      {clawhq.ChatRequest{Message: "a", SessionID: "a b!"}, nil, clawhq.APIError{Code: "invalid_parameter", Param: "session_id", Message: "session_id is not 1 to 128 letters, digits, underscores and hyphens"}},
		"long session id": {clawhq.ChatRequest{Message: "a", SessionID: strings.Repeat("a", 129)}, nil, clawhq.APIError{Code: "invalid_parameter", Param: "session_id", Message: "session_id is not 1 to 128 letters, digits, underscores and hyphens"}},
		"body":            {clawhq.ChatRequest{Message: "a", Agent: strings.Repeat("a", 102_400)}, nil, clawhq.APIError{Code: "invalid_request", Message: "request has 102426 bytes, at most 102400 are allowed"}},
		"idempotency key": {clawhq.ChatRequest{Message: "a"}, []clawhq.CallOption{clawhq.WithIdempotencyKey(strings.Repeat("k", 65))}, clawhq.APIError{Code: "invalid_parameter", Param: "X-Idempotency-Key", Message: "idempotency key is not 1 to 64 characters of printable ASCII"}},
		"no idempotency":  {clawhq.ChatRequest{Message: "a"}, []clawhq.CallOption{clawhq.WithIdempotencyKey("")}, clawhq.APIError{Code: "invalid_parameter", Param: "X-Idempotency-Key", Message: "idempotency key is not 1 to 64 characters of printable ASCII"}},
		"request id":      {clawhq.ChatRequest{Message: "a"}, []clawhq.CallOption{clawhq.WithClientRequestID("a\nb")}, clawhq.APIError{Code: "invalid_parameter", Param: "X-Client-Request-Id", Message: "client request id is not printable ASCII"}},
	} {
		t.Run(name, func(t *testing.T) {
			info := clawhq.ResponseInfo{Attempts: 7}
			opts := append([]clawhq.CallOption{clawhq.WithResponseInfo(&info)}, tt.opts...)
			_, err := client.Chat(t.Context(), tt.req, opts...)
			_, streamErr := clawhq.CollectText(client.ChatStream(t.Context(), tt.req, opts...))
			for i, err := range []error{err, streamErr} {
				if i == 1 { // the body also contains "stream":true
					tt.want.Message = strings.Replace(tt.want.Message, "102426", "102440", 1)
				}
				e, ok := err.(*clawhq.InvalidRequestError)
				if !ok {
					t.Fatalf("got %T: %v", err, err)
				}
				tt.want.Type, tt.want.Method, tt.want.Path = "validation_error", "POST", "/v1/chat"
				tt.want.ClientRequestID = e.ClientRequestID
				if diff := cmp.Diff(&tt.want, e.APIError); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if info.Attempts != 0 || info.StatusCode != 0 {
					t.Errorf("info is %+v", info)
				}
			}
		})
	}
	if n := mock.GetTotalCallCount(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
	// The longest message that is allowed.
	mock.RegisterResponder("POST", testkit.ChatURL, httpmock.ResponderFromResponse(testkit.Reply(200, testkit.OKBody)).Times(2))
	for _, message := range []string{strings.Repeat("é", 10_000), strings.Repeat("🎉", 5_000)} {
		if _, err := client.Chat(t.Context(), clawhq.ChatRequest{Message: message, SessionID: strings.Repeat("a", 128)}); err != nil {
			t.Error(err)
		}
	}
}
