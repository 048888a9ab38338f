// Package testkit has what the tests of several packages share: clients of a mocked
// service, replies of the service, and bubbles of virtual time with a reference
// server.
//
//	client := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) {
//		return testkit.Reply(200, testkit.OKBody), nil
//	})
//
// It imports package clawhq, so that tests inside that package cannot use it; those
// of package clawhq_test can.
package testkit

import (
	"net/http"
	"testing"

	"github.com/clawhq/clawhq-go"
	"github.com/jarcoal/httpmock"
)

// Key is a well-formed key that the service does not know.
const Key = "clw_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6"

// ChatURL is where a client without WithBaseURL sends chats.
const ChatURL = clawhq.DefaultBaseURL + "/v1/chat"

// OKBody is the body of an answer to a chat.
const OKBody = `{"response":"Hello.","agent":"support-bot","request_id":"req_1"}`

// Hi is the shortest chat.
var Hi = clawhq.ChatRequest{Message: "hi"}

// OneAttempt makes no retries.
var OneAttempt = clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 1})

// Client returns a client with Key whose requests go to the transport.
func Client(t testing.TB, transport http.RoundTripper, opts ...clawhq.Option) *clawhq.Client {
	t.Helper()
	client, err := clawhq.NewClient(append([]clawhq.Option{
		clawhq.WithAPIKey(Key),
		clawhq.WithBaseURL(clawhq.DefaultBaseURL),
		clawhq.WithHTTPClient(&http.Client{Transport: transport}),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// ClientFunc returns a client with Key whose requests f answers.
func ClientFunc(t testing.TB, f RoundTripFunc, opts ...clawhq.Option) *clawhq.Client {
	t.Helper()
	return Client(t, f, opts...)
}

// RoundTripFunc is a function as an http.RoundTripper.
type RoundTripFunc func(*http.Request) (*http.Response, error)

func (f RoundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Reply returns an http.Response as the service would send it. header has names and
// values in turn; the Content-Type is that of JSON unless it says otherwise.
func Reply(status int, body string, header ...string) *http.Response {
	r := httpmock.NewStringResponse(status, body)
	r.ContentLength = int64(len(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}
