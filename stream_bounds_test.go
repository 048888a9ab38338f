package clawhq_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/google/go-cmp/cmp"
	"github.com/jarcoal/httpmock"
)

// A 200 that is not an event stream is an error, not an empty answer.
func TestStreamOfAnotherType(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{"text/html", "application/json", "", "text/event-streams"} {
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("POST", chatURL, httpmock.ResponderFromResponse(reply(200, "<html>log in</html>", "Content-Type", contentType)))
		text, err := clawhq.CollectText(mockClient(t, mock).ChatStream(t.Context(), hi))
		var got *clawhq.StreamError
		if text != "" || !errors.As(err, &got) || got.Code != clawhq.CodeStreamMalformed || string(got.Body) != "<html>log in</html>" || got.Attempts != 1 {
			t.Errorf("%q: got %q, %v", contentType, text, err)
		}
	}
}

// A 200 with an error in JSON is returned as that error, for streams and for whole
// answers.
func TestErrorWithStatus200(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]error{
		`{"error":{"code":"model_error","message":"m","type":"model_error","request_id":"req_1"}}`: &clawhq.AgentError{},
		`{"error":{"code":"rate_limited","message":"m"}}`:                                          &clawhq.RateLimitError{},
		`{"error":"Unauthorized"}`:                                     &clawhq.ServerError{},
		`{"error":"slow down","code":"RATE_LIMITED","retry_after":12}`: &clawhq.RateLimitError{},
	} {
		client := sends(t, func(*http.Request) (*http.Response, error) { return reply(200, body), nil })
		_, unary := client.Chat(t.Context(), hi, clawhq.WithClientRequestID("cli"))
		text, stream := clawhq.CollectText(client.ChatStream(t.Context(), hi, clawhq.WithClientRequestID("cli")))
		if diff := cmp.Diff(unary, stream); diff != "" || text != "" {
			t.Errorf("%s: a stream differs, with text %q (-unary +stream):\n%s", body, text, diff)
		}
		if got, want := typeName(unary), typeName(want); got != want {
			t.Errorf("%s: got %s, want %s", body, got, want)
		}
		var api *clawhq.APIError
		if !errors.As(unary, &api) || api.StatusCode != 200 || api.Attempts != 1 || string(api.Body) != body {
			t.Errorf("%s: got %+v", body, api)
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
		"often enough":    {[]string{comment, comment, chunk, comment, comment, chunk, end}, []clawhq.Option{clawhq.WithStreamContentTimeout(35 * time.Second)}, "aa", "", 60*time.Second + 100*ms}, // waits for the end of the reply
		"empty events":    {[]string{"data: {}\n\n"}, []clawhq.Option{clawhq.WithStreamContentTimeout(35 * time.Second)}, "", "stream_idle", 35 * time.Second},
		"silent sooner":   {[]string{chunk, ""}, []clawhq.Option{clawhq.WithStreamContentTimeout(35 * time.Second), clawhq.WithStreamIdleTimeout(5 * time.Second)}, "a", "stream_idle", 5 * time.Second},
		"content sooner":  {[]string{chunk, ""}, []clawhq.Option{clawhq.WithStreamContentTimeout(5 * time.Second)}, "a", "stream_idle", 5 * time.Second},
		"no such timeout": {[]string{comment}, nil, "", "stream_cancelled", time.Hour},
		"none by 0":       {[]string{comment}, []clawhq.Option{clawhq.WithStreamContentTimeout(0)}, "", "stream_cancelled", time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := sends(t, func(r *http.Request) (*http.Response, error) {
					resp := reply(200, "", "Content-Type", "text/event-stream")
					resp.Body, resp.ContentLength = &timed{events: tt.events, ctx: r.Context()}, -1
					return resp, nil
				}, append(tt.opts, once)...)
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				start := time.Now()
				text, err := clawhq.CollectText(client.ChatStream(ctx, hi))
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
	bubble(t, func(t *testing.T, s *clawhqtest.Server) {
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

// A body that ignores its context still ends with the idle timeout, and with the
// caller's context.
func TestStreamOfADeafBody(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]clawhq.ErrorCode{"idle": clawhq.CodeStreamIdle, "cancelled": clawhq.CodeStreamCancelled} {
		synctest.Test(t, func(t *testing.T) {
			mock := httpmock.NewMockTransport()
			mock.RegisterResponder("POST", chatURL, func(*http.Request) (*http.Response, error) {
				r, w := io.Pipe()
				go io.WriteString(w, "data: {\"content\":\"a\"}\n\n")
				resp := reply(200, "", "Content-Type", "text/event-stream")
				resp.Body, resp.ContentLength = r, -1
				return resp, nil
			})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if name == "cancelled" {
				time.AfterFunc(time.Second, cancel)
			}
			text, err := clawhq.CollectText(mockClient(t, mock, clawhq.WithStreamIdleTimeout(5*time.Second)).ChatStream(ctx, hi))
			var e *clawhq.StreamError
			if text != "a" || !errors.As(err, &e) || e.Code != want {
				t.Errorf("%s: got %q, %v", name, text, err)
			}
		})
	}
}

// A cancel ends a stream even if more chunks have already arrived.
func TestStreamCancelWithChunksLeft(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	chunks := 0
	var err error
	for _, err = range mockStream(t, strings.Repeat("data: {\"content\":\"a\"}\n\n", 5)+"data: [DONE]\n\n").ChatStream(ctx, hi) {
		if err == nil {
			chunks++
			cancel()
		}
	}
	if chunks != 1 || !errors.Is(err, context.Canceled) {
		t.Errorf("got %d chunks, %v", chunks, err)
	}
}
