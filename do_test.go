package clawhq_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/google/go-cmp/cmp"
	"github.com/jarcoal/httpmock"
)

func TestDo(t *testing.T) {
	t.Parallel()
	type m = map[string]any
	var nothing *m
	for name, tc := range map[string]struct {
		method, path string
		in           any
		session      bool
		want         sent
	}{
		"GET":                 {"GET", "/v1/models", nil, true, sent{"GET", "/v1/models", "key", ""}},
		"query":               {"GET", "/v1/agents?offset=1&limit=2", nil, true, sent{"GET", "/v1/agents?limit=2&offset=1", "key", ""}},
		"query to be escaped": {"GET", "/v1/conversations?agent=Süd Bot&x=%26", nil, true, sent{"GET", "/v1/conversations?agent=S%C3%BCd+Bot&x=%26", "key", ""}},
		"path to be escaped":  {"GET", "/v1/agents/a b/ü", nil, true, sent{"GET", "/v1/agents/a%20b/%C3%BC", "key", ""}},
		"escaped path":        {"GET", "/v1/agents/a%2Fb%3F", nil, true, sent{"GET", "/v1/agents/a%2Fb%3F", "key", ""}},
		"body":                {"POST", "/v1/threads", m{"agent": "a"}, true, sent{"POST", "/v1/threads", "key", `{"agent":"a"}`}},
		"raw body":            {"POST", "/v1/threads", json.RawMessage(`{"a": 1}`), true, sent{"POST", "/v1/threads", "key", `{"a":1}`}},
		"null":                {"POST", "/v1/threads", nothing, true, sent{"POST", "/v1/threads", "key", `null`}},
		"by the session":      {"GET", "/keys", nil, true, sent{"GET", "/keys", "session", ""}},
		"an unknown one":      {"PUT", "/billing/plan", m{}, true, sent{"PUT", "/billing/plan", "session", "{}"}},
		"without a session":   {"GET", "/keys", nil, false, sent{"GET", "/keys", "key", ""}},
		"of tomorrow":         {"PATCH", "/v1/threads/t", m{}, true, sent{"PATCH", "/v1/threads/t", "key", "{}"}},
		"like /v1":            {"GET", "/v10/x", nil, true, sent{"GET", "/v10/x", "session", ""}},
		"trailing slash":      {"GET", "/v1/agents/", nil, true, sent{"GET", "/v1/agents/", "key", ""}},
	} {
		var opts []clawhq.Option
		if tc.session {
			opts = append(opts, clawhq.WithSession("s3ss10n"))
		}
		client, got := catch(t, `{"a":[1]}`, opts...)
		var out struct{ A []int }
		if err := client.Do(t.Context(), tc.method, tc.path, tc.in, &out); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got.Auth = map[string]string{"Bearer " + testkit.Key: "key", "session=s3ss10n": "session"}[got.Auth]
		if diff := cmp.Diff(tc.want, *got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff([]int{1}, out.A); diff != "" {
			t.Errorf("%s: decoded (-want +got):\n%s", name, diff)
		}
	}
}

func TestDoReplies(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"a":[1]}`:    "",
		`{"a":"text"}`: "GET /v1/x: 200 OK: reply is not usable",
		``:             "GET /v1/x: 200 OK: reply is not usable",
		`<html>`:       "GET /v1/x: 200 OK: reply is not usable",
	} {
		client, _ := catch(t, body)
		var out struct{ A []int }
		wantErrorText(t, client.Do(t.Context(), "GET", "/v1/x", nil, &out), want)
		if err := client.Do(t.Context(), "GET", "/v1/x", nil, nil); err != nil {
			t.Errorf("%q, dropped: %v", body, err)
		}
		if err := client.Do(t.Context(), "HEAD", "/v1/x", nil, &out); err != nil {
			t.Errorf("%q, to HEAD: %v", body, err)
		}
	}
}

// A reply of status 200 with the body of an error is that error.
func TestDoErrorWithStatus200(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"error":{"code":"not_found","message":"m"}}`:                   "200 not_found: m",
		"\uFEFF" + `{"error":{"code":"not_found","message":"m"}}`:        "200 not_found: m",
		`{"error":"Rate limited","code":"RATE_LIMITED","retry_after":1}`: "200 rate_limited: Rate limited",
		`{"error":null,"success":true}`:                                  "",
		`{"success":false,"error":"The receiver answered 500"}`:          "",
		"\uFEFF" + `{"success":true}`:                                    "",
		`{"results":[{"error":{"code":"not_found"}}],"error":"","n":1}`:  "",
	} {
		client, _ := catch(t, body)
		var out map[string]any
		err := client.Do(t.Context(), "POST", "/v1/x", nil, &out)
		wantErrorText(t, err, want)
		if (err == nil) != (out != nil) {
			t.Errorf("%s: decoded %v", body, out)
		}
	}
}

func TestDoRefusedBeforeSending(t *testing.T) {
	t.Parallel()
	mock := httpmock.NewMockTransport()
	client := testkit.Client(t, mock)
	var notPointer struct{}
	for _, tc := range []struct {
		method, path string
		in, out      any
		want         string
	}{
		{"", "/v1/x", nil, nil, `"" is not a method, like GET or POST`},
		{"get", "/v1/x", nil, nil, `"get" is not a method, like GET or POST`},
		{"GET /", "/v1/x", nil, nil, `"GET /" is not a method, like GET or POST`},
		{"CONNECT", "/v1/x", nil, nil, `"CONNECT" is not a method, like GET or POST`},
		{"GET", "", nil, nil, "path does not begin with a slash"},
		{"GET", "v1/x", nil, nil, "path does not begin with a slash"},
		{"GET", "?a=b", nil, nil, "path does not begin with a slash"},
		{"GET", "https://example.com/", nil, nil, "path does not begin with a slash"},
		{"GET", "//example.com/", nil, nil, "path has an empty segment"},
		{"GET", "/v1//x", nil, nil, "path has an empty segment"},
		{"GET", "/v1/../keys", nil, nil, `path has a segment ".."`},
		{"GET", "/v1/./keys", nil, nil, `path has a segment "."`},
		{"GET", "/v1/..", nil, nil, `path has a segment ".."`},
		{"GET", "/v1/%2e%2E/keys", nil, nil, `path has a segment ".."`},
		{"GET", "/v1/a%2F..%2fb", nil, nil, `path has a segment ".."`},
		{"GET", `/v1/..\keys`, nil, nil, `path has a segment ".."`},
		{"GET", "/v1/%zz", nil, nil, `path is malformed: invalid URL escape "%zz"`},
		{"GET", "/v1/x#y", nil, nil, "path has a fragment"},
		{"GET", "/v1/x?a#y", nil, nil, "path has a fragment"},
		{"GET", "/v1/x?a=%zz", nil, nil, `query is malformed: invalid URL escape "%zz"`},
		{"GET", "/v1/x?a;b", nil, nil, "query is malformed: invalid semicolon separator in query"},
		{"POST", "/v1/x", make(chan int), nil, "in cannot be encoded: json: unsupported type: chan int"},
		{"GET", "/v1/x", nil, notPointer, "out is struct {}; it must be a pointer that is not nil"},
		{"GET", "/v1/x", nil, (*int)(nil), "out is *int; it must be a pointer that is not nil"},
	} {
		err := client.Do(t.Context(), tc.method, tc.path, tc.in, tc.out)
		e, ok := err.(*clawhq.InvalidRequestError)
		if !ok || e.Message != tc.want || e.StatusCode != 0 {
			t.Errorf("%s %s: got %v, want %s", tc.method, tc.path, err, tc.want)
		}
	}
	if n := mock.GetTotalCallCount(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// Do counts a call in the window of its endpoint: the limit of 10 deletions of agents
// a minute does not affect chats.
func TestDoWindow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := testkit.ClientFunc(t, func(r *http.Request) (*http.Response, error) {
			limit := "60"
			if r.Method == "DELETE" {
				limit = "10"
			}
			return testkit.Reply(200, testkit.OKBody, "X-RateLimit-Limit", limit), nil
		})
		start := time.Now()
		for range 10 {
			if err := client.Do(t.Context(), "DELETE", "/v1/agents/a", nil, nil); err != nil {
				t.Fatal(err)
			}
			if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("20 calls took %v", took)
		}
		if err := client.Do(t.Context(), "DELETE", "/v1/agents/a", nil, nil); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < time.Minute {
			t.Errorf("11 deletions took %v", took)
		}
		if limit := client.RateLimit().Limit; limit != 60 {
			t.Errorf("the key's limit is %d", limit)
		}
	})
}

// The rate limit in the reply of an unknown endpoint is not taken for the key's.
func TestDoUnknownWindow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := testkit.ClientFunc(t, func(r *http.Request) (*http.Response, error) {
			limit := "5"
			if r.URL.Path == "/api/v1/chat" {
				limit = "60"
			}
			return testkit.Reply(200, testkit.OKBody, "X-RateLimit-Limit", limit), nil
		})
		start := time.Now()
		for range 5 {
			if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
				t.Fatal(err)
			}
			if err := client.Do(t.Context(), "GET", "/v1/new", nil, nil); err != nil {
				t.Fatal(err)
			}
		}
		if limit := client.RateLimit().Limit; limit != 60 {
			t.Errorf("the key's limit is %d", limit)
		}
		for range 40 {
			if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("50 calls took %v", took)
		}
	})
}

// For every path that Do accepts, the request stays below the base URL, and arrives
// with the given segments and parameters.
func FuzzDo(f *testing.F) {
	for _, path := range []string{"/v1/x", "/v1/../x", "//host/x", "/v1/%2e%2e/x", "/v1/a%2Fb?c=d&c=e", "/\\..\\x", "/v1/ü?ü=ü#", "/v1/x/?%26", "/:@$&+=,;", "/%00\n"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		var got *http.Request
		client := testkit.ClientFunc(t, func(r *http.Request) (*http.Response, error) {
			got = r
			return testkit.Reply(200, "{}"), nil
		}, clawhq.WithBaseURL("https://host.example/a/b"), clawhq.WithRateLimit(0))
		if err := client.Do(t.Context(), "GET", path, nil, nil); err != nil {
			if got != nil {
				t.Fatalf("%q: sent, and then %v", path, err)
			}
			return
		}
		u, err := url.Parse(got.URL.String())
		if err != nil || u.Scheme != "https" || u.Host != "host.example" || u.User != nil || u.Fragment != "" {
			t.Fatalf("%q: sent to %s, %v", path, got.URL, err)
		}
		rest, ok := strings.CutPrefix(u.EscapedPath(), "/a/b")
		if !ok {
			t.Fatalf("%q: sent to %s", path, got.URL)
		}
		given, query, _ := strings.Cut(path, "?")
		wantSegments, gotSegments := strings.Split(given, "/"), strings.Split(rest, "/")
		if len(wantSegments) != len(gotSegments) {
			t.Fatalf("%q: sent to %s", path, got.URL)
		}
		for i := range gotSegments {
			want, _ := url.PathUnescape(wantSegments[i])
			if segment, err := url.PathUnescape(gotSegments[i]); err != nil || segment != want || segment == "." || segment == ".." {
				t.Errorf("%q: segment %d is %q, want %q", path, i, segment, want)
			}
		}
		want, _ := url.ParseQuery(query)
		if diff := cmp.Diff(want, u.Query()); diff != "" {
			t.Errorf("%q: query (-want +got):\n%s", path, diff)
		}
	})
}
