package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
)

// changes are what a service may do differently from one day to the next, and how the
// report names it.
var changes = map[string]struct {
	change  func(*http.Response)
	want    []string // operation, status, kind, place
	profile clawhqtest.Profile
}{
	"a member with another name": {
		inReply("/v1/health", `"status"`, `"state"`),
		[]string{"GET /v1/health 200 missing reply/status", "GET /v1/health 200 new reply/state"}, clawhqtest.Live,
	},
	"a member of another type": {
		inReply("/v1/usage", `"total_requests":`, `"total_requests":"many","x":`),
		[]string{"GET /v1/usage 200 new reply/totals/x", "GET /v1/usage 200 type reply/totals/total_requests"}, clawhqtest.Live,
	},
	"a member that is new": {
		inReply("/v1/agents", `"agents":[{`, `"agents":[{"colour":"red",`),
		[]string{"GET /v1/agents 200 new reply/agents/*/colour"}, clawhqtest.Live,
	},
	"a member that is null": {
		inReply("/v1/health", `"plan":"pro"`, `"plan":null`),
		[]string{"GET /v1/health 200 type reply/plan"}, clawhqtest.Live,
	},
	"a value that there was not": {
		inReply("/v1/health", `"status":"ok"`, `"status":"sleepy"`),
		[]string{"GET /v1/health 200 value reply/status"}, clawhqtest.Live,
	},
	"a header less": {
		of("/v1/models", func(r *http.Response) { r.Header.Del("X-Request-Id") }),
		[]string{"GET /v1/models 200 missing reply header X-Request-Id"}, clawhqtest.Documented, // live not every reply has it
	},
	"a header more": {
		of("/v1/models", func(r *http.Response) { r.Header.Set("X-Cost", "1") }),
		[]string{"GET /v1/models 200 new reply header X-Cost"}, clawhqtest.Live,
	},
	"a header that is no number": {
		of("/v1/models", func(r *http.Response) { r.Header.Set("X-RateLimit-Limit", "unlimited") }),
		[]string{"GET /v1/models 200 type reply header X-RateLimit-Limit"}, clawhqtest.Live,
	},
	"another status": {
		of("/v1/models", func(r *http.Response) { r.StatusCode = http.StatusAccepted }),
		[]string{"GET /v1/models 202 status status"}, clawhqtest.Live,
	},
	"another status that other calls have": {
		of("/v1/files/0000", func(r *http.Response) { r.StatusCode = http.StatusUnauthorized }),
		[]string{"GET /v1/files/{id} 401 value reply/error/code", "GET /v1/files/{id} 401 value reply/error/type"}, clawhqtest.Live,
	},
	"another content type": {
		of("/v1/models", func(r *http.Response) { r.Header.Set("Content-Type", "application/problem+json") }),
		[]string{"GET /v1/models 200 content type reply"}, clawhqtest.Live,
	},
	"a body that is not JSON": {
		of("/v1/models", func(r *http.Response) { setBody(r, "<html>") }),
		[]string{"GET /v1/models 200 syntax reply"}, clawhqtest.Live,
	},
	"a path that is gone": {
		of("/v1/usage", func(r *http.Response) { r.StatusCode = http.StatusGone }),
		[]string{"GET /v1/usage 410 status status"}, clawhqtest.Live,
	},
}

// of changes the replies to the paths that begin so.
func of(path string, change func(*http.Response)) func(*http.Response) {
	return func(r *http.Response) {
		if strings.HasPrefix(strings.TrimPrefix(r.Request.URL.Path, "/api"), path) {
			change(r)
		}
	}
}

// inReply changes the text of replies.
func inReply(path, from, to string) func(*http.Response) {
	return of(path, func(r *http.Response) {
		body, _ := io.ReadAll(r.Body)
		setBody(r, strings.ReplaceAll(string(body), from, to))
	})
}

func setBody(r *http.Response, body string) {
	r.Body = io.NopCloser(strings.NewReader(body))
	r.ContentLength = int64(len(body))
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
}

// What has changed in the service is found by its name, and nothing else.
func TestDifferences(t *testing.T) {
	t.Parallel()
	for name, c := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				status, report := drive(t, stocked(t, c.profile), c.change, "-profile", c.profile.String())
				var got []string
				for _, d := range report.Differences {
					found := d.Operation + " " + strconv.Itoa(d.Status) + " " + string(d.Kind) + " " + d.At
					if !slices.Contains(got, found) {
						got = append(got, found)
					}
				}
				slices.Sort(got)
				if !slices.Equal(got, c.want) || status != differs {
					t.Errorf("status %d,\n got %q,\nwant %q", status, got, c.want)
				}
			})
		})
	}
}

// In profile documented an x-live is a difference.
func TestProfiles(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		status, report := drive(t, stocked(t, clawhqtest.Live), nil, "-profile", "documented")
		if status != differs || len(report.Differences) == 0 {
			t.Errorf("status %d, %+v", status, report.Differences)
		}
	})
}

// What cannot be tried is said, with exit status 2.
func TestNotTried(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(s *clawhqtest.Server)
		want    Gap
	}{
		"no data":       {func(s *clawhqtest.Server) { s.Reset() }, Gap{"GET /v1/files/{id}", "no list has an id for it"}},
		"a revoked key": {func(s *clawhqtest.Server) { s.RevokeKey(s.KeyID()) }, Gap{"GET /v1/health", "answered 403 revoked_api_key"}},
		"a full window": {func(s *clawhqtest.Server) {
			s.Inject(clawhqtest.FaultRateLimit("7").On(clawhqtest.Path("/v1/health")).Times(3))
		}, Gap{"GET /v1/health", "answered 429 rate_limited"}},
		"no answer": {func(s *clawhqtest.Server) {
			s.Inject(clawhqtest.FaultReset().On(clawhqtest.Path("/v1/models")).Times(0))
		}, Gap{"GET /v1/models", "connection reset"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := stocked(t, clawhqtest.Live)
				c.prepare(s)
				status, report := drive(t, s, nil)
				has := slices.ContainsFunc(report.NotTried, func(g Gap) bool { return g.Operation == c.want.Operation && strings.Contains(g.Reason, c.want.Reason) })
				if status != notTried || !has || len(report.Differences) > 0 {
					t.Errorf("status %d, not tried %+v, differences %+v; want %+v", status, report.NotTried, report.Differences, c.want)
				}
			})
		})
	}
}

// A call that the rate limit refuses is made again.
func TestRateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := stocked(t, clawhqtest.Documented)
		s.SetRateLimit(s.KeyID(), 30)
		status, report := drive(t, s, nil, "-profile", "documented", "-chat")
		if status != same || len(report.NotTried) > 0 {
			t.Errorf("status %d, %+v", status, report)
		}
	})
}

// The table has what the JSON has, and neither has the key, whoever sends it back.
func TestTable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := stocked(t, clawhqtest.Live)
		env := map[string]string{clawhq.EnvAPIKey: s.APIKey(), clawhq.EnvBaseURL: s.URL()}
		transport := changed{s.HTTPClient().Transport, inReply("/v1/health", `"status"`, strconv.Quote(s.APIKey()))}
		var stdout, stderr bytes.Buffer
		if status := run(t.Context(), nil, func(name string) string { return env[name] }, transport, &stdout, &stderr); status != differs {
			t.Errorf("status %d: %s", status, stderr.String())
		}
		for _, want := range []string{"DIFFERENCE", "missing     GET /v1/health", "reply/status", "new         GET /v1/health", "LEFT OUT", "2 differences, 0 not tried\n"} {
			if !strings.Contains(stdout.String(), want) {
				t.Errorf("no %q in\n%s", want, stdout.String())
			}
		}
		if strings.Contains(stdout.String(), s.APIKey()) {
			t.Error("the key was printed")
		}
	})
}

// What the program is told wrongly is refused before anything is sent.
func TestUsage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		key, args, want string
	}{
		{"", "", "CLAWHQ_API_KEY is not set"},
		{"clw_x", "now", `no arguments, such as "now"`},
		{"clw_x", "-profile both", "live or documented"},
		{"clw_x", "-base-url http://clawhq.test/api", "https"},
		{"clw_x", "-base-url clw_x", "https"},
		{"clw_x", "-base-url https://clawhq.test/api?x=1", "query"},
		{"clw_x", "-x", "not defined"},
	} {
		var stdout, stderr bytes.Buffer
		getenv := func(name string) string { return map[string]string{clawhq.EnvAPIKey: c.key}[name] }
		status := run(t.Context(), strings.Fields(c.args), getenv, refusing{t}, &stdout, &stderr)
		if status != notTried || !strings.Contains(stderr.String(), c.want) || c.key != "" && strings.Contains(stderr.String(), c.key) {
			t.Errorf("%q: status %d, %s; want %s", c.args, status, stderr.String(), c.want)
		}
	}
}

type refusing struct{ t *testing.T }

func (r refusing) RoundTrip(*http.Request) (*http.Response, error) {
	r.t.Error("a request was sent")
	return nil, errors.New("no network")
}
