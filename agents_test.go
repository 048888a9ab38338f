package clawhq_test

import (
	"strings"
	"testing"

	"github.com/clawhq/clawhq-go"
	"github.com/jarcoal/httpmock"
)

// wantErrorText fails unless err says so; want is empty for no error.
func wantErrorText(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case err == nil && want != "":
		t.Errorf("no error, want %q", want)
	case err != nil && (want == "" || !strings.Contains(err.Error(), want)):
		t.Errorf("error %q, want %q", err, want)
	}
}

// What the service would refuse is not sent, and the error names the field and
// its limit.
func TestReadsRefusedBeforeSending(t *testing.T) {
	t.Parallel()
	mock := httpmock.NewMockTransport()
	client := mockClient(t, mock)
	ctx := t.Context()
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
	} {
		wantRefusal(t, what, tc.err(), tc.want)
	}
	if n := mock.GetTotalCallCount(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// refusal is what an error says that the client itself answers with.
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
