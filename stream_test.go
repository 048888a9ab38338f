package clawhq_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
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
		"empty data":             {ab + "data\n\n", "ab", "stream_malformed"},
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
			text, err := clawhq.CollectText(mockStream(t, tt.body).ChatStream(t.Context(), hi, clawhq.WithResponseInfo(&info)))
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
	_, err := clawhq.CollectText(mockStream(t, "data: oops "+testKey+"\n\n").ChatStream(t.Context(), hi))
	var syntax *json.SyntaxError
	var stream *clawhq.StreamError
	if !errors.As(err, &syntax) || !errors.As(err, &stream) || string(stream.Body) != "oops clw_a1b2c3d4…" {
		t.Errorf("got %v", err)
	}
}

// talker returns an agent that sends a chunk every second until its context ends. It
// then sends the context's error to left.
func talker(left chan<- error) clawhqtest.AgentFunc {
	return func(ctx context.Context, m clawhqtest.Message) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			defer func() { left <- ctx.Err() }()
			for i := 0; ; i++ {
				if !yield(fmt.Sprint(i, " "), nil) {
					return
				}
				select {
				case <-time.After(time.Second):
				case <-ctx.Done():
					return
				}
			}
		}
	}
}

// However a loop over a stream ends, the agent stops at once, and no goroutine is left
// behind, which would fail the bubble.
func TestStreamExits(t *testing.T) {
	talk := clawhq.ChatRequest{Message: "hi", Agent: "talker"}
	for name, leave := range map[string]func(t *testing.T, client *clawhq.Client){
		"break": func(t *testing.T, client *clawhq.Client) {
			for _, err := range client.ChatStream(t.Context(), talk) {
				if err != nil {
					t.Error(err)
				}
				break
			}
		},
		"break later": func(t *testing.T, client *clawhq.Client) {
			n := 0
			for range client.ChatStream(t.Context(), talk) {
				if n++; n == 5 {
					break
				}
			}
		},
		"return": func(t *testing.T, client *clawhq.Client) {
			func() {
				for range client.ChatStream(t.Context(), talk) {
					return
				}
			}()
		},
		"panic": func(t *testing.T, client *clawhq.Client) {
			defer func() {
				if r := recover(); r != "enough" {
					t.Errorf("recovered %v", r)
				}
			}()
			for range client.ChatStream(t.Context(), talk) {
				panic("enough")
			}
		},
		"Goexit": func(t *testing.T, client *clawhq.Client) {
			done := make(chan struct{})
			go func() {
				defer close(done)
				for range client.ChatStream(t.Context(), talk) {
					runtime.Goexit()
				}
			}()
			<-done
		},
		"cancel": func(t *testing.T, client *clawhq.Client) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			time.AfterFunc(2500*time.Millisecond, func() { cancel(errors.New("user left")) })
			start := time.Now()
			text, err := clawhq.CollectText(client.ChatStream(ctx, talk))
			var e *clawhq.StreamError
			if text != "0 1 2 " || !errors.Is(err, context.Canceled) || !errors.As(err, &e) || !strings.Contains(err.Error(), "user left") {
				t.Errorf("got %q, %v", text, err)
			}
			if took := time.Since(start); took != 2500*time.Millisecond {
				t.Errorf("took %v", took)
			}
		},
		"deadline": func(t *testing.T, client *clawhq.Client) {
			ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
			defer cancel()
			text, err := clawhq.CollectText(client.ChatStream(ctx, talk))
			if text != "0 1 " || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %q, %v", text, err)
			}
		},
		"pulled": func(t *testing.T, client *clawhq.Client) {
			next, stop := iter.Pull2(client.ChatStream(t.Context(), talk))
			if chunk, err, ok := next(); chunk.Content != "0 " || err != nil || !ok {
				t.Errorf("got %v, %v, %v", chunk, err, ok)
			}
			stop()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			left := make(chan error, 1)
			synctest.Test(t, func(t *testing.T) {
				left = make(chan error, 1)
				s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory(), clawhqtest.WithAgent("talker", talker(left)))
				leave(t, s.Client())
				at := time.Now()
				if err := <-left; !errors.Is(err, context.Canceled) {
					t.Errorf("the agent's context says %v", err)
				}
				if late := time.Since(at); late > time.Millisecond {
					t.Errorf("the agent was told %v later", late)
				}
			})
		})
	}
}

// TestStreamFaults breaks a stream in all ways in which a server can.
func TestStreamFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		fault clawhqtest.Fault
		code  clawhq.ErrorCode
		is    error
		took  time.Duration
	}{
		"error":     {clawhqtest.FaultStreamError("stream_error", 2), "stream_error", nil, 0},
		"timeout":   {clawhqtest.FaultStreamError("model_timeout", 2), "model_timeout", nil, 0},
		"cut":       {clawhqtest.FaultStreamCut(2), "stream_truncated", io.ErrUnexpectedEOF, 0},
		"stall":     {clawhqtest.FaultStreamStall(2), "stream_idle", nil, 7 * time.Second},
		"malformed": {clawhqtest.FaultStreamMalformed(2), "stream_malformed", nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, s *clawhqtest.Server) {
				s.Inject(tt.fault)
				start := time.Now()
				chunks := 0
				var err error
				for _, err = range s.Client(once, clawhq.WithStreamIdleTimeout(7*time.Second)).ChatStream(t.Context(), hi) {
					if err == nil {
						chunks++
					}
				}
				var e *clawhq.StreamError
				if !errors.As(err, &e) || e.Code != tt.code || e.RequestID == "" || tt.is != nil && !errors.Is(err, tt.is) {
					t.Errorf("got %v", err)
				}
				if took := time.Since(start); chunks != 2 || took != tt.took {
					t.Errorf("got %d chunks in %v, want 2 in %v", chunks, took, tt.took)
				}
			})
		})
	}
	t.Run("server closes", func(t *testing.T) {
		t.Parallel()
		bubble(t, func(t *testing.T, s *clawhqtest.Server) {
			s.HandleAgent("talker", talker(make(chan error, 1)))
			time.AfterFunc(1500*time.Millisecond, s.Close)
			text, err := clawhq.CollectText(s.Client(once).ChatStream(t.Context(), clawhq.ChatRequest{Message: "hi", Agent: "talker"}))
			var e *clawhq.StreamError
			if text != "0 1 " || !errors.As(err, &e) {
				t.Errorf("got %q, %v", text, err)
			}
		})
	})
}

// A stream is retried only before its first chunk has been handed out.
func TestStreamRetries(t *testing.T) {
	for name, tt := range map[string]struct {
		fault    clawhqtest.Fault
		attempts int
		ok       bool
	}{
		"status":                    {clawhqtest.FaultStatus(503, "agent_offline"), 2, true},
		"reset":                     {clawhqtest.FaultReset(), 2, true},
		"error before a chunk":      {clawhqtest.FaultStreamError("stream_error", 0), 2, true},
		"agent error before":        {clawhqtest.FaultStreamError("model_error", 0), 2, true},
		"cut before a chunk":        {clawhqtest.FaultStreamCut(0), 2, true},
		"stall before a chunk":      {clawhqtest.FaultStreamStall(0), 2, true},
		"error after a chunk":       {clawhqtest.FaultStreamError("stream_error", 1), 1, false},
		"cut after a chunk":         {clawhqtest.FaultStreamCut(1), 1, false},
		"stall after a chunk":       {clawhqtest.FaultStreamStall(1), 1, false},
		"malformed before a chunk":  {clawhqtest.FaultStreamMalformed(0), 1, false},
		"not for a second time yet": {clawhqtest.FaultStatus(400, "invalid_request"), 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, s *clawhqtest.Server) {
				s.Inject(tt.fault)
				var info clawhq.ResponseInfo
				text, err := clawhq.CollectText(s.Client().ChatStream(t.Context(), hi, clawhq.WithResponseInfo(&info)))
				if (err == nil) != tt.ok || info.Attempts != tt.attempts || tt.ok && text == "" {
					t.Errorf("got %q, %v after %d attempts", text, err, info.Attempts)
				}
			})
		})
	}
}

// The caller gets each chunk as soon as it arrives. The idle timeout does not end the
// stream of a slow agent that still sends something, or of a slow caller.
func TestStreamTiming(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		client := s.Client(clawhq.WithStreamIdleTimeout(5*time.Second), clawhq.WithAttemptTimeout(time.Second))
		start := time.Now()
		var at []time.Duration
		for _, err := range client.ChatStream(t.Context(), clawhq.ChatRequest{Message: "hi", Agent: "slow"}) {
			if err != nil {
				t.Fatal(err)
			}
			at = append(at, time.Since(start))
			if len(at) == 2 {
				time.Sleep(8 * time.Second) // the third chunk arrives before the caller asks for it
			}
		}
		want := []time.Duration{0, 4 * time.Second, 12 * time.Second, 12 * time.Second}
		if diff := cmp.Diff(want, at); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}, clawhqtest.WithAgent("slow", func(ctx context.Context, m clawhqtest.Message) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			start := time.Now()
			for i := range 4 {
				time.Sleep(time.Until(start.Add(time.Duration(i) * 4 * time.Second)))
				if !yield("x", nil) {
					return
				}
			}
		}
	}))
}

// ChatStream sends nothing until its sequence is ranged over. Each loop makes a new
// call.
func TestStreamIsLazyAndRepeatable(t *testing.T) {
	t.Parallel()
	s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
	seq := s.Client().ChatStream(t.Context(), hi)
	if n := len(s.Requests()); n != 0 {
		t.Fatalf("%d requests before the loop", n)
	}
	first, err1 := clawhq.CollectText(seq)
	second, err2 := clawhq.CollectText(seq)
	if err1 != nil || err2 != nil || first == "" || first != second || len(s.Requests()) != 2 {
		t.Errorf("got %q, %v and %q, %v with %d requests", first, err1, second, err2, len(s.Requests()))
	}
}

// After [DONE] the connection is reused.
func TestStreamKeepsItsConnection(t *testing.T) {
	t.Parallel()
	s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
	transport := &countingConns{RoundTripper: s.HTTPClient().Transport}
	client := s.Client(clawhq.WithHTTPClient(&http.Client{Transport: transport}))
	for range 5 {
		if _, err := clawhq.CollectText(client.ChatStream(t.Context(), hi)); err != nil {
			t.Fatal(err)
		}
	}
	if transport.fresh != 1 {
		t.Errorf("5 streams took %d connections", transport.fresh)
	}
}

// A stream ends with [DONE], even if the server does not end the reply.
func TestStreamDoneButOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("POST", chatURL, func(r *http.Request) (*http.Response, error) {
			resp := reply(200, "", "Content-Type", "text/event-stream")
			resp.Body = silent{strings.NewReader("data: {\"content\":\"a\"}\n\ndata: [DONE]\n\n"), r.Context()}
			return resp, nil
		})
		start := time.Now()
		text, err := clawhq.CollectText(mockClient(t, mock).ChatStream(t.Context(), hi))
		if text != "a" || err != nil || time.Since(start) > 200*time.Millisecond {
			t.Errorf("got %q, %v after %v", text, err, time.Since(start))
		}
	})
}
