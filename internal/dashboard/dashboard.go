// Package dashboard serves the API Access page with its playground. On the same
// origin it serves the API of the reference server, which the page calls like any
// other client:
//
//	d := dashboard.New(dashboard.Config{API: s.Handler(), Session: s.Session()})
//	http.Serve(listener, d) // open d.LoginPath() in a browser
//
// The HTML, CSS and ES modules of the page are embedded. They need no build step, and
// load nothing from other servers.
//
// The page's own calls, such as listing the keys, get no faults and no 429, since
// these are meant for the program under test. Calls from the playground do.
//
// The dashboard is meant for a developer's own machine. It refuses DNS rebinding and
// requests from other sites. Scripts and other sites cannot read its session cookie,
// which is worth nothing without the token of the login link. The browser stores no
// keys.
package dashboard

import (
	"bytes"
	"crypto/rand"
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"path"

	"github.com/clawhq/clawhq-go/internal/server"
	"github.com/clawhq/clawhq-go/internal/wire"
)

//go:embed static
var files embed.FS

//go:embed page
var pages embed.FS

// index is the page, made from its parts. The parts may contain template actions only
// to include other parts.
var index = func() []byte {
	var b bytes.Buffer
	err := template.Must(template.ParseFS(pages, "page/*.html")).ExecuteTemplate(&b, "index.html", nil)
	if err != nil {
		panic(err)
	}
	return b.Bytes()
}()

// contentPolicy lets the page load only what this server serves. It forbids inline
// scripts and styles, other hosts, and frames around the page.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; " +
	"connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Config configures a Dashboard. All fields but APIKeys, Hosts and those of the
// certificate are required.
type Config struct {
	// API answers all requests below wire.BasePath.
	API http.Handler
	// Session is the value of the session cookie that API accepts.
	Session string
	// APIKeys are the keys that the server printed when it started. The playground
	// offers them.
	APIKeys []string
	// Hosts are the names or addresses, without a port, by which the server may be
	// called, besides localhost and the loopback addresses. An unspecified address
	// (0.0.0.0 or ::) stands for every IP address; an IP address cannot be rebound.
	Hosts []string
	// Profile is the name of the server's profile, which the page shows.
	Profile string
	// Faults is the queue of faults for requests of the API.
	Faults FaultQueue
	// Events are the events to which webhooks can subscribe.
	Events []string
	// ControlPath and ControlToken are those of the control API, by which the page shows
	// and changes what tests do: the journal, the clock, faults and agents.
	ControlPath, ControlToken string
	// Certificate is the server's certificate (PEM) for clients to trust; nil if it needs
	// none. CertificateFile is where the program has written it; may be empty.
	Certificate     []byte
	CertificateFile string
	// Attempts returns the attempts to send something to a webhook, oldest first.
	Attempts func(webhookID string) []Attempt
}

// Dashboard is the http.Handler for the server's origin.
type Dashboard struct {
	config  Config
	token   string // token of the login link
	cookie  string // value of the cookie of a browser that is signed in
	handler http.Handler
}

// ownPath is the prefix of the paths of the page's own calls to the API.
const ownPath = "/dashboard"

// New returns a dashboard for a server.
func New(config Config) *Dashboard {
	d := &Dashboard{config: config, token: rand.Text(), cookie: rand.Text()}
	mux := http.NewServeMux()
	api := d.withSession(config.API)
	mux.Handle(wire.BasePath+"/", api)
	mux.Handle(ownPath+wire.BasePath+"/", d.page(d.signedIn(func(w http.ResponseWriter, r *http.Request) {
		http.StripPrefix(ownPath, api).ServeHTTP(w, server.FromDashboard(r))
	})))
	mux.Handle("GET /{$}", d.page(func(w http.ResponseWriter, _ *http.Request) { writePage(w, http.StatusOK) }))
	mux.Handle("GET /static/", d.page(http.FileServerFS(files).ServeHTTP))
	mux.Handle("GET "+certificatePath, d.page(d.certificate))
	mux.Handle("GET /login", d.page(d.login))
	mux.Handle("GET /dashboard/endpoints", d.page(d.signedIn(d.catalog)))
	mux.Handle("GET /dashboard/attempts", d.page(d.signedIn(d.attempts)))
	mux.Handle("GET /dashboard/faults", d.page(d.signedIn(d.listFaults)))
	mux.Handle("POST /dashboard/faults", d.page(d.signedIn(d.armFaults)))
	mux.Handle("DELETE /dashboard/faults", d.page(d.signedIn(d.clearFaults)))
	d.handler = Guard(config.Hosts, mux)
	return d
}

// ServeHTTP answers a request of the page, or of any client of the API.
func (d *Dashboard) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.handler.ServeHTTP(w, r) }

// LoginPath returns the path and query that sign a browser in. They are valid as long
// as the dashboard exists, and only for the person who started it.
func (d *Dashboard) LoginPath() string { return "/login?" + url.Values{"token": {d.token}}.Encode() }

// page sets headers that are common to all replies but those of the API.
func (d *Dashboard) page(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next(w, r)
	})
}

// certificatePath is where the certificate is, for everyone: a client is shown it at
// the beginning of each connection.
const certificatePath = "/clawhq-server.pem"

func (d *Dashboard) certificate(w http.ResponseWriter, _ *http.Request) {
	if d.config.Certificate == nil {
		writeError(w, http.StatusNotFound, "this server has no certificate")
		return
	}
	w.Header().Set("Content-Type", "application/x-pem-file")
	w.Header().Set("Content-Disposition", "attachment; filename="+path.Base(certificatePath))
	w.Write(d.config.Certificate)
}

func writePage(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(index)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", wire.ContentTypeJSON)
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) // fails only if the client has left
}

func writeError(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, wire.FlatError{Error: message})
}
