package proof_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/internal/testkit"
)

// loudError is an error of a transport that contains secrets.
type loudError string

func (e loudError) Error() string { return string(e) }

// exhibitClient shows everything that a client returns and logs when replies
// contain the client's own credentials.
func exhibitClient(t *testing.T, x *exhibition, format string) {
	const echo = "you sent Bearer " + testkit.Key + " and session=" + sentinelSession
	envelope := func(code string) string {
		return fmt.Sprintf(`{"error":{"code":%q,"message":%q,"param":%[2]q,"type":%[2]q,"request_id":%[2]q}}`, code, echo)
	}
	const eventStream, html = "text/event-stream", "text/html"
	replies := []struct {
		status            int
		contentType, body string
	}{
		{400, "application/json", envelope("invalid_request")},
		{401, "application/json", envelope("invalid_api_key")},
		{403, "application/json", envelope("plan_required")},
		{404, "application/json", envelope("agent_not_found")},
		{409, "application/json", envelope("request_in_progress")},
		{429, "application/json", envelope("rate_limited")},
		{500, "application/json", envelope("internal_error")},
		{503, "application/json", envelope("agent_offline")},
		{418, "application/json", envelope(echo)},
		{400, "application/json", `{"error":"` + echo + `","code":"` + echo + `","status":400,"retry_after":"` + echo + `"}`},
		{400, "application/json", `{"error":{"code":{"` + echo + `":1},"message":["` + echo + `"]}}`},
		{502, html, "<html>" + echo},
		{502, html, strings.Repeat("x", 4<<10-40) + echo}, // cut within the excerpt
		{502, html, strings.Repeat("x", 64<<10-40) + echo},
		{500, echo, ""},
		{307, html, echo},
		{200, "application/json", echo},
		{200, "application/json", `{"response":` + echo},
		{200, "application/json", `{"response":null,"error":"` + echo + `"}`},
		{200, "application/json", `{"keys":"` + echo + `"}`},
		{200, "application/json", `{"key":{"id":1,"full_key":"` + testkit.Key + `"}}`},
		{200, echo, echo},
		{200, eventStream, "data: " + envelope(echo) + "\n\n"},
		{200, eventStream, "data: " + echo + "\n\n"},
		{200, eventStream, "data: {\"content\":{\"" + echo + "\":1}}\n\n"},
		{200, eventStream, "data: {\"content\":\"text\"}\n\ndata: " + echo + "\n\n"},
		{200, eventStream, "data: {\"content\":\"text\"}\n\ndata: " + envelope("stream_error") + "\n\ndata: [DONE]\n\n"},
		{200, eventStream, "data: {\"content\":\"text\"}\n\n"},
		{200, "application/json", `{"response":"Hello.","agent":"support-bot","request_id":"req_1"}`},
		{200, "application/json", `{"keys":[{"id":"1","name":"n","key_prefix":"clw_a1b2c3d4","status":"active","rate_limit_per_min":60}],"keyStats":{}}`},
		{200, "application/json", `{"key":{"id":"1","name":"n","key_prefix":"clw_a1b2c3d4","rate_limit_per_min":60,"status":"active","full_key":"` + testkit.Key + `"},"success":true}`},
	}
	n := 0
	answer := func(*http.Request) (*http.Response, error) {
		switch {
		case n == len(replies): // no reply at all
			return nil, fmt.Errorf("broken: %w", loudError(echo))
		case n > len(replies): // a reply that breaks off
			r := testkit.Reply(200, "")
			r.ContentLength = -1
			r.Header.Set("Content-Type", eventStream)
			r.Body = io.NopCloser(io.MultiReader(strings.NewReader("data: {\"content\":\"text\"}\n\n"), failingReader{loudError(echo)}))
			return r, nil
		}
		r := replies[n]
		return testkit.Reply(r.status, r.body, "Content-Type", r.contentType, "X-Request-Id", echo, "Retry-After", echo,
			"Location", "https://elsewhere.example/"+testkit.Key+"?a="+sentinelSession, "Set-Cookie", "sb-x.0="+renewedSession+"; Path=/",
			"X-RateLimit-Limit", "60", "X-RateLimit-Remaining", "59"), nil
	}
	var logs bytes.Buffer
	client := testkit.ClientFunc(t, answer, clawhq.WithSession("sb-x.0="+sentinelSession+"; sb-x.1=a-second-part"), clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 2, MinWait: 1, MaxWait: 1, Budget: -1}), clawhq.WithLogger(logger(format, &logs)), clawhq.WithRateLimit(0), clawhq.WithTrace(x.trace()))
	x.show(client)
	x.show(client.Keys)

	// Chats and key management meet every reply.
	often := append(secretCalls(t.Context(), client, testkit.Key, append(v1Calls[:1:1], keyCalls...)), func(o ...clawhq.CallOption) (any, error) {
		return clawhq.CollectText(client.ChatStream(t.Context(), testkit.Hi, o...))
	})
	for n = range len(replies) + 2 {
		for _, call := range often {
			var info clawhq.ResponseInfo
			got, err := call(clawhq.WithResponseInfo(&info), clawhq.WithClientRequestID("cli"))
			x.show(info)
			if err != nil {
				x.show(err)
			} else if got != nil {
				x.show(got)
				if created, ok := got.(*clawhq.CreatedKey); ok && created.Secret.Reveal() != testkit.Key {
					t.Errorf("Reveal returned %q", created.Secret.Reveal())
				}
			}
		}
	}
	for _, n = range []int{0, 11, 16, len(replies)} { // a few replies are enough: between services, errors differ only in the path
		for _, call := range append(secretCalls(t.Context(), client, testkit.Key, calls), otherSecretCalls(t.Context(), client, testkit.Key)...) {
			if _, err := call(); err != nil {
				x.show(err)
			}
		}
	}
	x.search("the client's log", "", logs.String())
	if !strings.Contains(logs.String(), "clw_a1b2c3d4…") || strings.Count(logs.String(), "\n") < 100 {
		t.Errorf("the client logged %d lines", strings.Count(logs.String(), "\n"))
	}
	// Calls that are refused before they are sent, and calls that are not admitted.
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("over"))
	refused := func(_ any, err error) {
		if err == nil {
			t.Error("not refused")
			return
		}
		x.show(err)
	}
	refused(client.Chat(t.Context(), clawhq.ChatRequest{Message: "m", SessionID: testkit.Key + "!"}))
	refused(client.Chat(t.Context(), testkit.Hi, clawhq.WithIdempotencyKey(testkit.Key+"\n")))
	refused(client.Chat(t.Context(), testkit.Hi, clawhq.WithClientRequestID(testkit.Key+"\n")))
	refused(client.Keys.Create(t.Context(), clawhq.CreateKeyRequest{Name: strings.Repeat(testkit.Key, 3)}))
	refused(client.Chat(ended, testkit.Hi))
	refused(client.Chat(t.Context(), testkit.Hi, clawhq.WithHeader("Authorization", "Bearer "+testkit.Key)))
	refused(client.Chat(t.Context(), testkit.Hi, clawhq.WithHeader(testkit.Key+"\n", testkit.Key)))
	for _, key := range []func(context.Context) (string, error){
		func(context.Context) (string, error) { return testkit.Key + "x", nil },
		func(context.Context) (string, error) { return "", loudError("the vault has " + testkit.Key) },
	} {
		refused(testkit.Client(t, nil, clawhq.WithAPIKeyFunc(key)).Chat(t.Context(), testkit.Hi))
	}
	refused(testkit.Client(t, nil).Keys.List(t.Context()))
	for _, opts := range [][]clawhq.Option{
		{clawhq.WithAPIKey(testkit.Key + "x")}, {clawhq.WithAPIKey("sk-" + testkit.Key)}, {clawhq.WithBaseURL(testkit.Key)},
		{clawhq.WithBaseURL("https://" + testkit.Key + ":x/")}, {clawhq.WithBaseURL("https://" + testkit.Key + "@host")}, {clawhq.WithBaseURL("http://" + testkit.Key)},
		{clawhq.WithBaseURL("https://host/" + testkit.Key + "?" + sentinelSession)}, {clawhq.WithSession(sentinelSession + "\n")}, {clawhq.WithSession("a=b; " + sentinelSession)}, {clawhq.WithUserAgent(testkit.Key + "\n")},
	} {
		_, err := clawhq.NewClient(append([]clawhq.Option{clawhq.WithAPIKey(testkit.Key), clawhq.WithSession(sentinelSession)}, opts...)...)
		refused(nil, err)
	}
}

// failingReader is a body that breaks off.
type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }
