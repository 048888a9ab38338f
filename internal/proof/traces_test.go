package proof_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
)

// Every start is followed by an end, also if a function of another Trace panics.
func TestPanicsOfTraces(t *testing.T) {
	t.Parallel()
	for _, panics := range []string{"CallStart", "AttemptStart", "AttemptEnd", "CallEnd", "Retry", "FirstChunk", "StreamEnd", "Admitted"} {
		t.Run(panics, func(t *testing.T) {
			t.Parallel()
			var starts, ends int
			counting := &clawhq.Trace{
				CallStart:    func(ctx context.Context, _ clawhq.TraceCallStart) context.Context { starts++; return ctx },
				CallEnd:      func(context.Context, clawhq.TraceCallEnd) { ends++ },
				AttemptStart: func(ctx context.Context, _ clawhq.TraceAttemptStart) context.Context { starts++; return ctx },
				AttemptEnd:   func(context.Context, clawhq.TraceAttemptEnd) { ends++ },
			}
			fail := func(name string) {
				if name == panics {
					panic(name)
				}
			}
			failing := &clawhq.Trace{
				CallStart: func(ctx context.Context, _ clawhq.TraceCallStart) context.Context { fail("CallStart"); return ctx },
				CallEnd:   func(context.Context, clawhq.TraceCallEnd) { fail("CallEnd") },
				AttemptStart: func(ctx context.Context, _ clawhq.TraceAttemptStart) context.Context {
					fail("AttemptStart")
					return ctx
				},
				AttemptEnd: func(context.Context, clawhq.TraceAttemptEnd) { fail("AttemptEnd") },
				Retry:      func(context.Context, clawhq.TraceRetry) { fail("Retry") },
				FirstChunk: func(context.Context, clawhq.TraceFirstChunk) { fail("FirstChunk") },
				StreamEnd:  func(context.Context, clawhq.TraceStreamEnd) { fail("StreamEnd") },
				Admitted:   func(context.Context, clawhq.TraceAdmitted) { fail("Admitted") },
			}
			requests := 0
			client := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) {
				if requests++; requests == 1 {
					return testkit.Reply(503, ""), nil
				}
				return testkit.Reply(200, "data: {\"content\":\"a\"}\n\ndata: [DONE]\n\n", "Content-Type", "text/event-stream"), nil
			}, clawhq.WithRetry(clawhq.RetryPolicy{MinWait: 1, MaxWait: 1}),
				clawhq.WithTrace(counting), clawhq.WithTrace(failing), clawhq.WithTrace(counting))
			func() {
				defer func() {
					if p := recover(); p != panics {
						t.Errorf("the panic is %v", p)
					}
				}()
				clawhq.CollectText(client.ChatStream(t.Context(), testkit.Hi))
			}()
			if starts != ends || starts == 0 {
				t.Errorf("%d starts, %d ends", starts, ends)
			}
		})
	}
}

// A wait ends with one Admitted, however many reasons it has.
func TestOneWaitingBeforeAdmitted(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		waiting, admitted := 0, 0
		client := s.Client(clawhq.WithLimiter(absentLimiter{}), clawhq.WithRateLimit(1), clawhq.WithMaxRate(1), clawhq.WithTrace(&clawhq.Trace{
			Waiting:  func(context.Context, clawhq.TraceWaiting) { waiting++ },
			Admitted: func(context.Context, clawhq.TraceAdmitted) { admitted++ },
		}))
		s.Inject(clawhqtest.FaultRateLimit("7"))
		for range 3 {
			if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
				t.Fatal(err)
			}
		}
		if admitted != 4 || waiting > admitted {
			t.Errorf("%d times waiting, %d times admitted", waiting, admitted)
		}
	})
}

// What was not sent because the content could not be rewound is no attempt.
func TestAttemptsOfAFailedSeek(t *testing.T) {
	t.Parallel()
	requests := 0
	var end clawhq.TraceCallEnd
	client := testkit.ClientFunc(t, func(r *http.Request) (*http.Response, error) {
		requests++
		io.Copy(io.Discard, r.Body)
		return testkit.Reply(429, `{"error":{"code":"rate_limited","message":"m"}}`, "Retry-After", "0"), nil
	}, clawhq.WithRetry(clawhq.RetryPolicy{MinWait: 1, MaxWait: 1}), clawhq.WithTrace(&clawhq.Trace{
		CallEnd: func(_ context.Context, e clawhq.TraceCallEnd) { end = e },
	}))
	var info clawhq.ResponseInfo
	_, err := client.Files.Upload(t.Context(), clawhq.UploadFileRequest{
		Name: "a.txt", ContentType: "text/plain", Content: &onceSeeker{Reader: strings.NewReader("text"), seeks: 3},
	}, clawhq.WithResponseInfo(&info))
	if err == nil || info.Attempts != requests || end.Attempts != requests {
		t.Errorf("%d and %d attempts, the server saw %d: %v", info.Attempts, end.Attempts, requests, err)
	}
}

// onceSeeker fails to seek after some seeks.
type onceSeeker struct {
	*strings.Reader
	seeks int
}

func (s *onceSeeker) Seek(offset int64, whence int) (int64, error) {
	if s.seeks--; s.seeks < 0 {
		return 0, errors.New("the tape is stuck")
	}
	return s.Reader.Seek(offset, whence)
}

// absentLimiter is never in service.
type absentLimiter struct{}

func (absentLimiter) Wait(context.Context) error     { return errors.New("no connection") }
func (absentLimiter) Fallback(error) <-chan struct{} { return make(chan struct{}) }

// A cookie jar that panics after a stream was opened ends the attempt and the call,
// each once.
func TestPanicOfAJar(t *testing.T) {
	t.Parallel()
	var starts, ends int
	client := testkit.Client(t, nil, clawhq.WithHTTPClient(&http.Client{
		Jar: panickingJar{},
		Transport: testkit.RoundTripFunc(func(*http.Request) (*http.Response, error) {
			return testkit.Reply(200, "data: {\"content\":\"a\"}\n\n", "Content-Type", "text/event-stream", "Set-Cookie", "a=b"), nil
		}),
	}), clawhq.WithTrace(&clawhq.Trace{
		CallStart:    func(ctx context.Context, _ clawhq.TraceCallStart) context.Context { starts++; return ctx },
		CallEnd:      func(context.Context, clawhq.TraceCallEnd) { ends++ },
		AttemptStart: func(ctx context.Context, _ clawhq.TraceAttemptStart) context.Context { starts++; return ctx },
		AttemptEnd:   func(context.Context, clawhq.TraceAttemptEnd) { ends++ },
	}))
	func() {
		defer func() { recover() }()
		clawhq.CollectText(client.ChatStream(t.Context(), testkit.Hi))
	}()
	if starts != 2 || ends != 2 {
		t.Errorf("%d starts, %d ends, want 2 of each", starts, ends)
	}
}

type panickingJar struct{}

func (panickingJar) Cookies(*url.URL) []*http.Cookie     { return nil }
func (panickingJar) SetCookies(*url.URL, []*http.Cookie) { panic("no room for cookies") }
