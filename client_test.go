package clawhq_test

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/internal/testkit"
)

func TestNewClient(t *testing.T) {
	key := clawhq.WithAPIKey(testkit.Key)
	tests := map[string]struct {
		env  map[string]string
		opts []clawhq.Option
		want string // part of the error, empty for none
	}{
		"key by option":       {nil, []clawhq.Option{key}, ""},
		"key by environment":  {map[string]string{"CLAWHQ_API_KEY": testkit.Key}, nil, ""},
		"option wins":         {map[string]string{"CLAWHQ_API_KEY": "bad"}, []clawhq.Option{key}, ""},
		"no key":              {nil, nil, "no API key"},
		"key of another kind": {nil, []clawhq.Option{clawhq.WithAPIKey("sk-123")}, "malformed API key of 6 characters"},
		"key too long":        {nil, []clawhq.Option{clawhq.WithAPIKey(testkit.Key + "7")}, "malformed API key of 37 characters"},
		"key with a hyphen":   {nil, []clawhq.Option{clawhq.WithAPIKey(testkit.Key[:35] + "-")}, "malformed API key"},

		"base URL by environment": {map[string]string{"CLAWHQ_BASE_URL": "ftp://x"}, []clawhq.Option{key}, "not of the form"},
		"base URL without scheme": {nil, []clawhq.Option{key, clawhq.WithBaseURL("app.clawhq.tech/api")}, "not of the form"},
		"base URL of a socket":    {nil, []clawhq.Option{key, clawhq.WithBaseURL("127.0.0.1:8787/api")}, "base URL is not of the form https://host/path: "},
		"base URL malformed":      {nil, []clawhq.Option{key, clawhq.WithBaseURL("https://[::1")}, "not of the form https://host/path"},
		"base URL with user":      {nil, []clawhq.Option{key, clawhq.WithBaseURL("https://u:p@host")}, "user name"},
		"base URL with query":     {nil, []clawhq.Option{key, clawhq.WithBaseURL("https://host?a=b")}, "query"},
		"base URL with a blank":   {nil, []clawhq.Option{key, clawhq.WithBaseURL("https://host/a b/")}, "has a blank in its path"},
		"base URL with %20":       {nil, []clawhq.Option{key, clawhq.WithBaseURL("https://host/api/%20")}, "has a blank in its path"},
		"an endpoint's URL":       {nil, []clawhq.Option{key, clawhq.WithBaseURL("https://app.clawhq.tech/api/v1/chat")}, "is not that of the service, which is https://app.clawhq.tech/api"},
		"the dashboard's URL":     {nil, []clawhq.Option{key, clawhq.WithBaseURL("https://app.clawhq.tech/dashboard")}, "is not that of the service, which is https://app.clawhq.tech/api"},
		"http":                    {nil, []clawhq.Option{key, clawhq.WithBaseURL("http://host")}, "in the clear"},
		"http to a near name":     {nil, []clawhq.Option{key, clawhq.WithBaseURL("http://localhost.evil.example")}, "in the clear"},
		"http allowed":            {nil, []clawhq.Option{key, clawhq.WithBaseURL("http://host"), clawhq.WithInsecureHTTP()}, ""},
		"http to localhost":       {nil, []clawhq.Option{key, clawhq.WithBaseURL("http://localhost:8787/api")}, ""},
		"http to 127.0.0.2":       {nil, []clawhq.Option{key, clawhq.WithBaseURL("http://127.0.0.2")}, ""},
		"http to ::1":             {nil, []clawhq.Option{key, clawhq.WithBaseURL("http://[::1]:80")}, ""},

		"attempt timeout":        {nil, []clawhq.Option{key, clawhq.WithAttemptTimeout(-1)}, "attempt timeout -1ns is negative"},
		"stream idle timeout":    {nil, []clawhq.Option{key, clawhq.WithStreamIdleTimeout(-1)}, "idle timeout -1ns is negative"},
		"no timeouts":            {nil, []clawhq.Option{key, clawhq.WithAttemptTimeout(0), clawhq.WithStreamIdleTimeout(0)}, ""},
		"rate limit":             {nil, []clawhq.Option{key, clawhq.WithRateLimit(-1)}, "rate limit -1 is negative"},
		"MaxAttempts":            {nil, []clawhq.Option{key, clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: -1})}, "MaxAttempts -1"},
		"MinWait":                {nil, []clawhq.Option{key, clawhq.WithRetry(clawhq.RetryPolicy{MinWait: -1})}, "MinWait -1ns"},
		"MaxWait":                {nil, []clawhq.Option{key, clawhq.WithRetry(clawhq.RetryPolicy{MaxWait: -1})}, "MaxWait -1ns"},
		"MaxRetryAfter":          {nil, []clawhq.Option{key, clawhq.WithRetry(clawhq.RetryPolicy{MaxRetryAfter: -1})}, "MaxRetryAfter -1ns"},
		"user agent":             {nil, []clawhq.Option{key, clawhq.WithUserAgent("a\r\nX: y")}, "user agent"},
		"cookie without a name":  {nil, []clawhq.Option{key, clawhq.WithSession("session=abc; dark")}, "cookie 2 of the session"},
		"cookie without a value": {nil, []clawhq.Option{key, clawhq.WithSession("a=b; c=")}, "cookie 2 of the session"},
		"whole Cookie header":    {nil, []clawhq.Option{key, clawhq.WithSession("Cookie: a=b")}, "cookie 1 of the session"},
		"stream content timeout": {nil, []clawhq.Option{key, clawhq.WithStreamContentTimeout(-1)}, "content timeout -1ns is negative"},
		"session, but no key":    {nil, []clawhq.Option{clawhq.WithSession("s")}, ""},
		"session and a bad key":  {nil, []clawhq.Option{clawhq.WithSession("s"), clawhq.WithAPIKey("sk-123")}, "malformed API key"},
		"session":                {nil, []clawhq.Option{key, clawhq.WithSession("a\r\nX: y")}, "session cookie"},
		"key as the base URL":    {nil, []clawhq.Option{key, clawhq.WithBaseURL(testkit.Key)}, "clw_a1b2c3d4…"},
		"base URL without host":  {nil, []clawhq.Option{key, clawhq.WithBaseURL("https://:443/api")}, "not of the form"},
		"key as an http host":    {nil, []clawhq.Option{key, clawhq.WithBaseURL("http://" + testkit.Key)}, "clw_a1b2c3d4…"},
		"key in a broken URL":    {nil, []clawhq.Option{key, clawhq.WithBaseURL("https://" + testkit.Key + ":x")}, "not of the form https://host/path"},
		"budget not a number":    {nil, []clawhq.Option{key, clawhq.WithRetry(clawhq.RetryPolicy{Budget: nan()})}, "not a number"},
		"everything at its best": {nil, []clawhq.Option{key, clawhq.WithUserAgent("app/1"), clawhq.WithSession("s"), clawhq.WithRateLimit(60), clawhq.WithLogger(nil), clawhq.WithHTTPClient(nil)}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Setenv("CLAWHQ_API_KEY", "")
			t.Setenv("CLAWHQ_BASE_URL", "")
			for k, v := range tt.env {
				t.Setenv(k, v)
			}
			client, err := clawhq.NewClient(tt.opts...)
			if tt.want == "" {
				if err != nil || client == nil {
					t.Fatalf("got %v, %v", client, err)
				}
				return
			}
			if client != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want an error with %q", err, tt.want)
			}
			if strings.Contains(err.Error(), testkit.Key) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error holds the key or is more than a line: %v", err)
			}
		})
	}
}

func nan() float64 { zero := 0.0; return zero / zero }

// A base URL may come as people paste it.
func TestBaseURLs(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{
		"https://app.clawhq.tech/api":        "https://app.clawhq.tech/api/v1/chat",
		" https://app.clawhq.tech/api/ \n":   "https://app.clawhq.tech/api/v1/chat",
		"https://app.clawhq.tech":            "https://app.clawhq.tech/api/v1/chat",
		"https://app.clawhq.tech/":           "https://app.clawhq.tech/api/v1/chat",
		"https://APP.clawhq.tech/v1":         "https://APP.clawhq.tech/api/v1/chat",
		"https://app.clawhq.tech/api/v1":     "https://app.clawhq.tech/api/v1/chat",
		"https://app.clawhq.tech:443/api/v1": "https://app.clawhq.tech:443/api/v1/chat",
		"https://app.clawhq.tech//api//v1/":  "https://app.clawhq.tech/api/v1/chat",
		"http://localhost:8787/api/v1/":      "http://localhost:8787/api/v1/chat",
		"https://host":                       "https://host/v1/chat",
		"https://host/":                      "https://host/v1/chat",
		"https://host/v1":                    "https://host/v1/v1/chat",
		"https://host/a%2Fb/":                "https://host/a%2Fb/v1/chat",
		"https://host/sandbox/1/api/v1":      "https://host/sandbox/1/api/v1/chat",
	} {
		var got string
		client := testkit.ClientFunc(t, func(r *http.Request) (*http.Response, error) {
			got = r.URL.String()
			return testkit.Reply(200, testkit.OKBody), nil
		}, clawhq.WithBaseURL(base))
		if _, err := client.Chat(t.Context(), testkit.Hi); err != nil || got != want {
			t.Errorf("%q: %v; sent to %s, want %s", base, err, got, want)
		}
	}
}

// Whatever else says the version agrees with its one home: the newest release of the
// changelog, the title of the page that leads there from the minor version before, and
// the nested modules, so that they work for users, who do not have their replace lines.
func TestVersion(t *testing.T) {
	t.Parallel()
	read := func(name string) string {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	releases := regexp.MustCompile(`(?m)^## ((\d+\.\d+)\.\d+)$`).FindAllStringSubmatch(read("CHANGELOG.md"), -1)
	if len(releases) < 2 || releases[0][1] != clawhq.Version {
		t.Fatalf("CHANGELOG.md has the releases %q, want %s first", releases, clawhq.Version)
	}
	minor := releases[0][2]
	before := slices.IndexFunc(releases, func(r []string) bool { return r[2] != minor })
	if title := "# From " + releases[before][2] + " to " + minor + "\n"; !strings.HasPrefix(read("docs/migrating.md"), title) {
		t.Errorf("docs/migrating.md does not begin with %q", title)
	}
	nested := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == "go.mod" || d.Name() != "go.mod" {
			return err
		}
		for _, require := range regexp.MustCompile(`clawhq-go(?:/\w+)? v(\S+)`).FindAllStringSubmatch(read(path), -1) {
			nested++
			if require[1] != clawhq.Version {
				t.Errorf("%s requires %s", path, require[0])
			}
		}
		return nil
	})
	if err != nil || nested == 0 {
		t.Errorf("%d requirements of nested modules, %v", nested, err)
	}
}
