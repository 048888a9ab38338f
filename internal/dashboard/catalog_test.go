package dashboard_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/dashboard"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// TestCatalogMatchesServer calls every endpoint of the catalog on the reference
// server, with the credential that the catalog names. The server must know the
// endpoint, and refuse a request without the credential.
func TestCatalogMatchesServer(t *testing.T) {
	t.Parallel()
	server := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
	d := dashboard.New(dashboard.Config{
		API: server.Handler(), Session: server.Session(), Profile: "documented", Faults: &queue{},
	})
	catalog := readCatalog(t, d)
	for _, e := range catalog.Endpoints {
		q := request{method: e.Method, path: catalog.BasePath + wildcard.ReplaceAllString(e.Path, "none"), header: map[string]string{}}
		if e.Method == http.MethodPost || e.Method == http.MethodPatch {
			q.header["Content-Type"] = wire.ContentTypeJSON
			q.body = `{"message":"hi","name":"new"}`
		}
		if w := do(d, q); w.Code != http.StatusUnauthorized {
			t.Errorf("%s without a credential: status %d, want 401", e.ID, w.Code)
		}
		switch e.Auth {
		case "key":
			q.header["Authorization"] = "Bearer " + server.APIKey()
		case "session":
			q.header["Cookie"] = "session=" + server.Session()
		}
		w := do(d, q)
		if w.Code == http.StatusUnauthorized || w.Code == http.StatusMethodNotAllowed || strings.Contains(w.Body.String(), `"Not found"`) {
			t.Errorf("%s (%s %s): status %d; body %s", e.ID, q.method, q.path, w.Code, w.Body)
		}
	}
}

// TestCatalogIsComplete looks for each endpoint of the API in the catalog, and for
// the parameters that its path and its pages require.
func TestCatalogIsComplete(t *testing.T) {
	t.Parallel()
	type operation struct{ Method, Path, Auth string }
	offered := map[operation][]string{}
	seen := map[string]bool{}
	for _, e := range readCatalog(t, newDashboard()).Endpoints {
		if seen[e.ID] {
			t.Errorf("%s is there twice", e.ID)
		}
		seen[e.ID] = true
		var names []string
		for _, p := range e.Parameters {
			names = append(names, p.Name)
		}
		offered[operation{e.Method, e.Path, e.Auth}] = names
	}
	for _, e := range wire.Endpoints {
		o := operation{e.Method, e.Path, "key"}
		if e.Auth == wire.SessionAuth {
			o.Auth = "session"
		}
		names, ok := offered[o]
		if !ok {
			t.Errorf("the playground lacks %s %s", e.Method, e.Path)
		}
		var wants []string
		for _, match := range wildcard.FindAllStringSubmatch(e.Path, -1) {
			wants = append(wants, match[1])
		}
		if e.Page.Most > 0 {
			wants = append(wants, "limit", "offset")
		}
		for _, want := range wants {
			if !slices.Contains(names, want) {
				t.Errorf("%s %s lacks the parameter %s", e.Method, e.Path, want)
			}
		}
	}
}

var wildcard = regexp.MustCompile(`\{(\w+)\}`)

// TestCatalogPatterns compares the catalog's regular expressions with the functions
// with which the server checks.
func TestCatalogPatterns(t *testing.T) {
	t.Parallel()
	c := readCatalog(t, newDashboard())
	key := regexp.MustCompile("^(?:" + c.KeyPattern + ")$")
	for _, s := range []string{
		"clw_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6", "clw_A1B2C3D4E5F6G7H8I9J0K1L2M3N4O5P6",
		"clw_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p", "clw_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p67", "clw_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5-6", "",
	} {
		if got, want := key.MatchString(s), wire.ValidKey(s); got != want {
			t.Errorf("key pattern on %q: %v, the server says %v", s, got, want)
		}
	}
	var checked bool
	for _, e := range c.Endpoints {
		for _, p := range e.Parameters {
			if p.Name != "session_id" {
				continue
			}
			checked = true
			id := regexp.MustCompile("^(?:" + p.Pattern + ")$")
			for _, s := range []string{"user_123", "a", "A-9", "", "a b", "ä", strings.Repeat("x", 128), strings.Repeat("x", 129)} {
				if got, want := id.MatchString(s), wire.ValidSessionID(s); got != want {
					t.Errorf("%s: session_id pattern on %q: %v, the server says %v", e.ID, s, got, want)
				}
			}
		}
		for _, p := range e.Parameters {
			for _, rpm := range p.Options {
				if p.Name == "rate_limit_per_min" && !wire.ValidTier(rpm) {
					t.Errorf("%s: %d is no tier", e.ID, rpm)
				}
			}
		}
	}
	if !checked {
		t.Error("no endpoint has a session_id")
	}
}
