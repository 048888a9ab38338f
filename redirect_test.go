package clawhq_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/jarcoal/httpmock"
)

// The client sends its credential only to the origin of the base URL.
func TestRedirects(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status   int
		location string
		follow   bool
	}{
		"same origin, 307":    {307, "/api/v2/chat", true},
		"same origin, 308":    {308, "https://app.clawhq.tech/api/v2/chat", true},
		"the port spelt out":  {307, "https://app.clawhq.tech:443/api/v2/chat", true},
		"in capitals":         {308, "HTTPS://App.ClawHQ.tech/api/v2/chat", true},
		"with a user name":    {307, "https://me:pw@app.clawhq.tech/api/v2/chat", true},
		"to the port of http": {307, "https://app.clawhq.tech:80/api/v2/chat", false},
		"method would change": {302, "/api/v2/chat", false},
		"see other":           {303, "/api/v2/chat", false},
		"another host":        {307, "https://evil.example/api/v2/chat", false},
		"another port":        {307, "https://app.clawhq.tech:8443/api/v2/chat", false},
		"a host below":        {307, "https://x.app.clawhq.tech/api/v2/chat", false},
		"down to http":        {308, "http://app.clawhq.tech/api/v2/chat", false},
		"no location":         {307, "", false},
		"malformed location":  {307, "https://[::1", false},
		"not modified at all": {304, "", false},
		"location with a key": {301, "https://evil.example/" + testkit.Key, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var followed *http.Request
			mock := httpmock.NewMockTransport()
			mock.RegisterResponder("POST", testkit.ChatURL, httpmock.ResponderFromResponse(testkit.Reply(tt.status, "", "Location", tt.location)))
			mock.RegisterNoResponder(func(r *http.Request) (*http.Response, error) {
				followed = r
				if body, _ := io.ReadAll(r.Body); string(body) != `{"message":"hi"}` || r.Method != "POST" || r.Header.Get("Authorization") != "Bearer "+testkit.Key {
					t.Errorf("followed with %s %s %v", r.Method, body, r.Header)
				}
				return testkit.Reply(200, testkit.OKBody), nil
			})
			client := testkit.Client(t, mock)
			var info clawhq.ResponseInfo
			_, err := client.Chat(t.Context(), clawhq.ChatRequest{Message: "hi"}, clawhq.WithResponseInfo(&info))
			if tt.follow {
				if err != nil || followed == nil || info.Attempts != 2 {
					t.Errorf("not followed: %v, %+v", err, info)
				}
				return
			}
			e, ok := err.(*clawhq.ServerError)
			if !ok || e.StatusCode != tt.status || followed != nil || info.Attempts != 1 {
				t.Fatalf("got %T: %v; followed: %v", err, err, followed)
			}
			if strings.Contains(err.Error(), testkit.Key) {
				t.Errorf("error holds the key: %v", err)
			}
		})
	}
	t.Run("loop", func(t *testing.T) {
		t.Parallel()
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("POST", testkit.ChatURL, httpmock.ResponderFromResponse(testkit.Reply(307, "", "Location", testkit.ChatURL)))
		_, err := testkit.Client(t, mock).Chat(t.Context(), clawhq.ChatRequest{Message: "hi"})
		if err == nil || !strings.Contains(err.Error(), "redirects") || mock.GetTotalCallCount() != 4 {
			t.Errorf("got %v after %d requests, want 4", err, mock.GetTotalCallCount())
		}
	})
	t.Run("loop, one attempt", func(t *testing.T) {
		t.Parallel()
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("POST", testkit.ChatURL, httpmock.ResponderFromResponse(testkit.Reply(307, "", "Location", testkit.ChatURL)))
		_, err := testkit.Client(t, mock, testkit.OneAttempt).Chat(t.Context(), clawhq.ChatRequest{Message: "hi"})
		if e, ok := err.(*clawhq.ServerError); !ok || e.StatusCode != 307 || mock.GetTotalCallCount() != 1 {
			t.Errorf("got %v after %d requests, want a 307 after 1", err, mock.GetTotalCallCount())
		}
	})
	t.Run("without the request in the reply", func(t *testing.T) {
		t.Parallel()
		requests := 0
		client := testkit.ClientFunc(t, func(r *http.Request) (*http.Response, error) {
			if requests++; requests == 1 {
				return testkit.Reply(307, "", "Location", "../v2/chat?a=b#c"), nil
			}
			if r.URL.Path != "/api/v2/chat" {
				t.Errorf("followed to %s", r.URL)
			}
			return testkit.Reply(200, testkit.OKBody), nil
		})
		if _, err := client.Chat(t.Context(), testkit.Hi); err != nil || requests != 2 {
			t.Errorf("got %v after %d requests", err, requests)
		}
	})
	t.Run("caller does not follow", func(t *testing.T) {
		t.Parallel()
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("POST", testkit.ChatURL, httpmock.ResponderFromResponse(testkit.Reply(307, "", "Location", testkit.ChatURL)))
		client := testkit.Client(t, mock, clawhq.WithHTTPClient(&http.Client{
			Transport:     mock,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}))
		_, err := client.Chat(t.Context(), clawhq.ChatRequest{Message: "hi"})
		if e, ok := err.(*clawhq.ServerError); !ok || e.StatusCode != 307 {
			t.Errorf("got %T: %v", err, err)
		}
	})
}

// Any redirect of a GET or HEAD within the origin is followed, and keeps its method
// (RFC 9110 §15.4.2).
func TestRedirectsOfGET(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"GET", "HEAD", "DELETE", "PUT", "PATCH", "POST"} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			t.Run(fmt.Sprint(method, " ", status), func(t *testing.T) {
				t.Parallel()
				var seen []string
				client := testkit.ClientFunc(t, func(r *http.Request) (*http.Response, error) {
					seen = append(seen, r.Method+" "+r.URL.Path)
					if len(seen) == 1 {
						return testkit.Reply(status, "", "Location", "/api/v2/things"), nil
					}
					return testkit.Reply(200, `{}`), nil
				})
				err := client.Do(t.Context(), method, "/v1/things", nil, nil)
				follow := status >= 307 || method == "GET" || method == "HEAD"
				if (err == nil) != follow || follow && (len(seen) != 2 || seen[1] != method+" /api/v2/things") {
					t.Errorf("got %v, requests %v; to be followed: %v", err, seen, follow)
				}
			})
		}
	}
}

// A redirect policy may write to the requests that it is given: they belong to the
// call.
func TestCheckRedirectMayWrite(t *testing.T) {
	t.Parallel()
	transport := testkit.RoundTripFunc(func(r *http.Request) (*http.Response, error) {
		r.Header.Set("X-Transport", "was here") // a RoundTripper should not, but many do
		r.Header["Accept"][0] += ";q=1"
		if r.URL.Path == "/api/v1/chat" || r.URL.Path == "/api/v1/models" {
			return testkit.Reply(307, "", "Location", "/api/moved"), nil
		}
		if r.Body != nil {
			io.Copy(io.Discard, r.Body)
		}
		return testkit.Reply(200, `{"response":"Hello.","models":[]}`), nil
	})
	client := testkit.Client(t, nil, clawhq.WithRateLimit(0), clawhq.WithHTTPClient(&http.Client{
		Transport: transport,
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			req.Header = via[0].Header
			req.Header.Set("X-Via", "1")
			via[0].URL.Path = "/elsewhere"
			return nil
		},
	}))
	var calls sync.WaitGroup
	for range 50 {
		calls.Go(func() {
			if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
				t.Error(err)
			}
			if _, err := client.Models.List(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	calls.Wait()
}
