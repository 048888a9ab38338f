package proof_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// withBody returns a reply without a Content-Type whose body is read by f.
func withBody(f func([]byte) (int, error)) *http.Response {
	r := testkit.Reply(200, "")
	r.Header.Del("Content-Type")
	r.ContentLength, r.Body = -1, io.NopCloser(readFunc(f))
	return r
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// A transport may decompress a body and leave the header that says it is compressed.
func TestGzipHeaderOfAPlainBody(t *testing.T) {
	t.Parallel()
	requests := 0
	client := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) {
		requests++
		return testkit.Reply(200, testkit.OKBody, "Content-Encoding", "gzip"), nil
	})
	if _, err := client.Chat(t.Context(), testkit.Hi); err != nil || requests != 1 {
		t.Errorf("%d requests: %v", requests, err)
	}
}

// No Retry-After makes a call wait that has nothing to wait for.
func TestRetryAfterOfOtherReplies(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		reply func(n int) *http.Response
		most  time.Duration
	}{
		"an answer under way": {func(n int) *http.Response {
			r := testkit.Reply(409, `{"error":{"code":"request_in_progress","message":"m"}}`)
			if n > 1 {
				r.Header.Set("Retry-After", "86400")
			}
			return r
		}, 3 * time.Minute},
		"a key that has changed": {func(n int) *http.Response {
			if n > 1 {
				return testkit.Reply(200, testkit.OKBody)
			}
			return testkit.Reply(401, `{"error":{"code":"invalid_api_key","message":"m"}}`, "Retry-After", "36000")
		}, time.Second},
		"a key that has changed, with status 200": {func(n int) *http.Response {
			if n > 1 {
				return testkit.Reply(200, testkit.OKBody)
			}
			return testkit.Reply(200, `{"error":{"code":"invalid_api_key","message":"m"}}`, "Retry-After", "36000")
		}, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				requests, asked := 0, 0
				client := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) {
					requests++
					return tt.reply(requests), nil
				}, clawhq.WithAPIKeyFunc(func(context.Context) (string, error) {
					asked++
					return fmt.Sprintf("clw_a1b2c3d4e5f6g7h8i9j0k1l2m3n4%04d", min(asked, 2)), nil
				}))
				ctx, cancel := context.WithCancel(t.Context())
				defer time.AfterFunc(24*time.Hour, cancel).Stop()
				start := time.Now()
				_, err := client.Chat(ctx, testkit.Hi)
				if took := time.Since(start); took > tt.most || requests < 2 {
					t.Errorf("%v after %v and %d requests", err, took, requests)
				}
			})
		})
	}
}

// The bytes that come with an error are read before it, also while the kind of the
// reply is found out.
func TestStreamWithoutContentTypeBreaksOff(t *testing.T) {
	t.Parallel()
	client := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) {
		body := strings.NewReader("data: {\"content\":\"hi\"}\n\ndata: [DONE]\n\n")
		return withBody(func(p []byte) (int, error) {
			n, err := body.Read(p)
			if body.Len() == 0 || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return n, err
		}), nil
	}, testkit.OneAttempt)
	if text, err := clawhq.CollectText(client.ChatStream(t.Context(), testkit.Hi)); err != nil || text != "hi" {
		t.Errorf("got %q, %v", text, err)
	}
}

// WithStreamIdleTimeout also bounds the time until the kind of a reply is found out,
// and the caller's end is told as such.
func TestSilentStreamWithoutContentType(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		cancelled bool
		code      clawhq.ErrorCode
	}{"idle": {false, clawhq.CodeStreamIdle}, "cancelled": {true, clawhq.CodeStreamCancelled}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				client := testkit.ClientFunc(t, func(q *http.Request) (*http.Response, error) {
					return withBody(func([]byte) (int, error) {
						if tt.cancelled {
							cancel()
						}
						<-q.Context().Done()
						return 0, q.Context().Err()
					}), nil
				}, testkit.OneAttempt, clawhq.WithAttemptTimeout(0), clawhq.WithStreamIdleTimeout(10*time.Second))
				start := time.Now()
				_, err := clawhq.CollectText(client.ChatStream(ctx, testkit.Hi))
				var failed *clawhq.StreamError
				if took := time.Since(start); took > 11*time.Second || !errors.As(err, &failed) || failed.Code != tt.code {
					t.Errorf("got %v after %v", err, took)
				}
			})
		})
	}
}

// A reply that is too large is not asked for again.
func TestTooLargeIsFinal(t *testing.T) {
	t.Parallel()
	requests := 0
	client := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) {
		requests++
		return testkit.Reply(200, `{"response":"`+strings.Repeat("x", 17<<20)+`"}`), nil
	})
	_, unary := client.Chat(t.Context(), testkit.Hi)
	_, stream := clawhq.CollectText(client.ChatStream(t.Context(), testkit.Hi))
	if unary == nil || !errors.Is(stream, clawhq.CodeStreamTooLarge) || requests != 2 {
		t.Errorf("%d requests: %v, %v", requests, unary, stream)
	}
}

// Of the Timeout of the http.Client and the call's own time-out, the shorter counts.
func TestShorterTimeoutCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := testkit.Client(t, nil, clawhq.WithHTTPClient(&http.Client{
			Timeout: 5 * time.Second,
			Transport: testkit.RoundTripFunc(func(q *http.Request) (*http.Response, error) {
				<-q.Context().Done()
				return nil, q.Context().Err()
			}),
		}), testkit.OneAttempt)
		for own, want := range map[time.Duration]time.Duration{time.Minute: 5 * time.Second, time.Second: time.Second, 0: 5 * time.Second} {
			start := time.Now()
			client.Chat(t.Context(), testkit.Hi, clawhq.WithCallAttemptTimeout(own))
			if took := time.Since(start); took != want {
				t.Errorf("own time-out %v: took %v, want %v", own, took, want)
			}
		}
	})
}

// What the caller's CheckRedirect refuses would be refused again.
func TestRefusedRedirectIsNotRetryable(t *testing.T) {
	t.Parallel()
	for _, refusal := range []error{errors.New("no redirects"), http.ErrUseLastResponse} {
		client := testkit.Client(t, nil, clawhq.WithHTTPClient(&http.Client{
			CheckRedirect: func(*http.Request, []*http.Request) error { return refusal },
			Transport: testkit.RoundTripFunc(func(*http.Request) (*http.Response, error) {
				return testkit.Reply(307, "", "Location", "/api/v1/other"), nil
			}),
		}))
		_, err := client.Models.List(t.Context())
		if _, again := clawhq.Retryable(err); err == nil || again {
			t.Errorf("Retryable(%v) is %v", err, again)
		}
	}
}

// A key function that panics costs no slot: nothing was sent.
func TestPanicOfAKeyFunc(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		client := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) { return testkit.Reply(200, testkit.OKBody), nil },
			clawhq.WithRateLimit(1), clawhq.WithAPIKeyFunc(func(context.Context) (string, error) {
				if asked++; asked == 1 {
					panic("the vault has fallen down")
				}
				return testkit.Key, nil
			}))
		func() {
			defer func() { recover() }()
			client.Chat(t.Context(), testkit.Hi)
		}()
		start := time.Now()
		if _, err := client.Chat(t.Context(), testkit.Hi); err != nil || time.Since(start) > time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// A LimitObserver that panics leaves nothing of the attempt behind.
func TestPanicOfAnObserver(t *testing.T) {
	t.Parallel()
	var ctx context.Context
	client := testkit.ClientFunc(t, func(q *http.Request) (*http.Response, error) {
		ctx = q.Context()
		return nil, errors.New("lost")
	}, clawhq.WithLimiter(panickingObserver{}))
	func() {
		defer func() { recover() }()
		client.Chat(t.Context(), testkit.Hi)
	}()
	if ctx.Err() == nil {
		t.Error("the attempt's context goes on")
	}
}

type panickingObserver struct{}

func (panickingObserver) Wait(context.Context) error     { return nil }
func (panickingObserver) ObserveReply(clawhq.LimitReply) { panic("no memory") }

// Without the credential that an endpoint asks for, no call is sent.
func TestWithoutCredential(t *testing.T) {
	t.Setenv(clawhq.EnvAPIKey, "")
	transport := testkit.RoundTripFunc(func(r *http.Request) (*http.Response, error) {
		t.Errorf("%s %s was sent", r.Method, r.URL.Path)
		return nil, io.EOF
	})
	for auth, credential := range map[wire.Auth]clawhq.Option{wire.KeyAuth: clawhq.WithSession("s"), wire.SessionAuth: clawhq.WithAPIKey(testkit.Key)} {
		client, err := clawhq.NewClient(credential, clawhq.WithHTTPClient(&http.Client{Transport: transport}))
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range calls {
			if row.endpoint.Auth != auth || row.byDo { // Do takes what the client has
				continue
			}
			_, err := row.call(arguments{
				ctx: t.Context(), client: client, ids: []string{"1", "1"}, days: 7, path: strings.ReplaceAll(row.endpoint.Path, "{id}", "1"),
				text: func(_, otherwise string) string { return otherwise },
			})
			var refused *clawhq.AuthenticationError
			if !errors.As(err, &refused) || refused.StatusCode != 0 {
				t.Errorf("%s %s: got %v", row.endpoint.Method, row.endpoint.Path, err)
			}
		}
	}
}

// A malformed key on a later attempt was refused by no reply.
func TestMalformedKeyLater(t *testing.T) {
	t.Parallel()
	asked := 0
	client := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) {
		return testkit.Reply(503, `{}`, "X-Request-Id", "req_9"), nil
	}, clawhq.WithRetry(clawhq.RetryPolicy{MinWait: 1, MaxWait: 1}), clawhq.WithAPIKeyFunc(func(context.Context) (string, error) {
		if asked++; asked > 1 {
			return "no key", nil
		}
		return testkit.Key, nil
	}))
	_, err := client.Chat(t.Context(), testkit.Hi)
	var refused *clawhq.AuthenticationError
	if !errors.As(err, &refused) || refused.RequestID != "" || refused.StatusCode != 0 {
		t.Errorf("got %v", err)
	}
}
