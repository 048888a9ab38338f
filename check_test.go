package clawhq_test

import (
	"context"
	"strings"
	"testing"

	"github.com/clawhq/clawhq-go"
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
