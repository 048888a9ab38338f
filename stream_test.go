package clawhq_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/google/go-cmp/cmp"
	"github.com/jarcoal/httpmock"
)

func TestChatStream(t *testing.T) {
	t.Parallel()
	const ab = "data: {\"content\":\"a\"}\n\ndata: {\"content\":\"b\"}\n\n"
	for name, tt := range map[string]struct {
		body string
		text string
		code clawhq.ErrorCode // empty for none
	}{
		"whole":                  {ab + "data: [DONE]\n\n", "ab", ""},
		"no final newline":       {ab + "data: [DONE]", "ab", ""},
		"CRLF":                   {strings.ReplaceAll(ab, "\n", "\r\n") + "data: [DONE]\r\n\r\n", "ab", ""},
		"byte order mark":        {"\uFEFF" + ab + "data: [DONE]\n\n", "ab", ""},
		"comments":               {": hello\n\n" + ab + ": still here\n\ndata: [DONE]\n\n", "ab", ""},
		"after the end":          {ab + "data: [DONE]\n\ndata: {\"content\":\"c\"}\n\n", "ab", ""},
		"spaces in the JSON":     {"data: {\"content\": \"a b\"}\n\ndata: [DONE]\n\n", "a b", ""},
		"escapes":                {"data: {\"content\":\"\\u00e9\\n\\\"\"}\n\ndata: [DONE]\n\n", "é\n\"", ""},
		"JSON over two lines":    {"data: {\"content\":\ndata: \"a\"}\n\ndata: [DONE]\n\n", "a", ""},
		"named events and ids":   {"event: chunk\nid: 1\nretry: 5\ndata: {\"content\":\"a\"}\n\ndata: [DONE]\n\n", "a", ""},
		"unknown fields":         {"data: {\"content\":\"a\",\"n\":1}\n\ndata: [DONE]\n\n", "a", ""},
		"unknown event":          {"data: {\"usage\":{\"tokens\":1}}\n\ndata: {}\n\n" + ab + "data: [DONE]\n\n", "ab", ""},
		"error false":            {"data: {\"content\":\"a\",\"error\":false}\n\ndata: {\"error\":\"\"}\n\ndata: {\"content\":\"b\",\"error\":null}\n\ndata: [DONE]\n\n", "ab", ""},
		"error true":             {ab + "data: {\"content\":\"a\",\"error\":true}\n\n", "ab", "stream_error"},
		"null content":           {"data: {\"content\":null,\"error\":null}\n\n" + ab + "data: [DONE]\n\n", "ab", ""},
		"empty":                  {"data: [DONE]\n\n", "", ""},
		"empty chunk":            {"data: {\"content\":\"\"}\n\n" + ab + "data: [DONE]\n\n", "ab", ""},
		"cut between events":     {ab, "ab", "stream_truncated"},
		"cut inside an event":    {ab + "data: {\"content\":\"c", "ab", "stream_truncated"},
		"cut before a blank":     {ab + "data: {\"content\":\"c\"}\n", "ab", "stream_truncated"},
		"nothing at all":         {"", "", "stream_truncated"},
		"not JSON":               {ab + "data: oops\n\ndata: {\"content\":\"c\"}\n\ndata: [DONE]\n\n", "ab", "stream_malformed"},
		"the live quirk":         {ab + "data: oops\ndata: {\"content\":\"c\"}\n\ndata: [DONE]\n\n", "ab", "stream_malformed"},
		"content is a number":    {ab + "data: {\"content\":1}\n\n", "ab", "stream_malformed"},
		"null":                   {ab + "data: null\n\n", "ab", "stream_malformed"},
		"a string":               {ab + "data: \"c\"\n\n", "ab", "stream_malformed"},
		"heartbeats":             {"data\n\ndata:\n\n" + ab + "data: \n\ndata:  \t \n\ndata:\ndata:\n\ndata: [DONE]\n\n", "ab", ""},
		"heartbeat at the end":   {ab + "data:\n\n", "ab", "stream_truncated"},
		"surrogates in a chunk":  {"data: {\"content\":\"hi \\ud83d\\ude00!\"}\n\ndata: [DONE]\n\n", "hi 😀!", ""},
		"surrogates in two":      {"data: {\"content\":\"hi \\ud83d\"}\n\ndata: {\"content\":\"\\ude00!\"}\n\ndata: [DONE]\n\n", "hi 😀!", ""},
		"surrogates far apart":   {"data: {\"content\":\"\\uD83D\"}\n\n: comment\n\ndata:\n\ndata: {\"n\":1}\n\ndata: {\"content\":\"\"}\n\ndata: {\"content\": \"\\uDE00\"}\n\ndata: [DONE]\n\n", "😀", ""},
		"half a pair at the end": {ab + "data: {\"content\":\"\\ud83d\"}\n\ndata: [DONE]\n\n", "ab\uFFFD", ""},
		"half a pair, cut off":   {ab + "data: {\"content\":\"c\\ud83d\"}\n\n", "abc", "stream_truncated"},
		"half a pair alone":      {"data: {\"content\":\"\\ud83d\"}\n\ndata: [DONE]\n\n", "\uFFFD", ""},
		"UTF-8 in two":           {"data: {\"content\":\"hi \xf0\x9f\"}\n\ndata: {\"content\":\"\x98\x80!\"}\n\ndata: [DONE]\n\n", "hi 😀!", ""},
		"error in another form":  {ab + "event: error\ndata: overloaded\n\ndata: [DONE]\n\n", "ab", "stream_error"},
		"error without a member": {ab + "event: error\ndata: {\"code\":\"model_timeout\",\"message\":\"m\"}\n\ndata: [DONE]\n\n", "ab", "model_timeout"},
		"error that is blank":    {ab + "event: error\ndata:\n\ndata: [DONE]\n\n", "ab", "stream_error"},
		"error named done":       {ab + "event: error\ndata: [DONE]\n\n", "ab", "stream_error"},
		"error with content":     {ab + "event: error\ndata: {\"content\":\"c\"}\n\ndata: [DONE]\n\n", "ab", "stream_error"},
		"error":                  {ab + "data: {\"error\":{\"code\":\"stream_error\",\"message\":\"m\"}}\n\ndata: [DONE]\n\n", "ab", "stream_error"},
		"error without code":     {ab + "data: {\"error\":{\"message\":\"m\"}}\n\n", "ab", "stream_error"},
		"error as a text":        {ab + "data: {\"error\":\"m\"}\n\n", "ab", "stream_error"},
		"timeout":                {ab + "data: {\"error\":{\"code\":\"model_timeout\",\"message\":\"m\"}}\n\n", "ab", "model_timeout"},
		"error of another code":  {ab + "data: {\"error\":{\"code\":\"brand_new\",\"message\":\"m\"}}\n\n", "ab", "brand_new"},
		"error instead of chunk": {"data: {\"error\":{\"code\":\"stream_error\",\"message\":\"m\"}}\n\n", "", "stream_error"},
		"too large":              {ab + "data: {\"content\":\"" + strings.Repeat("x", 16<<20) + "\"}\n\n", "ab", "stream_too_large"},
		"nearly too large":       {ab + "data: {\"content\":\"" + strings.Repeat("x", 1<<20) + "\"}\n\ndata: [DONE]\n\n", "ab" + strings.Repeat("x", 1<<20), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var info clawhq.ResponseInfo
			text, err := clawhq.CollectText(mockStream(t, tt.body).ChatStream(t.Context(), testkit.Hi, clawhq.WithResponseInfo(&info)))
			if text != tt.text {
				t.Errorf("text is %.100q, want %.100q", text, tt.text)
			}
			if info.StatusCode != 200 || info.RequestID != "req_1" || info.Attempts != 1 {
				t.Errorf("info is %+v", info)
			}
			if tt.code == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var got *clawhq.StreamError
			if !errors.As(err, &got) {
				t.Fatalf("got %T: %v", err, err)
			}
			want := &clawhq.APIError{
				StatusCode: 200, Code: tt.code, RequestID: "req_1", Attempts: 1, Method: "POST", Path: "/v1/chat",
				Message: got.Message, Body: got.Body, ClientRequestID: got.ClientRequestID,
			}
			if diff := cmp.Diff(want, got.APIError); diff != "" || got.Message == "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if errors.Is(err, io.ErrUnexpectedEOF) != (tt.code == "stream_truncated") {
				t.Errorf("errors.Is(io.ErrUnexpectedEOF) is wrong for %v", err)
			}
		})
	}
}

func TestMalformedEventWrapsTheDecodersError(t *testing.T) {
	t.Parallel()
	_, err := clawhq.CollectText(mockStream(t, "data: oops "+testkit.Key+"\n\n").ChatStream(t.Context(), testkit.Hi))
	var syntax *json.SyntaxError
	var stream *clawhq.StreamError
	if !errors.As(err, &syntax) || !errors.As(err, &stream) || string(stream.Body) != "oops clw_a1b2c3d4…" {
		t.Errorf("got %v", err)
	}
}

// ChatStream sends nothing until its sequence is ranged over. Each loop makes a new
// call.
func TestStreamIsLazyAndRepeatable(t *testing.T) {
	t.Parallel()
	s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
	seq := s.Client().ChatStream(t.Context(), testkit.Hi)
	if n := len(s.Requests()); n != 0 {
		t.Fatalf("%d requests before the loop", n)
	}
	first, err1 := clawhq.CollectText(seq)
	second, err2 := clawhq.CollectText(seq)
	if err1 != nil || err2 != nil || first == "" || first != second || len(s.Requests()) != 2 {
		t.Errorf("got %q, %v and %q, %v with %d requests", first, err1, second, err2, len(s.Requests()))
	}
}

// A stream ends with [DONE], even if the server does not end the reply.
func TestStreamDoneButOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("POST", testkit.ChatURL, func(r *http.Request) (*http.Response, error) {
			resp := testkit.Reply(200, "", "Content-Type", "text/event-stream")
			resp.Body = silent{strings.NewReader("data: {\"content\":\"a\"}\n\ndata: [DONE]\n\n"), r.Context()}
			return resp, nil
		})
		start := time.Now()
		text, err := clawhq.CollectText(testkit.Client(t, mock).ChatStream(t.Context(), testkit.Hi))
		if text != "a" || err != nil || time.Since(start) > 200*time.Millisecond {
			t.Errorf("got %q, %v after %v", text, err, time.Since(start))
		}
	})
}

// mockStream returns a client for which every stream is body.
func mockStream(t *testing.T, body string, opts ...clawhq.Option) *clawhq.Client {
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", testkit.ChatURL, func(*http.Request) (*http.Response, error) {
		return testkit.Reply(200, body, "Content-Type", "text/event-stream", "X-Request-Id", "req_1"), nil
	})
	return testkit.Client(t, mock, append([]clawhq.Option{testkit.OneAttempt}, opts...)...)
}

// A 200 that is not an event stream is an error, not an empty answer.
func TestStreamOfAnotherType(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{"text/html", "application/json", "", "text/event-streams"} {
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("POST", testkit.ChatURL, httpmock.ResponderFromResponse(testkit.Reply(200, "<html>log in</html>", "Content-Type", contentType)))
		text, err := clawhq.CollectText(testkit.Client(t, mock).ChatStream(t.Context(), testkit.Hi))
		var got *clawhq.StreamError
		if text != "" || !errors.As(err, &got) || got.Code != clawhq.CodeStreamMalformed || string(got.Body) != "<html>log in</html>" || got.Attempts != 1 {
			t.Errorf("%q: got %q, %v", contentType, text, err)
		}
	}
}

// A stream of only comments, or with too long pauses between chunks, ends by
// WithStreamContentTimeout, and by no other timeout.
func TestStreamContentTimeout(t *testing.T) {
	t.Parallel()
	const comment, chunk, end = ": still here\n\n", "data: {\"content\":\"a\"}\n\n", "data: [DONE]\n\n"
	for name, tt := range map[string]struct {
		events []string // one every 10 s; then the last for ever
		opts   []clawhq.Option
		text   string
		code   clawhq.ErrorCode
		took   time.Duration
	}{
		"comments alone":  {[]string{comment}, []clawhq.Option{clawhq.WithStreamContentTimeout(35 * time.Second)}, "", "stream_idle", 35 * time.Second},
		"after a chunk":   {[]string{comment, chunk, comment}, []clawhq.Option{clawhq.WithStreamContentTimeout(35 * time.Second)}, "a", "stream_idle", 45 * time.Second},
		"often enough":    {[]string{comment, comment, chunk, comment, comment, chunk, end}, []clawhq.Option{clawhq.WithStreamContentTimeout(35 * time.Second)}, "aa", "", 60*time.Second + 100*time.Millisecond}, // waits for the end of the reply
		"empty events":    {[]string{"data: {}\n\n"}, []clawhq.Option{clawhq.WithStreamContentTimeout(35 * time.Second)}, "", "stream_idle", 35 * time.Second},
		"silent sooner":   {[]string{chunk, ""}, []clawhq.Option{clawhq.WithStreamContentTimeout(35 * time.Second), clawhq.WithStreamIdleTimeout(5 * time.Second)}, "a", "stream_idle", 5 * time.Second},
		"content sooner":  {[]string{chunk, ""}, []clawhq.Option{clawhq.WithStreamContentTimeout(5 * time.Second)}, "a", "stream_idle", 5 * time.Second},
		"no such timeout": {[]string{comment}, nil, "", "stream_cancelled", time.Hour},
		"none by 0":       {[]string{comment}, []clawhq.Option{clawhq.WithStreamContentTimeout(0)}, "", "stream_cancelled", time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := testkit.ClientFunc(t, func(r *http.Request) (*http.Response, error) {
					resp := testkit.Reply(200, "", "Content-Type", "text/event-stream")
					resp.Body, resp.ContentLength = &timed{events: tt.events, ctx: r.Context()}, -1
					return resp, nil
				}, append(tt.opts, testkit.OneAttempt)...)
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				start := time.Now()
				text, err := clawhq.CollectText(client.ChatStream(ctx, testkit.Hi))
				var e *clawhq.StreamError
				if errors.As(err, &e); text != tt.text || (err == nil) != (tt.code == "") || e != nil && e.Code != tt.code {
					t.Errorf("got %q, %v, want %q, %s", text, err, tt.text, tt.code)
				}
				if tt.code == clawhq.CodeStreamIdle && !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("%v does not match os.ErrDeadlineExceeded", err)
				}
				if took := time.Since(start); took != tt.took {
					t.Errorf("took %v, want %v", took, tt.took)
				}
			})
		})
	}
}

// timed is a body that sends one event every ten seconds, the first at once.
type timed struct {
	events []string
	ctx    context.Context
	began  bool
}

func (b *timed) Read(p []byte) (int, error) {
	for {
		if b.began {
			select {
			case <-time.After(10 * time.Second):
			case <-b.ctx.Done():
				return 0, b.ctx.Err()
			}
		}
		b.began = true
		n := copy(p, b.events[0])
		if len(b.events) > 1 {
			b.events = b.events[1:]
		}
		if n > 0 {
			return n, nil
		}
	}
}

func (*timed) Close() error { return nil }

// The time that a caller spends on a chunk does not count towards the timeout.
func TestStreamContentTimeoutOfASlowCaller(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		n := 0
		for _, err := range s.Client(clawhq.WithStreamContentTimeout(5*time.Second)).ChatStream(t.Context(), clawhq.ChatRequest{Message: "hi", Agent: "quick"}) {
			if err != nil {
				t.Fatal(err)
			}
			n++
			time.Sleep(time.Minute)
		}
		if n != 3 {
			t.Errorf("got %d chunks, want 3", n)
		}
	}, clawhqtest.WithAgent("quick", func(context.Context, clawhqtest.Message) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			for range 3 {
				if !yield("x", nil) {
					return
				}
			}
		}
	}))
}

// A cancel ends a stream even if more chunks have already arrived.
func TestStreamCancelWithChunksLeft(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	chunks := 0
	var err error
	for _, err = range mockStream(t, strings.Repeat("data: {\"content\":\"a\"}\n\n", 5)+"data: [DONE]\n\n").ChatStream(ctx, testkit.Hi) {
		if err == nil {
			chunks++
			cancel()
		}
	}
	if chunks != 1 || !errors.Is(err, context.Canceled) {
		t.Errorf("got %d chunks, %v", chunks, err)
	}
}

// A streaming call that is answered with a stored answer, which is JSON, hands it
// out as one chunk.
func TestStoredAnswerAsStream(t *testing.T) {
	t.Parallel()
	testkit.EachProfile(t, func(t *testing.T, s *clawhqtest.Server, client *clawhq.Client) {
		answer, err := client.Chat(t.Context(), testkit.Hi, clawhq.WithIdempotencyKey("job-1"))
		if err != nil {
			t.Fatal(err)
		}
		var info clawhq.ResponseInfo
		var chunks []string
		for chunk, err := range client.ChatStream(t.Context(), testkit.Hi, clawhq.WithIdempotencyKey("job-1"), clawhq.WithResponseInfo(&info)) {
			if err != nil {
				t.Fatal(err)
			}
			chunks = append(chunks, chunk.Content)
		}
		if diff := cmp.Diff([]string{answer.Response}, chunks); diff != "" || !info.Replayed || info.Attempts != 1 {
			t.Errorf("%+v; chunks (-want +got):\n%s", info, diff)
		}
		for range client.ChatStream(t.Context(), testkit.Hi, clawhq.WithIdempotencyKey("job-1")) {
			break // leaving it is no problem
		}
	})
}

// A reply to a streaming call without a Content-Type is what its first bytes say.
func TestStreamWithoutContentType(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		body, want string
		err        error
	}{
		"stream":             {"data: {\"content\":\"a\"}\n\ndata: {\"content\":\"b\"}\n\ndata: [DONE]\n\n", "ab", nil},
		"comment first":      {": keep-alive\n\ndata: {\"content\":\"a\"}\n\ndata: [DONE]\n\n", "a", nil},
		"done at once":       {"data: [DONE]\n\n", "", nil},
		"stream, cut off":    {"data: {\"content\":\"a\"}\n\n", "a", clawhq.CodeStreamTruncated},
		"a byte of it":       {"d", "", clawhq.CodeStreamMalformed},
		"answer":             {testkit.OKBody, "Hello.", nil},
		"error":              {`{"error":{"code":"agent_offline","message":"m"}}`, "", clawhq.CodeAgentOffline},
		"page":               {"<html>", "", clawhq.CodeStreamMalformed},
		"nothing":            {"", "", clawhq.CodeStreamMalformed},
		"long, not a stream": {strings.Repeat("x", 10<<10), "", clawhq.CodeStreamMalformed},
	} {
		for _, oneByOne := range []bool{false, true} {
			client := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) {
				resp := testkit.Reply(200, tt.body)
				resp.Header.Del("Content-Type")
				if oneByOne {
					resp.Body = io.NopCloser(iotest.OneByteReader(resp.Body))
				}
				return resp, nil
			}, testkit.OneAttempt)
			text, err := clawhq.CollectText(client.ChatStream(t.Context(), testkit.Hi))
			if text != tt.want || !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
				t.Errorf("%s: got %q, %v, want %q, %v", name, text, err, tt.want, tt.err)
			}
		}
	}
}
