package clawhq_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/google/go-cmp/cmp"
	"github.com/jarcoal/httpmock"
)

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

// sent is a request as the transport gets it.
type sent struct{ Method, URL, Auth, Body string }

// catch returns a client whose requests are all answered with body, and a pointer to
// the last request.
func catch(t *testing.T, body string, opts ...clawhq.Option) (*clawhq.Client, *sent) {
	t.Helper()
	got := &sent{}
	client := mockClient(t, nil, append([]clawhq.Option{clawhq.WithHTTPClient(&http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		auth := r.Header.Get("Authorization") + r.Header.Get("Cookie")
		*got = sent{r.Method, strings.TrimPrefix(r.URL.String(), clawhq.DefaultBaseURL), auth, string(b)}
		return reply(200, body), nil
	})})}, opts...)...)
	return client, got
}

// one is a reply that every method can decode.
const one = `{"status":"ok","usage":[],"agents":[],"agent":{"id":"1"},"undeployed":true,"models":[],"conversations":[],"messages":[],
"thread":{"id":"1"},"threads":[],"deleted":true,"response":"Hello.","batch_id":"1","batch":{"id":"1","status":"completed"},
"file_id":"1","files":[],"entries":[],"total":0}`

// TestRequests checks the request of each method. Ids are escaped, and zero fields
// are left out.
func TestRequests(t *testing.T) {
	t.Parallel()
	client, got := catch(t, one, clawhq.WithRateLimit(0))
	ctx, page := t.Context(), clawhq.ListOptions{Limit: 5, Offset: 10}
	at := time.Date(2026, 3, 10, 15, 30, 0, 123_456_789, time.FixedZone("", 3600))
	for _, tc := range []struct {
		method, url, body string
		call              func() error
	}{
		{"GET", "/v1/health", "", func() error { _, err := client.Health(ctx); return err }},
		{"GET", "/v1/usage?days=90", "", func() error { _, err := client.Usage(ctx, 90); return err }},
		{"GET", "/v1/models", "", func() error { _, err := client.Models.List(ctx); return err }},
		{"GET", "/v1/agents", "", func() error { _, err := client.Agents.List(ctx, clawhq.ListOptions{}); return err }},
		{"GET", "/v1/agents?limit=5&offset=10", "", func() error { _, err := client.Agents.List(ctx, page); return err }},
		{"GET", "/v1/agents/a%2F..%2Fb%3Fc", "", func() error { _, err := client.Agents.Get(ctx, "a/../b?c"); return err }},
		{"DELETE", "/v1/agents/a1", "", func() error { return client.Agents.Undeploy(ctx, "a1") }},
		{"GET", "/v1/conversations?agent=A%26B&limit=5&offset=10", "", func() error {
			_, err := client.Conversations.List(ctx, clawhq.ConversationOptions{ListOptions: page, Agent: "A&B"})
			return err
		}},
		{"GET", "/v1/conversations/c1/messages?limit=5&offset=10", "", func() error { _, err := client.Conversations.Messages(ctx, "c1", page); return err }},
		{"POST", "/v1/threads", `{}`, func() error { _, err := client.Threads.Create(ctx, clawhq.CreateThreadRequest{}); return err }},
		{"POST", "/v1/threads", `{"agent":"a","metadata":{"ticket":7}}`, func() error {
			_, err := client.Threads.Create(ctx, clawhq.CreateThreadRequest{Agent: "a", Metadata: map[string]any{"ticket": 7}})
			return err
		}},
		{"POST", "/v1/threads", `{"metadata":{}}`, func() error {
			_, err := client.Threads.Create(ctx, clawhq.CreateThreadRequest{Metadata: map[string]any{}})
			return err
		}},
		{"GET", "/v1/threads?limit=5&offset=10", "", func() error { _, err := client.Threads.List(ctx, page); return err }},
		{"GET", "/v1/threads/t%201", "", func() error { _, err := client.Threads.Get(ctx, "t 1"); return err }},
		{"DELETE", "/v1/threads/t1", "", func() error { return client.Threads.Delete(ctx, "t1") }},
		{"POST", "/v1/threads/t1/messages", `{"message":"hi"}`, func() error { _, err := client.Threads.Send(ctx, "t1", "hi"); return err }},
		{"GET", "/v1/threads/t1/messages?limit=5&offset=10", "", func() error { _, err := client.Threads.Messages(ctx, "t1", page); return err }},
		{"POST", "/v1/chat/batch", `{"requests":[{"custom_id":"a","message":"hi","agent":"b"},{"custom_id":"b","message":" "}],"webhook_url":"http://example.com/"}`, func() error {
			_, err := client.Batches.Create(ctx, clawhq.CreateBatchRequest{
				Requests: []clawhq.BatchRequest{{CustomID: "a", Message: "hi", Agent: "b"}, {CustomID: "b", Message: " "}}, WebhookURL: "http://example.com/",
			})
			return err
		}},
		{"GET", "/v1/chat/batch/b1", "", func() error { _, err := client.Batches.Get(ctx, "b1"); return err }},
		{"GET", "/v1/files?limit=5&offset=10", "", func() error { _, err := client.Files.List(ctx, page); return err }},
		{"GET", "/v1/files/f1", "", func() error { _, err := client.Files.Get(ctx, "f1"); return err }},
		{"DELETE", "/v1/files/f1", "", func() error { return client.Files.Delete(ctx, "f1") }},
		{"GET", "/v1/audit-log?action=a&category=c&entity_id=i&entity_type=t&from=2026-03-10T14%3A30%3A00.123456Z&limit=5&offset=10&to=2026-03-10T14%3A30%3A00.123456Z", "", func() error {
			_, err := client.AuditLog.List(ctx, clawhq.AuditLogOptions{ListOptions: page, Category: "c", Action: "a", EntityType: "t", EntityID: "i", From: at, To: at})
			return err
		}},
	} {
		if err := tc.call(); err != nil {
			t.Errorf("%s %s: %v", tc.method, tc.url, err)
		}
		if diff := cmp.Diff(sent{tc.method, tc.url, "Bearer " + testKey, tc.body}, *got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// A call that could have its effect twice is repeated only if the failure proves that
// nothing happened. Other calls may be repeated.
func TestRepeats(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	upload := func(c *clawhq.Client, content io.Reader) error {
		_, err := c.Files.Upload(ctx, clawhq.UploadFileRequest{Name: "a.txt", Content: content})
		return err
	}
	calls := map[string]func(c *clawhq.Client) error{
		"send": func(c *clawhq.Client) error { _, err := c.Threads.Send(ctx, "t", "hi"); return err },
		"thread": func(c *clawhq.Client) error {
			_, err := c.Threads.Create(ctx, clawhq.CreateThreadRequest{})
			return err
		},
		"batch": func(c *clawhq.Client) error {
			_, err := c.Batches.Create(ctx, clawhq.CreateBatchRequest{Requests: []clawhq.BatchRequest{{CustomID: "a", Message: "hi"}}})
			return err
		},
		"upload of a seeker": func(c *clawhq.Client) error { return upload(c, strings.NewReader("hi")) },
		"upload of a reader": func(c *clawhq.Client) error { return upload(c, io.MultiReader(strings.NewReader("hi"))) },
		"POST": func(c *clawhq.Client) error {
			return c.Do(ctx, "POST", "/v1/chat", map[string]string{"message": "hi"}, nil)
		},
		"PATCH": func(c *clawhq.Client) error {
			return c.Do(ctx, "PATCH", "/v1/threads/t", map[string]string{"agent": "a"}, nil)
		},
		"PUT": func(c *clawhq.Client) error {
			return c.Do(ctx, "PUT", "/v1/threads/t", map[string]string{"agent": "a"}, nil)
		},
		"DELETE": func(c *clawhq.Client) error { return c.Threads.Delete(ctx, "t") },
		"GET":    func(c *clawhq.Client) error { _, err := c.Threads.Get(ctx, "t"); return err },
	}
	always := map[string]bool{"PUT": true, "DELETE": true, "GET": true}
	for failure, tc := range map[string]struct {
		first  httpmock.Responder
		proven bool // the failure proves that nothing happened
	}{
		"429":                {httpmock.ResponderFromResponse(reply(429, `{"error":{"code":"rate_limited"}}`)), true},
		"connection refused": {httpmock.NewErrorResponder(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}), true},
		"500":                {httpmock.ResponderFromResponse(reply(500, "")), false},
		"503":                {httpmock.ResponderFromResponse(reply(503, "")), false},
		"reset":              {httpmock.NewErrorResponder(syscall.ECONNRESET), false},
		"timeout":            {httpmock.NewErrorResponder(context.DeadlineExceeded), false},
	} {
		for name, call := range calls {
			var bodies [][]byte
			client := mockClient(t, nil, clawhq.WithRateLimit(0), clawhq.WithRetry(clawhq.RetryPolicy{MinWait: 1, MaxAttempts: 2, Budget: -1}),
				clawhq.WithHTTPClient(&http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
					b, err := io.ReadAll(r.Body)
					if err != nil {
						t.Error(err)
					}
					if bodies = append(bodies, b); len(bodies) == 1 {
						return tc.first(r)
					}
					return reply(200, one), nil
				})}))
			err := call(client)
			want := 1
			if always[name] || tc.proven && name != "upload of a reader" {
				want = 2
			}
			if len(bodies) != want || (err == nil) != (want == 2) {
				t.Errorf("%s after %s: %d requests, want %d; %v", name, failure, len(bodies), want, err)
			}
			if len(bodies) == 2 && !bytes.Equal(bodies[0], bodies[1]) {
				t.Errorf("%s after %s: sent %q, and then %q", name, failure, bodies[0], bodies[1])
			}
		}
	}
}

// The client does not send a request that the service would refuse. The error names
// the field and its limit.
func TestFamiliesRefusedBeforeSending(t *testing.T) {
	t.Parallel()
	mock := httpmock.NewMockTransport()
	client := mockClient(t, mock)
	ctx := t.Context()
	create := func(req clawhq.CreateThreadRequest) func() error {
		return func() error { _, err := client.Threads.Create(ctx, req); return err }
	}
	send := func(id, message string) func() error {
		return func() error { _, err := client.Threads.Send(ctx, id, message); return err }
	}
	for what, tc := range map[string]struct {
		err  func() error
		want refusal
	}{
		"agents, limit": {func() error { _, err := client.Agents.List(ctx, clawhq.ListOptions{Limit: 101}); return err },
			refusal{clawhq.CodeInvalidParameter, "limit", "/v1/agents", "limit is 101, and must be 1 to 100, or 0 for the default"}},
		"agents, negative limit": {func() error { _, err := client.Agents.List(ctx, clawhq.ListOptions{Limit: -1}); return err },
			refusal{clawhq.CodeInvalidParameter, "limit", "/v1/agents", "limit is -1, and must be 1 to 100, or 0 for the default"}},
		"agents, offset": {func() error { _, err := client.Agents.List(ctx, clawhq.ListOptions{Offset: -1}); return err },
			refusal{clawhq.CodeInvalidParameter, "offset", "/v1/agents", "offset is -1, and must not be negative"}},
		"agent, no id": {func() error { _, err := client.Agents.Get(ctx, ""); return err },
			refusal{clawhq.CodeInvalidParameter, "id", "/v1/agents/", `"" is not an id`}},
		"agent, an id that climbs": {func() error { return client.Agents.Undeploy(ctx, "..") },
			refusal{clawhq.CodeInvalidParameter, "id", "/v1/agents/%2E%2E", `".." is not an id`}},
		"usage, no days": {func() error { _, err := client.Usage(ctx, 0); return err },
			refusal{clawhq.CodeInvalidParameter, "days", "/v1/usage", "days is 0, and must be 1 to 90"}},
		"usage, too many days": {func() error { _, err := client.Usage(ctx, 91); return err },
			refusal{clawhq.CodeInvalidParameter, "days", "/v1/usage", "days is 91, and must be 1 to 90"}},
		"messages, limit": {func() error {
			_, err := client.Conversations.Messages(ctx, "c1", clawhq.ListOptions{Limit: 201})
			return err
		}, refusal{clawhq.CodeInvalidParameter, "limit", "/v1/conversations/c1/messages", "limit is 201, and must be 1 to 200, or 0 for the default"}},
		"messages, no id": {func() error { _, err := client.Conversations.Messages(ctx, "", clawhq.ListOptions{}); return err },
			refusal{clawhq.CodeInvalidParameter, "id", "/v1/conversations//messages", `"" is not an id`}},
		"audit log, limit": {func() error {
			_, err := client.AuditLog.List(ctx, clawhq.AuditLogOptions{ListOptions: clawhq.ListOptions{Limit: 101}})
			return err
		}, refusal{clawhq.CodeInvalidParameter, "limit", "/v1/audit-log", "limit is 101, and must be 1 to 100, or 0 for the default"}},
		"thread, no id": {func() error { return client.Threads.Delete(ctx, " ") },
			refusal{clawhq.CodeInvalidParameter, "id", "/v1/threads/%20", `" " is not an id`}},
		"file, no id": {func() error { _, err := client.Files.Get(ctx, "."); return err },
			refusal{clawhq.CodeInvalidParameter, "id", "/v1/files/%2E", `"." is not an id`}},
		"batch, no id": {func() error { _, err := client.Batches.Get(ctx, ""); return err },
			refusal{clawhq.CodeInvalidParameter, "id", "/v1/chat/batch/", `"" is not an id`}},

		"metadata too long": {create(clawhq.CreateThreadRequest{Metadata: map[string]any{"a": strings.Repeat("😀", 2000)}}),
			refusal{clawhq.CodeInvalidParameter, "metadata", "/v1/threads", "metadata has 4008 characters as JSON, at most 4000 are allowed"}},
		"metadata one deeper": {create(clawhq.CreateThreadRequest{Metadata: map[string]any{"a": map[string]any{"b": []any{map[string]any{"c": []any{1}}}}}}),
			refusal{clawhq.CodeInvalidParameter, "metadata", "/v1/threads", "metadata has 6 levels, at most 5 are allowed"}},
		"metadata that is no JSON": {create(clawhq.CreateThreadRequest{Metadata: map[string]any{"a": make(chan int)}}),
			refusal{clawhq.CodeInvalidParameter, "metadata", "/v1/threads", "metadata cannot be encoded: json: unsupported type: chan int"}},
		"thread's agent": {create(clawhq.CreateThreadRequest{Agent: "\xff"}),
			refusal{clawhq.CodeInvalidParameter, "agent", "/v1/threads", "agent is not valid UTF-8"}},
		"blank message": {send("thread_1", " \n"),
			refusal{clawhq.CodeMissingParameter, "message", "/v1/threads/thread_1/messages", "message is required"}},
		"long message": {send("thread_1", strings.Repeat("😀", 5000)+"x"),
			refusal{clawhq.CodeInvalidRequest, "message", "/v1/threads/thread_1/messages", "message has 10001 characters, at most 10000 are allowed"}},
		"message not UTF-8": {send("thread_1", "\xff"),
			refusal{clawhq.CodeInvalidParameter, "message", "/v1/threads/thread_1/messages", "message is not valid UTF-8"}},
		"message to nowhere": {send("", "hi"),
			refusal{clawhq.CodeInvalidParameter, "id", "/v1/threads//messages", `"" is not an id`}},
	} {
		wantRefusal(t, what, tc.err(), tc.want)
	}
	if n := mock.GetTotalCallCount(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// refusal is the content of an error with which the client refuses a call.
type refusal struct {
	Code                 clawhq.ErrorCode
	Param, Path, Message string
}

func wantRefusal(t *testing.T, what string, err error, want refusal) {
	t.Helper()
	e, ok := err.(*clawhq.InvalidRequestError)
	if !ok {
		t.Errorf("%s: got %T: %v", what, err, err)
		return
	}
	if got := (refusal{e.Code, e.Param, e.Path, e.Message}); got != want || e.StatusCode != 0 || e.Attempts != 0 {
		t.Errorf("%s: got %+v after %d attempts, want %+v", what, got, e.Attempts, want)
	}
}
