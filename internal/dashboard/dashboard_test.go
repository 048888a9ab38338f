package dashboard_test

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/clawhq/clawhq-go/internal/dashboard"
	"github.com/google/go-cmp/cmp"
)

const session = "the-session"

// queue is a FaultQueue that accepts any string but "bad".
type queue struct{ queued []string }

func (q *queue) Arm(notation string) error {
	if notation == "bad" {
		return errors.New("fault \"bad\": unknown")
	}
	q.queued = append(q.queued, strings.Split(notation, ",")...)
	return nil
}
func (q *queue) Queued() []string { return q.queued }
func (q *queue) Clear()           { q.queued = nil }
func (q *queue) Forms() []dashboard.FaultForm {
	return []dashboard.FaultForm{{Example: "500", Meaning: "this status"}}
}

// newDashboard returns a dashboard for an API that answers with the path of the
// request.
func newDashboard(hosts ...string) *dashboard.Dashboard {
	return dashboard.New(dashboard.Config{
		API: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Write([]byte("api " + r.URL.Path))
		}),
		Session: session,
		Hosts:   hosts,
		Profile: "documented",
		Faults:  &queue{},
	})
}

// request describes a request; do makes it.
type request struct {
	method, path, host, body string
	header                   map[string]string
	plain                    bool
	untold                   bool // the length of the body is not announced
	signedIn                 bool
}

func do(d *dashboard.Dashboard, q request) *httptest.ResponseRecorder {
	if q.method == "" {
		q.method = http.MethodGet
	}
	r := httptest.NewRequest(q.method, q.path, strings.NewReader(q.body))
	r.Host = "127.0.0.1:8787"
	if q.host != "" {
		r.Host = q.host
	}
	if !q.plain {
		r.TLS = &tls.ConnectionState{}
	}
	if q.untold {
		r.ContentLength = -1
	}
	for name, value := range q.header {
		r.Header.Set(name, value)
	}
	if q.signedIn {
		login := do(d, request{path: d.LoginPath(), host: q.host})
		r.AddCookie(login.Result().Cookies()[0])
		_, token, _ := strings.Cut(login.Header().Get("Location"), "#token=")
		r.Header.Set("X-Dashboard-Token", token)
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w
}

func TestPageHeaders(t *testing.T) {
	t.Parallel()
	d := newDashboard()
	for path, contentType := range map[string]string{
		"/":                      "text/html; charset=utf-8",
		"/static/main.js":        "text/javascript; charset=utf-8",
		"/static/style/base.css": "text/css; charset=utf-8",
		"/static/logo.svg":       "image/svg+xml",
		"/dashboard/endpoints":   "application/json",
	} {
		w := do(d, request{path: path, signedIn: true})
		got := map[string]string{}
		for _, name := range []string{"Content-Type", "Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Cache-Control"} {
			got[name] = w.Header().Get(name)
		}
		want := map[string]string{
			"Content-Type": contentType,
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
				"img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
			"X-Content-Type-Options": "nosniff",
			"Referrer-Policy":        "no-referrer",
			"Cache-Control":          "no-store",
		}
		if diff := cmp.Diff(want, got); w.Code != http.StatusOK || diff != "" {
			t.Errorf("GET %s: status %d, headers (-want +got):\n%s", path, w.Code, diff)
		}
	}
}

func TestGuard(t *testing.T) {
	t.Parallel()
	const json = "application/json"
	tests := []struct {
		name    string
		hosts   []string
		request request
		want    int
	}{
		{"page", nil, request{path: "/"}, 200},
		{"localhost", nil, request{path: "/", host: "localhost:8787"}, 200},
		{"localhost in capitals", nil, request{path: "/", host: "LOCALHOST"}, 200},
		{"IPv6 loopback", nil, request{path: "/", host: "[::1]:8787"}, 200},
		{"IPv6 loopback without a port", nil, request{path: "/", host: "[::1]"}, 200},
		{"rebound name", nil, request{path: "/", host: "evil.example:8787"}, 421},
		{"rebound name on the API", nil, request{path: "/api/v1/chat", method: "POST", host: "evil.example:8787"}, 421},
		{"name that begins with loopback", nil, request{path: "/", host: "127.0.0.1.evil.example"}, 421},
		{"another address", nil, request{path: "/", host: "192.0.2.7:8787"}, 421},
		{"own name", []string{"clawhq.test"}, request{path: "/", host: "clawhq.test:8787"}, 200},
		{"another address when listening on all", []string{"0.0.0.0"}, request{path: "/", host: "192.0.2.7:8787"}, 200},
		{"a name when listening on all", []string{"0.0.0.0"}, request{path: "/", host: "evil.example"}, 421},

		{"client without browser headers", nil, request{method: "POST", path: "/api/v1/chat", body: "{}"}, 200},
		{"same-origin write", nil, request{method: "POST", path: "/api/keys", body: "{}", header: map[string]string{
			"Origin": "https://127.0.0.1:8787", "Sec-Fetch-Site": "same-origin", "Content-Type": json}}, 200},
		{"write from another site", nil, request{method: "POST", path: "/api/keys", body: "{}", header: map[string]string{
			"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site", "Content-Type": json}}, 403},
		{"write from another site by an old browser", nil, request{method: "POST", path: "/api/keys", body: "{}", header: map[string]string{
			"Origin": "https://evil.example", "Content-Type": json}}, 403},
		{"write from another port", nil, request{method: "DELETE", path: "/api/keys/k1", header: map[string]string{
			"Origin": "https://127.0.0.1:3000", "Sec-Fetch-Site": "same-site"}}, 403},
		{"write from a foreign origin that claims to be the same", nil, request{method: "POST", path: "/api/keys", header: map[string]string{
			"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}}, 403},
		{"write from a sandboxed frame", nil, request{method: "POST", path: "/dashboard/faults", header: map[string]string{"Origin": "null"}}, 403},
		{"write from plain HTTP", nil, request{method: "DELETE", path: "/api/keys/k1", header: map[string]string{"Origin": "http://127.0.0.1:8787"}}, 403},
		{"write over plain HTTP", nil, request{plain: true, method: "DELETE", path: "/api/keys/k1", header: map[string]string{"Origin": "http://127.0.0.1:8787"}}, 200},
		{"preflight", nil, request{method: "OPTIONS", path: "/api/keys", header: map[string]string{"Origin": "https://evil.example"}}, 403},
		{"read from another site", nil, request{path: "/api/keys", signedIn: true, header: map[string]string{
			"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"}}, 403},
		{"read from another port", nil, request{path: "/api/keys", signedIn: true, header: map[string]string{
			"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}}, 403},
		{"frame of another site", nil, request{path: "/", header: map[string]string{
			"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}}, 403},
		{"link from another site", nil, request{path: "/", header: map[string]string{
			"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}}, 200},
		{"typed address", nil, request{path: "/", header: map[string]string{
			"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}}, 200},

		{"key write with a charset", nil, request{method: "POST", path: "/api/keys", body: "{}", header: map[string]string{"Content-Type": json + "; charset=utf-8"}}, 200},
		{"key write as a form", nil, request{method: "POST", path: "/api/keys", body: "a=b", header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}}, 415},
		{"key write as text", nil, request{method: "PATCH", path: "/api/keys/k1", body: "{}", header: map[string]string{"Content-Type": "text/plain"}}, 415},
		{"key write without a type", nil, request{method: "POST", path: "/api/keys", body: "{}"}, 415},
		{"key write without a body", nil, request{method: "DELETE", path: "/api/keys/k1"}, 200},
		{"write without a body of a length untold", nil, request{method: "POST", path: "/api/webhooks/w1/test", untold: true}, 200},
		{"write as text of a length untold", nil, request{method: "POST", path: "/api/webhooks/w1/test", body: "{}", untold: true, header: map[string]string{"Content-Type": "text/plain"}}, 415},
		{"upload by key", nil, request{method: "POST", path: "/api/v1/files", body: "--x--", header: map[string]string{"Content-Type": "multipart/form-data; boundary=x"}}, 200},
		{"fault write as text", nil, request{method: "POST", path: "/dashboard/faults", body: "{}", signedIn: true, header: map[string]string{"Content-Type": "text/plain"}}, 415},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := do(newDashboard(tt.hosts...), tt.request)
			if w.Code != tt.want {
				t.Errorf("status %d, want %d; body %s", w.Code, tt.want, w.Body)
			}
			if tt.want == 200 && strings.HasPrefix(tt.request.path, "/api/") && w.Body.String() != "api "+tt.request.path {
				t.Errorf("body %q is not the API's", w.Body)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	d := newDashboard()
	isJSON := map[string]string{"Content-Type": "application/json"}
	steps := []struct {
		request request
		status  int
		body    string
	}{
		{request{path: "/dashboard/faults"}, 200, `{"queued":[]}`},
		{request{method: "POST", path: "/dashboard/faults", body: `{"faults":"429:7,cut:2"}`, header: isJSON}, 200, `{"queued":["429:7","cut:2"]}`},
		{request{method: "POST", path: "/dashboard/faults", body: `{"faults":"bad"}`, header: isJSON}, 400, `{"error":"fault \"bad\": unknown"}`},
		{request{method: "POST", path: "/dashboard/faults", body: `[]`, header: isJSON}, 400, `{"error":"the body must be {\"faults\": \"…\"}"}`},
		{request{method: "POST", path: "/dashboard/faults", body: `{"faults":"` + strings.Repeat("5", 5000) + `"}`, header: isJSON}, 400, `{"error":"the body must be {\"faults\": \"…\"}"}`},
		{request{path: "/dashboard/faults"}, 200, `{"queued":["429:7","cut:2"]}`},
		{request{method: "DELETE", path: "/dashboard/faults"}, 200, `{"queued":[]}`},
	}
	for _, step := range steps {
		step.request.signedIn = true
		w := do(d, step.request)
		if got := strings.TrimSpace(w.Body.String()); w.Code != step.status || got != step.body {
			t.Errorf("%s %s: %d %s, want %d %s", step.request.method, step.request.body, w.Code, got, step.status, step.body)
		}
	}
}

func TestAttempts(t *testing.T) {
	t.Parallel()
	var all []dashboard.Attempt
	for i := range 60 {
		all = append(all, dashboard.Attempt{Event: "api.request", Number: i, Header: http.Header{"X-Clawhq-Event": {"api.request"}}, Body: "{}", Status: 200})
	}
	d := dashboard.New(dashboard.Config{
		API: http.NotFoundHandler(), Session: session, Profile: "documented", Faults: &queue{},
		Attempts: func(id string) []dashboard.Attempt {
			if id != "w1" {
				return nil
			}
			return all
		},
	})
	for _, tt := range []struct {
		webhook string
		want    []dashboard.Attempt
	}{{"w1", all[10:]}, {"w2", []dashboard.Attempt{}}} {
		w := do(d, request{path: "/dashboard/attempts?webhook=" + tt.webhook, signedIn: true})
		var got struct{ Attempts []dashboard.Attempt }
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
			t.Fatalf("status %d, %v", w.Code, err)
		}
		if diff := cmp.Diff(tt.want, got.Attempts); diff != "" {
			t.Errorf("attempts of %s (-want +got):\n%s", tt.webhook, diff)
		}
	}
}

// catalog is the part of GET /dashboard/endpoints that the tests need.
type catalog struct {
	BasePath   string `json:"base_path"`
	KeyPattern string `json:"key_pattern"`
	Endpoints  []struct {
		ID, Method, Path, Auth string
		Parameters             []struct {
			Name, In, Pattern string
			Options           []int
		}
	}
}

func readCatalog(t *testing.T, d *dashboard.Dashboard) catalog {
	t.Helper()
	w := do(d, request{path: "/dashboard/endpoints", signedIn: true})
	var c catalog
	if err := json.Unmarshal(w.Body.Bytes(), &c); err != nil || w.Code != http.StatusOK {
		t.Fatalf("GET /dashboard/endpoints: status %d, %v", w.Code, err)
	}
	return c
}

// The certificate is there for everyone, and the control token for the page only.
func TestCertificate(t *testing.T) {
	t.Parallel()
	if w := do(newDashboard(), request{path: "/clawhq-server.pem"}); w.Code != http.StatusNotFound {
		t.Errorf("without a certificate: status %d", w.Code)
	}
	d := dashboard.New(dashboard.Config{
		API: http.NotFoundHandler(), Faults: &queue{}, ControlPath: "/control", ControlToken: "the-token",
		Certificate: []byte("-----BEGIN CERTIFICATE-----"), CertificateFile: "/home/me/server.pem",
	})
	w := do(d, request{path: "/clawhq-server.pem"})
	if got := w.Header().Get("Content-Disposition"); w.Body.String() != "-----BEGIN CERTIFICATE-----" || got != "attachment; filename=clawhq-server.pem" {
		t.Errorf("status %d, %q, body %q", w.Code, got, w.Body)
	}
	if body := do(d, request{path: "/dashboard/endpoints"}).Body.String(); strings.Contains(body, "the-token") {
		t.Errorf("everyone is told the control token: %s", body)
	}
	body := do(d, request{path: "/dashboard/endpoints", signedIn: true}).Body.String()
	for _, want := range []string{`"control":{"path":"/control","token":"the-token"}`, `"certificate":{"path":"/clawhq-server.pem","file":"/home/me/server.pem"}`} {
		if !strings.Contains(body, want) {
			t.Errorf("the catalog lacks %s", want)
		}
	}
}
