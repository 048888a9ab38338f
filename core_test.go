package clawhq_test

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/google/go-cmp/cmp"
	"github.com/jarcoal/httpmock"
)

// Every attempt sends each cookie of the Jar once.
func TestCookieJar(t *testing.T) {
	t.Parallel()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", testkit.ChatURL, func(r *http.Request) (*http.Response, error) {
		got = append(got, r.Header.Get("Cookie"))
		if len(got)%3 != 0 {
			return testkit.Reply(503, ""), nil
		}
		return testkit.Reply(200, testkit.OKBody, "Set-Cookie", "route=a"), nil
	})
	client := testkit.Client(t, mock, clawhq.WithHTTPClient(&http.Client{Transport: mock, Jar: jar}), clawhq.WithRetry(clawhq.RetryPolicy{MinWait: 1}))
	for range 2 {
		if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"", "", "", "route=a", "route=a", "route=a"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A base URL may have no path.
func TestBaseURLWithoutPath(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"https://proxy.example", "https://proxy.example/"} {
		var path string
		mock := httpmock.NewMockTransport()
		mock.RegisterNoResponder(func(r *http.Request) (*http.Response, error) {
			path = r.URL.Path
			return testkit.Reply(200, testkit.OKBody), nil
		})
		if _, err := testkit.Client(t, mock, clawhq.WithBaseURL(base)).Chat(t.Context(), testkit.Hi); err != nil || path != "/v1/chat" {
			t.Errorf("%s: path is %q, %v", base, path, err)
		}
	}
}

// idleCloser is a transport that notes a call of CloseIdleConnections.
type idleCloser struct {
	http.RoundTripper
	closed bool
}

func (c *idleCloser) CloseIdleConnections() { c.closed = true }

func TestCallersHTTPClientIsLeftAlone(t *testing.T) {
	t.Parallel()
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", testkit.ChatURL, httpmock.NewErrorResponder(io.ErrUnexpectedEOF))
	transport := &idleCloser{RoundTripper: mock}
	own := &http.Client{Transport: transport, Timeout: time.Minute}
	before := *own
	client := testkit.Client(t, mock, clawhq.WithHTTPClient(own), clawhq.WithRetry(clawhq.RetryPolicy{MinWait: 1}))
	if _, err := client.Chat(t.Context(), clawhq.ChatRequest{Message: "hi"}); err == nil {
		t.Fatal("no error")
	}
	if transport.closed {
		t.Error("the caller's idle connections were closed")
	}
	if before.Transport != own.Transport || before.Timeout != own.Timeout || own.CheckRedirect != nil {
		t.Errorf("the caller's client was changed: %+v", own)
	}
}

// The default transport works without configuration, and a server with real TLS
// works too.
func TestDefaultTransport(t *testing.T) {
	s := clawhqtest.NewTestServer(t, clawhqtest.WithPlainHTTP())
	client, err := clawhq.NewClient(clawhq.WithAPIKey(s.APIKey()), clawhq.WithBaseURL(s.URL()))
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if _, err := client.Chat(context.Background(), clawhq.ChatRequest{Message: "hi"}); err != nil {
		t.Error(err)
	}
}
