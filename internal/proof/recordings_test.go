package proof_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/clawhq/clawhq-go/internal/wire"
	"github.com/clawhq/clawhq-go/internal/wire/recorded"
	"github.com/google/go-cmp/cmp"
	"github.com/jarcoal/httpmock"
)

// notDriven has the recordings that no test plays to the client, with the reason.
// Recordings of chats, keys and webhooks have their own tests.
var notDriven = map[string]string{
	"batch_webhook_delivery": "sent by the service, to a receiver that is not the client",
}

// untold has the members of replies for which the client's types have no field, with
// the reason.
var untold = map[string]string{
	"next_cursor": "is the next offset, and no endpoint takes a cursor",
}

// TestFamilyRecordings plays each recording to the client, and compares the result
// with what encoding/json decodes from the same bytes.
func TestFamilyRecordings(t *testing.T) {
	t.Parallel()
	driven := 0
	for _, e := range recorded.All() {
		chatOrKey := strings.HasPrefix(e.Name, "chat_") || strings.HasPrefix(e.Name, "keys_") && e.Status != http.StatusMethodNotAllowed
		if chatOrKey || strings.HasPrefix(e.Name, "webhook") || notDriven[e.Name] != "" {
			continue
		}
		driven++
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			mock := httpmock.NewMockTransport()
			played := httpmock.ResponderFromResponse(&http.Response{StatusCode: e.Status, Header: e.ReplyHeader, Body: httpmock.NewRespBodyFromString(e.Reply)})
			attempts := 1
			if e.Status == http.StatusPermanentRedirect { // the redirect and the request to its location
				attempts = 2
				played = played.Then(httpmock.NewStringResponder(200, `{"agents":[]}`))
			}
			mock.RegisterNoResponder(played)
			client := testkit.Client(t, mock, clawhq.WithSession("ok"), clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: attempts}))
			var info clawhq.ResponseInfo
			got, err := playFamily(t, client, e, clawhq.WithResponseInfo(&info))
			if e.Status == http.StatusPermanentRedirect {
				if err != nil || mock.GetTotalCallCount() != 2 {
					t.Errorf("%d requests, %v", mock.GetTotalCallCount(), err)
				}
				return
			}
			if n := mock.GetTotalCallCount(); n != 1 {
				t.Fatalf("%d requests were sent: %v", n, err)
			}
			if info.StatusCode != e.Status || info.RequestID != e.ReplyHeader.Get("X-Request-Id") {
				t.Errorf("info is %+v", info)
			}
			if limit, _ := strconv.Atoi(e.ReplyHeader.Get("X-Ratelimit-Limit")); limit != info.RateLimit.Limit {
				t.Errorf("limit is %d, want %d", info.RateLimit.Limit, limit)
			}
			if e.Status >= 400 {
				checkRecordedError(t, e, err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var want any
			if e.Reply != "" && json.Unmarshal([]byte(e.Reply), &want) != nil {
				t.Fatalf("reply is no JSON: %s", e.Reply)
			}
			whole, _ := want.(object)
			if batch, ok := whole["batch"].(object); ok { // the client does not return the caller's own requests
				for _, result := range batch["results"].([]any) {
					delete(result.(object), "message")
					delete(result.(object), "agent")
				}
			}
			if diff := cmp.Diff(canonical(want), canonical(got)); diff != "" {
				t.Errorf("(-recorded +decoded):\n%s", diff)
			}
		})
	}
	if driven < 200 {
		t.Errorf("%d recordings were driven", driven)
	}
}

// canonical returns a JSON value in a form that Go values can match: times are in one
// notation, and members that are null or zero are left out.
func canonical(v any) any {
	switch v := v.(type) {
	case map[string]any:
		members := map[string]any{}
		for name, member := range v {
			if member = canonical(member); member != nil && untold[name] == "" {
				members[name] = member
			}
		}
		return members
	case []any:
		elements := []any{}
		for _, element := range v {
			elements = append(elements, canonical(element))
		}
		return elements
	case string:
		if at := wire.Time(v).Time(); !at.IsZero() && strings.Contains(v, "T") {
			return at.Format(time.RFC3339Nano)
		}
	}
	if v == nil || v == "" || v == 0.0 || v == false {
		return nil
	}
	return v
}

// playFamily makes the call of a recorded request, and returns the result in the
// shape of the wire. If the client would refuse the request, another one is sent
// instead, since only the reply matters here.
func playFamily(t *testing.T, client *clawhq.Client, e recorded.Exchange, opt clawhq.CallOption) (any, error) {
	t.Helper()
	ctx := t.Context()
	u, err := url.Parse(strings.TrimPrefix(e.URL, "/api"))
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	number := func(name string) int {
		n, _ := strconv.Atoi(q.Get(name))
		return max(0, n)
	}
	at := clawhq.ListOptions{Limit: number("limit"), Offset: number("offset")}
	if at.Limit > 100 {
		at.Limit = 100
	}
	var endpoint wire.Endpoint
	id := ""
	for _, known := range wire.Endpoints {
		if ids, ok := known.Match(u.EscapedPath()); ok && known.Method == e.Method {
			endpoint = known
			if len(ids) > 0 {
				id = ids[0]
			}
		}
	}
	switch endpoint {
	case wire.GetHealth:
		h, err := client.Health(ctx, opt)
		return shaped(h, err, func(h clawhq.Health) any {
			return object{"status": h.Status, "plan": h.Plan, "agents": shapes(h.Agents, func(s string) any { return s })}
		})
	case wire.GetUsage:
		usage, err := client.Usage(ctx, min(max(1, number("days")), 90), opt)
		return shaped(usage, err, usageShape)
	case wire.ListModels:
		models, err := client.Models.List(ctx, opt)
		return shaped(&models, err, func([]clawhq.Model) any {
			return object{"models": shapes(models, modelShape), "total": float64(len(models))}
		})
	case wire.ListAgents:
		page, err := client.Agents.List(ctx, at, opt)
		return shaped(page, err, pageShape("agents", agentShape))
	case wire.GetAgent:
		agent, err := client.Agents.Get(ctx, id, opt)
		return shaped(agent, err, wrapped("agent", agentShape))
	case wire.UndeployAgent:
		return object{"undeployed": true}, client.Agents.Undeploy(ctx, id, opt)
	case wire.ListConversations:
		page, err := client.Conversations.List(ctx, clawhq.ConversationOptions{ListOptions: at, Agent: q.Get("agent")}, opt)
		return shaped(page, err, pageShape("conversations", conversationShape))
	case wire.ListConversationMessages:
		page, err := client.Conversations.Messages(ctx, id, at, opt)
		return shaped(page, err, pageShape("messages", messageShape))
	case wire.CreateThread:
		thread, err := client.Threads.Create(ctx, clawhq.CreateThreadRequest{}, opt)
		return shaped(thread, err, wrapped("thread", threadShape))
	case wire.GetThread:
		thread, err := client.Threads.Get(ctx, id, opt)
		return shaped(thread, err, wrapped("thread", threadShape))
	case wire.ListThreads:
		page, err := client.Threads.List(ctx, at, opt)
		return shaped(page, err, pageShape("threads", threadShape))
	case wire.DeleteThread:
		return object{"deleted": true}, client.Threads.Delete(ctx, id, opt)
	case wire.SendThreadMessage:
		answer, err := client.Threads.Send(ctx, id, "hi", opt)
		return shaped(answer, err, func(r clawhq.ThreadReply) any {
			if want := e.ReplyHeader.Get("X-Request-Id"); r.RequestID != want {
				t.Errorf("request id is %q, want %q", r.RequestID, want)
			}
			return object{"response": r.Response, "message_id": r.MessageID, "thread_id": r.ThreadID}
		})
	case wire.ListThreadMessages:
		page, err := client.Threads.Messages(ctx, id, at, opt)
		return shaped(page, err, func(p clawhq.Page[clawhq.StoredMessage]) any {
			shape := pageShape("messages", messageShape)(p).(object)
			shape["thread_id"] = id
			return shape
		})
	case wire.CreateBatch:
		batch, err := client.Batches.Create(ctx, clawhq.CreateBatchRequest{Requests: []clawhq.BatchRequest{{CustomID: "a", Message: "hi"}}}, opt)
		return shaped(batch, err, func(b clawhq.Batch) any {
			shape := batchShape(b).(object)
			shape["batch_id"], shape["id"], shape["results"] = shape["id"], nil, nil
			return shape
		})
	case wire.GetBatch:
		batch, err := client.Batches.Get(ctx, id, opt)
		return shaped(batch, err, wrapped("batch", batchShape))
	case wire.UploadFile:
		file, err := client.Files.Upload(ctx, clawhq.UploadFileRequest{Name: "a.txt", Content: strings.NewReader("x")}, opt)
		return shaped(file, err, fileShape)
	case wire.GetFile:
		file, err := client.Files.Get(ctx, id, opt)
		return shaped(file, err, fileShape)
	case wire.ListFiles:
		page, err := client.Files.List(ctx, at, opt)
		return shaped(page, err, pageShape("files", fileShape))
	case wire.DeleteFile:
		return object{"deleted": true}, client.Files.Delete(ctx, id, opt)
	case wire.ListAuditLog:
		page, err := client.AuditLog.List(ctx, clawhq.AuditLogOptions{ListOptions: at, Action: q.Get("action")}, opt)
		return shaped(page, err, pageShape("entries", auditShape))
	}
	// Endpoints without a method are called with Do.
	if e.Status == http.StatusNoContent {
		return nil, client.Do(ctx, e.Method, u.String(), nil, nil, opt)
	}
	var out any
	err = client.Do(ctx, e.Method, u.String(), nil, &out, opt)
	return out, err
}

// recordedClient returns a client whose service answers the request of a recording,
// and no other, with its reply.
func recordedClient(t *testing.T, e recorded.Exchange) (*clawhq.Client, *httpmock.MockTransport) {
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder(e.Method, "https://app.clawhq.tech"+e.URL, httpmock.ResponderFromResponse(
		&http.Response{StatusCode: e.Status, Header: e.ReplyHeader.Clone(), Body: httpmock.NewRespBodyFromString(e.Reply)}))
	return testkit.Client(t, mock, clawhq.WithSession("ok"), testkit.OneAttempt), mock
}

// checkRecordedReply compares what a client has decoded, in the shape of the wire,
// with the recorded reply.
func checkRecordedReply(t *testing.T, e recorded.Exchange, got any, err error) {
	t.Helper()
	var want any
	if json.Unmarshal([]byte(e.Reply), &want) != nil || err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-recorded +decoded):\n%s", diff)
	}
}

func checkRecordedError(t *testing.T, e recorded.Exchange, err error) {
	t.Helper()
	var got *clawhq.APIError
	if !errors.As(err, &got) {
		t.Fatalf("got %v", err)
	}
	path, _, _ := strings.Cut(strings.TrimPrefix(e.URL, "/api"), "?")
	want := clawhq.APIError{
		StatusCode: e.Status, Method: e.Method, Path: path, Attempts: 1,
		ClientRequestID: got.ClientRequestID,
	}
	var envelope struct {
		Error struct {
			Code           clawhq.ErrorCode
			Type           clawhq.ErrorType
			Message, Param string
			RequestID      string `json:"request_id"`
		}
	}
	var flat struct{ Error string }
	if said := &envelope.Error; json.Unmarshal([]byte(e.Reply), &envelope) == nil {
		want.Code, want.Type, want.Message, want.Param, want.RequestID = said.Code, said.Type, said.Message, said.Param, said.RequestID
	} else if json.Unmarshal([]byte(e.Reply), &flat) == nil {
		want.Message, want.Body = flat.Error, []byte(e.Reply)
	}
	switch e.ReplyHeader.Get("Retry-After") {
	case "":
	case "60":
		want.RetryAfter = time.Minute
	default:
		want.RetryAfter = 1<<63 - 1 // the live service asked for 56,000 years
	}
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("(-recorded +decoded):\n%s", diff)
	}
}

func checkRecordedStream(t *testing.T, e recorded.Exchange, got string, err error) {
	t.Helper()
	want := ""
	var failure struct {
		Code    clawhq.ErrorCode
		Message string
	}
	for line := range strings.Lines(e.Reply) {
		var ev struct {
			Content string
			Error   json.RawMessage
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok && json.Unmarshal([]byte(data), &ev) == nil {
			want += ev.Content
			if ev.Error != nil {
				_ = json.Unmarshal(ev.Error, &failure)
			}
		}
	}
	if got != want {
		t.Errorf("text is %q, want %q", got, want)
	}
	if failure.Code == "" {
		if err != nil {
			t.Error(err)
		}
		return
	}
	var cut *clawhq.StreamError
	if !errors.As(err, &cut) || cut.Code != failure.Code || cut.Message != failure.Message || cut.RequestID != e.ReplyHeader.Get("X-Request-Id") {
		t.Errorf("got %v, want %+v", err, failure)
	}
}
