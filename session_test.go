package clawhq_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/google/go-cmp/cmp"
)

// The client sends the session's cookies like a browser: as replies have set them so
// far.
func TestSessionCookies(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		session string
		set     [][]string // Set-Cookie of each reply
		want    []string   // Cookie of each request; there is one request more than replies in set
	}{
		"a value alone":            {"abc", [][]string{nil}, []string{"session=abc", "session=abc"}},
		"padding of Base64":        {"YWJj==", [][]string{nil}, []string{"session=YWJj==", "session=YWJj=="}},
		"a cookie of another name": {"sid=abc", [][]string{nil}, []string{"sid=abc", "sid=abc"}},
		"a whole header":           {"sb-x.0=aa;sb-x.1=bb ; theme=dark;", [][]string{nil}, []string{"sb-x.0=aa; sb-x.1=bb; theme=dark", "sb-x.0=aa; sb-x.1=bb; theme=dark"}},
		"renewed":                  {"sid=old", [][]string{{"sid=new; Path=/; HttpOnly"}, nil}, []string{"sid=old", "sid=new", "sid=new"}},
		"quoted":                   {"sid=old", [][]string{{`sid="new"`}}, []string{"sid=old", `sid="new"`}},
		"renewed again":            {"sid=1", [][]string{{"sid=2"}, {"sid=3"}}, []string{"sid=1", "sid=2", "sid=3"}},
		"parts renewed":            {"sb-x.0=a; sb-x.1=b; theme=dark", [][]string{{"sb-x.0=c", "sb-x.1=d"}}, []string{"sb-x.0=a; sb-x.1=b; theme=dark", "theme=dark; sb-x.0=c; sb-x.1=d"}},
		"more parts":               {"sb-x.0=a; sb-x.1=b", [][]string{{"sb-x.0=c", "sb-x.1=d", "sb-x.2=e"}}, []string{"sb-x.0=a; sb-x.1=b", "sb-x.0=c; sb-x.1=d; sb-x.2=e"}},
		"fewer parts, expired":     {"sb-x.0=a; sb-x.1=b", [][]string{{"sb-x.0=c", "sb-x.1=; Max-Age=0"}}, []string{"sb-x.0=a; sb-x.1=b", "sb-x.0=c"}},
		"fewer parts, forgotten":   {"sb-x.0=a; sb-x.1=b", [][]string{{"sb-x.0=c"}}, []string{"sb-x.0=a; sb-x.1=b", "sb-x.0=c"}},
		"from parts to one":        {"sb-x.0=a; sb-x.1=b", [][]string{{"sb-x=c", "sb-x.0=; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "sb-x.1=; Max-Age=-1"}}, []string{"sb-x.0=a; sb-x.1=b", "sb-x=c"}},
		"from one to parts":        {"sb-x=a", [][]string{{"sb-x=; Max-Age=0", "sb-x.0=b", "sb-x.1=c"}}, []string{"sb-x=a", "sb-x.0=b; sb-x.1=c"}},
		"a part alone":             {"sb-x.0=a; sb-x.1=b", [][]string{{"sb-x.1=c"}}, []string{"sb-x.0=a; sb-x.1=b", "sb-x.0=a; sb-x.1=c"}},
		"someone else's":           {"sid=a", [][]string{{"route=b", "sidecar=c", "sid.x=d"}}, []string{"sid=a", "sid=a"}},
		"ended":                    {"sid=a", [][]string{{"sid=; Max-Age=0"}}, []string{"sid=a", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			client := testkit.ClientFunc(t, func(r *http.Request) (*http.Response, error) {
				got = append(got, r.Header.Get("Cookie"))
				resp := testkit.Reply(200, `{"keys":[]}`)
				if i := len(got) - 1; i < len(tt.set) {
					resp.Header["Set-Cookie"] = tt.set[i]
				}
				return resp, nil
			}, clawhq.WithSession(tt.session))
			for range len(tt.set) + 1 {
				list(t, client)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("cookies sent (-want +got):\n%s", diff)
			}
		})
	}
}

// A retry sends the session that the failed attempt has renewed. Calls with an API key
// neither send nor renew the session.
func TestSessionIsRenewedByAnyReply(t *testing.T) {
	t.Parallel()
	var got []string
	client := testkit.ClientFunc(t, func(r *http.Request) (*http.Response, error) {
		got = append(got, r.Header.Get("Cookie"))
		switch len(got) {
		case 1:
			return testkit.Reply(503, "", "Set-Cookie", "sid=2"), nil
		case 2:
			return testkit.Reply(307, "", "Location", "/api/keys", "Set-Cookie", "sid=3"), nil
		case 4:
			return testkit.Reply(200, testkit.OKBody, "Set-Cookie", "sid=stranger"), nil
		}
		return testkit.Reply(200, `{"keys":[]}`), nil
	}, clawhq.WithSession("sid=1"), clawhq.WithRetry(clawhq.RetryPolicy{MinWait: 1}))
	list(t, client)
	if _, err := client.Chat(t.Context(), testkit.Hi); err != nil {
		t.Fatal(err)
	}
	list(t, client)
	if diff := cmp.Diff([]string{"sid=1", "sid=2", "sid=3", "", "sid=3"}, got); diff != "" {
		t.Errorf("cookies sent (-want +got):\n%s", diff)
	}
}

// A session that is renewed during many calls stays valid for all of them, although
// each renewal ends the session before it.
func TestSessionIsRenewedForAllGoroutines(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	valid, calls, refused := 0, 0, 0
	client := testkit.ClientFunc(t, func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		calls++
		if r.Header.Get("Cookie") != fmt.Sprintf("sb-x.0=a%d; sb-x.1=b%[1]d", valid) {
			refused++
			return testkit.Reply(401, `{"error":"Unauthorized"}`), nil
		}
		resp := testkit.Reply(200, `{"keys":[]}`)
		if calls%10 == 0 {
			valid++ // the session before is no longer valid
			resp.Header["Set-Cookie"] = []string{fmt.Sprintf("sb-x.0=a%d", valid), fmt.Sprintf("sb-x.1=b%d", valid)}
		}
		return resp, nil
	}, clawhq.WithSession("sb-x.0=a0; sb-x.1=b0"), clawhq.WithRetry(clawhq.RetryPolicy{MinWait: 1, MaxAttempts: 20, Budget: -1}))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if _, err := client.Keys.List(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d renewals in %d requests, of which %d came too late", valid, calls, refused)
}

// A renewal makes the old session invalid, so that another call may get a 401 before
// the reply with the new session has arrived. The refused call waits for replies
// under way, but not for long.
func TestRefusalOvertakesRenewal(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		takes  time.Duration // how long the call takes that may renew the session
		header []string      // of its reply
		want   []string      // sessions of the other call's requests
		waits  time.Duration // how long the other call waits
	}{
		"renewed":     {100 * time.Millisecond, []string{"Set-Cookie", "sid=2"}, []string{"sid=1", "sid=2"}, 100 * time.Millisecond},
		"not renewed": {100 * time.Millisecond, nil, []string{"sid=1"}, 100 * time.Millisecond},
		"no reply":    {time.Minute, nil, []string{"sid=1"}, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var got []string
				client := testkit.ClientFunc(t, func(r *http.Request) (*http.Response, error) {
					if r.Method == http.MethodDelete {
						time.Sleep(tt.takes)
						return testkit.Reply(200, `{"success":true}`, tt.header...), nil
					}
					if got = append(got, r.Header.Get("Cookie")); got[len(got)-1] == "sid=1" {
						return testkit.Reply(401, `{"error":"Unauthorized"}`), nil
					}
					return testkit.Reply(200, `{"keys":[]}`), nil
				}, clawhq.WithSession("sid=1"), clawhq.WithRetry(clawhq.RetryPolicy{MinWait: 1}))
				go client.Keys.Revoke(t.Context(), "key_1")
				synctest.Wait()
				start := time.Now()
				_, err := client.Keys.List(t.Context())
				if waited := time.Since(start).Round(time.Millisecond); waited != tt.waits {
					t.Errorf("took %v, want %v", waited, tt.waits)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("cookies sent (-want +got):\n%s", diff)
				}
				if failed := err != nil; failed != (len(tt.want) == 1) {
					t.Errorf("got %v after %d requests", err, len(got))
				}
				time.Sleep(tt.takes)
			})
		})
	}
}

// A session that is no longer valid is not retried.
func TestDeadSession(t *testing.T) {
	t.Parallel()
	requests := 0
	client := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) {
		requests++
		return testkit.Reply(401, `{"error":"Unauthorized"}`, "Set-Cookie", "sid=; Max-Age=0"), nil
	}, clawhq.WithSession("sid=1"), clawhq.WithRetry(clawhq.RetryPolicy{MinWait: 1}))
	var auth *clawhq.AuthenticationError
	if _, err := client.Keys.List(t.Context()); !errors.As(err, &auth) || requests != 1 {
		t.Errorf("got %v after %d requests, want an AuthenticationError after 1", err, requests)
	}
}

// A Jar also keeps the cookies of the session. They are nevertheless sent once, with
// the values of the session.
func TestSessionBesideAJar(t *testing.T) {
	t.Parallel()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	client := testkit.Client(t, nil, clawhq.WithSession("sid=1"), clawhq.WithHTTPClient(&http.Client{Jar: jar, Transport: testkit.RoundTripFunc(func(r *http.Request) (*http.Response, error) {
		got = append(got, r.Header.Get("Cookie"))
		resp := testkit.Reply(200, `{"keys":[]}`)
		resp.Header["Set-Cookie"] = []string{"sid=2", "route=a"}
		return resp, nil
	})}))
	list(t, client)
	list(t, client)
	if diff := cmp.Diff([]string{"sid=1", "sid=2; route=a"}, got); diff != "" {
		t.Errorf("cookies sent (-want +got):\n%s", diff)
	}
}

// No output contains the session, its renewal, or a renewal that came too late.
func TestSessionIsNotPrinted(t *testing.T) {
	t.Parallel()
	secrets := []string{"f1rst-part-0", "f1rst-part-1", "s3cond-part-0", "s3cond-part-1"}
	var out bytes.Buffer
	client := testkit.ClientFunc(t, func(r *http.Request) (*http.Response, error) {
		resp := testkit.Reply(400, `{"error":"`+strings.Join(secrets, " ")+`"}`)
		resp.Header["Set-Cookie"] = []string{"sid.0=" + secrets[2] + "; Path=/", "sid.1=" + secrets[3], "other=s3cret-of-another"}
		return resp, nil
	}, clawhq.WithSession("sid.0="+secrets[0]+"; sid.1="+secrets[1]), testkit.OneAttempt)
	for range 2 {
		var info clawhq.ResponseInfo
		_, err := client.Keys.List(t.Context(), clawhq.WithResponseInfo(&info))
		fmt.Fprintf(&out, "%v %+v %#v %s\n%+v %s %v\n", err, err, err, err, info, info.Body, client)
		if got := info.Header.Get("Set-Cookie"); got != "sid.0=…; Path=/" {
			t.Errorf("Set-Cookie is shown as %q", got)
		}
	}
	for _, secret := range append(secrets, "s3cret-of-another") {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q is in %s", secret, &out)
		}
	}
}

// A client without an API key can use the session. Its chats fail before they are
// sent.
func TestSessionWithoutKey(t *testing.T) {
	t.Setenv(clawhq.EnvAPIKey, "")
	requests := 0
	client, err := clawhq.NewClient(clawhq.WithSession("abc"), clawhq.WithHTTPClient(&http.Client{Transport: testkit.RoundTripFunc(func(*http.Request) (*http.Response, error) {
		requests++
		return testkit.Reply(200, `{"keys":[]}`), nil
	})}))
	if err != nil {
		t.Fatal(err)
	}
	list(t, client)
	_, unary := client.Chat(t.Context(), testkit.Hi)
	_, stream := clawhq.CollectText(client.ChatStream(t.Context(), testkit.Hi))
	for _, err := range []error{unary, stream} {
		if e, ok := err.(*clawhq.AuthenticationError); !ok || e.StatusCode != 0 || !strings.Contains(err.Error(), "WithAPIKey") {
			t.Errorf("got %T: %v, want an AuthenticationError of status 0", err, err)
		}
	}
	if requests != 1 {
		t.Errorf("%d requests were sent, want the list alone", requests)
	}
}

// No output contains the session or a key, or a part of them that could be used,
// whatever the server has made of its characters.
func TestSecretsInAnySpelling(t *testing.T) {
	t.Parallel()
	const value = "eyJhbGci+OiJI/UzI1NiIs=InR5cCI6_IkpX.VCJ9=="
	unicode := func(s string) string { // every character as \u00xx
		var b strings.Builder
		for _, c := range s {
			fmt.Fprintf(&b, `\u%04X`, c)
		}
		return b.String()
	}
	encoded, err := json.Marshal(`{"cookie":"sid=` + unicode(value) + `"}`)
	if err != nil {
		t.Fatal(err)
	}
	for name, echo := range map[string]string{
		"as it is":            value,
		"JSON":                strings.NewReplacer("=", `\u003d`, "+", `\u002b`, "/", `\/`).Replace(value),
		"JSON throughout":     unicode(value),
		"JSON in JSON":        string(encoded),
		"percent":             url.QueryEscape(value),
		"percent, lower case": strings.ToLower(url.QueryEscape("=")) + strings.ReplaceAll(value, "=", "%3d"),
		"percent twice":       url.QueryEscape(url.QueryEscape(value)),
		"HTML":                strings.NewReplacer("=", "&#61;", "+", "&#x2B;", "/", "&sol;").Replace(value),
		"cut at the end":      value[:20],
		"cut at the front":    value[13:],
		"cut at both ends":    "…" + value[9:30] + "…",
		"cut and percent":     url.QueryEscape(value)[:27],
		"twice":               value + value,
		"after a key":         testkit.Key + value,
		"key in JSON":         strings.ReplaceAll(testkit.Key, "_", `\u005f`) + " " + unicode(testkit.Key),
		"key in percent":      strings.ReplaceAll(testkit.Key, "_", "%5F") + " " + strings.ReplaceAll(testkit.Key, "_", "%255f"),
		"key after percent":   "%0" + testkit.Key,
		"key after backslash": `\` + testkit.Key,
		"webhook secret":      `whsec\u005f0123456789abcdef0123456789abcdef0123456789abcdef`,
	} {
		for _, body := range []string{`{"error":"no session ` + echo + ` here"}`, `{"error":{"code":"x","message":"` + echo + `"}}`, "<html>" + echo + "</html>"} {
			client := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) { return testkit.Reply(400, body, "X-Echo", echo), nil },
				clawhq.WithSession("sid="+value), testkit.OneAttempt)
			var info clawhq.ResponseInfo
			_, err := client.Keys.List(t.Context(), clawhq.WithResponseInfo(&info))
			var api *clawhq.APIError
			if !errors.As(err, &api) {
				t.Fatalf("%s: got %v", name, err)
			}
			out := fmt.Sprintf("%v %+v %s %s %+v", err, api, api.Body, info.Body, info)
			for range 4 { // resolve what is escaped
				out = html.UnescapeString(out)
				out = escapedUnicode.ReplaceAllStringFunc(out, func(s string) string {
					n, _ := strconv.ParseUint(s[len(s)-4:], 16, 16)
					return string(rune(n))
				})
				out = strings.ReplaceAll(out, `\/`, "/")
				out = percent.ReplaceAllStringFunc(out, func(s string) string { s, _ = url.PathUnescape(s); return s })
			}
			for _, secret := range []string{value, testkit.Key[4:], "0123456789abcdef"} {
				for at := 0; at+16 <= len(secret); at++ {
					if strings.Contains(out, secret[at:at+16]) {
						t.Fatalf("%s: %q is in %s", name, secret[at:at+16], out)
					}
				}
			}
		}
	}
}

var (
	escapedUnicode = regexp.MustCompile(`\\+u[0-9a-fA-F]{4}`)
	percent        = regexp.MustCompile(`%[0-9a-fA-F]{2}`)
)
