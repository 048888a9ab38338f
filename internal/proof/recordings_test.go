package proof_test

import (
	"encoding/json"
	"errors"
	"fmt"
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

// notPlayed has the recordings that are not exchanges of a client, by the beginning of
// their names, with the reason.
var notPlayed = map[string]string{
	"batch_webhook_delivery": "sent by the service, to a receiver that is not the client",
	"webhook_delivery_":      "sent by the service, and read by the tests of package webhook",
}

// untold has the members of replies for which the client's types have no field, with
// the reason.
var untold = map[string]string{
	"next_cursor": "is the next offset, and no endpoint takes a cursor",
}

// TestRecordings plays each recording to the client, and compares the result with
// what encoding/json decodes from the same bytes.
func TestRecordings(t *testing.T) {
	t.Parallel()
	for _, e := range recorded.All() {
		if isPlayed(e.Name) {
			t.Run(e.Name, func(t *testing.T) {
				t.Parallel()
				playRecording(t, e)
			})
		}
	}
}

func isPlayed(name string) bool {
	for prefix := range notPlayed {
		if strings.HasPrefix(name, prefix) {
			return false
		}
	}
	return true
}

// playRecording makes the call of a recorded request to a service that answers with
// the recorded reply, and checks the result.
func playRecording(t *testing.T, e recorded.Exchange) {
	u, err := url.Parse(strings.TrimPrefix(e.URL, wire.BasePath))
	if err != nil {
		t.Fatal(err)
	}
	row, ids := callOf(t, e.Method, u.EscapedPath())
	var info clawhq.ResponseInfo
	a := recordedArguments(e, u, ids)
	requests, redirected := 0, e.Status == http.StatusPermanentRedirect
	policy := clawhq.RetryPolicy{MaxAttempts: 1}
	if redirected { // the second attempt follows the redirect
		policy.MaxAttempts = 2
	}
	a.ctx, a.opts = t.Context(), []clawhq.CallOption{clawhq.WithResponseInfo(&info)}
	a.client = testkit.ClientFunc(t, func(r *http.Request) (*http.Response, error) {
		if requests++; requests > 1 {
			return testkit.Reply(200, `{"agents":[]}`), nil
		}
		if sent, _ := strings.CutPrefix(r.URL.EscapedPath(), wire.BasePath); r.Method != e.Method || sent != u.EscapedPath() {
			t.Errorf("sent %s %s, want %s %s", r.Method, sent, e.Method, u.EscapedPath())
		}
		return &http.Response{StatusCode: e.Status, Header: e.ReplyHeader.Clone(), Body: httpmock.NewRespBodyFromString(e.Reply)}, nil
	}, clawhq.WithSession("ok"), clawhq.WithRetry(policy))
	call := row.call
	if row.endpoint == wire.Chat && a.text("stream", "") == "true" {
		call = streamChat
	}
	got, err := call(a)
	if redirected {
		if err != nil || requests != 2 {
			t.Errorf("%d requests, %v", requests, err)
		}
		return
	}
	if requests != 1 {
		t.Fatalf("%d requests were sent: %v", requests, err)
	}
	checkRecordedInfo(t, e, info)
	switch {
	case e.Status >= 400:
		checkRecordedError(t, e, err)
	case strings.HasPrefix(e.ReplyHeader.Get("Content-Type"), "text/event-stream"):
		checkRecordedStream(t, e, got.(string), err)
	case err != nil:
		t.Error(err)
	default:
		checkRecordedReply(t, e, row, a, got)
	}
}

// recordedArguments returns the arguments of a recorded request. If the client would
// refuse one, another is sent instead, since only the reply matters here.
func recordedArguments(e recorded.Exchange, u *url.URL, ids []string) arguments {
	query := u.Query()
	number := func(name string) int {
		n, _ := strconv.Atoi(query.Get(name))
		return max(0, n)
	}
	var body map[string]any
	_ = json.Unmarshal(e.Body(), &body)
	return arguments{
		ids:  ids,
		page: clawhq.ListOptions{Limit: min(number("limit"), 100), Offset: number("offset")},
		days: min(max(1, number("days")), 90),
		text: func(name, otherwise string) string {
			if s := query.Get(name); s != "" {
				return s
			}
			if on, ok := body[name].(bool); ok {
				return strconv.FormatBool(on)
			}
			if s, ok := body[name].(string); ok && !wire.Blank(s) && wire.UTF16Len(s) <= wire.MaxKeyNameChars && !strings.ContainsAny(s, " !") {
				return s
			}
			return otherwise
		},
		path:  u.String(),
		reply: e.Reply,
	}
}

func checkRecordedInfo(t *testing.T, e recorded.Exchange, info clawhq.ResponseInfo) {
	t.Helper()
	if info.StatusCode != e.Status || info.RequestID != e.ReplyHeader.Get("X-Request-Id") ||
		info.Replayed != (e.ReplyHeader.Get("X-Idempotency-Replayed") == "true") {
		t.Errorf("info is %+v", info)
	}
	if limit, _ := strconv.Atoi(e.ReplyHeader.Get("X-Ratelimit-Limit")); limit != info.RateLimit.Limit {
		t.Errorf("limit is %d, want %d", info.RateLimit.Limit, limit)
	} else if limit > 0 && info.RateLimit.Reset.Year() != 2026 {
		t.Errorf("reset is %v", info.RateLimit.Reset)
	}
}

// checkRecordedReply compares what a client has decoded, in the shape of the wire,
// with the recorded reply.
func checkRecordedReply(t *testing.T, e recorded.Exchange, row endpointCall, a arguments, result any) {
	t.Helper()
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
	if reply, ok := result.(*clawhq.ThreadReply); ok && reply.RequestID != e.ReplyHeader.Get("X-Request-Id") {
		t.Errorf("request id is %q, want %q", reply.RequestID, e.ReplyHeader.Get("X-Request-Id"))
	}
	if hook, ok := whole["webhook"].(object); ok && strings.Contains(fmt.Sprintf("%+v", result), hook["secret"].(string)) {
		t.Errorf("the secret is in %+v", result)
	}
	got := row.shape(result)
	if row.complete != nil {
		row.complete(got.(object), a)
	}
	if row.exact {
		want, got = utc(want), utc(got)
	} else {
		want, got = canonical(want), canonical(got)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-recorded +decoded):\n%s", diff)
	}
}

// utc returns a JSON value with its times in one of the two forms in which the service
// sends them.
func utc(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			v[name] = utc(member)
		}
	case []any:
		for i, element := range v {
			v[i] = utc(element)
		}
	case string:
		if at, ok := strings.CutSuffix(v, "+00:00"); ok {
			return at + "Z"
		}
	}
	return v
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
	default: // the seconds until the end of the minute, as the live service puts it
		n, err := strconv.Atoi(e.ReplyHeader.Get("Retry-After"))
		if err != nil {
			t.Fatal(err)
		}
		want.RetryAfter = time.Duration(n%59940) * time.Second
	}
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("(-recorded +decoded):\n%s", diff)
	}
}

// brokenStreams are the streams in which text is lost, and what that is to the client.
var brokenStreams = map[string]clawhq.ErrorCode{
	"chat_stream_split_line":         clawhq.CodeStreamMalformed,
	"chat_stream_gateway_not_stream": clawhq.CodeStreamTruncated,
}

func checkRecordedStream(t *testing.T, e recorded.Exchange, got string, err error) {
	t.Helper()
	var failed *clawhq.StreamError
	if code, broken := brokenStreams[e.Name]; broken {
		if !errors.As(err, &failed) || failed.Code != code || got != "" {
			t.Errorf("text %q, %v; want %s", got, err, code)
		}
		return
	}
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
	if !errors.As(err, &failed) || failed.Code != failure.Code || failed.Message != failure.Message || failed.RequestID != e.ReplyHeader.Get("X-Request-Id") {
		t.Errorf("got %v, want %+v", err, failure)
	}
}
