package clawhq_test

import (
	"context"
	"strings"
	"testing"

	"errors"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/jarcoal/httpmock"
)

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

func TestIDsAndMessagesRefusedBeforeSending(t *testing.T) {
	t.Parallel()
	send := func(id, message string) func(context.Context, *clawhq.Client) error {
		return func(ctx context.Context, c *clawhq.Client) error {
			_, err := c.Threads.Send(ctx, id, message)
			return err
		}
	}
	wantRefusals(t, map[string]refusalCase{
		"agent, no id": {func(ctx context.Context, c *clawhq.Client) error { _, err := c.Agents.Get(ctx, ""); return err },
			refusal{clawhq.CodeInvalidParameter, "id", "/v1/agents/", `"" is not an id`}},
		"agent, an id that climbs": {func(ctx context.Context, c *clawhq.Client) error { return c.Agents.Undeploy(ctx, "..") },
			refusal{clawhq.CodeInvalidParameter, "id", "/v1/agents/%2E%2E", `".." is not an id`}},
		"messages, no id": {func(ctx context.Context, c *clawhq.Client) error {
			_, err := c.Conversations.Messages(ctx, "", clawhq.ListOptions{})
			return err
		},
			refusal{clawhq.CodeInvalidParameter, "id", "/v1/conversations//messages", `"" is not an id`}},
		"thread, no id": {func(ctx context.Context, c *clawhq.Client) error { return c.Threads.Delete(ctx, " ") },
			refusal{clawhq.CodeInvalidParameter, "id", "/v1/threads/%20", `" " is not an id`}},
		"file, no id": {func(ctx context.Context, c *clawhq.Client) error { _, err := c.Files.Get(ctx, "."); return err },
			refusal{clawhq.CodeInvalidParameter, "id", "/v1/files/%2E", `"." is not an id`}},
		"batch, no id": {func(ctx context.Context, c *clawhq.Client) error { _, err := c.Batches.Get(ctx, ""); return err },
			refusal{clawhq.CodeInvalidParameter, "id", "/v1/chat/batch/", `"" is not an id`}},
		"blank message": {send("thread_1", " \n"),
			refusal{clawhq.CodeMissingParameter, "message", "/v1/threads/thread_1/messages", "message is required"}},
		"long message": {send("thread_1", strings.Repeat("😀", 5000)+"x"),
			refusal{clawhq.CodeInvalidRequest, "message", "/v1/threads/thread_1/messages", "message has 10001 characters, at most 10000 are allowed"}},
		"message not UTF-8": {send("thread_1", "\xff"),
			refusal{clawhq.CodeInvalidParameter, "message", "/v1/threads/thread_1/messages", "message is not valid UTF-8"}},
		"message to nowhere": {send("", "hi"),
			refusal{clawhq.CodeInvalidParameter, "id", "/v1/threads//messages", `"" is not an id`}},
	})
}

// A refusalCase is a call and the error with which the client refuses it.
type refusalCase struct {
	call func(context.Context, *clawhq.Client) error
	want refusal
}

// wantRefusals checks that the client does not send requests that the service would
// refuse. The errors name the field and its limit.
func wantRefusals(t *testing.T, cases map[string]refusalCase) {
	t.Helper()
	mock := httpmock.NewMockTransport()
	client := testkit.Client(t, mock)
	for what, tc := range cases {
		wantRefusal(t, what, tc.call(t.Context(), client), tc.want)
	}
	if n := mock.GetTotalCallCount(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// refusedByClient reports whether a call was refused before anything was sent.
func refusedByClient(err error) bool {
	var refused *clawhq.InvalidRequestError
	return errors.As(err, &refused) && refused.StatusCode == 0
}

// The client refuses the messages and names that the service refuses, and no others:
// what it lets through, both profiles accept.
func TestBlanksAndLengths(t *testing.T) {
	t.Parallel()
	emoji := strings.Repeat("🙂", 51)
	for _, tc := range []struct {
		text                   string
		badMessage, badKeyName bool
	}{
		{"", true, true},
		{" \t\r\n\u00a0\u2003\u3000", true, true},
		{"\uFEFF", true, true},
		{"\uFEFF\u2028 ", true, true},
		{"\u0085", false, false}, // NEL is none of JavaScript's blanks
		{"\u200b", false, false},
		{"🙂", false, false},
		{emoji[:4*50], false, false},
		{emoji, false, true}, // 102 UTF-16 units
		{"\uFEFF" + emoji[:4*50] + "\uFEFF", false, false},
		{strings.Repeat("x", 101), false, true},
	} {
		for _, profile := range []clawhqtest.Profile{clawhqtest.Documented, clawhqtest.Live} {
			s := clawhqtest.NewTestServer(t, clawhqtest.WithProfile(profile), clawhqtest.WithInMemory())
			client := s.Client(clawhq.WithSession(s.Session()))
			_, err := client.Chat(t.Context(), clawhq.ChatRequest{Message: tc.text})
			if refusedByClient(err) != tc.badMessage || !tc.badMessage && err != nil {
				t.Errorf("%v, message %.20q: %v", profile, tc.text, err)
			}
			created, err := client.Keys.Create(t.Context(), clawhq.CreateKeyRequest{Name: tc.text, RateLimit: clawhq.RPM60})
			if refusedByClient(err) != tc.badKeyName || !tc.badKeyName && err != nil {
				t.Errorf("%v, key name %.20q: %v", profile, tc.text, err)
			}
			if err == nil && created.Name != strings.Trim(tc.text, "\uFEFF") {
				t.Errorf("%v, key name %.20q: named %q", profile, tc.text, created.Name)
			}
		}
	}
}

func TestPagesRefusedBeforeSending(t *testing.T) {
	t.Parallel()
	wantRefusals(t, map[string]refusalCase{
		"agents, limit": {func(ctx context.Context, c *clawhq.Client) error {
			_, err := c.Agents.List(ctx, clawhq.ListOptions{Limit: 101})
			return err
		},
			refusal{clawhq.CodeInvalidParameter, "limit", "/v1/agents", "limit is 101, and must be 1 to 100, or 0 for the default"}},
		"agents, negative limit": {func(ctx context.Context, c *clawhq.Client) error {
			_, err := c.Agents.List(ctx, clawhq.ListOptions{Limit: -1})
			return err
		},
			refusal{clawhq.CodeInvalidParameter, "limit", "/v1/agents", "limit is -1, and must be 1 to 100, or 0 for the default"}},
		"agents, offset": {func(ctx context.Context, c *clawhq.Client) error {
			_, err := c.Agents.List(ctx, clawhq.ListOptions{Offset: -1})
			return err
		},
			refusal{clawhq.CodeInvalidParameter, "offset", "/v1/agents", "offset is -1, and must not be negative"}},
		"messages, limit": {func(ctx context.Context, c *clawhq.Client) error {
			_, err := c.Conversations.Messages(ctx, "c1", clawhq.ListOptions{Limit: 201})
			return err
		}, refusal{clawhq.CodeInvalidParameter, "limit", "/v1/conversations/c1/messages", "limit is 201, and must be 1 to 200, or 0 for the default"}},
		"audit log, limit": {func(ctx context.Context, c *clawhq.Client) error {
			_, err := c.AuditLog.List(ctx, clawhq.AuditLogOptions{ListOptions: clawhq.ListOptions{Limit: 101}})
			return err
		}, refusal{clawhq.CodeInvalidParameter, "limit", "/v1/audit-log", "limit is 101, and must be 1 to 100, or 0 for the default"}},
	})
}
