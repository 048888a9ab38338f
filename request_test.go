package clawhq_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/google/go-cmp/cmp"
	"github.com/jarcoal/httpmock"
)

// sent is a request as the transport gets it.
type sent struct{ Method, URL, Auth, Body string }

// catch returns a client whose requests are all answered with body, and a pointer to
// the last request.
func catch(t *testing.T, body string, opts ...clawhq.Option) (*clawhq.Client, *sent) {
	t.Helper()
	got := &sent{}
	client := testkit.ClientFunc(t, func(r *http.Request) (*http.Response, error) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		auth := r.Header.Get("Authorization") + r.Header.Get("Cookie")
		*got = sent{r.Method, strings.TrimPrefix(r.URL.String(), clawhq.DefaultBaseURL), auth, string(b)}
		return testkit.Reply(200, body), nil
	}, opts...)
	return client, got
}

// anyReply is a reply that every method can decode.
const anyReply = `{"status":"ok","usage":[],"agents":[],"agent":{"id":"1"},"undeployed":true,"models":[],"conversations":[],"messages":[],
"thread":{"id":"1"},"threads":[],"deleted":true,"response":"Hello.","batch_id":"1","batch":{"id":"1","status":"completed"},
"file_id":"1","files":[],"entries":[],"total":0}`

// A call that could have its effect twice is repeated only if the failure proves that
// nothing happened. Other calls may be repeated.
func TestRepeats(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	upload := func(c *clawhq.Client, content io.Reader) error {
		_, err := c.Files.Upload(ctx, clawhq.UploadFileRequest{Name: "a.txt", Content: content})
		return err
	}
	calls := map[string]func(c *clawhq.Client) error{
		"send": func(c *clawhq.Client) error { _, err := c.Threads.Send(ctx, "t", "hi"); return err },
		"thread": func(c *clawhq.Client) error {
			_, err := c.Threads.Create(ctx, clawhq.CreateThreadRequest{})
			return err
		},
		"batch": func(c *clawhq.Client) error {
			_, err := c.Batches.Create(ctx, clawhq.CreateBatchRequest{Requests: []clawhq.BatchRequest{{CustomID: "a", Message: "hi"}}})
			return err
		},
		"upload of a seeker": func(c *clawhq.Client) error { return upload(c, strings.NewReader("hi")) },
		"upload of a reader": func(c *clawhq.Client) error { return upload(c, io.MultiReader(strings.NewReader("hi"))) },
		"POST": func(c *clawhq.Client) error {
			return c.Do(ctx, "POST", "/v1/chat", map[string]string{"message": "hi"}, nil)
		},
		"PATCH": func(c *clawhq.Client) error {
			return c.Do(ctx, "PATCH", "/v1/threads/t", map[string]string{"agent": "a"}, nil)
		},
		"PUT": func(c *clawhq.Client) error {
			return c.Do(ctx, "PUT", "/v1/threads/t", map[string]string{"agent": "a"}, nil)
		},
		"DELETE": func(c *clawhq.Client) error { return c.Threads.Delete(ctx, "t") },
		"GET":    func(c *clawhq.Client) error { _, err := c.Threads.Get(ctx, "t"); return err },
	}
	always := map[string]bool{"PUT": true, "DELETE": true, "GET": true}
	for failure, tc := range map[string]struct {
		first  httpmock.Responder
		proven bool // the failure proves that nothing happened
	}{
		"429":                {httpmock.ResponderFromResponse(testkit.Reply(429, `{"error":{"code":"rate_limited"}}`)), true},
		"connection refused": {httpmock.NewErrorResponder(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}), true},
		"500":                {httpmock.ResponderFromResponse(testkit.Reply(500, "")), false},
		"503":                {httpmock.ResponderFromResponse(testkit.Reply(503, "")), false},
		"reset":              {httpmock.NewErrorResponder(syscall.ECONNRESET), false},
		"timeout":            {httpmock.NewErrorResponder(context.DeadlineExceeded), false},
	} {
		for name, call := range calls {
			var bodies [][]byte
			client := testkit.ClientFunc(t, func(r *http.Request) (*http.Response, error) {
				b, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				if bodies = append(bodies, b); len(bodies) == 1 {
					return tc.first(r)
				}
				return testkit.Reply(200, anyReply), nil
			}, clawhq.WithRateLimit(0), clawhq.WithRetry(clawhq.RetryPolicy{MinWait: 1, MaxAttempts: 2, Budget: -1}))
			err := call(client)
			want := 1
			if always[name] || tc.proven && name != "upload of a reader" {
				want = 2
			}
			if len(bodies) != want || (err == nil) != (want == 2) {
				t.Errorf("%s after %s: %d requests, want %d; %v", name, failure, len(bodies), want, err)
			}
			if len(bodies) == 2 && !bytes.Equal(bodies[0], bodies[1]) {
				t.Errorf("%s after %s: sent %q, and then %q", name, failure, bodies[0], bodies[1])
			}
		}
	}
}

// Every id and every filter arrives as it was given.
func FuzzIDs(f *testing.F) {
	for _, id := range []string{"a", "a/../b", "..", "%2e", "a b", "ü", "?#;", "\x00", "a\\..\\b"} {
		f.Add(id, id)
	}
	f.Fuzz(func(t *testing.T, id, filter string) {
		var got *url.URL
		client := testkit.ClientFunc(t, func(r *http.Request) (*http.Response, error) {
			got, _ = url.Parse(r.URL.String())
			return testkit.Reply(200, anyReply), nil
		}, clawhq.WithRateLimit(0))
		if _, err := client.Threads.Get(t.Context(), id); err == nil {
			escaped, ok := strings.CutPrefix(got.EscapedPath(), "/api/v1/threads/")
			if text, err := url.PathUnescape(escaped); !ok || err != nil || text != id || strings.Contains(escaped, "/") {
				t.Errorf("id %q: sent to %s", id, got)
			}
		}
		if _, err := client.Conversations.List(t.Context(), clawhq.ConversationOptions{Agent: filter}); err != nil {
			t.Fatal(err)
		}
		if text := got.Query().Get("agent"); text != filter {
			t.Errorf("filter %q: sent as %q", filter, text)
		}
	})
}

// A requestCase is a call and the request that it must make.
type requestCase struct {
	method, url, body string
	call              func(context.Context, *clawhq.Client) error
}

// secondPage is a page that is not the first.
var secondPage = clawhq.ListOptions{Limit: 5, Offset: 10}

// wantRequests checks the requests of a service's methods. Ids are escaped, and zero
// fields are left out.
func wantRequests(t *testing.T, cases []requestCase) {
	t.Helper()
	client, got := catch(t, anyReply, clawhq.WithRateLimit(0))
	for _, tc := range cases {
		if err := tc.call(t.Context(), client); err != nil {
			t.Errorf("%s %s: %v", tc.method, tc.url, err)
		}
		if diff := cmp.Diff(sent{tc.method, tc.url, "Bearer " + testkit.Key, tc.body}, *got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
