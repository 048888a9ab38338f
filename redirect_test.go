package clawhq_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/clawhq/clawhq-go"
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
		"location with a key": {301, "https://evil.example/" + testKey, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var followed *http.Request
			mock := httpmock.NewMockTransport()
			mock.RegisterResponder("POST", chatURL, httpmock.ResponderFromResponse(reply(tt.status, "", "Location", tt.location)))
			mock.RegisterNoResponder(func(r *http.Request) (*http.Response, error) {
				followed = r
				if body, _ := io.ReadAll(r.Body); string(body) != `{"message":"hi"}` || r.Method != "POST" || r.Header.Get("Authorization") != "Bearer "+testKey {
					t.Errorf("followed with %s %s %v", r.Method, body, r.Header)
				}
				return reply(200, okBody), nil
			})
			client := mockClient(t, mock)
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
			if strings.Contains(err.Error(), testKey) {
				t.Errorf("error holds the key: %v", err)
			}
		})
	}
	t.Run("loop", func(t *testing.T) {
		t.Parallel()
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("POST", chatURL, httpmock.ResponderFromResponse(reply(307, "", "Location", chatURL)))
		_, err := mockClient(t, mock).Chat(t.Context(), clawhq.ChatRequest{Message: "hi"})
		if err == nil || !strings.Contains(err.Error(), "redirects") || mock.GetTotalCallCount() != 4 {
			t.Errorf("got %v after %d requests, want 4", err, mock.GetTotalCallCount())
		}
	})
	t.Run("loop, one attempt", func(t *testing.T) {
		t.Parallel()
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("POST", chatURL, httpmock.ResponderFromResponse(reply(307, "", "Location", chatURL)))
		_, err := mockClient(t, mock, once).Chat(t.Context(), clawhq.ChatRequest{Message: "hi"})
		if e, ok := err.(*clawhq.ServerError); !ok || e.StatusCode != 307 || mock.GetTotalCallCount() != 1 {
			t.Errorf("got %v after %d requests, want a 307 after 1", err, mock.GetTotalCallCount())
		}
	})
	t.Run("without the request in the reply", func(t *testing.T) {
		t.Parallel()
		requests := 0
		client := sends(t, func(r *http.Request) (*http.Response, error) {
			if requests++; requests == 1 {
				return reply(307, "", "Location", "../v2/chat?a=b#c"), nil
			}
			if r.URL.Path != "/api/v2/chat" {
				t.Errorf("followed to %s", r.URL)
			}
			return reply(200, okBody), nil
		})
		if _, err := client.Chat(t.Context(), hi); err != nil || requests != 2 {
			t.Errorf("got %v after %d requests", err, requests)
		}
	})
	t.Run("caller does not follow", func(t *testing.T) {
		t.Parallel()
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("POST", chatURL, httpmock.ResponderFromResponse(reply(307, "", "Location", chatURL)))
		client := mockClient(t, mock, clawhq.WithHTTPClient(&http.Client{
			Transport:     mock,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}))
		_, err := client.Chat(t.Context(), clawhq.ChatRequest{Message: "hi"})
		if e, ok := err.(*clawhq.ServerError); !ok || e.StatusCode != 307 {
			t.Errorf("got %T: %v", err, err)
		}
	})
}
