package dashboard_test

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/clawhq/clawhq-go/internal/dashboard"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestLogin(t *testing.T) {
	t.Parallel()
	d := newDashboard()
	for _, tt := range []struct {
		host, cookie string
		plain        bool
	}{
		{"127.0.0.1:8787", "__Host-clawhq-dashboard-8787", false},
		{"127.0.0.1:8788", "clawhq-dashboard-8788", true},
		{"localhost", "__Host-clawhq-dashboard", false},
		{"[::1]:9000", "clawhq-dashboard-9000", true},
	} {
		w := do(d, request{path: d.LoginPath(), host: tt.host, plain: tt.plain})
		got := w.Result().Cookies()
		want := []*http.Cookie{{
			Name: tt.cookie, Path: "/", HttpOnly: true, Secure: !tt.plain, SameSite: http.SameSiteStrictMode,
		}}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(http.Cookie{}, "Value", "Raw")); diff != "" {
			t.Errorf("%s: cookies (-want +got):\n%s", tt.host, diff)
		}
		if strings.Contains(w.Header().Get("Set-Cookie"), session) {
			t.Errorf("%s: the cookie, which servers on other ports see, is the account's session", tt.host)
		}
		if _, token, _ := strings.Cut(d.LoginPath(), "token="); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/#token="+token {
			t.Errorf("%s: status %d, location %q", tt.host, w.Code, w.Header().Get("Location"))
		}
	}
	for _, path := range []string{"/login", "/login?token=", "/login?token=guess", newDashboard().LoginPath()} {
		w := do(d, request{path: path})
		if w.Code != http.StatusForbidden || w.Header().Get("Set-Cookie") != "" || !strings.Contains(w.Body.String(), `id="login-link"`) {
			t.Errorf("GET %s: status %d, cookie %q, body %.80s; want 403 and the page that asks for the link", path, w.Code, w.Header().Get("Set-Cookie"), w.Body)
		}
	}
}

func TestDashboardNeedsLogin(t *testing.T) {
	t.Parallel()
	d := newDashboard()
	for _, q := range []request{
		{path: "/dashboard/endpoints"},
		{path: "/dashboard/faults"},
		{path: "/dashboard/api/keys"},
		{path: "/dashboard/attempts"},
		{method: "POST", path: "/dashboard/faults"},
		{method: "DELETE", path: "/dashboard/faults"},
		{path: "/dashboard/faults", header: map[string]string{"Cookie": "__Host-clawhq-dashboard-8787=guess"}},
		{path: "/dashboard/faults", header: map[string]string{"Cookie": "session=" + session}},
		{path: "/dashboard/faults", header: map[string]string{"Authorization": "Bearer " + session}},
		{path: "/dashboard/faults", host: "127.0.0.1:8788", header: signedInHeader(d, "")},
		// The cookie alone is worth nothing.
		{path: "/dashboard/faults", header: map[string]string{"Cookie": signedInCookie(d)}},
		{path: "/dashboard/attempts", header: map[string]string{"Cookie": signedInCookie(d)}},
		{method: "POST", path: "/dashboard/api/keys", header: map[string]string{"Cookie": signedInCookie(d)}},
		{path: "/dashboard/faults", header: map[string]string{"Cookie": signedInCookie(d), "X-Dashboard-Token": "guess"}},
	} {
		if w := do(d, q); w.Code != http.StatusUnauthorized {
			t.Errorf("%s %s: status %d, want 401", q.method, q.path, w.Code)
		}
	}
	// Cookies ignore ports: the cookie of another program must not hide ours.
	w := do(d, request{path: "/dashboard/faults", header: signedInHeader(d, "__Host-clawhq-dashboard-8787=another; ")})
	if w.Code != http.StatusOK {
		t.Errorf("with another program's cookie: status %d, want 200", w.Code)
	}
}

// signedInCookie is the Cookie header of a browser that is signed in on port 8787.
func signedInCookie(d *dashboard.Dashboard) string {
	cookie := do(d, request{path: d.LoginPath()}).Result().Cookies()[0]
	return cookie.Name + "=" + cookie.Value
}

// signedInHeader is the header of the page in a browser that was signed in by the
// link. cookies are sent before the browser's own.
func signedInHeader(d *dashboard.Dashboard, cookies string) map[string]string {
	return map[string]string{"Cookie": cookies + signedInCookie(d), "X-Dashboard-Token": token(d)}
}

// token is the token of the login link.
func token(d *dashboard.Dashboard) string {
	_, token, _ := strings.Cut(d.LoginPath(), "token=")
	return token
}

// TestSessionOfABrowser checks which credentials reach the API.
func TestSessionOfABrowser(t *testing.T) {
	t.Parallel()
	d := dashboard.New(dashboard.Config{
		API: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, r.URL.Path, " ", r.Header["Cookie"], r.Header["X-Dashboard-Token"])
		}),
		Session: session, Profile: "documented", Faults: &queue{},
	})
	cookie := func(value string) map[string]string { return map[string]string{"Cookie": value} }
	for _, tt := range []struct {
		path   string
		header map[string]string
		want   string
	}{
		{"/api/keys", cookie("session=of-a-client"), "/api/keys [session=of-a-client] []"},
		{"/api/keys", signedInHeader(d, "session=of-another-server; "), "/api/keys [session=" + session + "] []"},
		{"/api/keys", cookie("__Host-clawhq-dashboard-8787=guess"), "/api/keys [__Host-clawhq-dashboard-8787=guess] []"},
		{"/api/keys", cookie(signedInCookie(d)), "/api/keys [" + signedInCookie(d) + "] []"},
		{"/dashboard/api/keys", signedInHeader(d, ""), "/api/keys [session=" + session + "] []"},
		// The API, whose journal shows headers, never sees a token.
		{"/api/keys", map[string]string{"X-Dashboard-Token": token(d)}, "/api/keys [] []"},
		{"/api/keys", map[string]string{"X-Dashboard-Token": token(d), "Cookie": "session=of-a-client"}, "/api/keys [session=of-a-client] []"},
		{"/api/keys", map[string]string{"X-Dashboard-Token": "of-another-server", "Cookie": signedInCookie(d)}, "/api/keys [" + signedInCookie(d) + "] []"},
	} {
		w := do(d, request{path: tt.path, header: tt.header})
		if got := w.Body.String(); got != tt.want {
			t.Errorf("GET %s with %s: the API saw %q, want %q", tt.path, tt.header, got, tt.want)
		}
	}
}

// The cookie alone, which a browser also sends to servers on other ports of the
// machine, does not show the keys.
func TestKeysTakeTheToken(t *testing.T) {
	t.Parallel()
	const key = "clw_0123456789abcdef0123456789abcdef"
	d := dashboard.New(dashboard.Config{API: http.NotFoundHandler(), APIKeys: []string{key}, Faults: &queue{}})
	for token, want := range map[string]int{"": http.StatusUnauthorized, "wrong": http.StatusUnauthorized} {
		login := do(d, request{path: d.LoginPath()})
		r := httptest.NewRequest(http.MethodGet, "/dashboard/endpoints", nil)
		r.Host, r.TLS = "127.0.0.1:8787", &tls.ConnectionState{}
		r.AddCookie(login.Result().Cookies()[0])
		if token != "" {
			r.Header.Set("X-Dashboard-Token", token)
		}
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		if w.Code != want || strings.Contains(w.Body.String(), key) {
			t.Errorf("token %q: status %d, %s", token, w.Code, w.Body)
		}
	}
	if w := do(d, request{path: "/dashboard/endpoints", signedIn: true}); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), key) {
		t.Errorf("with the token: status %d", w.Code)
	}
}
